/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Devices registered, listed, revoked, and their tokens traded for access tokens. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/device-admin.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-devices.h"
#include "daemon/core/token-use.h"
#include "daemon/core/user-admin.h"

#define DAY (24 * 3600)
#define PUBLIC_KEY "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg" /* RFC 8037's, "x" with another tail */

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

/* What device_add() says, with a fresh id. */
static int add(World *world, const Caller *caller, const char *name, const char *user, char **ret_why) {
        TestDevice device = test_device_new();
        g_autoptr(DeviceView) view = NULL;
        int r;

        r = device_add(world->core, caller,
                       &(DeviceAdd) { .id = device.text, .name = name, .public_key = PUBLIC_KEY, .user = user },
                       &view, ret_why);
        g_free(world_audit(world));
        if (r == 0)
                g_assert_cmpstr(view->state, ==, "active");
        return r;
}

/* Registering */

static void test_a_device_keeps_what_it_comes_from(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        int64_t proven = world->clock.wall;
        TestDevice laptop;
        g_autoptr(Device) device = NULL;

        fake_clock_forward(&world->clock, 60);
        laptop = test_device_add(world, ALICE, 5, "laptop");
        device = test_device_get(world, &laptop);
        g_assert_cmpstr(device->name, ==, "laptop");
        g_assert_cmpstr(device->user, ==, "alice");
        g_assert_cmpint(device->uid, ==, ALICE);
        g_assert_cmpstr(device->audience, ==, HOST);
        g_assert_cmpint(device->auth_time, ==, proven);
        g_assert_cmpstr(device->auth_method, ==, "pwd");
        g_assert_cmpint(device->created, ==, world->clock.wall);
        g_assert_cmpint(device->ends, ==, world->clock.wall + 90 * DAY);
        g_assert_cmpint(device->used, ==, 0);
        assert(!device->role_cap);
}

static void log_in_by_token(World *world, const char *token, uint32_t audit_id) {
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
        Caller child = world_pam_child(audit_id), pam = world_pam(audit_id);
        LoginAnswer answer = world_authenticate(world, &child, &request, token);

        request.session = answer.session;
        g_assert_cmpint(world_ask(world, login_open, &pam, &request).verdict, ==, LOGIN_ALLOW);
        g_free(world_audit(world));
}

/* Which logins may register, the way they came: what proved no password itself does not. */
static void test_B3_only_a_fresh_login_that_proved_a_password_itself(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *token = world_token(world, ALICE, 5), *why = NULL;
        TestDevice laptop = test_device_add(world, ALICE, 5, "laptop");
        g_autofree char *refresh_token = test_device_token(&laptop, 1);
        const LoginRequest by_key = { .user = "alice", .service = "sshd", .auth_info = "publickey ssh-ed25519 AAAA" };
        Caller pam = world_pam(8);
        static const struct {
                const char *sentence;
                uint32_t audit_id;
                int64_t later;
                int result;
                const char *why;
        } rows[] = {
                { "by token", 6, 0, CORE_E_STALE, "token or key" },
                { "by a device", 7, 0, CORE_E_STALE, "token or key" },
                { "by a key", 8, 0, CORE_E_STALE, "token or key" },
                { "no login at all: signing in would not help", AUDIT_ID_UNSET, 0, CORE_E_DENIED, "no login" },
                { "another's login", 9, 0, CORE_E_STALE, "no live session" },
                { "at the last moment", 5, 900, 0, "" },
                { "a second later", 5, 901, CORE_E_STALE, "too long ago" },
                { "before its time: the clock was set back", 5, -1, CORE_E_STALE, "too long ago" },
        };

        log_in_by_token(world, token, 6);
        log_in_by_token(world, refresh_token, 7);
        g_assert_cmpint(world_ask(world, login_open, &pam, &by_key).verdict, ==, LOGIN_ALLOW);
        g_free(world_audit(world));
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                Caller person = world_person(ALICE, rows[i].audit_id);
                g_autofree char *said = NULL;
                int r;

                world->clock.wall += rows[i].later;
                r = add(world, &person, "another", NULL, &said);
                world->clock.wall -= rows[i].later;
                if (r != rows[i].result || !strstr(said ? said : "", rows[i].why))
                        g_error("%s: %d, %s", rows[i].sentence, r, said);
        }
}

