/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Refresh tokens at a login's prompt: each works once, and a second use is told from a lost reply. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-devices.h"
#include "daemon/core/user-admin.h"

#define DAY (24 * 3600)

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

/* Counts above a hundred run at a twentieth, but for a soak. */
static unsigned scaled(unsigned n) {
        return getenv("TESSERA_SOAK") ? n : MAX(n / 20, 1);
}

/* alice, logged in by her password in login 5, and her laptop. */
typedef struct Scene {
        World *world;
        char *login;
        TestDevice laptop;
} Scene;

static Scene scene_new(void) {
        Scene scene = { .world = world_new() };

        scene.login = world_log_in(scene.world, "alice", ALICE_PASSWORD, 5);
        scene.laptop = test_device_add(scene.world, ALICE, 5, "laptop");
        return scene;
}

static void scene_deinit(Scene *scene) {
        world_free(scene->world);
        g_free(scene->login);
}

#define _scene_ __attribute__((__cleanup__(scene_deinit)))

static void test_a_device_logs_in_as_its_origin_did(void) {
        _scene_ Scene scene = scene_new();
        g_autoptr(Session) session = NULL;
        g_autoptr(Device) device = NULL;
        g_autofree char *id = NULL, *why = NULL;
        int64_t proven = scene.world->clock.wall;

        fake_clock_forward(&scene.world->clock, 3600);
        id = test_device_log_in(scene.world, &scene.laptop, 1, 6, &why);
        session = world_session(scene.world, id);
        g_assert_cmpstr(session->methods[0], ==, "tok");
        assert(!session->methods[1]);
        g_assert_cmpint(session->auth_time, ==, proven);
        g_assert_cmpstr(session->auth_method, ==, "pwd");
        g_assert_cmpstr(session->device, ==, scene.laptop.text);
        g_assert_cmpstr(session->parent, ==, "");
        g_assert_cmpint(session->ends, ==, scene.world->clock.wall + 7 * DAY);
        assert(!session->role_cap);
        device = test_device_get(scene.world, &scene.laptop);
        g_assert_cmpint(device->used, ==, scene.world->clock.wall);
        g_assert_cmpstr(device->from, ==, "192.0.2.9");
        g_assert_cmpint(device->window.highest, ==, 1);
}

static LoginVerdict sudo_check(World *world, uint32_t audit_id) {
        const LoginRequest request = { .user = "alice", .service = "sudo" };
        Caller pam = world_pam(audit_id);
        LoginAnswer answer = world_ask(world, login_check, &pam, &request);

        g_free(world_audit(world));
        return answer.verdict;
}

static void test_P31_a_device_never_makes_a_login_fresh(void) {
        _scene_ Scene scene = scene_new();

        test_device_expect(scene.world, &scene.laptop, 1, NULL);
        g_assert_cmpint(sudo_check(scene.world, 1001), ==, LOGIN_ALLOW); /* as fresh as its origin still is */
        fake_clock_forward(&scene.world->clock, 901);
        g_assert_cmpint(sudo_check(scene.world, 1001), ==, LOGIN_STEP_UP);
        test_device_expect(scene.world, &scene.laptop, 2, NULL);
        g_assert_cmpint(sudo_check(scene.world, 1002), ==, LOGIN_STEP_UP);
}

static void test_P31_a_device_at_the_step_up_prompt_is_refused_and_not_spent(void) {
        _scene_ Scene scene = scene_new();
        const LoginRequest sudo = { .user = "alice", .service = "sudo" };
        g_autofree char *token = test_device_token(&scene.laptop, 1), *why = NULL;
        Caller pam = world_pam(5);
        LoginAnswer answer = world_authenticate(scene.world, &pam, &sudo, token);

        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_cmpstr(answer.reason, ==, WIRE_REASON_STALE);
        why = world_reason(scene.world);
        g_assert_cmpstr(why, ==, "token-at-step-up");
        test_device_expect(scene.world, &scene.laptop, 1, NULL);
}

/* Everything that a second use must have done. */
static void expect_revoked(Scene *scene, const TestDevice *device, const char *session) {
        g_autoptr(Device) found = test_device_get(scene->world, device);

        assert(found->revoked > 0);
        g_assert_cmpstr(found->revoke_reason, ==, DEVICE_REASON_REUSE);
        g_assert_cmpint(world_state(scene->world, session), ==, SESSION_REVOKED);
        g_assert_cmpint(world_state(scene->world, scene->login), ==, SESSION_ACTIVE); /* it did not come from it */
}

