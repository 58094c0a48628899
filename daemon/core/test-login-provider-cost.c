/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Sign-ins at an identity provider: what they cost, how they step up, and whom they tell what. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/core/session-admin.h"
#include "daemon/core/test-corp.h"

/* What it costs */

static void test_it_is_charged_as_an_attempt(void) {
        g_autoptr(World) world = corp();

        for (int i = 0; i < BURST; i++)
                g_free(begin(world, "alice"));
        expect_no(world, "one too many", enter_as(world, "alice", "sshd", ""), "throttled");
        g_assert_cmpuint(world->provider.begun, ==, BURST);
        expect_no(world, "and it is one ledger", enter_as(world, "alice", "sshd", ALICE_PASSWORD), "throttled");
}

/* An approval gives back what the sign-ins before it have cost, in that lane and at the host. */
static void test_an_approval_pays(void) {
        g_autoptr(World) world = corp();

        approve(world, "1", "alice");
        for (int i = 0; i < 3 * BURST; i++) {
                g_autofree char *flow = begin(world, "alice");
                g_assert_cmpint(ask(world, "alice", flow).verdict, ==, LOGIN_ALLOW);
                g_free(world_audit(world));
        }
}

static LoginAnswer enter_from(World *world, const char *rhost, const char *user) {
        Caller child = world_pam_child(5);

        return world_authenticate(world, &child, &(LoginRequest) { .user = user, .service = "sshd", .rhost = rhost }, "");
}

/* Strangers who begin, or guess, as somebody do not find out elsewhere that there is such a user, nor keep him off. */
static void test_O1_what_strangers_did_shows_at_no_other_host(void) {
        g_autoptr(World) world = corp();

        for (int i = 0; i < BURST; i++)
                g_free(begin(world, "alice"));
        g_assert_cmpint(enter_from(world, "198.51.100.7", "alice").verdict, ==, LOGIN_PENDING);
        g_assert_cmpint(enter_from(world, "198.51.100.7", "carol").verdict, ==, LOGIN_PENDING);
        for (int i = 0; i < BURST; i++)
                (void) enter_as(world, "bob", "sshd", WRONG_PASSWORD);
        g_assert_cmpint(enter_from(world, "198.51.100.7", "bob").verdict, ==, LOGIN_PENDING);
        for (int i = 0; i < BURST - 3; i++)
                g_assert_cmpint(enter_from(world, "198.51.100.7", "alice").verdict, ==, LOGIN_PENDING);
        g_free(world_audit(world));
        expect_no(world, "but the host pays", enter_from(world, "198.51.100.7", "alice"), "throttled");
        expect_no(world, "for everybody", enter_from(world, "198.51.100.7", "carol"), "throttled");
}

static void guess_meanwhile(gpointer data) {
        World *world = data;

        world->provider.while_begun = NULL;
        expect_no(world, "the burst is gone", enter_as(world, "alice", "sshd", ALICE_PASSWORD), "throttled");
}

/* A provider that takes its time takes no workers along: who has no room hears so at once. */
static void test_nobody_waits_for_a_slow_provider(void) {
        g_autoptr(World) world = corp();

        for (int i = 0; i < BURST - 1; i++)
                g_free(begin(world, "alice"));
        world->provider.while_begun = guess_meanwhile;
        world->provider.data = world;
        (void) alarm(20); /* it would be for ever */
        g_free(begin(world, "alice"));
        (void) alarm(0);
}

/* One that is somebody else's pays nothing. */
static void test_another_ones_approval_pays_nothing(void) {
        g_autoptr(World) world = corp();

        approve(world, "1", "alice");
        for (int i = 0; i < BURST; i++)
                expect_refused(world, "alice approves for bob", "bob", "provider-other-account");
        expect_no(world, "one too many", enter_as(world, "bob", "sshd", ""), "throttled");
}

static void test_an_outage_costs_nothing(void) {
        g_autoptr(World) world = corp();

        world->provider.error = -ECONNREFUSED;
        for (int i = 0; i < 2 * BURST; i++)
                expect_no(world, "no helper", enter_as(world, "alice", "sshd", ""), "provider-down");
        world->provider.error = -ETIMEDOUT;
        for (int i = 0; i < 2 * BURST; i++)
                expect_no(world, "no provider", enter_as(world, "alice", "sshd", ""), "provider-unreachable");
        world->provider.error = 0;
        g_free(begin(world, "alice"));
        g_assert_cmpint(enter_as(world, "alice", "sshd", ALICE_PASSWORD).verdict, ==, LOGIN_ALLOW);
}

static void test_outages_while_it_is_pending(void) {
        g_autoptr(World) world = corp();
        g_autofree char *flow = begin(world, "alice");

        world->provider.error = -ETIMEDOUT;
        g_assert_cmpint(ask(world, "alice", flow).verdict, ==, LOGIN_PENDING);
        assert_audit(world, "");
        world->provider.error = -ECONNREFUSED;
        expect_no(world, "the helper has ended", ask(world, "alice", flow), "provider-down");
}

/* Step-up */

static LoginAnswer sudo(World *world, const char *flow, const char *secret) {
        Caller pam = world_pam(5);

        return world_authenticate(world, &pam, &(LoginRequest) { .user = "alice", .service = "sudo", .flow = flow }, secret);
}