/* [service:tessera] may ask for less, or more, than the 15 minutes. */
static void test_the_policy_says_how_fresh(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *why = NULL;
        Caller alice = world_person(ALICE, 5);

        world_set_policy(world, "alice", "[service:tessera]\nroles=everyone\nmax-age=1min");
        fake_clock_forward(&world->clock, 61);
        g_assert_cmpint(add(world, &alice, "laptop", NULL, &why), ==, CORE_E_STALE);
}

static void test_B3_nobody_registers_for_another(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *why = NULL;
        Caller alice = world_person(ALICE, 5), carol = world_person(CAROL, 5), unset = world_person(UID_UNSET, 5);

        g_assert_cmpint(add(world, &alice, "laptop", "bob", &why), ==, CORE_E_DENIED);
        g_assert_cmpint(add(world, &alice, "laptop", "root", &why), ==, CORE_E_DENIED);
        g_assert_cmpint(add(world, &carol, "laptop", NULL, &why), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(add(world, &unset, "laptop", "alice", &why), ==, CORE_E_DENIED);
        g_assert_cmpint(add(world, &alice, "laptop", "alice", &why), ==, 0);
}

static void test_root_registers_a_robot_that_is_never_fresh(void) {
        g_autoptr(World) world = world_new();
        TestDevice robot = test_device_new();
        g_autoptr(DeviceView) view = NULL;
        g_autofree char *why = NULL;

        g_assert_cmpint(device_add(world->core, &root,
                                   &(DeviceAdd) { .id = robot.text, .name = "robot", .public_key = PUBLIC_KEY,
                                                  .user = "alice" }, &view, &why), ==, 0);
        g_assert_cmpint(view->device->auth_time, ==, 0);
        g_assert_cmpstr(view->device->auth_method, ==, NULL);
        g_assert_cmpint(view->device->uid, ==, ALICE);
        g_free(world_audit(world));
        g_assert_cmpint(add(world, &root, "robot", "carol", &why), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(add(world, &root, "robot", NULL, &why), ==, CORE_E_INVALID);
        g_assert_cmpint(add(world, &root, "robot", "alice", &why), ==, CORE_E_EXISTS);
        g_assert_cmpint(add(world, &root, "robot", "bob", &why), ==, 0);
}

static void test_what_cannot_be_a_device(void) {
        static const struct {
                const char *id, *name, *public_key;
        } rows[] = {
                { "", "laptop", PUBLIC_KEY },
                { "0011", "laptop", PUBLIC_KEY },
                { "00112233445566778899AABBCCDDEEFF", "laptop", PUBLIC_KEY },
                { "00112233445566778899aabbccddeeff0", "laptop", PUBLIC_KEY },
                { "00112233445566778899aabbccddeeff", "", PUBLIC_KEY },
                { "00112233445566778899aabbccddeeff", "my laptop", PUBLIC_KEY },
                { "00112233445566778899aabbccddeeff", "lap\ntop", PUBLIC_KEY },
                { "00112233445566778899aabbccddeeff",
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", PUBLIC_KEY },
                { "00112233445566778899aabbccddeeff", "laptop", "" },
                { "00112233445566778899aabbccddeeff", "laptop", PUBLIC_KEY "=" },
                { "00112233445566778899aabbccddeeff", "laptop", "A6EHv+POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg" },
        };
        g_autoptr(World) world = world_new();
        g_autofree char *why = NULL;
        DeviceView *view;

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                g_assert_cmpint(device_add(world->core, &root,
                                           &(DeviceAdd) { rows[i].id, rows[i].name, rows[i].public_key, "alice" },
                                           &view, &why), ==, CORE_E_INVALID);
}

static void test_R14_a_user_has_at_most_64(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *why = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        bool changed;

        for (unsigned i = 0; i < DEVICES_PER_USER_MAX; i++) {
                g_autofree char *name = g_strdup_printf("robot%u", i);
                g_assert_cmpint(add(world, &root, name, "alice", &why), ==, 0);
        }
        g_assert_cmpint(add(world, &root, "one-more", "alice", &why), ==, CORE_E_BUSY);
        g_assert_cmpint(add(world, &root, "one-more", "bob", &why), ==, 0);
        g_assert_cmpint(device_revoke(world->core, &root, "robot7", "alice", NULL, &changed, &ended), ==, 0);
        g_free(world_audit(world));
        g_assert_cmpint(add(world, &root, "one-more", "alice", &why), ==, 0);
}

static void change_password(World *world) {
        _cleanup_secret_ Secret *password = world_secret("canary: another");

        g_assert_cmpint(user_change_password(world->core, &root, "alice", NULL, password, /* ret_delay= */ NULL), ==, 0);
}

/* A change of the password ends all devices: also one that was being registered meanwhile. */
static void test_R6_a_device_does_not_slip_in_behind_another_password(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *why = NULL;
        g_autoptr(GPtrArray) views = NULL;
        Caller alice = world_person(ALICE, 5);

        world_before_add(world, change_password);
        g_assert_cmpint(add(world, &alice, "laptop", NULL, &why), ==, CORE_E_BUSY);
        g_assert_cmpint(device_list(world->core, &root, ALICE, &views), ==, 0);
        for (guint i = 0; i < views->len; i++)
                g_assert_cmpstr(((DeviceView *) views->pdata[i])->state, ==, "revoked");
}

/* Listing */

static void test_B3_devices_are_listed_to_their_owner_and_root(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *why = NULL;
        Caller alice = world_person(ALICE, 5), bob = world_person(BOB, 6), unset = world_person(UID_UNSET, 7);
        g_autoptr(GPtrArray) hers = NULL, all = NULL;
        GPtrArray *none;

        g_assert_cmpint(add(world, &root, "first", "alice", &why), ==, 0);
        fake_clock_forward(&world->clock, 1);
        g_assert_cmpint(add(world, &root, "second", "alice", &why), ==, 0);
        g_assert_cmpint(add(world, &root, "robot", "bob", &why), ==, 0);
        g_assert_cmpint(device_list(world->core, &alice, ALICE, &hers), ==, 0);
        g_assert_cmpint(hers->len, ==, 2);
        g_assert_cmpstr(((DeviceView *) hers->pdata[0])->device->name, ==, "first");
        g_assert_cmpint(device_list(world->core, &root, UID_UNSET, &all), ==, 0);
        g_assert_cmpint(all->len, ==, 3);
        g_assert_cmpint(device_list(world->core, &bob, ALICE, &none), ==, CORE_E_DENIED);
        g_assert_cmpint(device_list(world->core, &alice, UID_UNSET, &none), ==, CORE_E_DENIED);
        g_assert_cmpint(device_list(world->core, &unset, UID_UNSET, &none), ==, CORE_E_DENIED);
}

static void test_states(void) {
        Device device = { .created = 1000, .ends = 5000 };

        g_assert_cmpstr(device_state(&device, 100, 1100), ==, "active");
        g_assert_cmpstr(device_state(&device, 100, 1101), ==, "expired");
        device.used = 4950;
        g_assert_cmpstr(device_state(&device, 100, 4999), ==, "active");
        g_assert_cmpstr(device_state(&device, 100, 5000), ==, "expired");
        g_assert_cmpstr(device_state(&device, 100, 10), ==, "active"); /* the clock was set back */
        device.used = 5000;
        g_assert_cmpstr(device_state(&device, 100, 10), ==, "expired"); /* and its end was seen before */
        device.revoked = 4960;
        g_assert_cmpstr(device_state(&device, 100, 4999), ==, "revoked");
}

/* Revoking */

static void test_revoking_ends_sessions_and_logins(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *id = NULL, *why = NULL;
        TestDevice laptop = test_device_add(world, ALICE, 5, "laptop");
        g_autoptr(GPtrArray) ended = NULL, again = NULL;
        Caller alice = world_person(ALICE, 5);
        bool changed;

        id = test_device_log_in(world, &laptop, 1, 6, &why);
        g_assert_cmpint(device_revoke(world->core, &alice, "laptop", NULL, "sold", &changed, &ended), ==, 0);
        assert(changed);
        g_assert_cmpint(ended->len, ==, 1);
        g_assert_cmpint(world_state(world, id), ==, SESSION_REVOKED);
        g_assert_cmpint(world_state(world, login), ==, SESSION_ACTIVE);
        assert_ended(world, "session c6");
        g_free(world_audit(world));
        g_assert_cmpint(device_revoke(world->core, &alice, "laptop", NULL, NULL, &changed, &again), ==, 0);
        assert(!changed && again->len == 0);
        test_device_expect(world, &laptop, 2, "device-revoked");
}

static void test_revoking_drops_what_is_under_way(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        TestDevice laptop = test_device_add(world, ALICE, 5, "laptop");
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.9" };
        LoginAnswer pending = test_device_answer(world, &laptop, "alice", 1, 6);
        g_autoptr(GPtrArray) ended = NULL;
        Caller alice = world_person(ALICE, 5), pam = world_pam(6);
        bool changed;

        g_assert_cmpint(device_revoke(world->core, &alice, laptop.text, NULL, NULL, &changed, &ended), ==, 0);
        request.session = pending.session;
        g_assert_cmpint(world_ask(world, login_open, &pam, &request).verdict, ==, LOGIN_DENY);
}

static void test_which_device_is_meant(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *why = NULL, *short_id = NULL;
        Caller alice = world_person(ALICE, 5), bob = world_person(BOB, 6);
        g_autoptr(GPtrArray) views = NULL;
        const char *id;
        bool changed;

        g_assert_cmpint(add(world, &root, "laptop", "alice", &why), ==, 0);
        g_assert_cmpint(device_list(world->core, &root, ALICE, &views), ==, 0);
        id = ((DeviceView *) views->pdata[0])->device->id;
        short_id = g_strndup(id, 8);
        {
                const struct {
                        const Caller *caller;
                        const char *what, *user;
                        int result;
                } rows[] = {
                        { &alice, "", NULL, CORE_E_NOT_FOUND },
                        { &alice, "lap", NULL, CORE_E_NOT_FOUND },
                        { &alice, "%", NULL, CORE_E_NOT_FOUND },
                        { &bob, "laptop", NULL, CORE_E_NOT_FOUND },
                        { &bob, id, NULL, CORE_E_NOT_FOUND },
                        { &bob, id, "alice", CORE_E_DENIED },
                        { &root, "laptop", NULL, CORE_E_NOT_FOUND }, /* whose, a name does not say */
                        { &root, "laptop", "bob", CORE_E_NOT_FOUND },
                        { &root, "laptop", "nobody", CORE_E_NOT_FOUND },
                        { &root, short_id, NULL, 0 },
                        { &alice, short_id, NULL, 0 },
                        { &alice, id, "alice", 0 },
                        { &root, "laptop", "alice", 0 },
                };

                for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                        g_autoptr(GPtrArray) ended = NULL;
                        int r = device_revoke(world->core, rows[i].caller, rows[i].what, rows[i].user, NULL, &changed,
                                              &ended);

                        if (r != rows[i].result)
                                g_error("row %zu: %d", i, r);
                }
        }
}

/* A name is free again when its device is revoked, and then it means the one that is not. */
static void test_a_name_means_the_one_that_lives(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *why = NULL;
        Caller alice = world_person(ALICE, 5);
        bool changed;

        for (unsigned i = 0; i < 3; i++) {
                g_autoptr(GPtrArray) ended = NULL;

                g_assert_cmpint(add(world, &root, "laptop", "alice", &why), ==, 0);
                g_assert_cmpint(device_revoke(world->core, &alice, "laptop", NULL, NULL, &changed, &ended), ==, 0);
                assert(changed);
        }
}

/* Refreshing */

typedef struct Refreshing {
        World *world;
        TestDevice robot;
} Refreshing;

static Refreshing refreshing_new(void) {
        Refreshing scene = { .world = world_new() };
        g_autofree char *login = world_log_in(scene.world, "alice", ALICE_PASSWORD, 5);

        scene.robot = test_device_add(scene.world, ALICE, 5, "robot");
        return scene;
}

static void refreshing_deinit(Refreshing *scene) {
        world_free(scene->world);
}

#define _refreshing_ __attribute__((__cleanup__(refreshing_deinit)))

/* Its session's id, g_free; NULL and the result where there is none. */
static char *refresh(Refreshing *scene, const Caller *caller, uint32_t counter, int *ret_result) {
        g_autofree char *text = test_device_token(&scene->robot, counter);
        _cleanup_secret_ Secret *secret = world_secret(text);
        g_autoptr(TokenClaims) claims = NULL, checked = NULL;
        g_auto(GStrv) roles = NULL;
        TokenReason reason;
        char *token, *id;

        *ret_result = device_refresh(scene->world->core, caller, secret, /* min_ttl= */ 0, &token, &claims);
        if (*ret_result != 0)
                return NULL;
        g_assert_cmpint(token_check(scene->world->core, token, strlen(token), NULL, NULL, &reason, &checked, &roles),
                        ==, 0);
        g_assert_cmpint(reason, ==, TOKEN_VALID);
        id = g_strdup(claims->session);
        token_free(token);
        return id;
}

static void test_refreshing_gives_a_token_of_a_session_of_its_own(void) {
        _refreshing_ Refreshing scene = refreshing_new();
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET);
        g_autofree char *id = NULL, *again = NULL, *by_root = NULL;
        g_autoptr(Session) session = NULL;
        int r;

        id = refresh(&scene, &alice, 1, &r);
        g_assert_cmpint(r, ==, 0);
        session = world_session(scene.world, id);
        g_assert_cmpstr(session->service, ==, "tessera");
        g_assert_cmpstr(session->methods[0], ==, "tok");
        g_assert_cmpstr(session->device, ==, scene.robot.text);
        g_assert_cmpint(session->audit_id, ==, AUDIT_ID_UNSET);
        g_assert_cmpint(session->auth_time, ==, scene.world->clock.wall);
        fake_clock_forward(&scene.world->clock, 100);
        again = refresh(&scene, &alice, 2, &r);
        g_assert_cmpstr(again, ==, id);
        by_root = refresh(&scene, &root, 3, &r);
        g_assert_cmpstr(by_root, ==, id);
}

static void test_R14_a_robot_pushes_nobody_out(void) {
        _refreshing_ Refreshing scene = refreshing_new();
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET);
        g_autoptr(GPtrArray) sessions = NULL;
        int r;

        for (uint32_t counter = 1; counter <= 100; counter++)
                g_free(refresh(&scene, &alice, counter, &r));
        g_assert_cmpint(session_list(scene.world->core, &alice, &(SessionFilter) { .uid = ALICE }, &sessions), ==, 0);
        g_assert_cmpint(sessions->len, ==, 2);
}