static void test_R2_a_second_use_revokes_device_sessions_and_logins(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *id = NULL, *why = NULL, *again = NULL, *audit = NULL, *wanted = NULL;
        LoginAnswer answer;

        id = test_device_log_in(scene.world, &scene.laptop, 1, 6, &why);
        answer = test_device_answer(scene.world, &scene.laptop, "alice", 1, 7);
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_cmpstr(answer.reason, ==, WIRE_REASON_CREDENTIAL);
        expect_revoked(&scene, &scene.laptop, id);
        assert_ended(scene.world, "session c6");
        audit = world_audit(scene.world);
        wanted = g_strdup_printf("reuse reuse alice -; revoked reuse alice %s; refused reuse alice -", id);
        g_assert_cmpstr(audit, ==, wanted);
        test_device_expect(scene.world, &scene.laptop, 2, "device-revoked");
        test_device_expect(scene.world, &scene.laptop, 1, "device-revoked");
}

/* Thief and owner begin with the same copy and log in in the order of @order's bits. */
static void play_order(Scene *scene, unsigned order, unsigned n) {
        TestDevice device = test_device_add(scene->world, ALICE, 5, "copied");
        uint32_t next[2] = { 1, 1 }, highest = 0;
        bool found = false;

        for (unsigned i = 0; i < n; i++) {
                uint32_t counter = next[(order >> i) & 1]++;
                bool again = counter <= highest;

                test_device_expect(scene->world, &device, counter, found ? "device-revoked" : again ? "reuse" : NULL);
                found |= again;
                highest = MAX(highest, counter);
                fake_clock_forward(&scene->world->clock, 1);
        }
        g_assert_cmpstr(test_device_state(scene->world, &device), ==, found ? "revoked" : "active");
        if (!found)
                test_device_expect(scene->world, &device, 1, "reuse"); /* so that its name is free again */
}

static void test_R2_thief_and_owner_in_every_order(void) {
        _scene_ Scene scene = scene_new();

        for (unsigned n = 1; n <= 5; n++)
                for (unsigned order = 0; order < 1U << n; order++)
                        play_order(&scene, order, n);
}

/* The thief leaves @jump counters out; the owner comes @wait seconds later with the first of them. */
static void play_jump(World *world, uint32_t jump, int64_t wait, const char *why) {
        TestDevice device = test_device_add(world, ALICE, 5, "jumped");

        test_device_expect(world, &device, 1, NULL);
        test_device_expect(world, &device, 2 + jump, NULL);
        fake_clock_forward(&world->clock, wait);
        test_device_expect(world, &device, 2, why);
        if (!why)
                test_device_expect(world, &device, 2, "reuse");
        world->clock.wall -= wait; /* the owner's login has to stay fresh for the next device */
}

static void test_R2_jumps_are_found_at_the_owners_first_login_after_120_s(void) {
        static const uint32_t edges[] = { 1, 2, 63, 64, 1022, 1023, 1024, 1025, 1999, 2000 };
        _scene_ Scene scene = scene_new();

        for (size_t i = 0; i < G_N_ELEMENTS(edges); i++) {
                bool in_window = edges[i] <= DEVICE_WINDOW;

                play_jump(scene.world, edges[i], 0, in_window ? NULL : "reuse");
                play_jump(scene.world, edges[i], DEVICE_LATE_S, in_window ? NULL : "reuse");
                play_jump(scene.world, edges[i], DEVICE_LATE_S + 1, "reuse");
                play_jump(scene.world, edges[i], DAY, "reuse");
        }
        for (uint32_t jump = 1; jump <= 2000; jump += 2000 / scaled(2000))
                play_jump(scene.world, jump, DEVICE_LATE_S + 1, "reuse");
}

static void test_R2_a_thief_who_lags_is_found_at_once(void) {
        static const int64_t lags[] = { 0, 1, 30, 120, 121, 3600, DAY };
        _scene_ Scene scene = scene_new();

        for (size_t i = 0; i < G_N_ELEMENTS(lags); i++) {
                TestDevice device = test_device_add(scene.world, ALICE, 5, "lagging");

                for (uint32_t counter = 1; counter <= 5; counter++)
                        test_device_expect(scene.world, &device, counter, NULL);
                fake_clock_forward(&scene.world->clock, lags[i]);
                test_device_expect(scene.world, &device, 3, "reuse");
                test_device_expect(scene.world, &device, 6, "device-revoked");
                scene.world->clock.wall -= lags[i];
        }
}

