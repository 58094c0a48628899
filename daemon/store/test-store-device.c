/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The contract suite: devices. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/test-store.h"

static int use(Store *store, unsigned n, uint32_t counter, int64_t now, DeviceUse *ret_use, unsigned *ret_ended) {
        g_autofree char *id = test_id(n);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) device = NULL;
        int r;

        r = store_device_use(store, id, counter, "192.0.2.7", now, now, ret_use, &device, &ended);
        g_assert_cmpint(device != NULL, ==, r == 0);
        g_assert_cmpint(ended != NULL, ==, r == 0);
        if (r == 0)
                g_assert_cmpstr(device->id, ==, id);
        if (r == 0 && ret_ended)
                *ret_ended = ended->len;
        return r;
}

static void assert_use(Store *store, unsigned n, uint32_t counter, DeviceUse expected) {
        DeviceUse got;

        assert_result(use(store, n, counter, START, &got, NULL), 0);
        g_assert_cmpint(got, ==, expected);
}

/* NULL: is not revoked */
static void assert_revoked(Store *store, unsigned n, const char *reason) {
        g_autoptr(Device) device = test_get_device(store, n);

        g_assert_cmpint(device->revoked != 0, ==, reason != NULL);
        g_assert_cmpstr(device->revoke_reason, ==, reason);
}

static int open_of_device(Store *store, unsigned n, uid_t uid, unsigned device) {
        g_autoptr(Session) session = test_session(n, uid, 100 + n);
        g_autofree char *id = test_id(device);
        g_autoptr(GPtrArray) ended = NULL;
        bool bound;

        memcpy(session->device, id, SESSION_ID_SIZE);
        return store_session_open(store, session, MANY, &bound, &ended);
}

/* Adding and finding */

static void assert_same_device(const Device *a, const Device *b) {
        g_autofree char *x = device_window_gaps_to_string(&a->window), *y = device_window_gaps_to_string(&b->window);

        g_assert_cmpstr(a->id, ==, b->id);
        g_assert_cmpstr(a->name, ==, b->name);
        g_assert_cmpstr(a->user, ==, b->user);
        g_assert_cmpuint(a->uid, ==, b->uid);
        g_assert_cmpstr(a->audience, ==, b->audience);
        g_assert_cmpmem(a->public_key, DEVICE_PUBLIC_SIZE, b->public_key, DEVICE_PUBLIC_SIZE);
        g_assert_cmpuint(a->window.highest, ==, b->window.highest);
        g_assert_cmpstr(x, ==, y);
        g_assert_cmpint(a->auth_time, ==, b->auth_time);
        g_assert_cmpstr(a->auth_method, ==, b->auth_method);
        test_assert_same_words(a->role_cap, b->role_cap);
        g_assert_cmpint(a->created, ==, b->created);
        g_assert_cmpint(a->used, ==, b->used);
        g_assert_cmpstr(a->from, ==, b->from);
        g_assert_cmpint(a->ends, ==, b->ends);
        g_assert_cmpint(a->revoked, ==, b->revoked);
        g_assert_cmpstr(a->revoke_reason, ==, b->revoke_reason);
}

/* No cap and a cap that leaves nothing are as different as can be. */
static void test_device_round_trip(Store *store) {
        static const char *const caps[] = { "operator", "admin", NULL }, *const none[] = { NULL };
        char **const role_caps[] = { NULL, (char **) none, (char **) caps };

        for (unsigned i = 0; i < G_N_ELEMENTS(role_caps); i++) {
                g_autoptr(Device) device = test_device(1 + i, ALICE), got = NULL;

                for (unsigned j = 0; j < DEVICE_PUBLIC_SIZE; j++)
                        device->public_key[j] = (unsigned char) (i == 0 ? 0 : i == 1 ? 0xff : 7 * j);
                device->role_cap = g_strdupv(role_caps[i]);
                if (i > 0) {
                        device->auth_time = START - 7;
                        device->auth_method = g_strdup("pwd");
                        assert(device_window_use(&device->window, UINT32_MAX, START) == DEVICE_USE_NEXT);
                        device->used = START + 3;
                        device->from = g_strdup("2001:db8::1");
                }
                assert_result(store_device_add(store, device, MANY), 0);
                got = test_get_device(store, 1 + i);
                assert_same_device(got, device);
        }
}

