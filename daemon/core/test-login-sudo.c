/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* sudo and account: check, authorize, step-up. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-world.h"
#include "daemon/core/token.h"
#include "daemon/core/user-admin.h"

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

static LoginAnswer check(World *world, const char *user, uint32_t audit_id) {
        Caller sudo = world_pam(audit_id);

        return world_ask(world, login_check, &sudo, &(LoginRequest) { .user = user, .service = "sudo" });
}

static LoginAnswer authorize(World *world, const char *user, const char *service, uint32_t audit_id) {
        Caller pam = world_pam(audit_id);

        return world_ask(world, login_authorize, &pam, &(LoginRequest) { .user = user, .service = service });
}

static LoginAnswer step_up(World *world, const char *user, uint32_t audit_id, const char *secret) {
        Caller sudo = world_pam(audit_id);

        return world_authenticate(world, &sudo, &(LoginRequest) { .user = user, .service = "sudo", .tty = "pts/1" },
                                  secret);
}

static void revoke_id(World *world, const char *id) {
        const char *const ids[] = { id, NULL };
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(world->core, &root, &(SessionRevoke) { .ids = ids, .keep_login = true },
                                       &ended, NULL), ==, 0);
        g_assert_cmpint(ended->len, ==, 1);
        g_free(world_audit(world));
}

static void log_out(World *world, uid_t uid, uint32_t audit_id) {
        Caller person = world_person(uid, audit_id);
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_logout(world->core, &person, /* others= */ false, &ended), ==, 0);
        g_free(world_audit(world));
}

static void disable(World *world, const char *user) {
        bool changed;

        g_assert_cmpint(user_set_enabled(world->core, &root, user, false, &changed), ==, 0);
        g_free(world_audit(world));
}

/* Who is logged in by password: alice with the role, in login 5, and bob without it, in login 6. */
static World *two_logins(char **ret_alice, char **ret_bob) {
        World *world = world_new();

        *ret_alice = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        *ret_bob = world_log_in(world, "bob", BOB_PASSWORD, 6);
        return world;
}

static void test_check_by_role_and_age(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);
        g_autoptr(Session) before = world_session(world, alice), after = NULL;

        fake_clock_forward(&world->clock, 10);
        world_expect(world, "role, fresh", check(world, "alice", 5), LOGIN_ALLOW, NULL, "fresh");
        after = world_session(world, alice);
        g_assert_cmpint(after->seen, ==, before->seen + 10);
        world_expect(world, "no role", check(world, "bob", 6), LOGIN_DENY, WIRE_REASON_ROLE_MISSING, "role-missing");
        world_expect(world, "not enrolled", check(world, "carol", 6), LOGIN_NOT_OURS, NULL, "not-enrolled");
        world_expect(world, "not known at all", check(world, UNKNOWN_NAME, 6), LOGIN_NOT_OURS, NULL, "unknown-user");
        world_expect(world, "no session in this login", check(world, "alice", 7), LOGIN_STEP_UP, WIRE_REASON_STALE,
                     "no-session");
        fake_clock_forward(&world->clock, 15 * 60 - 10);
        world_expect(world, "just fresh", check(world, "alice", 5), LOGIN_ALLOW, NULL, "fresh");
        fake_clock_forward(&world->clock, 1);
        world_expect(world, "stale", check(world, "alice", 5), LOGIN_STEP_UP, WIRE_REASON_STALE, "stale");
}

