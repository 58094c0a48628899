/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Opening and closing a login's session. */

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

/* alice at sshd's prompt, in what becomes login @audit_id; fills @request's handle. */
static LoginAnswer authenticated(World *world, uint32_t audit_id, LoginRequest *request) {
        Caller child = world_pam_child(audit_id);
        LoginAnswer answer;

        *request = (LoginRequest) { .user = "alice", .service = "sshd", .rhost = "192.0.2.1", .tty = "ssh" };
        answer = world_authenticate(world, &child, request, ALICE_PASSWORD);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_free(world_audit(world));
        return answer;
}

static LoginAnswer open_as(World *world, Caller caller, const LoginRequest *request) {
        return world_ask(world, login_open, &caller, request);
}

static void test_open_binds_to_the_kernels_login(void) {
        g_autoptr(World) world = world_new();
        g_autoptr(Session) session = NULL;
        LoginRequest request;
        LoginAnswer pending = authenticated(world, 5, &request), answer;

        request.session = pending.session;
        fake_clock_forward(&world->clock, 3);
        answer = open_as(world, world_pam(5), &request);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_assert_cmpstr(answer.session, ==, pending.session);
        session = world_session(world, answer.session);
        g_assert_cmpint(session->state, ==, SESSION_ACTIVE);
        g_assert_cmpstr(session->user, ==, "alice");
        g_assert_cmpint(session->uid, ==, ALICE);
        g_assert_cmpstr(session->host, ==, HOST);
        g_assert_cmpstr(session->boot_id, ==, BOOT);
        g_assert_cmpint(session->audit_id, ==, 5);
        g_assert_cmpstr(session->logind_id, ==, "c5");
        g_assert_cmpstr(session->methods[0], ==, "pwd");
        g_assert_cmpint(session->auth_time, ==, world->clock.wall - 3);
        g_assert_cmpint(session->opened, ==, world->clock.wall);
        g_assert_cmpint(session->seen, ==, world->clock.wall);
        g_assert_cmpint(session->ends, ==, world->clock.wall - 3 + 7 * 24 * 3600);
        g_assert_cmpstr(session->roles[0], ==, "admin");
        g_assert_cmpstr(session->roles[1], ==, "everyone");
}

static void test_somebody_elses_login_is_not_taken_for_ones_own(void) {
        g_autoptr(World) world = world_new();
        g_autoptr(Session) session = NULL;
        LoginRequest request;
        LoginAnswer pending = authenticated(world, 5, &request), answer;
        Caller within_bobs = world_pam(5); /* alice's programs, after `su alice` */

        within_bobs.logind_uid = BOB;
        request.session = pending.session;
        answer = open_as(world, within_bobs, &request);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        session = world_session(world, answer.session);
        g_assert_cmpint(session->audit_id, ==, 5);
        g_assert_null(session->logind_id); /* revoking alice's session must not end bob's login */
}

/* P32: the handle stands where its user can forge it. */
static void test_P32_a_forged_handle_opens_nothing(void) {
        g_autoptr(World) world = world_new();
        LoginRequest request, forged;
        LoginAnswer pending = authenticated(world, 5, &request), answer;
        g_autofree char *live = world_log_in(world, "bob", BOB_PASSWORD, 6);
        const char *const handles[] = { "ffffffffffffffffffffffffffffffff", "x", live, "../../etc/passwd" };

        for (size_t i = 0; i < G_N_ELEMENTS(handles); i++) {
                request.session = handles[i];
                answer = open_as(world, world_pam(5), &request);
                g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
                g_assert_cmpstr(answer.reason, ==, WIRE_REASON_SESSION);
                assert_audit(world, "refused handle-not-pending alice -");
        }
        request.session = pending.session;
        g_assert_cmpint(open_as(world, world_pam(7), &request).verdict, ==, LOGIN_DENY); /* another process */
        forged = request;
        forged.user = "bob";
        g_assert_cmpint(open_as(world, world_pam(5), &forged).verdict, ==, LOGIN_DENY); /* another user */
        forged = request;
        forged.rhost = NULL;
        g_assert_cmpint(open_as(world, world_pam(5), &forged).verdict, ==, LOGIN_DENY); /* another host */
        g_assert_cmpint(open_as(world, world_pam(5), &request).verdict, ==, LOGIN_ALLOW);
        g_assert_cmpint(open_as(world, world_pam(5), &request).verdict, ==, LOGIN_DENY); /* once */
}