static void test_R2_a_login_under_way_does_not_get_through_behind_it(void) {
        _scene_ Scene scene = scene_new();
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.9", .tty = "ssh" };
        LoginAnswer pending = test_device_answer(scene.world, &scene.laptop, "alice", 1, 6), answer;
        g_autofree char *said = NULL;
        Caller pam = world_pam(6);

        g_assert_cmpint(pending.verdict, ==, LOGIN_ALLOW);
        test_device_expect(scene.world, &scene.laptop, 1, "reuse");
        request.session = pending.session;
        answer = world_ask(scene.world, login_open, &pam, &request);
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        said = world_reason(scene.world);
        g_assert_cmpstr(said, ==, "handle-not-pending");
}

static const Scene *reused_meanwhile;

static void reuse_meanwhile(World *world) {
        LoginAnswer answer = test_device_answer(world, &reused_meanwhile->laptop, "alice", 1, 9);

        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
}

/* The same, when it is past what is pending and about to be opened. */
static void test_R2_nor_at_the_last_moment(void) {
        _scene_ Scene scene = scene_new();
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.9", .tty = "ssh" };
        LoginAnswer pending = test_device_answer(scene.world, &scene.laptop, "alice", 1, 6), answer;
        Caller pam = world_pam(6);

        request.session = pending.session;
        reused_meanwhile = &scene;
        world_before_open(scene.world, reuse_meanwhile);
        answer = world_ask(scene.world, login_open, &pam, &request);
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_cmpstr(answer.reason, ==, WIRE_REASON_SESSION);
}

static void test_R2_what_was_made_from_its_session_ends_with_it(void) {
        _scene_ Scene scene = scene_new();
        const LoginRequest ssh = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
        g_autofree char *id = NULL, *why = NULL, *token = NULL;
        Caller child = world_pam_child(8), pam = world_pam(8);
        LoginRequest request = ssh;
        g_autoptr(Session) session = NULL;
        LoginAnswer answer;

        id = test_device_log_in(scene.world, &scene.laptop, 1, 6, &why);
        token = world_token(scene.world, ALICE, 6);
        answer = world_authenticate(scene.world, &child, &ssh, token);
        request.session = answer.session;
        answer = world_ask(scene.world, login_open, &pam, &request);
        session = world_session(scene.world, answer.session);
        g_assert_cmpstr(session->parent, ==, id);
        g_assert_cmpstr(session->device, ==, scene.laptop.text);
        g_free(world_audit(scene.world));
        test_device_expect(scene.world, &scene.laptop, 1, "reuse");
        g_assert_cmpint(world_state(scene.world, session->id), ==, SESSION_REVOKED);
        assert_ended(scene.world, "session c6; session c8");
}

/* A client never repeats a counter: whatever of its requests or their replies is lost, the next one works. */
static void test_R3_lost_requests_and_replies_never_raise_an_alarm(void) {
        _scene_ Scene scene = scene_new();
        unsigned n = scaled(1000);
        uint32_t counter = 0;

        for (unsigned i = 0; i < n; i++) {
                uint32_t lost = (i * 7) % 5; /* requests that never arrived */

                counter += lost;
                if (i % 3 == 0) /* arrived, and the answer did not: pending, never opened */
                        (void) test_device_answer(scene.world, &scene.laptop, "alice", ++counter, 77);
                g_free(world_audit(scene.world));
                fake_clock_forward(&scene.world->clock, i % 4 == 0 ? 500 : 1);
                test_device_expect(scene.world, &scene.laptop, ++counter, NULL);
        }
        g_assert_cmpstr(test_device_state(scene.world, &scene.laptop), ==, "active");
}