static void test_a_session_that_is_over_is_followed_by_another(void) {
        _refreshing_ Refreshing scene = refreshing_new();
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET);
        g_autofree char *first = NULL, *second = NULL, *third = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        const char *ids[] = { NULL, NULL };
        int r;

        first = refresh(&scene, &alice, 1, &r);
        fake_clock_forward(&scene.world->clock, DAY + 1); /* idle, and no sweep has seen it */
        second = refresh(&scene, &alice, 2, &r);
        g_assert_cmpstr(second, !=, first);
        ids[0] = second;
        g_assert_cmpint(session_revoke(scene.world->core, &root, &(SessionRevoke) { .ids = ids }, &ended, NULL), ==, 0);
        third = refresh(&scene, &alice, 3, &r);
        g_assert_cmpint(r, ==, 0);
        g_assert_cmpstr(third, !=, second);
}

typedef struct Racer {
        Refreshing *scene;
        uint32_t counter;
        char *id;
} Racer;

static gpointer race(gpointer data) {
        Racer *racer = data;
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET);
        int r;

        racer->id = refresh(racer->scene, &alice, racer->counter, &r);
        return NULL;
}

static void take_time(World *world) {
        g_usleep(50000);
}

static void test_R4_many_at_once_share_one_session(void) {
        _refreshing_ Refreshing scene = refreshing_new();
        GThread *threads[16];
        Racer racers[16];

        world_before_open(scene.world, take_time);
        for (uint32_t i = 0; i < G_N_ELEMENTS(threads); i++) {
                racers[i] = (Racer) { .scene = &scene, .counter = i + 1 };
                threads[i] = g_thread_new("race", race, &racers[i]);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                (void) g_thread_join(threads[i]);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                g_assert_cmpstr(racers[i].id, ==, racers[0].id);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                g_free(racers[i].id);
}

static void test_R6_somebody_elses_is_spent_and_refused(void) {
        _refreshing_ Refreshing scene = refreshing_new();
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET), bob = world_person(BOB, AUDIT_ID_UNSET);
        Caller carol = world_person(CAROL, AUDIT_ID_UNSET), unset = world_person(UID_UNSET, AUDIT_ID_UNSET);
        int r;

        assert(!refresh(&scene, &unset, 1, &r));
        g_assert_cmpint(r, ==, CORE_E_DENIED);
        assert(!refresh(&scene, &bob, 1, &r));
        g_assert_cmpint(r, ==, CORE_E_CREDENTIAL);
        assert(!refresh(&scene, &carol, 2, &r)); /* not even enrolled */
        g_assert_cmpint(r, ==, CORE_E_CREDENTIAL);
        g_assert_cmpstr(test_device_state(scene.world, &scene.robot), ==, "active");
        g_free(refresh(&scene, &alice, 3, &r));
        g_assert_cmpint(r, ==, 0);
        assert(!refresh(&scene, &alice, 1, &r)); /* spent: this is a second use */
        g_assert_cmpint(r, ==, CORE_E_CREDENTIAL);
        g_assert_cmpstr(test_device_state(scene.world, &scene.robot), ==, "revoked");
}