static void test_session_keeps_device_and_cap(Store *store) {
        static const char *const caps[] = { "operator", NULL }, *const none[] = { NULL };
        char **const role_caps[] = { NULL, (char **) none, (char **) caps };

        test_add_device(store, 9, ALICE);
        for (unsigned i = 0; i < G_N_ELEMENTS(role_caps); i++) {
                g_autoptr(Session) session = test_session(1 + i, ALICE, 11 + i), got = NULL;
                g_autofree char *device = test_id(9);
                g_autoptr(GPtrArray) ended = NULL;
                bool bound;

                session->role_cap = g_strdupv(role_caps[i]);
                if (i > 0)
                        memcpy(session->device, device, SESSION_ID_SIZE);
                assert_result(store_session_open(store, session, MANY, &bound, &ended), 0);
                got = test_get(store, 1 + i);
                test_assert_same_words(got->role_cap, role_caps[i]);
                g_assert_cmpstr(got->device, ==, i > 0 ? device : "");
        }
}

static int add(Store *store, unsigned n, uid_t uid, const char *name, int64_t created, unsigned max) {
        g_autoptr(Device) device = test_device(n, uid);

        g_free(device->name);
        device->name = g_strdup(name);
        device->created = created;
        device->ends = created + DAY;
        return store_device_add(store, device, max);
}

static bool device_is_known(Store *store, unsigned n) {
        g_autofree char *id = test_id(n);
        g_autoptr(Device) device = NULL;
        int r;

        r = store_device_get(store, id, &device);
        assert(r == 0 || r == STORE_E_NOT_FOUND);
        return r == 0;
}

static void test_device_names_and_limits(Store *store) {
        g_autofree char *second = test_id(2);
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        assert_result(add(store, 1, ALICE, "laptop", START, 2), 0);
        assert_result(add(store, 1, ALICE, "robot", START, 2), STORE_E_EXISTS); /* the id */
        assert_result(add(store, 2, ALICE, "laptop", START, 2), STORE_E_EXISTS);
        assert_result(add(store, 2, ALICE, "Laptop", START, 2), 0);
        assert_result(add(store, 3, BOB, "laptop", START, 2), 0);
        assert_result(add(store, 4, ALICE, "third", START, 2), STORE_E_STATE);
        assert(!device_is_known(store, 4));
        assert_result(add(store, 4, ALICE, "third", START, 3), 0);

        /* what is revoked, or over at that time, takes no name and no place */
        assert_result(store_device_revoke(store, second, "lost", START, &changed, &ended), 0);
        assert_result(add(store, 5, ALICE, "Laptop", START, 3), 0);
        assert_result(add(store, 6, ALICE, "laptop", START + DAY - 1, 9), STORE_E_EXISTS);
        assert_result(add(store, 6, ALICE, "laptop", START + DAY, 1), 0);
}

static void test_device_needs_its_user(Store *store) {
        g_autoptr(Device) device = test_device(1, ALICE);
        g_autoptr(GPtrArray) ended = NULL, removed = NULL;
        bool changed;

        assert_result(add(store, 1, 1003, "laptop", START, 9), STORE_E_STATE); /* bob's name, another uid */
        assert_result(store_user_disable(store, "alice", "left", START, &changed, &ended), 0);
        assert_result(store_device_add(store, device, 9), STORE_E_STATE);
        assert_result(store_user_remove(store, "alice", "left", START, &removed), 0);
        assert_result(store_device_add(store, device, 9), STORE_E_STATE);
        assert(!device_is_known(store, 1));
}

static void test_device_list(Store *store) {
        g_autoptr(GPtrArray) alices = NULL, all = NULL, nobodys = NULL;

        assert_result(add(store, 1, ALICE, "b", START + 2, 9), 0);
        assert_result(add(store, 2, BOB, "c", START + 1, 9), 0);
        assert_result(add(store, 3, ALICE, "a", START, 9), 0);
        assert_result(store_device_list(store, ALICE, &alices), 0);
        g_assert_cmpuint(alices->len, ==, 2);
        g_assert_cmpstr(((Device *) alices->pdata[0])->name, ==, "a");
        g_assert_cmpstr(((Device *) alices->pdata[1])->name, ==, "b");
        assert_result(store_device_list(store, UID_UNSET, &all), 0);
        g_assert_cmpuint(all->len, ==, 3);
        g_assert_cmpstr(((Device *) all->pdata[1])->name, ==, "c");
        assert_result(store_device_list(store, 0, &nobodys), 0);
        g_assert_cmpuint(nobodys->len, ==, 0);
}