static void test_step_up(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5), *flow = NULL;
        g_autoptr(Session) session = NULL;
        Caller pam = world_pam(5);
        LoginRequest request = { .user = "alice", .service = "sudo" };
        LoginAnswer answer;

        g_assert_cmpstr(world_ask(world, login_check, &pam, &request).reason, ==, WIRE_REASON_METHOD);
        g_assert_cmpstr(sudo(world, NULL, ALICE_PASSWORD).reason, ==, WIRE_REASON_METHOD);
        answer = sudo(world, NULL, "");
        g_assert_cmpint(answer.verdict, ==, LOGIN_PENDING);
        flow = g_strdup(answer.flow);
        g_assert_cmpint(sudo(world, flow, "").verdict, ==, LOGIN_PENDING);
        fake_clock_forward(&world->clock, 60);
        approve(world, "1", "alice");
        answer = sudo(world, flow, "");
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_assert_cmpstr(answer.session, ==, id);
        session = world_session(world, id);
        g_assert_cmpstr(session->auth_method, ==, "oidc:corp");
        g_assert_cmpint(session->auth_time, ==, world->clock.wall);
        g_assert_cmpint(world_ask(world, login_check, &pam, &request).verdict, ==, LOGIN_ALLOW);
}

static void test_R15_a_login_that_was_revoked_steps_up_no_more(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        const char *const ids[] = { id, NULL };
        g_autoptr(GPtrArray) ended = NULL;
        LoginAnswer answer = sudo(world, NULL, "");

        g_assert_cmpint(answer.verdict, ==, LOGIN_PENDING);
        approve(world, "1", "alice");
        g_assert_cmpint(session_revoke(world->core, &world_root, &(SessionRevoke) { .ids = ids, .keep_login = true }, &ended,
                                       NULL), ==, 0);
        answer = sudo(world, answer.flow, "");
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_cmpstr(answer.reason, ==, WIRE_REASON_REVOKED);
}

/* The command: whoever sits there is identified, and may be told. */
static void test_what_an_identified_user_is_told(void) {
        g_autoptr(World) world = corp();
        _cleanup_secret_ Secret *nothing = world_secret("");
        Caller person = world_person(BOB, 6);
        LoginRequest request = { .user = "bob", .service = "tessera", .provider = "corp" };
        LoginAnswer answer;
        g_autofree char *flow = NULL;

        g_assert_cmpint(login_authenticate(world->core, &person, &request, nothing, &answer), ==, 0);
        g_assert_cmpint(answer.verdict, ==, LOGIN_PENDING);
        flow = g_strdup(answer.flow);
        login_answer_deinit(&answer);
        approve(world, "2", "bob");
        request = (LoginRequest) { .user = "bob", .service = "tessera", .flow = flow };
        g_assert_cmpint(login_authenticate(world->core, &person, &request, nothing, &answer), ==, 0);
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        assert(strstr(answer.message, "tessera user link bob --provider corp"));
        login_answer_deinit(&answer);

        world->provider.error = -ECONNREFUSED;
        request = (LoginRequest) { .user = "bob", .service = "tessera", .provider = "corp" };
        g_assert_cmpint(login_authenticate(world->core, &person, &request, nothing, &answer), ==, 0);
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_cmpstr(answer.message, ==, "corp cannot be asked now; your password works");
        login_answer_deinit(&answer);
}

static void expect_message(World *world, const Caller *caller, const char *user, const char *service,
                           const char *expected) {
        _cleanup_secret_ Secret *nothing = world_secret("");
        LoginRequest request = { .user = user, .service = service, .provider = "corp" };
        LoginAnswer answer;

        g_assert_cmpint(login_authenticate(world->core, caller, &request, nothing, &answer), ==, 0);
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_cmpstr(answer.message, ==, expected);
        login_answer_deinit(&answer);
}

/* A password is no way out for who has none, nor where only a provider counts. */
static void test_a_password_is_named_only_where_it_works(void) {
        g_autoptr(World) world = corp();
        Caller alices = world_person(ALICE, 5), daves = world_person(DAVE, 6), child = world_pam_child(5);

        world->provider.error = -ECONNREFUSED;
        expect_message(world, &alices, "alice", "tessera", "corp cannot be asked now; your password works");
        expect_message(world, &daves, "dave", "tessera", "corp cannot be asked now; try again later");
        expect_message(world, &child, "alice", "sudo", "corp cannot be asked now; try again later");
}

/* At a login's prompt nobody is told anything. */
static void test_nobody_else_is_told(void) {
        g_autoptr(World) world = corp();
        _cleanup_secret_ Secret *nothing = world_secret("");
        Caller child = world_pam_child(5);
        g_autofree char *flow = begin(world, "bob");
        LoginRequest request = { .user = "bob", .service = "sshd", .flow = flow };
        LoginAnswer answer;

        approve(world, "2", "bob");
        g_assert_cmpint(login_authenticate(world->core, &child, &request, nothing, &answer), ==, 0);
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_null(answer.message);
        world->provider.error = -ECONNREFUSED;
        request.flow = NULL;
        g_assert_cmpint(login_authenticate(world->core, &child, &request, nothing, &answer), ==, 0);
        g_assert_null(answer.message);
}

static void test_default_provider(void) {
        g_autoptr(World) none = world_new(), world = corp();
        g_autofree char *found = login_default_provider(world->core), *nothing = login_default_provider(none->core);

        g_assert_cmpstr(found, ==, "corp");
        g_assert_null(nothing);
}

int main(void) {
        test_it_is_charged_as_an_attempt();
        test_an_approval_pays();
        test_O1_what_strangers_did_shows_at_no_other_host();
        test_nobody_waits_for_a_slow_provider();
        test_another_ones_approval_pays_nothing();
        test_an_outage_costs_nothing();
        test_outages_while_it_is_pending();
        test_step_up();
        test_R15_a_login_that_was_revoked_steps_up_no_more();
        test_what_an_identified_user_is_told();
        test_a_password_is_named_only_where_it_works();
        test_nobody_else_is_told();
        test_default_provider();
        return 0;
}
