/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* A login that may not have all roles of its user: what is tried to have them all the same. */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/device-admin.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-devices.h"

#define LIFETIME 1000
#define LOGIN 5
#define MONTHS (60 * 24 * 60 * 60) /* longer than what ended is kept */

static const char *const everyone[] = { "everyone", NULL };

/* alice, an admin here, came to login 5 by a ticket that brought less; or by something else (@cap NULL). */
static Session *log_in(World *world, const char *const *cap) {
        g_autoptr(Session) session = session_new();
        g_autoptr(GPtrArray) evicted = NULL;
        bool bound;

        clock_new_session_id(&world->clock.clock, session->id);
        session->user = g_strdup("alice");
        session->uid = ALICE;
        session->host = g_strdup(HOST);
        session->service = g_strdup("sshd");
        session->state = SESSION_ACTIVE;
        session->methods = g_strdupv((char *[]) { (char *) "tok", NULL });
        session->auth_time = session->opened = session->seen = world->clock.wall;
        session->auth_method = g_strdup("pwd");
        session->ends = world->clock.wall + LIFETIME;
        session->audit_id = LOGIN;
        session->boot_id = g_strdup(BOOT);
        session->role_cap = g_strdupv((char **) cap);
        g_assert_cmpint(store_session_open(world->store, session, 32, &bound, &evicted), ==, 0);
        assert(bound);
        return g_steal_pointer(&session);
}

static LoginAnswer ask_sudo(World *world, Question question) {
        Caller pam = world_pam(LOGIN);
        LoginAnswer answer = world_ask(world, question, &pam, &(LoginRequest) { .user = "alice", .service = "sudo" });

        g_free(world_audit(world));
        return answer;
}

static LoginAnswer step_up(World *world, const char *service) {
        Caller pam = world_pam(LOGIN);
        LoginAnswer answer = world_authenticate(world, &pam, &(LoginRequest) { .user = "alice", .service = service },
                                                ALICE_PASSWORD);

        g_free(world_audit(world));
        return answer;
}

static void log_out(World *world, const Session *session) {
        Caller alice = world_person(ALICE, LOGIN);
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_logout(world->core, &alice, /* others= */ false, &ended), ==, 0);
}

static void let_expire(World *world, const Session *session) {
        fake_clock_forward(&world->clock, LIFETIME);
}

static void let_sweep(World *world, const Session *session) {
        fake_clock_forward(&world->clock, LIFETIME);
        g_assert_cmpint(core_sweep(world->core), ==, 0);
}

static void let_be_forgotten(World *world, const Session *session) {
        let_sweep(world, session);
        fake_clock_forward(&world->clock, MONTHS);
        g_assert_cmpint(core_sweep(world->core), ==, 0);
}

static void evict(World *world, const Session *session) {
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(store_session_end(world->store, &(SessionSelector) { .id = session->id, .uid = UID_UNSET },
                                          SESSION_EVENT_CLOSE, "evicted", world->clock.wall, &ended), ==, 0);
}

static void (*const endings[])(World *world, const Session *session) = {
        log_out, let_expire, let_sweep, let_be_forgotten, evict,
};

static void expect_role_missing(LoginAnswer answer) {
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_cmpstr(answer.reason, ==, WIRE_REASON_ROLE_MISSING);
}

/* Else "tessera logout" were all that it takes, where sudoers say NOPASSWD. */
static void test_A9_a_login_stays_capped_when_its_session_is_over(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
                g_autoptr(World) world = world_new();
                g_autoptr(Session) session = log_in(world, everyone);

                endings[i](world, session);
                g_free(world_audit(world));
                expect_role_missing(ask_sudo(world, login_authorize));
                expect_role_missing(ask_sudo(world, login_check));
                expect_role_missing(step_up(world, "sudo"));
                expect_role_missing(ask_sudo(world, login_authorize));
        }
}

static void test_A9_what_a_step_up_opens_in_it_is_capped(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
                g_autoptr(World) world = world_new();
                g_autoptr(Session) session = log_in(world, everyone), opened = NULL;
                g_autoptr(Device) device = NULL;
                TestDevice laptop;
                LoginAnswer answer;

                endings[i](world, session);
                answer = step_up(world, "tessera");
                g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
                opened = world_session(world, answer.session);
                g_assert_cmpstr(opened->id, !=, session->id);
                assert(g_strv_equal((const char *const *) opened->role_cap, everyone));
                assert(g_strv_equal((const char *const *) opened->roles, everyone));
                laptop = test_device_add(world, ALICE, LOGIN, "laptop");
                device = test_device_get(world, &laptop);
                assert(g_strv_equal((const char *const *) device->role_cap, everyone));
                expect_role_missing(ask_sudo(world, login_authorize));
        }
}