static void test_half_a_login_waits_for_two_minutes(void) {
        g_autoptr(World) world = world_new();
        LoginRequest request;
        LoginAnswer pending = authenticated(world, 5, &request);

        request.session = pending.session;
        fake_clock_forward(&world->clock, 120);
        g_assert_cmpint(open_as(world, world_pam(5), &request).verdict, ==, LOGIN_DENY);
}

/* What happens between the password and the session, and must not be overtaken by it. */
static void test_changes_between_authenticate_and_open(void) {
        g_autoptr(World) world = world_new();
        _cleanup_secret_ Secret *password = world_secret("canary: another horse");
        g_autoptr(GPtrArray) ended = NULL;
        LoginRequest request;
        LoginAnswer pending;
        bool changed;

        pending = authenticated(world, 5, &request);
        request.session = pending.session;
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", false, &changed), ==, 0);
        g_assert_cmpint(open_as(world, world_pam(5), &request).verdict, ==, LOGIN_DENY);
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", true, &changed), ==, 0);
        g_assert_cmpstr(open_as(world, world_pam(5), &request).reason, ==, WIRE_REASON_SESSION);
        g_free(world_audit(world));

        pending = authenticated(world, 6, &request);
        request.session = pending.session;
        g_assert_cmpint(session_revoke(world->core, &root, &(SessionRevoke) { .user = "alice" }, &ended, NULL),
                        ==, 0);
        g_assert_cmpstr(open_as(world, world_pam(6), &request).reason, ==, WIRE_REASON_SESSION);
        g_free(world_audit(world));

        pending = authenticated(world, 7, &request);
        request.session = pending.session;
        g_assert_cmpint(user_change_password(world->core, &root, "alice", NULL, password, /* ret_delay= */ NULL), ==, 0);
        g_assert_cmpstr(open_as(world, world_pam(7), &request).reason, ==, WIRE_REASON_SESSION);
}

static void test_a_child_does_not_open_without_its_parent(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *parent = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
        Caller child = world_pam_child(6), person = world_person(ALICE, 5);
        char *token = world_token(world, ALICE, 5);
        g_autoptr(GPtrArray) ended = NULL;
        LoginAnswer pending;

        pending = world_authenticate(world, &child, &request, token);
        g_assert_cmpint(session_logout(world->core, &person, /* others= */ false, &ended), ==, 0);
        request.session = pending.session;
        g_assert_cmpstr(open_as(world, world_pam(6), &request).reason, ==, WIRE_REASON_SESSION);
        token_free(token);
}

static void test_a_child_does_not_open_behind_an_idle_parent(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *parent = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
        Caller child = world_pam_child(6);
        char *token;
        LoginAnswer pending;

        world_set_settings(world, /* idle= */ 60, 7 * 24 * 3600, 32);
        token = world_token(world, ALICE, 5);
        pending = world_authenticate(world, &child, &request, token);
        request.session = pending.session;
        fake_clock_forward(&world->clock, 61);
        g_assert_cmpstr(open_as(world, world_pam(6), &request).reason, ==, WIRE_REASON_SESSION);
        token_free(token);
}

static void test_a_revoked_parent_takes_half_a_login_with_it(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *parent = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
        const char *const ids[] = { parent, NULL };
        Caller child = world_pam_child(6);
        char *token = world_token(world, ALICE, 5);
        g_autoptr(GPtrArray) ended = NULL;
        LoginAnswer pending;

        pending = world_authenticate(world, &child, &request, token);
        g_assert_cmpint(session_revoke(world->core, &root, &(SessionRevoke) { .ids = ids }, &ended, NULL), ==, 0);
        g_free(world_audit(world));
        request.session = pending.session;
        g_assert_cmpstr(open_as(world, world_pam(6), &request).reason, ==, WIRE_REASON_SESSION);
        assert_audit(world, "refused handle-not-pending alice -");
        token_free(token);
}