static void test_device_refuses_nonsense(Store *store) {
        static const char *const wrong[] = { "", "0", "%", "0000000A00000000000000000000000a", "' OR 1=1 --", NULL };
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) got = NULL;
        DeviceUse used;
        bool changed;

        for (unsigned i = 0; i < 7; i++) {
                g_autoptr(Device) device = test_device(1, ALICE);

                switch (i) {
                case 0: device->id[0] = '\0'; break;
                case 1: g_clear_pointer(&device->name, g_free); break;
                case 2: g_clear_pointer(&device->user, g_free); break;
                case 3: g_clear_pointer(&device->audience, g_free); break;
                case 4: device->uid = UID_UNSET; break;
                case 5: device->revoked = START; break;
                }
                assert_result(store_device_add(store, device, i == 6 ? 0 : 9), -EINVAL);
        }
        test_add_device(store, 1, ALICE);
        for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
                assert_result(store_device_get(store, wrong[i], &got), STORE_E_NOT_FOUND);
                assert_result(store_device_use(store, wrong[i], 1, NULL, START, START, &used, &got, &ended),
                              STORE_E_NOT_FOUND);
                assert_result(store_device_revoke(store, wrong[i], "x", START, &changed, &ended), STORE_E_NOT_FOUND);
        }
        assert_result(use(store, 2, 1, START, &used, NULL), STORE_E_NOT_FOUND);
        g_assert_null(got);
        g_assert_null(ended);
}

/* Using */

static void test_device_use(Store *store) {
        g_autofree char *id = test_id(1);
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) device = NULL, got = NULL;
        DeviceUse used;

        test_add_device(store, 1, ALICE);
        assert_result(store_device_use(store, id, 3, NULL, START + 5, START + 5, &used, &device, &ended), 0);
        g_assert_cmpint(used, ==, DEVICE_USE_NEXT);
        g_assert_cmpuint(ended->len, ==, 0);
        g_assert_cmpint(device->used, ==, START + 5);
        g_assert_null(device->from);
        g_assert_cmpuint(device->window.highest, ==, 3);

        assert_use(store, 1, 2, DEVICE_USE_LATE);
        got = test_get_device(store, 1);
        g_assert_cmpint(got->used, ==, START + 5);
        g_assert_cmpstr(got->from, ==, "192.0.2.7");
        g_assert_cmpint(got->revoked, ==, 0);
        assert_use(store, 1, 1, DEVICE_USE_LATE);
        assert_use(store, 1, 4, DEVICE_USE_NEXT);
}

static void test_R4_window_is_kept(Store *store) {
        DeviceUse used;

        test_add_device(store, 1, ALICE);
        for (unsigned counter = 2; counter <= 100; counter += 2)
                assert_use(store, 1, counter, DEVICE_USE_NEXT);
        for (unsigned counter = 99; counter >= 51; counter -= 2)
                assert_use(store, 1, counter, DEVICE_USE_LATE);
        assert_result(use(store, 1, 1, START + DEVICE_LATE_S + 1, &used, NULL), 0);
        g_assert_cmpint(used, ==, DEVICE_USE_AGAIN);
}

/*
 *      device 1: 1 ── 2, 3 (closed) ── 4 ── 5 (bob)        device 2: 6        7
 */
static void open_trees(Store *store) {
        test_add_device(store, 1, ALICE);
        test_add_device(store, 2, ALICE);
        assert_result(open_of_device(store, 1, ALICE, 1), 0);
        test_open_child(store, 2, ALICE, 1);
        assert_result(open_of_device(store, 3, ALICE, 1), 0);
        test_open_child(store, 4, ALICE, 3);
        test_open_child(store, 5, BOB, 4);
        assert_result(open_of_device(store, 6, ALICE, 2), 0);
        test_open(store, 7, ALICE, 17);
        assert(test_end(store, 3, SESSION_EVENT_CLOSE) == 1);
}

static void assert_device_1_ended(Store *store) {
        for (unsigned n = 1; n <= 7; n++)
                test_assert_state(store, n, n == 3 ? SESSION_CLOSED : n <= 5 ? SESSION_REVOKED : SESSION_ACTIVE);
}