static void test_R4_out_of_order_within_two_minutes_never_alarms(void) {
        _scene_ Scene scene = scene_new();

        for (uint32_t i = 0; i < 64; i++) /* 37 and 64 share no factor: each counter comes once */
                test_device_expect(scene.world, &scene.laptop, 1 + (i * 37) % 64, NULL);
        for (uint32_t i = 64; i > 0; i--)
                test_device_expect(scene.world, &scene.laptop, 64 + i, NULL);
        g_assert_cmpstr(test_device_state(scene.world, &scene.laptop), ==, "active");
        test_device_expect(scene.world, &scene.laptop, 64 + 17, "reuse");
}

/* Two logins at once, the later token first, and between them somebody, or NTP, sets the clock. */
static void test_R7_a_clock_that_is_set_makes_no_thief(void) {
        static const int64_t steps[] = { 3600, -3600, 5 * DAY, -5 * DAY };

        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
                _scene_ Scene scene = scene_new();

                test_device_expect(scene.world, &scene.laptop, 2, NULL);
                scene.world->clock.wall += steps[i];
                test_device_expect(scene.world, &scene.laptop, 1, NULL);
                /* Nor does it make a lagging one honest. */
                test_device_expect(scene.world, &scene.laptop, 4, NULL);
                fake_clock_forward(&scene.world->clock, 121);
                scene.world->clock.wall -= 121;
                test_device_expect(scene.world, &scene.laptop, 3, "reuse");
        }
}

static void test_R4_what_is_not_genuine_is_a_wrong_answer_and_revokes_nothing(void) {
        _scene_ Scene scene = scene_new();
        TestDevice other_key = test_device_new(), other_audience = scene.laptop, unknown = test_device_new();
        g_autofree char *spelled = test_device_token(&scene.laptop, 1), *said = NULL;
        const LoginRequest ssh = { .user = "alice", .service = "sshd", .rhost = "192.0.2.9" };
        Caller child = world_pam_child(6);

        memcpy(other_key.id, scene.laptop.id, sizeof(other_key.id));
        other_audience.audience = "web2.example";
        test_device_expect(scene.world, &other_key, 1, "token-invalid");
        test_device_expect(scene.world, &other_audience, 1, "token-invalid");
        test_device_expect(scene.world, &unknown, 1, "token-invalid");
        spelled[REFRESH_TOKEN_LENGTH - 1] ^= 1; /* another spelling of the same bits, or other bits */
        g_assert_cmpint(world_authenticate(scene.world, &child, &ssh, spelled).verdict, ==, LOGIN_DENY);
        said = world_reason(scene.world);
        g_assert_cmpstr(said, ==, "token-invalid");
        g_assert_cmpint(world_authenticate(scene.world, &child, &ssh, "ts1_").verdict, ==, LOGIN_DENY);
        g_free(world_audit(scene.world));
        test_device_expect(scene.world, &scene.laptop, 1, NULL);
}

/* A right signature is no guess, so who closes the prompt by guessing does not lock the device out. */
static void test_forgeries_are_charged_and_the_genuine_pass_a_closed_prompt(void) {
        _scene_ Scene scene = scene_new();
        TestDevice forged = scene.laptop;

        forged.seed[0] ^= 1;
        for (unsigned i = 0; i < BURST; i++)
                test_device_expect(scene.world, &forged, 1 + i, "token-invalid");
        test_device_expect(scene.world, &forged, 99, "throttled");
        test_device_expect(scene.world, &scene.laptop, 1, NULL);
}

static void test_R6_of_another_user_it_is_spent_and_nothing_is_revoked(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *said = NULL;
        LoginAnswer answer = test_device_answer(scene.world, &scene.laptop, "bob", 1, 6);

        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        said = world_reason(scene.world);
        g_assert_cmpstr(said, ==, "token-of-another-user");
        g_assert_cmpstr(test_device_state(scene.world, &scene.laptop), ==, "active");
        test_device_expect(scene.world, &scene.laptop, 2, NULL);
        test_device_expect(scene.world, &scene.laptop, 1, "reuse");
}