static void revoke_alice(World *world) {
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(world->core, &root, &(SessionRevoke) { .user = "alice" }, &ended, NULL),
                        ==, 0);
}

/* Everything of alice is revoked between the look at her handle and the commit of her session. */
static void test_a_session_that_a_revocation_overtook_is_taken_back(void) {
        g_autoptr(World) world = world_new();
        const SessionFilter active = { .uid = ALICE };
        g_autoptr(GPtrArray) sessions = NULL;
        LoginRequest request;
        LoginAnswer pending = authenticated(world, 5, &request);

        request.session = pending.session;
        world_before_open(world, revoke_alice);
        g_assert_cmpstr(open_as(world, world_pam(5), &request).reason, ==, WIRE_REASON_SESSION);
        g_assert_cmpint(store_session_list(world->store, &active, &sessions), ==, 0);
        g_assert_cmpint(sessions->len, ==, 0);
        g_assert_cmpint(world_state(world, pending.session), ==, SESSION_REVOKED);
}

static void test_an_idle_session_does_not_keep_its_place_in_a_login(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *first = world_log_in(world, "alice", ALICE_PASSWORD, 5), *second = NULL;
        g_autoptr(Session) session = NULL;

        world_set_settings(world, /* idle= */ 60, 7 * 24 * 3600, 32);
        fake_clock_forward(&world->clock, 61);
        second = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        session = world_session(world, second);
        g_assert_cmpint(session->audit_id, ==, 5);
        g_assert_cmpstr(session->parent, ==, "");
}

static void test_adopting_what_something_else_let_in(void) {
        static const struct {
                const char *auth_info, *method;
        } rows[] = {
                { "publickey ssh-ed25519 AAAAC3Nz\n", "pop" },
                { "password\n", NULL },
                { NULL, NULL },
        };
        g_autoptr(World) world = world_new();

        for (uint32_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(Session) session = NULL;
                LoginAnswer answer;

                answer = open_as(world, world_pam(10 + i), &(LoginRequest) {
                        .user = "alice", .service = "sshd", .rhost = "192.0.2.1", .auth_info = rows[i].auth_info });
                g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
                session = world_session(world, answer.session);
                g_assert_cmpstr(session->methods[0], ==, rows[i].method);
                g_assert_cmpint(session->auth_time, ==, 0);
                g_assert_cmpstr(session->auth_method, ==, NULL);
                g_assert_cmpint(session->audit_id, ==, 10 + i);
        }
}

static void test_whose_login_is_not_ours(void) {
        g_autoptr(World) world = world_new();
        LoginRequest request = { .user = "carol", .service = "sshd" };
        bool changed;

        g_assert_cmpint(open_as(world, world_pam(5), &request).verdict, ==, LOGIN_NOT_OURS);
        request.user = UNKNOWN_NAME;
        g_assert_cmpint(open_as(world, world_pam(5), &request).verdict, ==, LOGIN_NOT_OURS);
        request.user = "alice";
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", false, &changed), ==, 0);
        g_assert_cmpstr(open_as(world, world_pam(5), &request).reason, ==, WIRE_REASON_DISABLED);
}

/* P4: sudo has made PAM_USER its target by now. */
static void test_P4_sudo_opens_no_session_for_its_target(void) {
        static const char *const services[] = { "sudo", "sudo-i", "su", "su-l" };
        static const char *const targets[] = { "root", "bob", UNKNOWN_NAME };
        g_autoptr(World) world = world_new();
        const SessionFilter all = { .uid = UID_UNSET, .ended = true };
        g_autoptr(GPtrArray) sessions = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(services); i++)
                for (size_t j = 0; j < G_N_ELEMENTS(targets); j++) {
                        LoginAnswer answer = open_as(world, world_pam(5), &(LoginRequest) {
                                .user = targets[j], .service = services[i] });
                        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
                        g_assert_cmpstr(answer.session, ==, "");
                }
        g_assert_cmpint(store_session_list(world->store, &all, &sessions), ==, 0);
        g_assert_cmpint(sessions->len, ==, 0);
        assert_audit(world, "");
}

