/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The contract suite: finding, opening, binding, being seen. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/store/test-store.h"

static void assert_same_granted(const Granted *a, const Granted *b) {
        g_assert_cmpstr(a->issuer, ==, b->issuer);
        g_assert_cmpstr(a->subject, ==, b->subject);
        test_assert_same_words(a->pairs, b->pairs);
}

static void assert_same(const Session *a, const Session *b) {
        g_assert_cmpstr(a->id, ==, b->id);
        g_assert_cmpstr(a->user, ==, b->user);
        g_assert_cmpuint(a->uid, ==, b->uid);
        g_assert_cmpstr(a->host, ==, b->host);
        g_assert_cmpstr(a->service, ==, b->service);
        g_assert_cmpstr(a->rhost, ==, b->rhost);
        g_assert_cmpstr(a->tty, ==, b->tty);
        test_assert_same_words(a->methods, b->methods);
        g_assert_cmpint(a->auth_time, ==, b->auth_time);
        g_assert_cmpstr(a->auth_method, ==, b->auth_method);
        g_assert_cmpint(a->opened, ==, b->opened);
        g_assert_cmpint(a->seen, ==, b->seen);
        g_assert_cmpint(a->ends, ==, b->ends);
        g_assert_cmpint(a->ended, ==, b->ended);
        g_assert_cmpint(a->state, ==, b->state);
        g_assert_cmpstr(a->end_reason, ==, b->end_reason);
        g_assert_cmpstr(a->parent, ==, b->parent);
        g_assert_cmpuint(a->audit_id, ==, b->audit_id);
        g_assert_cmpstr(a->boot_id, ==, b->boot_id);
        g_assert_cmpstr(a->logind_id, ==, b->logind_id);
        test_assert_same_words(a->roles, b->roles);
        test_assert_same_words(a->role_cap, b->role_cap);
        g_assert_cmpstr(a->device, ==, b->device);
        assert_same_granted(&a->granted, &b->granted);
}

static int open_session(Store *store, const Session *session, unsigned max, bool *ret_bound) {
        g_autoptr(GPtrArray) ended = NULL;

        return store_session_open(store, session, max, ret_bound, &ended);
}

/* A group may be called anything but a line break. */
static Granted some_granted(const char *subject) {
        static const char *const pairs[] = { "ops:operator", "CN=A\\:b,é:on-call", NULL };

        return (Granted) {
                .issuer = g_strdup("https://login.corp.example"),
                .subject = g_strdup(subject),
                .pairs = g_strdupv((char **) pairs),
        };
}

static void test_round_trip(Store *store) {
        static const char *const methods[] = { "pwd", "oidc:corp", NULL }, *const none[] = { NULL };
        g_autoptr(Session) full = test_session(1, ALICE, 4294967294), sparse = test_session(2, BOB, AUDIT_ID_UNSET);
        g_autoptr(Session) got = NULL, again = NULL;
        bool bound;

        full->rhost = g_strdup("2001:db8::1");
        full->tty = g_strdup("pts/0");
        full->methods = g_strdupv((char **) methods);
        full->auth_time = INT64_MAX;
        full->auth_method = g_strdup("oidc:corp");
        full->logind_id = g_strdup("c2");
        full->roles = g_strdupv((char **) none);
        full->granted = some_granted("1");
        assert_result(open_session(store, full, MANY, &bound), 0);
        assert(bound);
        got = test_get(store, 1);
        assert_same(got, full);

        g_free(sparse->boot_id);
        sparse->boot_id = NULL;
        assert_result(open_session(store, sparse, MANY, &bound), 0);
        assert(!bound);
        again = test_get(store, 2);
        assert_same(again, sparse);
}