static void test_R6_after_disabling_removal_and_another_password(void) {
        const Caller alice = world_person(ALICE, 5);
        _cleanup_secret_ Secret *current = world_secret(ALICE_PASSWORD), *password = world_secret("canary: another");
        bool changed;

        for (unsigned what = 0; what < 3; what++) {
                _scene_ Scene scene = scene_new();
                const Caller *caller = what == 2 ? &alice : &root;
                int r = what == 0 ? user_set_enabled(scene.world->core, caller, "alice", false, &changed) :
                        what == 1 ? user_remove(scene.world->core, caller, "alice", &changed) :
                                    user_change_password(scene.world->core, caller, "alice", current, password, NULL);
                LoginAnswer answer;

                g_assert_cmpint(r, ==, 0);
                g_free(world_audit(scene.world));
                answer = test_device_answer(scene.world, &scene.laptop, "alice", 1, 6);
                g_assert_cmpint(answer.verdict, ==, what == 1 ? LOGIN_NOT_OURS : LOGIN_DENY);
                g_free(world_audit(scene.world));
                if (what == 0) {
                        g_assert_cmpint(user_set_enabled(scene.world->core, &root, "alice", true, &changed), ==, 0);
                        g_free(world_audit(scene.world));
                }
                if (what != 1)
                        test_device_expect(scene.world, &scene.laptop, 2, "device-revoked");
        }
}

static void test_R8_a_device_that_was_not_used_for_a_week_is_expired(void) {
        _scene_ Scene scene = scene_new();

        fake_clock_forward(&scene.world->clock, 7 * DAY);
        test_device_expect(scene.world, &scene.laptop, 1, NULL);
        fake_clock_forward(&scene.world->clock, 7 * DAY + 1);
        g_assert_cmpstr(test_device_state(scene.world, &scene.laptop), ==, "expired");
        test_device_expect(scene.world, &scene.laptop, 2, "device-expired");
}

static void test_R8_whatever_is_done_with_it_90_days_are_all(void) {
        _scene_ Scene scene = scene_new();
        g_autoptr(Session) session = NULL;
        g_autofree char *id = NULL, *why = NULL;
        uint32_t counter = 0;

        for (unsigned week = 0; week < 12; week++) {
                fake_clock_forward(&scene.world->clock, 7 * DAY);
                test_device_expect(scene.world, &scene.laptop, ++counter, NULL);
        }
        fake_clock_forward(&scene.world->clock, 6 * DAY - 10);
        id = test_device_log_in(scene.world, &scene.laptop, ++counter, 6, &why);
        session = world_session(scene.world, id);
        g_assert_cmpint(session->ends, ==, scene.world->clock.wall + 10); /* no later than the device */
        fake_clock_forward(&scene.world->clock, 10);
        test_device_expect(scene.world, &scene.laptop, ++counter, "device-expired");
}

/* [device] idle counts from the next login on, lifetime for what is registered from now on. */
static void test_R14_the_settings_have_their_effect(void) {
        _scene_ Scene scene = scene_new();
        Settings *settings = world_settings(scene.world);
        g_autoptr(Device) device = NULL;
        TestDevice second;

        settings->device_idle = 100;
        settings->device_lifetime = 250;
        world_use_settings(scene.world, settings);
        second = test_device_add(scene.world, ALICE, 5, "second");
        device = test_device_get(scene.world, &second);
        g_assert_cmpint(device->ends, ==, scene.world->clock.wall + 250);
        fake_clock_forward(&scene.world->clock, 101);
        test_device_expect(scene.world, &scene.laptop, 1, "device-expired");
        test_device_expect(scene.world, &second, 1, "device-expired");
}

static void test_R7_a_clock_that_is_set_back_extends_nothing(void) {
        static const int64_t back[] = { 1, 3600, 30 * DAY };

        for (size_t i = 0; i < G_N_ELEMENTS(back); i++) {
                _scene_ Scene scene = scene_new();
                g_autoptr(Device) before = NULL, after = NULL;
                g_autoptr(Session) session = NULL;
                g_autofree char *id = NULL, *why = NULL;

                fake_clock_forward(&scene.world->clock, DAY);
                test_device_expect(scene.world, &scene.laptop, 1, NULL);
                before = test_device_get(scene.world, &scene.laptop);
                scene.world->clock.wall -= back[i];
                id = test_device_log_in(scene.world, &scene.laptop, 2, 6, &why);
                session = world_session(scene.world, id);
                after = test_device_get(scene.world, &scene.laptop);
                g_assert_cmpint(after->ends, ==, before->ends);
                assert(after->used >= before->used);
                assert(session->ends <= after->ends);
                g_assert_cmpint(session->auth_time, ==, before->auth_time);
        }
}