static void test_a_login_that_was_never_capped_is_not(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
                g_autoptr(World) world = world_new();
                g_autoptr(Session) session = log_in(world, NULL), opened = NULL;
                LoginAnswer answer;

                endings[i](world, session);
                g_free(world_audit(world));
                g_assert_cmpint(ask_sudo(world, login_authorize).verdict, ==, LOGIN_ALLOW);
                g_assert_cmpint(ask_sudo(world, login_check).verdict, ==, LOGIN_STEP_UP);
                answer = step_up(world, "sudo");
                g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
                opened = world_session(world, answer.session);
                assert(!opened->role_cap);
        }
}

/* Account asks for the roles of the user, which are more: so the proof alone can hold the cap. */
static void test_A9_a_token_of_a_capped_login_is_not_for_services_beyond_it(void) {
        const LoginRequest console = { .user = "alice", .service = "console" }, sshd = { .user = "alice", .service = "sshd" };
        g_autoptr(World) world = world_new();
        g_autoptr(Session) session = log_in(world, everyone);
        g_autofree char *token = NULL, *why = NULL;
        Caller child = world_pam_child(6);

        world_set_policy(world, "alice", "max-age=15min\n[service:console]\nroles=admin");
        token = world_token(world, ALICE, LOGIN);
        g_assert_cmpint(world_authenticate(world, &child, &console, token).verdict, ==, LOGIN_DENY);
        why = world_reason(world);
        g_assert_cmpstr(why, ==, "role-missing");
        g_assert_cmpint(world_authenticate(world, &child, &sshd, token).verdict, ==, LOGIN_ALLOW);
}

static void test_A9_nor_is_a_device_of_one(void) {
        const LoginRequest console = { .user = "alice", .service = "console" };
        g_autoptr(World) world = world_new();
        g_autoptr(Session) session = log_in(world, everyone);
        g_autofree char *token = NULL, *why = NULL;
        Caller child = world_pam_child(6);
        TestDevice laptop;

        world_set_policy(world, "alice", "max-age=15min\n[service:console]\nroles=admin");
        g_assert_cmpint(step_up(world, "tessera").verdict, ==, LOGIN_ALLOW);
        laptop = test_device_add(world, ALICE, LOGIN, "laptop");
        token = test_device_token(&laptop, 1);
        g_assert_cmpint(world_authenticate(world, &child, &console, token).verdict, ==, LOGIN_DENY);
        why = world_reason(world);
        g_assert_cmpstr(why, ==, "role-missing");
        test_device_expect(world, &laptop, 2, NULL); /* a refusal is no theft */
}

/* The session that a refresh opens is shown with what it may, and no more. */
static void test_A9_what_such_a_device_refreshes_is_shown_capped(void) {
        g_autoptr(World) world = world_new();
        g_autoptr(Session) session = log_in(world, everyone), opened = NULL;
        g_autoptr(TokenClaims) claims = NULL;
        Caller person = world_person(ALICE, LOGIN);
        g_autofree char *text = NULL;
        _cleanup_secret_ Secret *secret = NULL;
        TestDevice laptop;
        char *token;

        g_assert_cmpint(step_up(world, "tessera").verdict, ==, LOGIN_ALLOW);
        laptop = test_device_add(world, ALICE, LOGIN, "laptop");
        text = test_device_token(&laptop, 1);
        secret = world_secret(text);
        g_assert_cmpint(device_refresh(world->core, &person, secret, /* min_ttl= */ 0, &token, &claims), ==, 0);
        token_free(token);
        opened = world_session(world, claims->session);
        assert(g_strv_equal((const char *const *) opened->roles, everyone));
}

int main(void) {
        test_A9_a_login_stays_capped_when_its_session_is_over();
        test_A9_what_a_step_up_opens_in_it_is_capped();
        test_a_login_that_was_never_capped_is_not();
        test_A9_a_token_of_a_capped_login_is_not_for_services_beyond_it();
        test_A9_nor_is_a_device_of_one();
        test_A9_what_such_a_device_refreshes_is_shown_capped();
        return 0;
}