static void test_R2_reuse_revokes(Store *store) {
        g_autofree char *id = test_id(1);
        g_autoptr(GPtrArray) ended = NULL, nothing = NULL;
        g_autoptr(Device) device = NULL, none = NULL;
        DeviceUse used;

        open_trees(store);
        assert_use(store, 1, 1, DEVICE_USE_NEXT);
        assert_result(store_device_use(store, id, 1, "203.0.113.9", START + 8, START + 8, &used, &device, &ended), 0);
        g_assert_cmpint(used, ==, DEVICE_USE_AGAIN);
        g_assert_cmpint(device->revoked, ==, START + 8);
        g_assert_cmpstr(device->revoke_reason, ==, DEVICE_REASON_REUSE);
        g_assert_cmpstr(device->from, ==, "192.0.2.7"); /* of the use that counted */
        g_assert_cmpint(device->used, ==, START);
        g_assert_cmpuint(ended->len, ==, 4);
        for (guint i = 0; i < ended->len; i++) {
                g_assert_cmpint(((Session *) ended->pdata[i])->state, ==, SESSION_REVOKED);
                g_assert_cmpstr(((Session *) ended->pdata[i])->end_reason, ==, DEVICE_REASON_REUSE);
        }
        assert_device_1_ended(store);
        assert_revoked(store, 1, DEVICE_REASON_REUSE);
        assert_revoked(store, 2, NULL);

        /* and that is that */
        assert_result(store_device_use(store, id, 2, NULL, START + 9, START + 9, &used, &none, &nothing), STORE_E_STATE);
        g_assert_null(none);
        g_assert_null(nothing);
        assert_result(open_of_device(store, 8, ALICE, 1), STORE_E_STATE);
}

static void test_device_revoke(Store *store) {
        g_autofree char *id = test_id(1);
        g_autoptr(GPtrArray) ended = NULL, again = NULL;
        g_autoptr(Device) device = NULL;
        DeviceUse used;
        bool changed = false;

        open_trees(store);
        assert_result(store_device_revoke(store, id, "lost", START + 8, &changed, &ended), 0);
        assert(changed);
        g_assert_cmpuint(ended->len, ==, 4);
        assert_device_1_ended(store);
        assert_revoked(store, 1, "lost");
        assert_result(store_device_revoke(store, id, "again", START + 9, &changed, &again), 0);
        assert(!changed);
        g_assert_cmpuint(again->len, ==, 0);
        assert_revoked(store, 1, "lost");
        assert_result(use(store, 1, 1, START, &used, NULL), STORE_E_STATE);
        device = test_get_device(store, 1);
        g_assert_cmpint(device->revoked, ==, START + 8);
}

/* A clock before 1970 must not make a revocation none. */
static void test_R7_revoked_at_the_epoch(Store *store) {
        static const int64_t times[] = { 0, -5 };

        for (unsigned i = 0; i < G_N_ELEMENTS(times); i++) {
                g_autofree char *id = test_id(1 + i);
                g_autoptr(GPtrArray) ended = NULL;
                bool changed;

                test_add_device(store, 1 + i, ALICE);
                assert_result(store_device_revoke(store, id, "lost", times[i], &changed, &ended), 0);
                assert_revoked(store, 1 + i, "lost");
        }
}

static void test_device_selector(Store *store) {
        g_autofree char *id = test_id(1);
        SessionSelector selector = { .device = id, .uid = UID_UNSET }, wrong = { .device = "'--", .uid = ALICE };
        g_autoptr(GPtrArray) closed = NULL, revoked = NULL, none = NULL;

        open_trees(store);
        assert_result(store_session_end(store, &selector, SESSION_EVENT_CLOSE, "x", START + 1, &closed), 0);
        g_assert_cmpuint(closed->len, ==, 1);
        test_assert_state(store, 2, SESSION_ACTIVE);
        assert_result(store_session_end(store, &selector, SESSION_EVENT_REVOKE, "x", START + 1, &revoked), 0);
        g_assert_cmpuint(revoked->len, ==, 3);
        assert_result(store_session_end(store, &wrong, SESSION_EVENT_REVOKE, "x", START + 1, &none), 0);
        g_assert_cmpuint(none->len, ==, 0);
        assert_revoked(store, 1, NULL);
}

static void test_session_needs_its_device(Store *store) {
        g_autoptr(Session) session = test_session(1, ALICE, 11);
        g_autoptr(GPtrArray) ended = NULL;
        bool bound;

        test_add_device(store, 1, ALICE);
        assert_result(open_of_device(store, 1, ALICE, 2), STORE_E_STATE); /* not there */
        assert_result(open_of_device(store, 1, BOB, 1), STORE_E_STATE);   /* another's */
        g_strlcpy(session->device, "nonsense", SESSION_ID_SIZE);
        assert_result(store_session_open(store, session, MANY, &bound, &ended), -EINVAL);
        assert_result(open_of_device(store, 1, ALICE, 1), 0);
}