/* P34: the kernel's id of the login must be set, of this user and of this boot. */
static void test_P34_a_login_is_matched_by_audit_id_and_user(void) {
        g_autofree char *alice = NULL, *bob = NULL, *unbound = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);

        world_expect(world, "unset", check(world, "alice", AUDIT_ID_UNSET), LOGIN_STEP_UP, WIRE_REASON_STALE, "no-session");
        world_expect(world, "another user's login", check(world, "alice", 6), LOGIN_STEP_UP, WIRE_REASON_STALE,
                     "no-session");
        unbound = world_log_in(world, "alice", ALICE_PASSWORD, AUDIT_ID_UNSET);
        world_expect(world, "an unbound session is found by nobody", check(world, "alice", AUDIT_ID_UNSET), LOGIN_STEP_UP,
                     WIRE_REASON_STALE, "no-session");
        g_free(world->core->boot_id);
        world->core->boot_id = g_strdup("99999999-2222-3333-4444-555555555555");
        world_expect(world, "the id of another boot", check(world, "alice", 5), LOGIN_STEP_UP, WIRE_REASON_STALE,
                     "no-session");
}

static void test_check_of_sessions_that_are_over(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);

        log_out(world, ALICE, 5);
        world_expect(world, "logged out", check(world, "alice", 5), LOGIN_STEP_UP, WIRE_REASON_STALE, "no-session");
        g_free(alice);
        alice = world_log_in(world, "alice", ALICE_PASSWORD, 8);
        revoke_id(world, alice);
        world_expect(world, "revoked", check(world, "alice", 8), LOGIN_DENY, WIRE_REASON_REVOKED, "login-revoked");
        world_expect(world, "and in account too", authorize(world, "alice", "sudo", 8), LOGIN_DENY, WIRE_REASON_REVOKED,
                     "login-revoked");
        world_expect(world, "a step-up revives nothing", step_up(world, "alice", 8, ALICE_PASSWORD), LOGIN_DENY,
                     WIRE_REASON_REVOKED, "login-revoked");
        world_expect(world, "another login of hers is as it was", step_up(world, "alice", 9, ALICE_PASSWORD), LOGIN_ALLOW,
                     NULL, "pwd");
}

/* Idle and over count at once: the sweep has not run. The store learns of it on the way. */
static void test_idle_and_over_before_any_sweep(void) {
        g_autofree char *alice = NULL, *bob = NULL, *lines = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);

        world_set_settings(world, /* idle= */ 60, /* lifetime= */ 600, 32);
        fake_clock_forward(&world->clock, 60);
        world_expect(world, "not yet idle", check(world, "alice", 5), LOGIN_ALLOW, NULL, "fresh");
        fake_clock_forward(&world->clock, 61);
        (void) check(world, "alice", 5);
        lines = world_audit(world);
        assert(g_str_has_prefix(lines, "expired idle alice"));
        assert(strstr(lines, "; step-up-asked no-session alice"));
        g_assert_cmpint(world_state(world, alice), ==, SESSION_EXPIRED);
        assert_ended(world, ""); /* only what is revoked ends the login */

        g_free(alice);
        alice = world_log_in(world, "alice", ALICE_PASSWORD, 8);
        for (int i = 0; i < 10; i++) {
                world_expect(world, "in use", check(world, "alice", 8), LOGIN_ALLOW, NULL, "fresh");
                fake_clock_forward(&world->clock, 60);
        }
        g_free(lines);
        (void) check(world, "alice", 8);
        lines = world_audit(world);
        assert(g_str_has_prefix(lines, "expired lifetime alice"));
}

static void test_P6_account_asks_for_the_role_without_any_auth(void) {
        static const struct {
                const char *sentence, *user, *service;
                LoginVerdict verdict;
                const char *reason, *why;
        } rows[] = {
                { "sshd is everybody's", "bob", "sshd", LOGIN_ALLOW, NULL, "role-held" },
                { "sudo is not", "bob", "sudo", LOGIN_DENY, WIRE_REASON_ROLE_MISSING, "role-missing" },
                { "sudo-i follows sudo", "bob", "sudo-i", LOGIN_DENY, WIRE_REASON_ROLE_MISSING, "role-missing" },
                { "with the role, without a session (NOPASSWD)", "alice", "sudo", LOGIN_ALLOW, NULL, "role-held" },
                { "sudo-i follows sudo here too", "alice", "sudo-i", LOGIN_ALLOW, NULL, "role-held" },
                { "an unknown service is nobody's", "alice", "ftp", LOGIN_DENY, WIRE_REASON_ROLE_MISSING,
                  "unknown-service" },
                { "not ours", "carol", "sudo", LOGIN_NOT_OURS, NULL, "not-enrolled" },
                { "not known", UNKNOWN_NAME, "sshd", LOGIN_NOT_OURS, NULL, "unknown-user" },
        };
        g_autoptr(World) world = world_new();

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                world_expect(world, rows[i].sentence, authorize(world, rows[i].user, rows[i].service, 5), rows[i].verdict,
                             rows[i].reason, rows[i].why);
}

