/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Roles in sudoers: does this user hold that role, now, in this login? */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/role-admin.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-world.h"
#include "daemon/core/user-admin.h"
#include "policy/policy-private.h"

#define ALICES_LOGIN 5

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

/* The answer as "verdict reason", or the number of an error; a question leaves no line in the audit. */
static char *ask_in(World *world, const Caller *caller, const char *user, const char *role) {
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        const LoginRequest request = { .user = user, .service = "sudo" };
        int r;

        g_free(world_audit(world));
        r = login_has_role(world->core, caller, &request, role, &answer);
        assert_audit(world, "");
        assert(!answer.message && !answer.session[0]);
        if (r != 0)
                return g_strdup_printf("%d", r);
        return g_strdup_printf("%s %s", login_verdict_to_string(answer.verdict), answer.reason ?: "-");
}

static void expect(World *world, const char *sentence, const char *user, const char *role, const char *wanted) {
        Caller sudo = world_pam(ALICES_LOGIN);
        g_autofree char *said = ask_in(world, &sudo, user, role);

        if (strcmp(said, wanted) != 0)
                g_error("%s: \"%s\" instead of \"%s\"", sentence, said, wanted);
}

static void expect_error(World *world, const char *sentence, const char *role, int error) {
        g_autofree char *number = g_strdup_printf("%d", error);

        expect(world, sentence, "alice", role, number);
}

static void use_policy(World *world, const char *text, GroupLookUp look_up) {
        g_autoptr(GPtrArray) mistakes = g_ptr_array_new();
        Policy *policy = policy_read_text("policy.conf", text, strlen(text), mistakes);

        assert(policy);
        if (look_up)
                policy->look_up = look_up;
        core_reload(world->core, world_settings(world), policy, core_trust(world->core), /* providers= */ NULL);
}

static void test_who_holds_what(void) {
        static const struct {
                const char *sentence, *user, *role, *answer;
        } rows[] = {
                { "by name", "alice", "admin", "allow -" },
                { "by what the role includes", "alice", "operator", "allow -" },
                { "a role of another", "bob", "admin", "deny role-missing" },
                { "a role that one has oneself", "bob", "operator", "allow -" },
                { "everybody's", "bob", "everyone", "allow -" },
                { "a role that is none", "alice", "wheel", "deny role-missing" },
                { "roles are spelled as they are spelled", "alice", "Admin", "deny role-missing" },
                { "who is not enrolled", "carol", "everyone", "not-ours -" },
                { "who does not exist", UNKNOWN_NAME, "everyone", "not-ours -" },
                { "root is never enrolled", "root", "everyone", "not-ours -" },
                { "a name that nobody can have", "al ice", "everyone", "not-ours -" },
        };
        g_autoptr(World) world = world_new();

        use_policy(world, "[role:admin]\nusers=alice\nincludes=operator\n[role:operator]\nusers=bob\n"
                          "[role:everyone]\nusers=*\n[service:sudo]\nroles=admin\n", NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                expect(world, rows[i].sentence, rows[i].user, rows[i].role, rows[i].answer);
}

static void test_names_that_no_role_can_have(void) {
        g_autofree char *longest = g_strnfill(65, 'a');
        const char *const names[] = { "", "a b", "-a", "#1000", "a\nb", "../a", longest };
        g_autoptr(World) world = world_new();

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                expect_error(world, names[i], names[i], CORE_E_INVALID);
}

static void test_root_alone_may_ask(void) {
        g_autoptr(World) world = world_new();
        const uid_t others[] = { ALICE, BOB, UID_UNSET };

        for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
                Caller person = world_person(others[i], ALICES_LOGIN);
                g_autofree char *said = ask_in(world, &person, "alice", "admin");
                g_autofree char *denied = g_strdup_printf("%d", CORE_E_DENIED);
                g_assert_cmpstr(said, ==, denied);
        }
}

static void test_A4_a_role_that_is_taken_away_is_gone_at_once(void) {
        g_autoptr(World) world = world_new();

        expect(world, "before", "alice", "admin", "allow -");
        world_set_policy(world, "bob", "");
        expect(world, "after", "alice", "admin", "deny role-missing");
        expect(world, "the other way", "bob", "admin", "allow -");
}

static void test_an_assigned_role_counts_for_its_time(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *culprit = NULL;
        bool changed;

        g_assert_cmpint(role_grant(world->core, &root, "admin", "bob", ROLE_FOR_MIN, NULL, &changed, &culprit), ==, 0);
        expect(world, "assigned", "bob", "admin", "allow -");
        fake_clock_forward(&world->clock, ROLE_FOR_MIN);
        expect(world, "its time is over", "bob", "admin", "deny role-missing");
        g_assert_cmpint(role_grant(world->core, &root, "admin", "bob", 0, NULL, &changed, &culprit), ==, 0);
        expect(world, "until it is taken away", "bob", "admin", "allow -");
        g_assert_cmpint(role_revoke(world->core, &root, "admin", "bob", &changed, &culprit), ==, 0);
        expect(world, "taken away", "bob", "admin", "deny role-missing");
}