/* B5: an id is exactly that id, and what is none is nowhere. */
static void test_B5_ids(Store *store) {
        static const char *const wrong[] = {
                "", "0", "%", "_", "*", "0000000100000000000000000000000", "000000010000000000000000000000011",
                "0000000A00000000000000000000000a", "' OR 1=1 --", "00000001%", "0000000100000000000000000000000g",
                " 0000001000000000000000000000001", "\xff",
        };
        g_autoptr(Session) twin = test_session(1, BOB, AUDIT_ID_UNSET);
        Session *none = NULL;
        bool bound;

        test_open(store, 1, ALICE, 11);
        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
                assert_result(store_session_get(store, wrong[i], &none), STORE_E_NOT_FOUND);
        assert_result(store_session_get(store, NULL, &none), STORE_E_NOT_FOUND);
        assert(!none);

        /* nobody takes over a session by its id */
        assert_result(open_session(store, twin, MANY, &bound), STORE_E_EXISTS);
        assert(test_end(store, 1, SESSION_EVENT_CLOSE) == 1);
        assert_result(open_session(store, twin, MANY, &bound), STORE_E_EXISTS);
}

static void test_open_refuses_nonsense(Store *store) {
        enum { NO_USER, NO_HOST, NO_SERVICE, NO_UID, PENDING, BAD_ID, BAD_PARENT, N_WAYS };
        bool bound;

        for (int way = 0; way < N_WAYS; way++) {
                g_autoptr(Session) session = test_session(1, ALICE, 11);
                char **field = way == NO_USER ? &session->user : way == NO_HOST ? &session->host : &session->service;

                if (way <= NO_SERVICE)
                        g_clear_pointer(field, g_free);
                else if (way == NO_UID)
                        session->uid = UID_UNSET;
                else if (way == PENDING)
                        session->state = SESSION_PENDING;
                else
                        memcpy(way == BAD_ID ? session->id : session->parent, "'", 2);
                assert_result(open_session(store, session, MANY, &bound), -EINVAL);
        }
}

static void find(Store *store, const char *prefix, uid_t uid, int expected, unsigned n) {
        g_autoptr(Session) session = NULL;
        g_autofree char *id = test_id(n);

        assert_result(store_session_find(store, prefix, uid, &session), expected);
        if (expected == 0)
                g_assert_cmpstr(session->id, ==, id);
        else
                g_assert_null(session);
}