static void test_account_does_not_ask_for_freshness(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);

        fake_clock_forward(&world->clock, 3600);
        world_expect(world, "stale", authorize(world, "alice", "sudo", 5), LOGIN_ALLOW, NULL, "role-held");
}

static void test_account_of_the_disabled_and_the_moved(void) {
        g_autoptr(World) world = world_new();

        world_set_account(world, "bob", 1999);
        world_expect(world, "another uid", authorize(world, "bob", "sshd", 5), LOGIN_DENY, WIRE_REASON_DISABLED,
                     "uid-changed");
        world_set_account(world, "bob", UID_UNSET);
        world_expect(world, "no account", authorize(world, "bob", "sshd", 5), LOGIN_DENY, WIRE_REASON_DISABLED,
                     "account-gone");
        world_set_account(world, "bob", BOB);
        disable(world, "bob");
        world_expect(world, "disabled", authorize(world, "bob", "sshd", 5), LOGIN_DENY, WIRE_REASON_DISABLED, "disabled");
}

/* A4: the role is asked for now, whatever the session or a token says. */
static void test_A4_a_role_that_is_taken_away_is_gone_at_once(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);

        world_expect(world, "before", check(world, "alice", 5), LOGIN_ALLOW, NULL, "fresh");
        world_set_policy(world, "bob", "");
        world_expect(world, "check", check(world, "alice", 5), LOGIN_DENY, WIRE_REASON_ROLE_MISSING, "role-missing");
        world_expect(world, "account", authorize(world, "alice", "sudo", 5), LOGIN_DENY, WIRE_REASON_ROLE_MISSING,
                     "role-missing");
        world_expect(world, "the other way", check(world, "bob", 6), LOGIN_ALLOW, NULL, "fresh");
}

static void test_the_refusal_names_the_role(void) {
        g_autoptr(World) world = world_new();
        Caller sudo = world_pam(5);
        LoginAnswer answer;

        g_assert_cmpint(login_authorize(world->core, &sudo, &(LoginRequest) { .user = "bob", .service = "sudo" },
                                        &answer), ==, 0);
        assert(answer.message && strstr(answer.message, "admin") && !strchr(answer.message, '\n'));
        login_answer_deinit(&answer);
}

/* A6: each no is exactly one line, with its reason, its user and no secret. */
static void test_A6_every_refusal_is_one_line(void) {
        g_autoptr(World) world = world_new();

        (void) authorize(world, "bob", "sudo", 5);
        assert_audit(world, "refused role-missing bob -");
        (void) check(world, "bob", 5);
        assert_audit(world, "refused role-missing bob -");
        (void) step_up(world, "bob", 5, BOB_PASSWORD);
        assert_audit(world, "refused role-missing bob -");
        (void) step_up(world, "alice", 5, WRONG_PASSWORD);
        assert_audit(world, "refused wrong-password alice -");
        (void) check(world, "alice", 5);
        assert_audit(world, "step-up-asked no-session alice -");
}