/* P34: a second login under the same audit id (an sshd that was started from a login) becomes an unbound child. */
static void test_P34_a_shared_audit_id_binds_once(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *first = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *second = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *other = world_log_in(world, "bob", BOB_PASSWORD, 5);
        g_autofree char *outside = world_log_in(world, "alice", ALICE_PASSWORD, AUDIT_ID_UNSET);
        g_autoptr(Session) a = world_session(world, first), b = world_session(world, second);
        g_autoptr(Session) c = world_session(world, other), d = world_session(world, outside);

        g_assert_cmpint(a->audit_id, ==, 5);
        g_assert_cmpint(b->audit_id, ==, AUDIT_ID_UNSET);
        g_assert_cmpstr(b->parent, ==, first);
        g_assert_cmpint(c->audit_id, ==, 5); /* another user's */
        g_assert_cmpint(d->audit_id, ==, AUDIT_ID_UNSET);
        g_assert_cmpstr(d->parent, ==, "");
}

static void test_the_cap_closes_the_least_recently_seen(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *first = NULL, *second = NULL, *third = NULL;

        world_set_settings(world, 24 * 3600, 7 * 24 * 3600, /* max_per_user= */ 2);
        first = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        fake_clock_forward(&world->clock, 1);
        second = world_log_in(world, "alice", ALICE_PASSWORD, 6);
        fake_clock_forward(&world->clock, 1);
        third = world_log_in(world, "alice", ALICE_PASSWORD, 7);
        g_assert_cmpint(world_state(world, first), ==, SESSION_CLOSED);
        g_assert_cmpint(world_state(world, second), ==, SESSION_ACTIVE);
        g_assert_cmpint(world_state(world, third), ==, SESSION_ACTIVE);
        assert_ended(world, ""); /* the shell stays */
}

static void test_close_once_and_only_what_was_opened(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *alice = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *bob = world_log_in(world, "bob", BOB_PASSWORD, 6);
        g_autofree char *expected = g_strdup_printf("closed login-ended alice %s", alice);
        Caller pam = world_pam(5);

        g_assert_cmpint(login_close(world->core, &pam, alice), ==, 0);
        assert_audit(world, expected);
        g_assert_cmpint(login_close(world->core, &pam, alice), ==, 0);
        g_assert_cmpint(login_close(world->core, &pam, "ffffffffffffffffffffffffffffffff"), ==, 0);
        assert_audit(world, "");
        g_assert_cmpint(login_close(world->core, &pam, ""), ==, CORE_E_INVALID);
        g_assert_cmpint(login_close(world->core, &pam, "abc"), ==, CORE_E_INVALID);
        g_assert_cmpint(world_state(world, alice), ==, SESSION_CLOSED);
        g_assert_cmpint(world_state(world, bob), ==, SESSION_ACTIVE);
        assert_ended(world, "");
}

static void test_closing_a_parent_leaves_the_childs_login_alive(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *parent = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        char *token = world_token(world, ALICE, 5);
        g_autofree char *child = world_log_in(world, "alice", token, 6);
        Caller pam = world_pam(5);

        g_assert_cmpint(login_close(world->core, &pam, parent), ==, 0);
        g_assert_cmpint(world_state(world, child), ==, SESSION_ACTIVE);
        token_free(token);
}

static void test_a_commit_that_failed_opens_nothing(void) {
        g_autoptr(World) world = world_new();
        LoginRequest request;
        LoginAnswer pending = authenticated(world, 5, &request), answer;
        Caller pam = world_pam(5);

        world_break_writes(world);
        request.session = pending.session;
        g_assert_cmpint(login_open(world->core, &pam, &request, &answer), ==, -EIO);
        g_assert_cmpint(login_close(world->core, &pam, pending.session), ==, -EIO);
}

/* S8: what the network and the terminal are called goes into one line of the log. */
static void test_S8_line_breaks_do_not_reach_the_audit(void) {
        g_autoptr(World) world = world_new();
        LoginAnswer answer;

        answer = open_as(world, world_pam(5), &(LoginRequest) {
                .user = "alice", .service = "sshd", .rhost = "a\r\nopened: root", .tty = "\x1b]0;x\x07" });
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        {
                g_autoptr(Session) session = world_session(world, answer.session);
                g_assert_cmpstr(session->rhost, ==, "a??opened: root");
                g_assert_cmpstr(session->tty, ==, "?]0;x?");
        }
}

