/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* "policy explain": what it says is what PAM would hear, of whom it may be asked, and by which login it goes. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/service.h"
#include "common/wire.h"
#include "daemon/core/policy-admin.h"
#include "daemon/core/role-admin.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-world.h"
#include "daemon/core/user-admin.h"

#define LOGIN 5
#define OTHER_LOGIN 6

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

static int ask(World *world, const Caller *caller, const char *user, const char *service, const char *session,
               PolicyAnswer *ret) {
        return policy_admin_explain(world->core, caller, user, service, session, ret);
}

/* "VERDICT REASON", g_free; in @ret_steps, unless NULL, the texts of the steps, one a line. */
static char *explain(World *world, const Caller *caller, const char *user, const char *service, const char *session,
                     char **ret_steps) {
        g_auto(PolicyAnswer) answer = { .verdict = POLICY_DENY };
        g_autoptr(GString) steps = g_string_new(NULL);

        g_assert_cmpint(ask(world, caller, user, service, session, &answer), ==, 0);
        for (guint i = 0; i < answer.steps->len; i++)
                g_string_append_printf(steps, "%s\n", ((const PolicyStep *) answer.steps->pdata[i])->text);
        if (ret_steps)
                *ret_steps = g_strdup(steps->str);
        return g_strdup_printf("%s %s", policy_verdict_to_string(answer.verdict), answer.reason);
}

static void expect(World *world, const Caller *caller, const char *user, const char *service, const char *session,
                   const char *wanted, const char *step) {
        g_autofree char *steps = NULL, *got = explain(world, caller, user, service, session, &steps);

        g_assert_cmpstr(got, ==, wanted);
        if (step && !strstr(steps, step))
                g_error("\"%s\" is not in:\n%s", step, steps);
}

/* Whom it may be asked about */