/* A7: uids and names that mean nobody hold no role and crash nothing. */
static void test_A7_nobodys_uid_holds_no_role(void) {
        g_autoptr(World) world = world_new();
        Caller nobody = world_person(UID_UNSET, 5);
        LoginAnswer answer;

        world_expect(world, "-1", authorize(world, "-1", "sudo", 5), LOGIN_NOT_OURS, NULL, "unknown-user");
        world_expect(world, "4294967295", authorize(world, "4294967295", "sudo", 5), LOGIN_NOT_OURS, NULL, "unknown-user");
        g_assert_cmpint(login_check(world->core, &nobody, &(LoginRequest) { .user = "alice", .service = "sudo" },
                                    &answer), ==, CORE_E_DENIED);
        (void) g_hash_table_insert(world->identities.uids, g_strdup("odd"), GUINT_TO_POINTER(UID_UNSET));
        world_expect(world, "an account of uid -1", authorize(world, "odd", "sudo", 5), LOGIN_NOT_OURS, NULL,
                     "not-enrolled");
}

/* Step-up */

static void test_a_password_renews_the_login(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);
        g_autoptr(Session) session = NULL;
        LoginAnswer answer;

        fake_clock_forward(&world->clock, 3600);
        world_expect(world, "wrong", step_up(world, "alice", 5, WRONG_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                     "wrong-password");
        world_expect(world, "empty", step_up(world, "alice", 5, ""), LOGIN_DENY, WIRE_REASON_CREDENTIAL, "empty");
        world_expect(world, "still stale", check(world, "alice", 5), LOGIN_STEP_UP, WIRE_REASON_STALE, "stale");
        answer = step_up(world, "alice", 5, ALICE_PASSWORD);
        world_expect(world, "right", answer, LOGIN_ALLOW, NULL, "pwd");
        g_assert_cmpstr(answer.session, ==, alice);
        session = world_session(world, alice);
        g_assert_cmpint(session->auth_time, ==, world->clock.wall);
        world_expect(world, "fresh", check(world, "alice", 5), LOGIN_ALLOW, NULL, "fresh");
}

/* P31: nothing that a token does makes a login fresh, and it is not counted as a guess either. */
static void test_P31_a_token_does_not_step_up(void) {
        g_autofree char *alice = NULL, *bob = NULL, *child = NULL, *forged = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);
        char *token;

        fake_clock_forward(&world->clock, 3600);
        token = world_token(world, ALICE, 5);
        for (int i = 0; i < 3 * BURST; i++)
                world_expect(world, "a good token", step_up(world, "alice", 5, token), LOGIN_DENY, WIRE_REASON_STALE,
                             "token-at-step-up");
        world_expect(world, "still stale", check(world, "alice", 5), LOGIN_STEP_UP, WIRE_REASON_STALE, "stale");
        child = world_log_in(world, "alice", token, 8);
        world_expect(world, "a login by token is as old as its origin", check(world, "alice", 8), LOGIN_STEP_UP,
                     WIRE_REASON_STALE, "stale");
        forged = g_strdup(token);
        forged[strlen(forged) - 2] = forged[strlen(forged) - 2] == 'A' ? 'B' : 'A';
        world_expect(world, "a forged one is a guess", step_up(world, "alice", 5, forged), LOGIN_DENY,
                     WIRE_REASON_CREDENTIAL, "token-invalid");
        world_expect(world, "the password", step_up(world, "alice", 5, ALICE_PASSWORD), LOGIN_ALLOW, NULL, "pwd");
        token_free(token);
}

static void test_an_adopted_login_is_never_fresh_until_it_steps_up(void) {
        g_autoptr(World) world = world_new();
        Caller pam = world_pam(5);
        LoginRequest request = { .user = "alice", .service = "sshd", .auth_info = "publickey ssh-ed25519 AAAA\n" };

        g_assert_cmpint(world_ask(world, login_open, &pam, &request).verdict, ==, LOGIN_ALLOW);
        g_free(world_audit(world));
        world_expect(world, "key", check(world, "alice", 5), LOGIN_STEP_UP, WIRE_REASON_STALE, "stale");
        world_expect(world, "password", step_up(world, "alice", 5, ALICE_PASSWORD), LOGIN_ALLOW, NULL, "pwd");
        world_expect(world, "fresh", check(world, "alice", 5), LOGIN_ALLOW, NULL, "fresh");
}