static void test_R13_find(Store *store) {
        static const char *const wrong[] = { "", "%", "_", "0000000_", "*", "'", "g", "0x", "A" };
        g_autofree char *whole = test_id(0xab000001), *longer = g_strconcat(whole, "0", NULL);

        test_open(store, 0xab000001, ALICE, 11);
        test_open(store, 0xab000002, BOB, 12);
        test_open(store, 0xac000003, ALICE, 13);
        find(store, "a", UID_UNSET, STORE_E_AMBIGUOUS, 0);
        find(store, "ab", UID_UNSET, STORE_E_AMBIGUOUS, 0);
        find(store, "ab", ALICE, 0, 0xab000001);
        find(store, "ab", BOB, 0, 0xab000002);
        find(store, "a", ALICE, STORE_E_AMBIGUOUS, 0);
        find(store, "ac", BOB, STORE_E_NOT_FOUND, 0);
        find(store, "ac", UID_UNSET, 0, 0xac000003);
        find(store, whole, UID_UNSET, 0, 0xab000001);
        find(store, longer, UID_UNSET, STORE_E_NOT_FOUND, 0);
        find(store, "ff", UID_UNSET, STORE_E_NOT_FOUND, 0);
        find(store, NULL, UID_UNSET, STORE_E_NOT_FOUND, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
                find(store, wrong[i], UID_UNSET, STORE_E_NOT_FOUND, 0);

        /* the living before the dead */
        assert(test_end(store, 0xab000001, SESSION_EVENT_CLOSE) == 1);
        find(store, "ab", UID_UNSET, 0, 0xab000002);
        find(store, "a", ALICE, 0, 0xac000003);
        assert(test_end(store, 0xac000003, SESSION_EVENT_CLOSE) == 1);
        find(store, "a", ALICE, STORE_E_AMBIGUOUS, 0);
        find(store, "ab", ALICE, 0, 0xab000001);
}

static void bound(Store *store, const char *boot, uint32_t audit_id, uid_t uid, unsigned n) {
        g_autoptr(Session) session = NULL;
        g_autofree char *id = test_id(n);

        assert_result(store_session_bound(store, boot, audit_id, uid, &session), n > 0 ? 0 : STORE_E_NOT_FOUND);
        if (n > 0)
                g_assert_cmpstr(session->id, ==, id);
}

static void test_bound(Store *store) {
        test_open(store, 1, ALICE, 11);
        test_open(store, 2, ALICE, AUDIT_ID_UNSET);
        bound(store, BOOT, 11, ALICE, 1);
        bound(store, BOOT, 11, BOB, 0); /* the session's user must be the caller */
        bound(store, OTHER_BOOT, 11, ALICE, 0);
        bound(store, BOOT, 12, ALICE, 0);
        bound(store, BOOT, AUDIT_ID_UNSET, ALICE, 0);
        bound(store, NULL, 11, ALICE, 0);
        bound(store, BOOT, 11, UID_UNSET, 0);

        /* closed, and bound anew: the latest, then the active one, then the revoked one */
        assert(test_end(store, 1, SESSION_EVENT_CLOSE) == 1);
        bound(store, BOOT, 11, ALICE, 1);
        test_open(store, 3, ALICE, 11);
        bound(store, BOOT, 11, ALICE, 3);
        assert(test_end(store, 3, SESSION_EVENT_EXPIRE) == 1);
        bound(store, BOOT, 11, ALICE, 3);
        test_open(store, 4, ALICE, 11);
        bound(store, BOOT, 11, ALICE, 4);
        assert(test_end(store, 4, SESSION_EVENT_REVOKE) == 1);
        bound(store, BOOT, 11, ALICE, 4);
}

static void test_second_binding(Store *store) {
        g_autoptr(Session) second = test_session(2, ALICE, 11), third = test_session(3, ALICE, 11);
        g_autoptr(Session) other = test_session(4, BOB, 11), got_second = NULL, got_third = NULL;
        g_autofree char *first = test_id(1), *parent = test_id(5);
        bool is_bound = true;

        test_open(store, 1, ALICE, 11);
        test_open(store, 5, ALICE, 15);
        assert_result(open_session(store, second, MANY, &is_bound), 0);
        g_assert_false(is_bound);
        got_second = test_get(store, 2);
        g_assert_cmpuint(got_second->audit_id, ==, AUDIT_ID_UNSET);
        g_assert_cmpstr(got_second->parent, ==, first);
        g_assert_cmpstr(got_second->boot_id, ==, BOOT);
        bound(store, BOOT, 11, ALICE, 1);

        /* one that has a parent keeps it */
        memcpy(third->parent, parent, SESSION_ID_SIZE);
        assert_result(open_session(store, third, MANY, &is_bound), 0);
        g_assert_false(is_bound);
        got_third = test_get(store, 3);
        g_assert_cmpstr(got_third->parent, ==, parent);

        /* another user's process of the same login is another login */
        assert_result(open_session(store, other, MANY, &is_bound), 0);
        g_assert_true(is_bound);
}

static void test_revoked_binding_stays_dead(Store *store) {
        g_autoptr(Session) second = test_session(2, ALICE, 11), third = test_session(3, ALICE, 11), got = NULL;
        bool is_bound = true;

        test_open(store, 1, ALICE, 11);
        assert(test_end(store, 1, SESSION_EVENT_REVOKE) == 1);
        assert_result(open_session(store, second, MANY, &is_bound), 0);
        g_assert_false(is_bound);
        got = test_get(store, 2);
        g_assert_cmpstr(got->parent, ==, "");
        bound(store, BOOT, 11, ALICE, 1);
        assert(test_end(store, 2, SESSION_EVENT_CLOSE) == 1);
        assert_result(open_session(store, third, MANY, &is_bound), 0);
        g_assert_false(is_bound);
        bound(store, BOOT, 11, ALICE, 1);
}

static void test_ended_binding_is_free(Store *store) {
        static const SessionEvent events[] = { SESSION_EVENT_CLOSE, SESSION_EVENT_EXPIRE };
        bool is_bound = false;

        test_open(store, 1, ALICE, 11);
        for (unsigned i = 0; i < G_N_ELEMENTS(events); i++) {
                g_autoptr(Session) next = test_session(2 + i, ALICE, 11);

                assert(test_end(store, 1 + i, events[i]) == 1);
                assert_result(open_session(store, next, MANY, &is_bound), 0);
                g_assert_true(is_bound);
                bound(store, BOOT, 11, ALICE, 2 + i);
        }
}

static void test_parent(Store *store) {
        g_autoptr(Session) child = test_session(2, ALICE, AUDIT_ID_UNSET), unknown = test_session(3, ALICE, 13);
        g_autoptr(Session) self = test_session(4, ALICE, 14), late = test_session(5, ALICE, 11), got = NULL;
        g_autoptr(Session) none = NULL;
        g_autofree char *first = test_id(1), *nobody = test_id(99);
        bool is_bound;

        test_open(store, 1, ALICE, 11);
        late->ends = START + 30 * DAY;
        memcpy(late->parent, first, SESSION_ID_SIZE);
        assert_result(open_session(store, late, MANY, &is_bound), 0);
        got = test_get(store, 5);
        g_assert_cmpint(got->ends, ==, START + 7 * DAY); /* no later than its parent */

        assert(test_end(store, 1, SESSION_EVENT_CLOSE) == 1);
        memcpy(child->parent, first, SESSION_ID_SIZE);
        memcpy(unknown->parent, nobody, SESSION_ID_SIZE);
        memcpy(self->parent, self->id, SESSION_ID_SIZE);
        assert_result(open_session(store, child, MANY, &is_bound), STORE_E_STATE);
        assert_result(open_session(store, unknown, MANY, &is_bound), STORE_E_STATE);
        assert_result(open_session(store, self, MANY, &is_bound), STORE_E_STATE);
        assert_result(store_session_get(store, child->id, &none), STORE_E_NOT_FOUND);
}

/* A login that was under way when its user was disabled or removed comes too late. */
static void test_R6_user_gone(Store *store) {
        g_autoptr(Session) session = test_session(1, ALICE, 11), wrong_uid = test_session(2, ALICE, 12), none = NULL;
        g_autoptr(GPtrArray) ended = NULL, removed = NULL;
        bool is_bound, changed;

        wrong_uid->uid = BOB;
        assert_result(open_session(store, wrong_uid, MANY, &is_bound), STORE_E_STATE);
        assert_result(store_user_disable(store, "alice", "left", START, &changed, &ended), 0);
        assert_result(open_session(store, session, MANY, &is_bound), STORE_E_STATE);
        assert_result(store_user_remove(store, "alice", "left", START, &removed), 0);
        assert_result(open_session(store, session, MANY, &is_bound), STORE_E_STATE);
        assert_result(store_session_get(store, session->id, &none), STORE_E_NOT_FOUND);
}

static void touch(Store *store, unsigned n, int64_t now) {
        g_autofree char *id = test_id(n);

        store_session_touch(store, id, now);
}

static void test_R14_cap(Store *store) {
        g_autoptr(Session) next = test_session(5, ALICE, 15), elsewhere = test_session(6, ALICE, 16);
        g_autoptr(Session) last = test_session(7, ALICE, 17);
        g_autoptr(GPtrArray) ended = NULL, none = NULL, many = NULL;
        bool is_bound;

        for (unsigned n = 1; n <= 3; n++)
                test_open(store, n, ALICE, 10 + n);
        test_open(store, 4, BOB, 14);
        touch(store, 1, START + 100);

        /* the least recently seen goes, and only of this user */
        assert_result(store_session_open(store, next, 3, &is_bound, &ended), 0);
        g_assert_cmpuint(ended->len, ==, 1);
        g_assert_cmpuint(((Session *) ended->pdata[0])->audit_id, ==, 12);
        g_assert_cmpstr(((Session *) ended->pdata[0])->end_reason, ==, "evicted");
        g_assert_cmpint(((Session *) ended->pdata[0])->ended, ==, next->opened);
        test_assert_state(store, 1, SESSION_ACTIVE);
        test_assert_state(store, 2, SESSION_CLOSED);
        test_assert_state(store, 5, SESSION_ACTIVE);

        /* another host's count for themselves */
        g_free(elsewhere->host);
        elsewhere->host = g_strdup("web2.example.org");
        assert_result(store_session_open(store, elsewhere, 1, &is_bound, &none), 0);
        g_assert_cmpuint(none->len, ==, 0);

        /* a cap that was lowered; the new one stays, however long ago it was seen */
        last->seen = START - DAY;
        assert_result(store_session_open(store, last, 1, &is_bound, &many), 0);
        g_assert_cmpuint(many->len, ==, 3);
        g_assert_cmpuint(((Session *) many->pdata[0])->audit_id, ==, 13);
        test_assert_state(store, 7, SESSION_ACTIVE);
        test_assert_state(store, 4, SESSION_ACTIVE);
}

static void test_touch(Store *store) {
        g_autoptr(Session) session = NULL, later = NULL, over = NULL;

        test_open(store, 1, ALICE, 11);
        touch(store, 1, START + 10);
        touch(store, 1, START + 5);
        session = test_get(store, 1);
        g_assert_cmpint(session->seen, ==, START + 10);
        touch(store, 1, START + 7200);
        later = test_get(store, 1);
        g_assert_cmpint(later->seen, ==, START + 7200);

        assert(test_end(store, 1, SESSION_EVENT_CLOSE) == 1);
        touch(store, 1, START + 9000);
        over = test_get(store, 1);
        g_assert_cmpint(over->seen, ==, START + 7200);
        touch(store, 99, START);
}

static void test_authenticated(Store *store) {
        static const char *const first[] = { "pwd", NULL }, *const both[] = { "pwd", "oidc:corp", NULL };
        g_autofree char *id = test_id(1), *nobody = test_id(2);
        g_autoptr(Session) once = NULL, twice = NULL;

        test_open(store, 1, ALICE, 11);
        assert_result(store_session_authenticated(store, id, START + 50, "pwd", NULL), 0);
        once = test_get(store, 1);
        g_assert_true(g_strv_equal((const char *const *) once->methods, first));
        assert_result(store_session_authenticated(store, id, START + 60, "oidc:corp", NULL), 0);
        assert_result(store_session_authenticated(store, id, START + 70, "pwd", NULL), 0);
        twice = test_get(store, 1);
        g_assert_true(g_strv_equal((const char *const *) twice->methods, both));
        g_assert_cmpint(twice->auth_time, ==, START + 70);
        g_assert_cmpstr(twice->auth_method, ==, "pwd");

        assert_result(store_session_authenticated(store, nobody, START, "pwd", NULL), STORE_E_NOT_FOUND);
        assert(test_end(store, 1, SESSION_EVENT_EXPIRE) == 1);
        assert_result(store_session_authenticated(store, id, START, "pwd", NULL), STORE_E_STATE);
}

/* A provider's last word takes the place of what it said before, also where that is nothing; a password leaves it. */
static void test_authenticated_at_a_provider(Store *store) {
        g_auto(Granted) first = some_granted("1"), second = some_granted("2"), none = { .issuer = NULL };
        const Granted *const given[] = { &first, NULL, &second, &none, NULL };
        const Granted *const expected[] = { &first, &first, &second, &none, &none };
        g_autofree char *id = test_id(1);
        g_autoptr(Session) other = NULL;

        test_open(store, 1, ALICE, 11);
        test_open(store, 2, ALICE, 12);
        for (size_t i = 0; i < G_N_ELEMENTS(given); i++) {
                g_autoptr(Session) session = NULL;

                assert_result(store_session_authenticated(store, id, START + 50, "oidc:corp", given[i]), 0);
                session = test_get(store, 1);
                assert_same_granted(&session->granted, expected[i]);
        }
        other = test_get(store, 2);
        assert_same_granted(&other->granted, &none);

        assert(test_end(store, 1, SESSION_EVENT_CLOSE) == 1);
        assert_result(store_session_authenticated(store, id, START + 60, "oidc:corp", &first), STORE_E_STATE);
        g_clear_pointer(&other, session_free);
        other = test_get(store, 1);
        assert_same_granted(&other->granted, &none);
}

static void list(Store *store, SessionFilter filter, const char *expected) {
        g_autoptr(GPtrArray) sessions = NULL;
        g_autoptr(GString) found = g_string_new(NULL);

        assert_result(store_session_list(store, &filter, &sessions), 0);
        for (guint i = 0; i < sessions->len; i++)
                g_string_append_printf(found, "%c", ((Session *) sessions->pdata[i])->id[7]);
        g_assert_cmpstr(found->str, ==, expected);
}

static void test_list(Store *store) {
        g_autoptr(Session) elsewhere = test_session(4, ALICE, 14);
        bool is_bound;

        list(store, (SessionFilter) { .uid = UID_UNSET, .ended = true }, "");
        test_open(store, 9, ALICE, 11); /* ids do not decide the order */
        test_open(store, 2, BOB, 12);
        test_open(store, 3, ALICE, 13);
        g_free(elsewhere->host);
        elsewhere->host = g_strdup("web2.example.org");
        assert_result(open_session(store, elsewhere, MANY, &is_bound), 0);
        assert(test_end(store, 9, SESSION_EVENT_CLOSE) == 1);

        list(store, (SessionFilter) { .uid = UID_UNSET }, "234");
        list(store, (SessionFilter) { .uid = UID_UNSET, .ended = true }, "9234");
        list(store, (SessionFilter) { .uid = UID_UNSET, .ended = true, .limit = 2 }, "34");
        list(store, (SessionFilter) { .uid = UID_UNSET, .limit = 2 }, "34");
        list(store, (SessionFilter) { .uid = ALICE }, "34");
        list(store, (SessionFilter) { .uid = ALICE, .ended = true }, "934");
        list(store, (SessionFilter) { .uid = ALICE, .ended = true, .limit = 1 }, "4");
        list(store, (SessionFilter) { .uid = ALICE, .host = HOST, .ended = true }, "93");
        list(store, (SessionFilter) { .uid = UID_UNSET, .host = "web2.example.org" }, "4");
        list(store, (SessionFilter) { .uid = 0, .ended = true }, "");
}

static void open_from(Store *store, unsigned n, uid_t uid, unsigned device) {
        g_autoptr(Session) session = test_session(n, uid, n);
        g_autofree char *id = test_id(device);
        bool is_bound;

        memcpy(session->device, id, SESSION_ID_SIZE);
        assert_result(open_session(store, session, MANY, &is_bound), 0);
}

static void test_list_of_a_device(Store *store) {
        g_autofree char *laptop = test_id(10), *phone = test_id(11), *bobs = test_id(12), *none = test_id(13);

        test_add_device(store, 10, ALICE);
        test_add_device(store, 11, ALICE);
        test_add_device(store, 12, BOB);
        test_open(store, 1, ALICE, 1);
        open_from(store, 9, ALICE, 10);
        open_from(store, 3, ALICE, 10);
        open_from(store, 4, ALICE, 11);
        open_from(store, 5, BOB, 12);
        open_from(store, 2, ALICE, 10);
        assert(test_end(store, 9, SESSION_EVENT_CLOSE) == 1);

        list(store, (SessionFilter) { .uid = ALICE, .device = laptop }, "32");
        list(store, (SessionFilter) { .uid = ALICE, .device = laptop, .ended = true }, "932");
        list(store, (SessionFilter) { .uid = ALICE, .device = laptop, .ended = true, .limit = 2 }, "32");
        list(store, (SessionFilter) { .uid = ALICE, .device = laptop, .limit = 1 }, "2");
        list(store, (SessionFilter) { .uid = ALICE, .device = laptop, .host = HOST }, "32");
        list(store, (SessionFilter) { .uid = ALICE, .device = laptop, .host = "web2.example.org" }, "");
        list(store, (SessionFilter) { .uid = ALICE, .device = phone }, "4");
        list(store, (SessionFilter) { .uid = ALICE, .device = bobs, .ended = true }, "");
        list(store, (SessionFilter) { .uid = BOB, .device = bobs }, "5");
        list(store, (SessionFilter) { .uid = ALICE, .device = none, .ended = true }, "");
}

static void test_events(Store *store) {
        g_autofree char *id = test_id(1), *other = test_id(2), *nobody = test_id(3);
        g_autoptr(GPtrArray) events = NULL, few = NULL, none = NULL, nonsense = NULL;

        test_open(store, 1, ALICE, 11);
        test_open(store, 2, ALICE, 12);
        for (int i = 0; i < 100; i++) {
                Event event = { .time = START + i, .event = (char *) "used", .service = (char *) "sudo" };

                memcpy(event.session, i % 10 == 0 ? other : id, SESSION_ID_SIZE);
                store_event_add(store, &event);
                memcpy(event.session, nobody, SESSION_ID_SIZE);
                store_event_add(store, &event);
        }
        assert_result(store_event_list(store, id, &events), 0);
        g_assert_cmpuint(events->len, ==, 64);
        g_assert_cmpint(((Event *) events->pdata[63])->time, ==, START + 99);
        for (guint i = 1; i < events->len; i++)
                g_assert_cmpint(((Event *) events->pdata[i - 1])->time, <, ((Event *) events->pdata[i])->time);
        assert_result(store_event_list(store, other, &few), 0);
        g_assert_cmpuint(few->len, ==, 10);
        g_assert_cmpstr(((Event *) few->pdata[0])->event, ==, "used");
        g_assert_cmpstr(((Event *) few->pdata[0])->service, ==, "sudo");
        g_assert_cmpstr(((Event *) few->pdata[0])->session, ==, other);
        g_assert_null(((Event *) few->pdata[0])->detail);
        assert_result(store_event_list(store, nobody, &none), 0);
        g_assert_cmpuint(none->len, ==, 0);
        assert_result(store_event_list(store, "'", &nonsense), 0);
        g_assert_cmpuint(store_dropped(store), ==, 0);
}

const StoreTestRow store_session_tests[] = {
        { "round trip", test_round_trip },
        { "B5 ids", test_B5_ids },
        { "open refuses nonsense", test_open_refuses_nonsense },
        { "R13 find", test_R13_find },
        { "bound", test_bound },
        { "second binding", test_second_binding },
        { "revoked binding stays dead", test_revoked_binding_stays_dead },
        { "ended binding is free", test_ended_binding_is_free },
        { "parent", test_parent },
        { "R6 user gone", test_R6_user_gone },
        { "R14 cap", test_R14_cap },
        { "touch", test_touch },
        { "authenticated", test_authenticated },
        { "authenticated at a provider", test_authenticated_at_a_provider },
        { "list", test_list },
        { "list-of-a-device", test_list_of_a_device },
        { "events", test_events },
        {},
};