static void test_the_disabled_and_the_moved(void) {
        g_autoptr(World) world = world_new();
        bool changed;

        world_set_account(world, "alice", 1999);
        expect(world, "another uid", "alice", "admin", "deny disabled");
        world_set_account(world, "alice", UID_UNSET);
        expect(world, "no account", "alice", "admin", "deny disabled");
        world_set_account(world, "alice", ALICE);
        expect(world, "as before", "alice", "admin", "allow -");
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", false, &changed), ==, 0);
        expect(world, "disabled", "alice", "admin", "deny disabled");
}

static void revoke_id(World *world, const char *id) {
        const char *const ids[] = { id, NULL };
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(world->core, &root, &(SessionRevoke) { .ids = ids, .keep_login = true },
                                       &ended, NULL), ==, 0);
}

static void test_a_revoked_login_has_no_role_left(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, ALICES_LOGIN);
        Caller elsewhere = world_pam(ALICES_LOGIN + 1);
        g_autofree char *said = NULL;

        expect(world, "before", "alice", "admin", "allow -");
        revoke_id(world, id);
        expect(world, "revoked", "alice", "admin", "deny revoked");
        expect(world, "which is nothing to others asked about from there", "bob", "everyone", "allow -");
        said = ask_in(world, &elsewhere, "alice", "admin");
        g_assert_cmpstr(said, ==, "allow -"); /* another login of hers is as it was */
}

/* Freshness is account's and auth's: a rule may be NOPASSWD, and `sudo -l` shows what there is. */
static void test_a_stale_login_has_its_roles(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, ALICES_LOGIN);
        g_autoptr(Session) before = world_session(world, id), after = NULL;

        fake_clock_forward(&world->clock, 3600);
        expect(world, "stale", "alice", "admin", "allow -");
        after = world_session(world, id);
        g_assert_cmpint(after->seen, ==, before->seen); /* to be asked about is no use of the login */
}

/* alice, an admin here, came by a ticket that brought less. */
static void log_in_capped(World *world, const char *cap) {
        const char *const roles[] = { cap, NULL };
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
        session->ends = world->clock.wall + 1000;
        session->audit_id = ALICES_LOGIN;
        session->boot_id = g_strdup(BOOT);
        session->role_cap = g_strdupv((char **) roles);
        g_assert_cmpint(store_session_open(world->store, session, 32, &bound, &evicted), ==, 0);
        assert(bound);
}

static void test_A9_a_capped_login_has_no_more(void) {
        g_autoptr(World) world = world_new();
        Caller alice = world_person(ALICE, ALICES_LOGIN), elsewhere = world_pam(ALICES_LOGIN + 1);
        g_autoptr(GPtrArray) ended = NULL;
        g_autofree char *said = NULL;

        log_in_capped(world, "everyone");
        expect(world, "what the ticket brought", "alice", "everyone", "allow -");
        expect(world, "what she has here", "alice", "admin", "deny role-missing");
        expect(world, "the cap is hers alone", "bob", "everyone", "allow -");
        said = ask_in(world, &elsewhere, "alice", "admin");
        g_assert_cmpstr(said, ==, "allow -"); /* and this login's alone */
        g_assert_cmpint(session_logout(world->core, &alice, /* others= */ false, &ended), ==, 0);
        expect(world, "and is not shed by logging out", "alice", "admin", "deny role-missing");
}

static int look_up_in_vain(const char *name, gid_t *ret_gid) {
        return -EIO;
}

/* P29: who could not be looked up is not "without the role": the caller is told that nobody knows. */
static void test_P29_a_failed_look_up_is_an_error(void) {
        g_autoptr(World) world = world_new();

        use_policy(world, "[role:admin]\ngroups=tessera-no-such-group\n[role:everyone]\nusers=*\n", look_up_in_vain);
        expect_error(world, "a group", "admin", -EIO);
        expect(world, "which another role does not need", "alice", "everyone", "allow -");
        world->identities.error = -EMFILE;
        expect_error(world, "an account", "everyone", -EMFILE);
        world->identities.error = 0;
        world_break_reads(world);
        expect_error(world, "the store", "everyone", -EIO);
}

int main(void) {
        test_who_holds_what();
        test_names_that_no_role_can_have();
        test_root_alone_may_ask();
        test_A4_a_role_that_is_taken_away_is_gone_at_once();
        test_an_assigned_role_counts_for_its_time();
        test_the_disabled_and_the_moved();
        test_a_revoked_login_has_no_role_left();
        test_a_stale_login_has_its_roles();
        test_A9_a_capped_login_has_no_more();
        test_P29_a_failed_look_up_is_an_error();
        return 0;
}