/* In tmux after logout, or on a desktop: a session of the asking service, bound to this login. */
static void test_step_up_without_a_session_opens_one(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);
        g_autoptr(Session) session = NULL;
        LoginAnswer answer;

        log_out(world, ALICE, 5);
        answer = step_up(world, "alice", 5, ALICE_PASSWORD);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_assert_cmpstr(answer.session, !=, alice);
        session = world_session(world, answer.session);
        g_assert_cmpstr(session->service, ==, "sudo");
        g_assert_cmpstr(session->tty, ==, "pts/1");
        g_assert_cmpint(session->audit_id, ==, 5);
        g_assert_cmpstr(session->methods[0], ==, "pwd");
        g_free(world_audit(world));
        world_expect(world, "used", check(world, "alice", 5), LOGIN_ALLOW, NULL, "fresh");
}

static void test_an_expired_session_does_not_keep_its_place(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);

        world_set_settings(world, /* idle= */ 60, 7 * 24 * 3600, 32);
        fake_clock_forward(&world->clock, 61);
        g_assert_cmpint(step_up(world, "alice", 5, ALICE_PASSWORD).verdict, ==, LOGIN_ALLOW);
        g_free(world_audit(world));
        world_expect(world, "the new one is found", check(world, "alice", 5), LOGIN_ALLOW, NULL, "fresh");
}

static void test_outside_every_login_a_password_is_a_yes_and_leaves_nothing(void) {
        g_autoptr(World) world = world_new();
        const SessionFilter all = { .uid = UID_UNSET, .ended = true };
        g_autoptr(GPtrArray) sessions = NULL;
        LoginAnswer answer;

        answer = step_up(world, "alice", AUDIT_ID_UNSET, ALICE_PASSWORD);
        world_expect(world, "allowed", answer, LOGIN_ALLOW, NULL, "pwd");
        g_assert_cmpstr(answer.session, ==, "");
        g_assert_cmpint(store_session_list(world->store, &all, &sessions), ==, 0);
        g_assert_cmpint(sessions->len, ==, 0);
}

static void test_without_the_role_no_secret_is_looked_at(void) {
        g_autoptr(World) world = world_new();

        for (int i = 0; i < 3 * BURST; i++)
                world_expect(world, "bob", step_up(world, "bob", 5, WRONG_PASSWORD), LOGIN_DENY, WIRE_REASON_ROLE_MISSING,
                             "role-missing");
        world_set_policy(world, "bob", "");
        world_expect(world, "nothing was charged", step_up(world, "bob", 5, BOB_PASSWORD), LOGIN_ALLOW, NULL, "pwd");
}

static void test_another_method_asks_for_the_right_one(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);

        world_set_policy(world, "alice", "methods=pwd");
        g_assert_cmpint(store_session_authenticated(world->store, alice, world->clock.wall, "oidc:corp", NULL), ==, 0);
        world_expect(world, "check", check(world, "alice", 5), LOGIN_STEP_UP, WIRE_REASON_METHOD, "method");
        world_expect(world, "the password", step_up(world, "alice", 5, ALICE_PASSWORD), LOGIN_ALLOW, NULL, "pwd");
        world_expect(world, "and now", check(world, "alice", 5), LOGIN_ALLOW, NULL, "fresh");
}