static void test_R7_years_far_away(void) {
        static const int64_t walls[] = { 1, 2147483648, 253402300799 };

        for (size_t i = 0; i < G_N_ELEMENTS(walls); i++) {
                _scene_ Scene scene = scene_new();

                scene.world->clock.wall = walls[i];
                test_device_expect(scene.world, &scene.laptop, 1, walls[i] == 1 ? NULL : "device-expired");
        }
}

static void test_R10_a_commit_that_failed_lets_nobody_in(void) {
        _scene_ Scene scene = scene_new();
        g_autofree char *token = test_device_token(&scene.laptop, 1);
        _cleanup_secret_ Secret *secret = world_secret(token);
        const LoginRequest ssh = { .user = "alice", .service = "sshd", .rhost = "192.0.2.9" };
        Caller child = world_pam_child(6);
        LoginAnswer answer = { .verdict = LOGIN_DENY };

        world_break_writes(scene.world);
        g_assert_cmpint(login_authenticate(scene.world->core, &child, &ssh, secret, &answer), ==, -EIO);
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
}

static void test_R14_logins_of_a_device_count_like_any(void) {
        _scene_ Scene scene = scene_new();
        g_autoptr(GPtrArray) sessions = NULL;
        const Caller alice = world_person(ALICE, 5);

        world_set_settings(scene.world, DAY, 7 * DAY, 3);
        for (uint32_t counter = 1; counter <= 10; counter++) {
                fake_clock_forward(&scene.world->clock, 1);
                test_device_expect(scene.world, &scene.laptop, counter, NULL);
        }
        g_assert_cmpint(session_list(scene.world->core, &alice, &(SessionFilter) { .uid = ALICE }, &sessions), ==, 0);
        g_assert_cmpint(sessions->len, ==, 3);
}

typedef struct Race {
        Scene *scene;
        gint winners;
} Race;

static gpointer race(gpointer data) {
        Race *race = data;
        LoginAnswer answer = test_device_answer(race->scene->world, &race->scene->laptop, "alice", 1, 6);

        if (answer.verdict == LOGIN_ALLOW)
                g_atomic_int_inc(&race->winners);
        return NULL;
}

static void test_R1_of_many_uses_at_once_exactly_one_wins(void) {
        for (unsigned round = 0; round < 5; round++) {
                _scene_ Scene scene = scene_new();
                Race of = { .scene = &scene };
                GThread *threads[16];

                for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                        threads[i] = g_thread_new("race", race, &of);
                for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                        (void) g_thread_join(threads[i]);
                g_assert_cmpint(of.winners, ==, 1);
                g_assert_cmpstr(test_device_state(scene.world, &scene.laptop), ==, "revoked");
        }
}

int main(void) {
        test_a_device_logs_in_as_its_origin_did();
        test_P31_a_device_never_makes_a_login_fresh();
        test_P31_a_device_at_the_step_up_prompt_is_refused_and_not_spent();
        test_R2_a_second_use_revokes_device_sessions_and_logins();
        test_R2_thief_and_owner_in_every_order();
        test_R2_jumps_are_found_at_the_owners_first_login_after_120_s();
        test_R2_a_thief_who_lags_is_found_at_once();
        test_R2_a_login_under_way_does_not_get_through_behind_it();
        test_R2_nor_at_the_last_moment();
        test_R2_what_was_made_from_its_session_ends_with_it();
        test_R3_lost_requests_and_replies_never_raise_an_alarm();
        test_R4_out_of_order_within_two_minutes_never_alarms();
        test_R7_a_clock_that_is_set_makes_no_thief();
        test_R4_what_is_not_genuine_is_a_wrong_answer_and_revokes_nothing();
        test_forgeries_are_charged_and_the_genuine_pass_a_closed_prompt();
        test_R6_of_another_user_it_is_spent_and_nothing_is_revoked();
        test_R6_after_disabling_removal_and_another_password();
        test_R8_a_device_that_was_not_used_for_a_week_is_expired();
        test_R8_whatever_is_done_with_it_90_days_are_all();
        test_R14_the_settings_have_their_effect();
        test_R7_a_clock_that_is_set_back_extends_nothing();
        test_R7_years_far_away();
        test_R10_a_commit_that_failed_lets_nobody_in();
        test_R14_logins_of_a_device_count_like_any();
        test_R1_of_many_uses_at_once_exactly_one_wins();
        return 0;
}