static void test_oneself_and_nobody_else(void) {
        g_autoptr(World) world = world_new();
        const Caller alice = world_person(ALICE, LOGIN), unset = CALLER_INIT, carol = world_person(CAROL, LOGIN);
        g_auto(PolicyAnswer) answer = { .verdict = POLICY_DENY };
        static const char *const others[] = { "bob", "carol", "nobody-there", "root", "", "Alice" };

        expect(world, &alice, "alice", "sshd", NULL, "allow ok", NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
                g_assert_cmpint(ask(world, &alice, others[i], "sshd", NULL, &answer), ==, CORE_E_DENIED);
        g_assert_cmpint(ask(world, &unset, "alice", "sshd", NULL, &answer), ==, CORE_E_DENIED);
        expect(world, &carol, "carol", "sshd", NULL, "deny not-enrolled", NULL);
        expect(world, &root, "bob", "sshd", NULL, "allow ok", NULL);
        g_assert_cmpint(ask(world, &root, "alice", "ss/hd", NULL, &answer), ==, CORE_E_INVALID);
        g_assert_cmpint(ask(world, &root, "alice", "", NULL, &answer), ==, CORE_E_INVALID);
}

static int (*look_up)(const IdentitySource *source, const char *name, uid_t uid, Identity **ret);

/* carol's uid has two names, and the first one is alice's. */
static int look_up_by_two_names(const IdentitySource *source, const char *name, uid_t uid, Identity **ret) {
        int r = look_up(source, name, uid, ret);

        if (r == 0 && !name && uid == CAROL) {
                g_free((*ret)->name);
                (*ret)->name = g_strdup("alice");
        }
        return r;
}

static void test_a_name_that_is_anothers_is_not_oneself(void) {
        g_autoptr(World) world = world_new();
        const Caller alice = world_person(ALICE, LOGIN), carol = world_person(CAROL, LOGIN);
        g_auto(PolicyAnswer) answer = { .verdict = POLICY_DENY };

        look_up = world->identities.source.look_up;
        world->identities.source.look_up = look_up_by_two_names;
        g_assert_cmpint(ask(world, &carol, "alice", "sudo", NULL, &answer), ==, CORE_E_DENIED);
        expect(world, &alice, "alice", "sshd", NULL, "allow ok", NULL);
}

static void test_P29_a_lookup_that_fails_is_no_answer(void) {
        g_autoptr(World) world = world_new();
        const Caller alice = world_person(ALICE, LOGIN);
        g_auto(PolicyAnswer) answer = { .verdict = POLICY_DENY };

        world->identities.error = -EIO;
        g_assert_cmpint(ask(world, &alice, "alice", "sshd", NULL, &answer), ==, -EIO);
        g_assert_cmpint(ask(world, &root, "alice", "sshd", NULL, &answer), ==, -EIO);
        world->identities.error = 0;
        world_break_reads(world);
        g_assert_cmpint(ask(world, &root, "alice", "sshd", NULL, &answer), <, 0);
        assert(!answer.steps);
}

/* Before the policy */

static void test_whom_no_policy_lets_in(void) {
        g_autoptr(World) world = world_new();
        bool changed;

        expect(world, &root, "carol", "sudo", NULL, "deny not-enrolled", "tessera does not know this user");
        expect(world, &root, "nobody-there", "sudo", NULL, "deny not-enrolled", "/etc/pam.d/sudo");
        expect(world, &root, "root", "sudo", NULL, "deny not-enrolled", NULL);
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", false, &changed), ==, 0);
        expect(world, &root, "alice", "sudo", NULL, "deny disabled", "tessera user enable alice");
        world_set_account(world, "bob", 1234);
        expect(world, &root, "bob", "sudo", NULL, "deny uid-changed", "has the uid 1234, and was enrolled with 1001");
        world_set_account(world, "bob", UID_UNSET);
        expect(world, &root, "bob", "sudo", NULL, "deny account-gone", "the Unix account is gone");
}

/* What an administrator assigned counts as what the files say. */
static void test_an_assigned_role_counts(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *culprit = NULL;
        bool changed;

        world_set_policy(world, "alice", "[service:cron]\nroles=admin");
        expect(world, &root, "bob", "cron", NULL, "deny role-missing", NULL);
        g_assert_cmpint(role_grant(world->core, &root, "admin", "bob", 0, NULL, &changed, &culprit), ==, 0);
        expect(world, &root, "bob", "cron", NULL, "allow ok", NULL);
        g_assert_cmpint(role_revoke(world->core, &root, "admin", "bob", &changed, &culprit), ==, 0);
        expect(world, &root, "bob", "cron", NULL, "deny role-missing", NULL);
}

/* By which login */

static void test_ones_own_login_it_is(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *own = world_log_in(world, "alice", ALICE_PASSWORD, LOGIN), *other = NULL;
        const Caller here = world_person(ALICE, LOGIN), elsewhere = world_person(ALICE, OTHER_LOGIN);
        g_autoptr(Session) session = NULL;

        fake_clock_forward(&world->clock, 1000);
        other = world_log_in(world, "alice", ALICE_PASSWORD, OTHER_LOGIN);
        expect(world, &here, "alice", "sudo", NULL, "step-up stale", "this login: session ");
        expect(world, &elsewhere, "alice", "sudo", NULL, "allow ok", "signed in 0s ago by \"pwd\"");
        expect(world, &here, "alice", "sudo", other, "allow ok", "the login asked about: session ");
        expect(world, &elsewhere, "alice", "sudo", own, "step-up stale", "signed in 16min 40s ago");
        session = world_session(world, own);
        g_assert_cmpint(session->seen, ==, world->clock.wall);
}

static void test_without_a_login_of_ones_own_it_is_none(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *other = world_log_in(world, "alice", ALICE_PASSWORD, OTHER_LOGIN);
        const Caller nowhere = world_person(ALICE, AUDIT_ID_UNSET), here = world_person(ALICE, LOGIN);

        expect(world, &nowhere, "alice", "sudo", NULL, "step-up no-session", "this login has never had a session");
        expect(world, &here, "alice", "sudo", NULL, "step-up no-session", "this login has never had a session");
}

static void test_for_an_administrator_it_is_the_last_sign_in(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *first = NULL, *second = NULL, *third = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        const Caller person = world_person(ALICE, OTHER_LOGIN);

        expect(world, &root, "alice", "sudo", NULL, "step-up no-session", "the user has no live login");
        first = world_log_in(world, "alice", ALICE_PASSWORD, LOGIN);
        fake_clock_forward(&world->clock, 1000);
        second = world_log_in(world, "alice", ALICE_PASSWORD, OTHER_LOGIN);
        third = world_log_in(world, "bob", BOB_PASSWORD, 7);
        expect(world, &root, "alice", "sudo", NULL, "allow ok", "the login that was signed into last: session ");
        g_assert_cmpint(session_logout(world->core, &person, false, &ended), ==, 0);
        expect(world, &root, "alice", "sudo", NULL, "step-up stale", "signed in 16min 40s ago");
        expect(world, &root, "alice", "sudo", second, "step-up no-session", "which is over: closed");
}

/* An unbound session, as a device's, answers no sudo anywhere. */
static void test_a_session_of_no_login_is_not_taken(void) {
        g_autoptr(World) world = world_new();
        const Caller pam = world_pam(AUDIT_ID_UNSET);
        g_autofree char *unbound = world_log_in(world, "alice", ALICE_PASSWORD, AUDIT_ID_UNSET);

        expect(world, &pam, "alice", "sudo", NULL, "step-up no-session", "the user has no live login");
}

static void test_a_session_must_be_the_users(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *of_bob = world_log_in(world, "bob", BOB_PASSWORD, OTHER_LOGIN);
        const Caller alice = world_person(ALICE, LOGIN);
        g_auto(PolicyAnswer) answer = { .verdict = POLICY_DENY };

        g_assert_cmpint(ask(world, &alice, "alice", "sudo", of_bob, &answer), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(ask(world, &root, "alice", "sudo", of_bob, &answer), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(ask(world, &root, "bob", "sudo", "no hex", &answer), ==, CORE_E_NOT_FOUND);
        expect(world, &root, "bob", "sudo", of_bob, "deny role-missing", "does not hold \"admin\"");
}

static void test_a_revoked_login_stays_dead(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, LOGIN);
        const Caller alice = world_person(ALICE, LOGIN);
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(world->core, &root, &(SessionRevoke) { .user = "alice" }, &ended, NULL), ==, 0);
        expect(world, &alice, "alice", "sudo", NULL, "deny revoked", "but the session of this login was revoked");
        expect(world, &root, "alice", "sudo", id, "deny revoked", "which is over: revoked");
        world_set_policy(world, "bob", "");
        expect(world, &alice, "alice", "sudo", NULL, "deny role-missing", NULL);
}

/* What PAM would hear */

static void cap_login(World *world, const char *role) {
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
        session->ends = world->clock.wall + 86400;
        session->audit_id = LOGIN;
        session->boot_id = g_strdup(BOOT);
        session->role_cap = g_strdupv((char *[]) { (char *) role, NULL });
        g_assert_cmpint(store_session_open(world->store, session, 32, &bound, &evicted), ==, 0);
        assert(bound);
}

static void test_A9_the_cap_of_a_ticket_counts_also_when_its_session_is_over(void) {
        g_autoptr(World) world = world_new();
        const Caller alice = world_person(ALICE, LOGIN);
        g_autoptr(GPtrArray) ended = NULL;

        cap_login(world, "everyone");
        expect(world, &alice, "alice", "sudo", NULL, "deny role-missing", "would hold \"admin\"");
        g_assert_cmpint(session_logout(world->core, &alice, false, &ended), ==, 0);
        expect(world, &alice, "alice", "sudo", NULL, "deny role-missing", "came by a ticket, with at most \"everyone\"");
        expect(world, &alice, "alice", "sshd", NULL, "allow ok", "the roles alone decide");
}

static void test_an_assignment_counts_while_it_lasts(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "bob", BOB_PASSWORD, LOGIN);
        bool changed;

        expect(world, &root, "bob", "sudo", NULL, "deny role-missing", "does not hold \"admin\"");
        g_assert_cmpint(role_grant(world->core, &root, "admin", "bob", 3600, "on call", &changed, NULL), ==, 0);
        expect(world, &root, "bob", "sudo", NULL, "allow ok", ", because: on call");
        fake_clock_forward(&world->clock, 3600);
        expect(world, &root, "bob", "sudo", NULL, "deny role-missing", NULL);
}