static void test_R2_reuse_is_found_here_too_and_ends_its_tokens(void) {
        _refreshing_ Refreshing scene = refreshing_new();
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET);
        g_autofree char *id = NULL, *login = NULL, *why = NULL, *audit = NULL;
        int r;

        id = refresh(&scene, &alice, 1, &r);
        login = test_device_log_in(scene.world, &scene.robot, 2, 6, &why);
        g_free(world_audit(scene.world));
        assert(!refresh(&scene, &alice, 2, &r)); /* PAM or bus: the counter is one */
        g_assert_cmpint(r, ==, CORE_E_CREDENTIAL);
        g_assert_cmpint(world_state(scene.world, id), ==, SESSION_REVOKED);
        g_assert_cmpint(world_state(scene.world, login), ==, SESSION_REVOKED);
        audit = world_audit(scene.world);
        assert(g_str_has_prefix(audit, "reuse reuse alice -; "));
        assert(g_str_has_suffix(audit, "; refused reuse alice -"));
}

static void test_guesses_over_the_bus_are_charged(void) {
        _refreshing_ Refreshing scene = refreshing_new();
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET), carol = world_person(CAROL, AUDIT_ID_UNSET);
        Refreshing forged = scene;
        int r;

        forged.robot.seed[0] ^= 1;
        for (unsigned i = 0; i < BURST; i++) {
                g_autofree char *said = NULL;
                assert(!refresh(&forged, &alice, 1, &r));
                said = world_reason(scene.world);
                g_assert_cmpstr(said, ==, "token-invalid");
        }
        {
                g_autofree char *said = NULL;
                assert(!refresh(&forged, &alice, 1, &r));
                said = world_reason(scene.world);
                g_assert_cmpstr(said, ==, "throttled");
        }
        g_free(refresh(&scene, &alice, 1, &r)); /* a genuine one is no guess */
        g_assert_cmpint(r, ==, 0);
        g_free(world_audit(scene.world));
        assert(!refresh(&forged, &carol, 1, &r)); /* nor may a stranger drown the audit */
        g_assert_cmpint(r, ==, CORE_E_CREDENTIAL);
        assert_audit(scene.world, "");
}