/* Events of the user */

static void test_R6_disable_and_remove_revoke_devices(Store *store) {
        g_autoptr(GPtrArray) ended = NULL, removed = NULL;
        User alice = { .name = (char *) "alice", .uid = ALICE, .enabled = true };
        DeviceUse used;
        bool changed;

        open_trees(store);
        test_add_device(store, 3, BOB);
        assert_result(store_user_disable(store, "alice", "disabled", START + 9, &changed, &ended), 0);
        assert_revoked(store, 1, "disabled");
        assert_revoked(store, 2, "disabled");
        assert_revoked(store, 3, NULL);
        assert_result(use(store, 1, 1, START, &used, NULL), STORE_E_STATE);
        assert_result(store_user_enable(store, "alice", &changed), 0);
        assert_result(use(store, 1, 1, START, &used, NULL), STORE_E_STATE);

        test_add_device(store, 4, ALICE);
        assert_result(store_user_remove(store, "alice", "removed", START + 9, &removed), 0);
        assert_revoked(store, 1, "disabled");
        assert_revoked(store, 4, "removed");
        assert_result(store_user_add(store, &alice), 0);
        assert_result(use(store, 4, 1, START, &used, NULL), STORE_E_STATE);
        assert_use(store, 3, 1, DEVICE_USE_NEXT);
}

/* The session that changes the password stays, and so does where it, or its parent, came from. */
static void test_R6_change_password_spares_own_device(Store *store) {
        g_autofree char *child = test_id(2), *other = test_id(7);
        g_autoptr(GPtrArray) ended = NULL, again = NULL, all = NULL;
        DeviceUse used;

        open_trees(store);
        test_add_device(store, 3, BOB);
        assert_result(store_user_change_password(store, "alice", "$h$2", child, "passwd", START + 9, &ended), 0);
        assert_revoked(store, 1, NULL);
        assert_revoked(store, 2, "passwd");
        assert_revoked(store, 3, NULL);
        test_assert_state(store, 1, SESSION_ACTIVE);
        assert_result(use(store, 2, 1, START, &used, NULL), STORE_E_STATE);
        assert_use(store, 1, 1, DEVICE_USE_NEXT);

        assert_result(store_user_change_password(store, "alice", "$h$3", other, "passwd", START + 9, &again), 0);
        assert_revoked(store, 1, "passwd");
        test_add_device(store, 4, ALICE);
        assert_result(store_user_change_password(store, "alice", "$h$4", NULL, "passwd", START + 9, &all), 0);
        assert_revoked(store, 4, "passwd");
        assert_revoked(store, 3, NULL);
}

/* Sweeping */

static void sweep(Store *store, int64_t now) {
        assert_result(store_device_sweep(store, now, /* idle= */ 7 * DAY, /* keep= */ 3 * DAY), 0);
}

static void test_device_sweep(Store *store) {
        g_autoptr(Device) brief = test_device(2, ALICE);
        g_autofree char *third = test_id(3);
        g_autoptr(GPtrArray) ended = NULL;
        DeviceUse used;
        bool changed;

        test_add_device(store, 1, ALICE);
        brief->ends = START + DAY;
        assert_result(store_device_add(store, brief, MANY), 0);
        test_add_device(store, 3, ALICE);
        test_add_device(store, 4, ALICE);
        assert_result(store_device_revoke(store, third, "lost", START + 2 * DAY, &changed, &ended), 0);
        assert_result(use(store, 4, 1, START + DAY, &used, NULL), 0);

        sweep(store, START + 4 * DAY);
        assert(device_is_known(store, 2));
        sweep(store, START + 4 * DAY + 1);
        assert(!device_is_known(store, 2));
        sweep(store, START + 5 * DAY);
        assert(device_is_known(store, 3));
        sweep(store, START + 5 * DAY + 1);
        assert(!device_is_known(store, 3));
        sweep(store, START + 10 * DAY);
        assert(device_is_known(store, 1));
        sweep(store, START + 10 * DAY + 1);
        assert(!device_is_known(store, 1) && device_is_known(store, 4));
        sweep(store, START + 11 * DAY + 1);
        assert(!device_is_known(store, 4));
        assert_result(use(store, 4, 1, START, &used, NULL), STORE_E_NOT_FOUND);
}

/* Many at once */

#define N_THREADS 64