/* Who administers must have proven something here: a token that brought auth_time along is not that. */
static void test_administration_asks_how_fresh_too(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, OTHER_LOGIN);
        const Caller by_password = world_person(ALICE, OTHER_LOGIN), by_token = world_person(ALICE, LOGIN);

        expect(world, &by_password, "alice", "tessera", NULL, "deny unknown-service", NULL);
        world_set_policy(world, "alice", "[service:tessera]\nroles=admin\nmax-age=10min");
        cap_login(world, "admin");
        expect(world, &by_password, "alice", "tessera", NULL, "allow ok", "max-age is 10min");
        expect(world, &by_token, "alice", "tessera", NULL, "step-up stale", "nobody has proven anything");
        fake_clock_forward(&world->clock, 601);
        expect(world, &by_password, "alice", "tessera", NULL, "step-up stale", "signed in 10min 1s ago");
}

/* An answer of PAM's in the words of explain, g_free; @why is the audit's reason. */
static char *words_of(const LoginAnswer *answer, const char *why) {
        if (answer->verdict == LOGIN_ALLOW)
                return g_strdup("allow ok");
        return g_strdup_printf("%s %s", login_verdict_to_string(answer->verdict),
                               g_str_equal(why, "login-revoked") ? "revoked" : why);
}

static void expect_the_same(World *world, const char *user, const char *service, uint32_t audit_id) {
        const Caller pam = world_pam(audit_id);
        const LoginRequest request = { .user = user, .service = service };
        g_autofree char *said = explain(world, &pam, user, service, NULL, NULL), *why = NULL, *wanted = NULL;
        LoginAnswer answer;

        g_free(world_audit(world));
        answer = world_ask(world, service_is_invoker(service) ? login_check : login_authorize, &pam, &request);
        why = world_reason(world);
        wanted = words_of(&answer, why);
        g_assert_cmpstr(said, ==, wanted);
}