static void test_R10_without_a_commit_no_token(void) {
        _refreshing_ Refreshing scene = refreshing_new();
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET);
        int r;

        world_break_writes(scene.world);
        assert(!refresh(&scene, &alice, 1, &r));
        g_assert_cmpint(r, ==, -EIO);
}

/* It counts as of another boot's after a restart of the machine, and never when nothing has happened. */
static void test_its_session_outlives_the_sweep(void) {
        _refreshing_ Refreshing scene = refreshing_new();
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET);
        g_autofree char *id = NULL;
        int r;

        id = refresh(&scene, &alice, 1, &r);
        g_assert_cmpint(core_sweep(scene.world->core), ==, 0);
        g_assert_cmpint(world_state(scene.world, id), ==, SESSION_ACTIVE);
}

int main(void) {
        test_a_device_keeps_what_it_comes_from();
        test_B3_only_a_fresh_login_that_proved_a_password_itself();
        test_the_policy_says_how_fresh();
        test_B3_nobody_registers_for_another();
        test_root_registers_a_robot_that_is_never_fresh();
        test_what_cannot_be_a_device();
        test_R14_a_user_has_at_most_64();
        test_R6_a_device_does_not_slip_in_behind_another_password();
        test_B3_devices_are_listed_to_their_owner_and_root();
        test_states();
        test_revoking_ends_sessions_and_logins();
        test_revoking_drops_what_is_under_way();
        test_which_device_is_meant();
        test_a_name_means_the_one_that_lives();
        test_refreshing_gives_a_token_of_a_session_of_its_own();
        test_R14_a_robot_pushes_nobody_out();
        test_a_session_that_is_over_is_followed_by_another();
        test_R4_many_at_once_share_one_session();
        test_R6_somebody_elses_is_spent_and_refused();
        test_R2_reuse_is_found_here_too_and_ends_its_tokens();
        test_guesses_over_the_bus_are_charged();
        test_R10_without_a_commit_no_token();
        test_its_session_outlives_the_sweep();
        return 0;
}