typedef struct Racer {
        pthread_t thread;
        Store *store;
        pthread_barrier_t *start;
        unsigned device, counter;
        int r;
        DeviceUse use;
        unsigned ended;
} Racer;

static void *race(void *data) {
        Racer *racer = data;

        (void) pthread_barrier_wait(racer->start); /* one of them is told apart; ignoring */
        racer->r = use(racer->store, racer->device, racer->counter, START, &racer->use, &racer->ended);
        return NULL;
}

static void run_race(Store *store, Racer racers[N_THREADS]) {
        pthread_barrier_t start;

        assert(pthread_barrier_init(&start, NULL, N_THREADS) == 0);
        for (unsigned i = 0; i < N_THREADS; i++) {
                racers[i].store = store;
                racers[i].start = &start;
                assert(pthread_create(&racers[i].thread, NULL, race, &racers[i]) == 0);
        }
        for (unsigned i = 0; i < N_THREADS; i++)
                assert(pthread_join(racers[i].thread, NULL) == 0);
        assert(pthread_barrier_destroy(&start) == 0);
}

/* One counter, 64 uses at once: one counts, one is the reuse that revokes, the others come too late. */
static void test_R1_one_winner(Store *store) {
        unsigned rounds = getenv("TESSERA_SOAK") ? 1000 : 50;

        for (unsigned round = 1; round <= rounds; round++) {
                Racer racers[N_THREADS] = {};
                unsigned won = 0, again = 0, late = 0, ended = 0;

                test_add_device(store, round, ALICE);
                assert_result(open_of_device(store, 5000 + round, ALICE, round), 0);
                for (unsigned i = 0; i < N_THREADS; i++) {
                        racers[i].device = round;
                        racers[i].counter = 1 + round % 3;
                }
                run_race(store, racers);
                for (unsigned i = 0; i < N_THREADS; i++) {
                        assert(racers[i].r == 0 || racers[i].r == STORE_E_STATE);
                        won += racers[i].r == 0 && racers[i].use == DEVICE_USE_NEXT;
                        again += racers[i].r == 0 && racers[i].use == DEVICE_USE_AGAIN;
                        late += racers[i].r == STORE_E_STATE;
                        ended += racers[i].r == 0 ? racers[i].ended : 0;
                }
                g_assert_cmpuint(won, ==, 1);
                g_assert_cmpuint(again, ==, 1);
                g_assert_cmpuint(late, ==, N_THREADS - 2);
                g_assert_cmpuint(ended, ==, 1);
                assert_revoked(store, round, DEVICE_REASON_REUSE);
                test_assert_state(store, 5000 + round, SESSION_REVOKED);
        }
}

/* 64 logins of one device at once, each with a counter of its own: no alarm. */
static void test_R4_64_at_once(Store *store) {
        test_add_device(store, 1, ALICE);
        for (unsigned round = 0; round < 20; round++) {
                Racer racers[N_THREADS] = {};

                for (unsigned i = 0; i < N_THREADS; i++) {
                        racers[i].device = 1;
                        racers[i].counter = 1 + round * N_THREADS + i;
                }
                run_race(store, racers);
                for (unsigned i = 0; i < N_THREADS; i++) {
                        assert_result(racers[i].r, 0);
                        g_assert_cmpint(racers[i].use, !=, DEVICE_USE_AGAIN);
                }
        }
        assert_revoked(store, 1, NULL);
}

const StoreTestRow store_device_tests[] = {
        { "device round trip", test_device_round_trip },
        { "session keeps device and cap", test_session_keeps_device_and_cap },
        { "device names and limits", test_device_names_and_limits },
        { "device needs its user", test_device_needs_its_user },
        { "device list", test_device_list },
        { "device refuses nonsense", test_device_refuses_nonsense },
        { "device use", test_device_use },
        { "R4 window is kept", test_R4_window_is_kept },
        { "R2 reuse revokes", test_R2_reuse_revokes },
        { "device revoke", test_device_revoke },
        { "R7 revoked at the epoch", test_R7_revoked_at_the_epoch },
        { "device selector", test_device_selector },
        { "session needs its device", test_session_needs_its_device },
        { "R6 disable and remove revoke devices", test_R6_disable_and_remove_revoke_devices },
        { "R6 change password spares own device", test_R6_change_password_spares_own_device },
        { "device sweep", test_device_sweep },
        { "R1 one winner", test_R1_one_winner },
        { "R4 64 at once", test_R4_64_at_once },
        {},
};