/* The sweep */

static void test_the_sweep_expires_and_ends_logins_only_when_told(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *alice = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *expected = g_strdup_printf("expired idle alice %s", alice);

        g_assert_cmpint(core_sweep(world->core), ==, 0);
        assert_audit(world, "");
        fake_clock_forward(&world->clock, 24 * 3600 + 1);
        g_assert_cmpint(core_sweep(world->core), ==, 0);
        assert_audit(world, expected);
        assert_ended(world, "");
        g_free(alice);
        alice = world_log_in(world, "alice", ALICE_PASSWORD, 6);
        world->core->config->settings->end_login_expired = true;
        fake_clock_forward(&world->clock, 24 * 3600 + 1);
        g_assert_cmpint(core_sweep(world->core), ==, 0);
        assert_ended(world, "session c6");
}

static void test_sessions_of_another_boot_are_closed_and_end_no_login(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *alice = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *expected = g_strdup_printf("closed reboot alice %s", alice);

        g_free(world->core->boot_id);
        world->core->boot_id = g_strdup("99999999-2222-3333-4444-555555555555");
        world->core->config->settings->end_login_expired = true;
        g_assert_cmpint(core_sweep(world->core), ==, 0);
        assert_audit(world, expected);
        assert_ended(world, "");
}

/* Logins against disabling, in threads: none of them is left alive behind it. */

static void *log_in_run(void *data) {
        World *world = data;

        for (uint32_t i = 0; i < 20; i++) {
                LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
                Caller child = world_pam_child(i), pam = world_pam(i);
                LoginAnswer answer = world_authenticate(world, &child, &request, ALICE_PASSWORD);

                if (answer.verdict != LOGIN_ALLOW)
                        break;
                request.session = answer.session;
                (void) world_ask(world, login_open, &pam, &request);
        }
        return NULL;
}

static void test_no_login_gets_in_behind_a_change(void) {
        const SessionFilter active = { .uid = ALICE };

        for (unsigned round = 0; round < 60; round++) {
                g_autoptr(World) world = world_new();
                g_autoptr(GPtrArray) sessions = NULL, ended = NULL;
                GThread *thread = g_thread_new("login", log_in_run, world);
                bool changed;

                g_usleep(round * 50);
                if (round % 2 == 0)
                        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", false, &changed), ==, 0);
                else
                        g_assert_cmpint(user_remove(world->core, &root, "alice", &changed), ==, 0);
                (void) g_thread_join(thread);
                g_assert_cmpint(store_session_list(world->store, &active, &sessions), ==, 0);
                g_assert_cmpint(sessions->len, ==, 0);
        }
}

int main(void) {
        test_somebody_elses_login_is_not_taken_for_ones_own();
        test_open_binds_to_the_kernels_login();
        test_P32_a_forged_handle_opens_nothing();
        test_half_a_login_waits_for_two_minutes();
        test_changes_between_authenticate_and_open();
        test_a_child_does_not_open_without_its_parent();
        test_a_child_does_not_open_behind_an_idle_parent();
        test_a_revoked_parent_takes_half_a_login_with_it();
        test_a_session_that_a_revocation_overtook_is_taken_back();
        test_an_idle_session_does_not_keep_its_place_in_a_login();
        test_adopting_what_something_else_let_in();
        test_whose_login_is_not_ours();
        test_P4_sudo_opens_no_session_for_its_target();
        test_P34_a_shared_audit_id_binds_once();
        test_the_cap_closes_the_least_recently_seen();
        test_close_once_and_only_what_was_opened();
        test_closing_a_parent_leaves_the_childs_login_alive();
        test_a_commit_that_failed_opens_nothing();
        test_S8_line_breaks_do_not_reach_the_audit();
        test_the_sweep_expires_and_ends_logins_only_when_told();
        test_sessions_of_another_boot_are_closed_and_end_no_login();
        test_no_login_gets_in_behind_a_change();
        return 0;
}