static void test_explain_says_what_pam_hears(void) {
        static const char *const services[] = { "sshd", "sudo", "sudo-i", "su", "su-l", "login", "ftpd" };
        static const char *const rules[] = { "", "max-age=1s", "[service:su]\nroles=everyone\n[service:sudo-i]\nroles=everyone",
                                             "[service:login]\nroles=admin" };
        g_autoptr(World) world = world_new();
        g_autofree char *fresh = world_log_in(world, "alice", ALICE_PASSWORD, LOGIN), *of_bob = NULL, *revoked = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        const char *ids[2] = { NULL };

        of_bob = world_log_in(world, "bob", BOB_PASSWORD, OTHER_LOGIN);
        revoked = world_log_in(world, "alice", ALICE_PASSWORD, 7);
        ids[0] = revoked;
        g_assert_cmpint(session_revoke(world->core, &root, &(SessionRevoke) { .ids = ids }, &ended, NULL), ==, 0);
        fake_clock_forward(&world->clock, 60);
        for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
                world_set_policy(world, "alice", rules[i]);
                for (size_t j = 0; j < G_N_ELEMENTS(services); j++) {
                        expect_the_same(world, "alice", services[j], LOGIN);
                        expect_the_same(world, "bob", services[j], OTHER_LOGIN);
                        expect_the_same(world, "alice", services[j], 7);
                        expect_the_same(world, "alice", services[j], LOGIN);
                }
        }
}

int main(void) {
        test_oneself_and_nobody_else();
        test_a_name_that_is_anothers_is_not_oneself();
        test_P29_a_lookup_that_fails_is_no_answer();
        test_whom_no_policy_lets_in();
        test_an_assigned_role_counts();
        test_ones_own_login_it_is();
        test_without_a_login_of_ones_own_it_is_none();
        test_for_an_administrator_it_is_the_last_sign_in();
        test_a_session_of_no_login_is_not_taken();
        test_a_session_must_be_the_users();
        test_a_revoked_login_stays_dead();
        test_A9_the_cap_of_a_ticket_counts_also_when_its_session_is_over();
        test_an_assignment_counts_while_it_lasts();
        test_administration_asks_how_fresh_too();
        test_explain_says_what_pam_hears();
        return 0;
}