static void test_the_disabled_are_asked_and_refused_like_a_wrong_password(void) {
        g_autoptr(World) world = world_new();

        disable(world, "alice");
        world_expect(world, "asked", check(world, "alice", 5), LOGIN_STEP_UP, WIRE_REASON_STALE, "disabled");
        world_expect(world, "refused", step_up(world, "alice", 5, ALICE_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                     "disabled");
}

/* The CLI's own step-up needs no role, and renews the caller's login alone. */
static void test_step_up_by_the_cli(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);
        Caller person = world_person(BOB, 6);
        LoginRequest request = { .user = "bob", .service = "tessera" };
        g_autoptr(Session) hers = NULL, his = NULL;

        fake_clock_forward(&world->clock, 3600);
        world_expect(world, "bob", world_authenticate(world, &person, &request, BOB_PASSWORD), LOGIN_ALLOW, NULL, "pwd");
        his = world_session(world, bob);
        hers = world_session(world, alice);
        g_assert_cmpint(his->auth_time, ==, world->clock.wall);
        g_assert_cmpint(hers->auth_time, ==, world->clock.wall - 3600);
}

/* B5: bob in alice's login (su) renews and finds nothing of hers. */
static void test_B5_a_login_is_nobody_elses(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);
        g_autoptr(Session) hers = NULL, his = NULL;
        LoginAnswer answer;

        world_set_policy(world, "alice;bob", "");
        fake_clock_forward(&world->clock, 3600);
        answer = step_up(world, "bob", 5, BOB_PASSWORD);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        hers = world_session(world, alice);
        g_assert_cmpint(hers->auth_time, ==, world->clock.wall - 3600);
        his = world_session(world, answer.session);
        g_assert_cmpint(his->uid, ==, BOB);
}

/* Whoever has a login of hers, and guesses, keeps her from sudo there, and neither from the console nor from ssh. */
static void test_T1_guesses_at_sudo_close_no_console(void) {
        g_autoptr(World) world = world_new();
        Caller console = world_pam_child(6);

        for (int i = 0; i < BURST; i++)
                (void) step_up(world, "alice", 5, WRONG_PASSWORD);
        g_free(world_audit(world));
        world_expect(world, "sudo", step_up(world, "alice", 5, ALICE_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                     "throttled");
        world_expect(world, "login(1)",
                     world_authenticate(world, &console, &(LoginRequest) { .user = "alice", .service = "login" },
                                        ALICE_PASSWORD),
                     LOGIN_ALLOW, NULL, "pwd");
}

static void test_a_commit_that_failed_is_no_yes(void) {
        g_autofree char *alice = NULL, *bob = NULL;
        g_autoptr(World) world = two_logins(&alice, &bob);
        _cleanup_secret_ Secret *secret = world_secret(ALICE_PASSWORD);
        LoginRequest request = { .user = "alice", .service = "sudo" };
        Caller here = world_pam(5), elsewhere = world_pam(7);
        LoginAnswer answer;

        world_break_writes(world);
        g_assert_cmpint(login_authenticate(world->core, &here, &request, secret, &answer), ==, -EIO);
        g_assert_cmpint(login_authenticate(world->core, &elsewhere, &request, secret, &answer), ==, -EIO);
        world_break_reads(world);
        g_assert_cmpint(login_check(world->core, &here, &request, &answer), ==, -EIO);
        g_assert_cmpint(login_authorize(world->core, &here, &request, &answer), ==, -EIO);
}

static void test_check_is_for_invokers_services_alone(void) {
        g_autoptr(World) world = world_new();
        Caller pam = world_pam(5);
        LoginAnswer answer;

        g_assert_cmpint(login_check(world->core, &pam, &(LoginRequest) { .user = "alice", .service = "sshd" },
                                    &answer), ==, CORE_E_INVALID);
        g_assert_cmpint(login_check(world->core, &pam, &(LoginRequest) { .user = "alice" }, &answer), ==,
                        CORE_E_INVALID);
}

static LoginAnswer faster;

static void step_up_first(World *world) {
        faster = step_up(world, "alice", 5, ALICE_PASSWORD);
        g_assert_cmpint(faster.verdict, ==, LOGIN_ALLOW);
}

/* Two step-ups of a login without a session: the second to commit renews the session of the first. */
static void test_the_slower_of_two_step_ups_joins_the_faster(void) {
        g_autoptr(World) world = world_new();
        const SessionFilter active = { .uid = ALICE };
        g_autoptr(GPtrArray) sessions = NULL;
        LoginAnswer answer;

        world_before_open(world, step_up_first);
        answer = step_up(world, "alice", 5, ALICE_PASSWORD);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_assert_cmpstr(answer.session, ==, faster.session);
        g_assert_cmpint(store_session_list(world->store, &active, &sessions), ==, 0);
        g_assert_cmpint(sessions->len, ==, 1);
}

static void step_up_and_revoke(World *world) {
        step_up_first(world);
        revoke_id(world, faster.session);
}

static void test_a_login_revoked_during_its_step_up_stays_dead(void) {
        g_autoptr(World) world = world_new();
        const SessionFilter active = { .uid = ALICE };
        g_autoptr(GPtrArray) sessions = NULL;

        world_before_open(world, step_up_and_revoke);
        g_assert_cmpstr(step_up(world, "alice", 5, ALICE_PASSWORD).reason, ==, WIRE_REASON_REVOKED);
        g_assert_cmpint(store_session_list(world->store, &active, &sessions), ==, 0);
        g_assert_cmpint(sessions->len, ==, 0);
}

typedef struct Asker {
        World *world;
        gint allowed;
} Asker;

static void *ask_run(void *data) {
        Asker *asker = data;

        for (int i = 0; i < 5; i++)
                if (step_up(asker->world, "alice", 5, ALICE_PASSWORD).verdict == LOGIN_ALLOW)
                        g_atomic_int_inc(&asker->allowed);
        return NULL;
}

/* Several sudo at once in a login without a session: all pass, and one session stays. */
static void test_parallel_step_ups_leave_one_session(void) {
        g_autoptr(World) world = world_new();
        Asker asker = { .world = world };
        const SessionFilter active = { .uid = ALICE };
        g_autoptr(GPtrArray) sessions = NULL;
        GThread *threads[6];

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("sudo", ask_run, &asker);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                (void) g_thread_join(threads[i]);
        g_assert_cmpint(asker.allowed, ==, 30);
        g_assert_cmpint(store_session_list(world->store, &active, &sessions), ==, 0);
        g_assert_cmpint(sessions->len, ==, 1);
}

int main(void) {
        test_check_by_role_and_age();
        test_P34_a_login_is_matched_by_audit_id_and_user();
        test_check_of_sessions_that_are_over();
        test_idle_and_over_before_any_sweep();
        test_P6_account_asks_for_the_role_without_any_auth();
        test_account_does_not_ask_for_freshness();
        test_account_of_the_disabled_and_the_moved();
        test_A4_a_role_that_is_taken_away_is_gone_at_once();
        test_the_refusal_names_the_role();
        test_A6_every_refusal_is_one_line();
        test_A7_nobodys_uid_holds_no_role();
        test_a_password_renews_the_login();
        test_P31_a_token_does_not_step_up();
        test_an_adopted_login_is_never_fresh_until_it_steps_up();
        test_step_up_without_a_session_opens_one();
        test_an_expired_session_does_not_keep_its_place();
        test_outside_every_login_a_password_is_a_yes_and_leaves_nothing();
        test_without_the_role_no_secret_is_looked_at();
        test_another_method_asks_for_the_right_one();
        test_the_disabled_are_asked_and_refused_like_a_wrong_password();
        test_step_up_by_the_cli();
        test_B5_a_login_is_nobody_elses();
        test_T1_guesses_at_sudo_close_no_console();
        test_a_commit_that_failed_is_no_yes();
        test_check_is_for_invokers_services_alone();
        test_the_slower_of_two_step_ups_joins_the_faster();
        test_a_login_revoked_during_its_step_up_stays_dead();
        test_parallel_step_ups_leave_one_session();
        return 0;
}
