/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Roles that are assigned: given, timed, taken away, each from the very next decision on. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/policy-admin.h"
#include "daemon/core/role-admin.h"
#include "daemon/core/test-world.h"
#include "daemon/core/token-use.h"
#include "daemon/core/user-admin.h"
#include "daemon/store/store-internal.h"

#define POLICY                                                                                                   \
        "[role:admin]\nusers=alice\nincludes=operator\n[role:operator]\n[role:everyone]\nusers=*\n"              \
        "[service:sshd]\nroles=everyone\n[service:sudo]\nroles=operator\nmax-age=1d\n"

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

/* Everybody may log in; bob is logged in, in login 6, and has no role that sudo wants. */
static World *bob_without_a_role(void) {
        World *world = world_new();

        world_use_policy(world, POLICY);
        g_free(world_log_in(world, "bob", BOB_PASSWORD, 6));
        return world;
}

static bool grant_for(World *world, const char *role, const char *user, int64_t seconds) {
        g_autofree char *culprit = NULL;
        bool changed;

        g_assert_cmpint(role_grant(world->core, &root, role, user, seconds, NULL, &changed, &culprit), ==, 0);
        assert(!culprit);
        return changed;
}

static bool grant(World *world, const char *role, const char *user) {
        return grant_for(world, role, user, 0);
}

static bool take_away(World *world, const char *role, const char *user) {
        g_autofree char *culprit = NULL;
        bool changed;

        g_assert_cmpint(role_revoke(world->core, &root, role, user, &changed, &culprit), ==, 0);
        assert(!culprit);
        return changed;
}

static PolicyVerdict explained(World *world, const char *user) {
        Caller sudo = world_pam(6);
        g_auto(PolicyAnswer) answer = { .verdict = POLICY_DENY };

        g_assert_cmpint(policy_admin_explain(world->core, &sudo, user, "sudo", /* session= */ NULL, &answer), ==, 0);
        return answer.verdict;
}

/* Both of sudo's questions say the same, auth for the live login and account; and so does who explains them. */
static bool may_sudo(World *world, const char *user) {
        Caller sudo = world_pam(6);
        LoginRequest request = { .user = user, .service = "sudo" };
        LoginVerdict check = world_ask(world, login_check, &sudo, &request).verdict;
        LoginVerdict account = world_ask(world, login_authorize, &sudo, &request).verdict;

        g_free(world_audit(world));
        assert(check == LOGIN_ALLOW || check == LOGIN_DENY);
        g_assert_cmpint(check, ==, account);
        g_assert_cmpint(explained(world, user), ==, account == LOGIN_ALLOW ? POLICY_ALLOW : POLICY_DENY);
        return account == LOGIN_ALLOW;
}

static char *roles_of(World *world, const char *name) {
        UserView *view;
        char *roles;

        g_assert_cmpint(user_show(world->core, &root, name, &view), ==, 0);
        assert(view->roles);
        roles = g_strjoinv(" ", view->roles);
        (void) user_view_free(view);
        return roles;
}

static void assert_roles(World *world, const char *name, const char *expected) {
        g_autofree char *roles = roles_of(world, name);

        g_assert_cmpstr(roles, ==, expected);
}

/* In order, as "admin:alice operator:bob". */
static void assert_shown(World *world, const Caller *caller, const char *expected) {
        g_autoptr(GPtrArray) assignments = NULL;
        g_autoptr(GString) text = g_string_new(NULL);

        g_assert_cmpint(role_assignments(world->core, caller, &assignments), ==, 0);
        for (guint i = 0; i < assignments->len; i++) {
                const Assignment *assignment = assignments->pdata[i];

                g_string_append_printf(text, "%s%s:%s", i > 0 ? " " : "", assignment->role, assignment->user);
        }
        g_assert_cmpstr(text->str, ==, expected);
}

static void test_granted_and_revoked_count_at_the_next_decision(void) {
        g_autoptr(World) world = bob_without_a_role();

        assert(!may_sudo(world, "bob"));
        assert(grant(world, "operator", "bob"));
        assert(may_sudo(world, "bob"));
        assert(!grant(world, "operator", "bob"));
        assert(take_away(world, "operator", "bob"));
        assert(!may_sudo(world, "bob"));
        assert(!take_away(world, "operator", "bob"));
}

/* Wherever roles are asked for or shown: of the user, a new session, its token. */
static void test_an_assigned_role_is_a_role_everywhere(void) {
        g_autoptr(World) world = bob_without_a_role();
        g_autofree char *id = NULL, *token = NULL;
        g_autoptr(TokenClaims) claims = NULL, again = NULL;
        g_auto(GStrv) roles = NULL, none = NULL;
        g_autoptr(Session) session = NULL;
        TokenReason reason;

        assert(grant(world, "admin", "bob"));
        assert_roles(world, "bob", "admin everyone operator"); /* and what it includes */
        id = world_log_in(world, "bob", BOB_PASSWORD, 7);
        session = world_session(world, id);
        assert(g_strv_contains((const char *const *) session->roles, "operator"));
        token = world_token(world, BOB, 7);
        g_assert_cmpint(token_check(world->core, token, strlen(token), NULL, "operator", &reason, &claims, &roles), ==, 0);
        g_assert_cmpint(reason, ==, TOKEN_VALID);
        assert(g_strv_contains((const char *const *) roles, "admin"));
        assert(take_away(world, "admin", "bob"));
        g_assert_cmpint(token_check(world->core, token, strlen(token), NULL, "operator", &reason, &again, &none), ==, 0);
        g_assert_cmpint(reason, ==, TOKEN_ROLE_MISSING);
        assert_roles(world, "bob", "everyone");
}

/* It ends by the clock alone, before any sweep has seen it. */
static void test_R7_a_timed_one_ends_at_its_second(void) {
        g_autoptr(World) world = bob_without_a_role();
        int64_t start = world->clock.wall;

        assert(grant_for(world, "operator", "bob", 600));
        fake_clock_forward(&world->clock, 599);
        assert(may_sudo(world, "bob"));
        assert_shown(world, &root, "operator:bob");
        fake_clock_forward(&world->clock, 1);
        assert(!may_sudo(world, "bob"));
        assert_roles(world, "bob", "everyone");
        assert_shown(world, &root, "");
        /* A clock that is set back brings it back until it is swept, and not longer. */
        world->clock.wall = start + 100;
        assert(may_sudo(world, "bob"));
        world->clock.wall = start + 600;
        g_assert_cmpint(core_sweep(world->core), ==, 0);
        world->clock.wall = start + 100;
        assert(!may_sudo(world, "bob"));
}

static void test_a_second_grant_takes_the_place_of_the_first(void) {
        g_autoptr(World) world = bob_without_a_role();

        assert(grant_for(world, "operator", "bob", 60));
        assert(grant_for(world, "operator", "bob", 600));
        fake_clock_forward(&world->clock, 300);
        assert(may_sudo(world, "bob"));
        assert(grant(world, "operator", "bob"));
        fake_clock_forward(&world->clock, 36000);
        assert(may_sudo(world, "bob"));
        assert(grant_for(world, "operator", "bob", 1));
        fake_clock_forward(&world->clock, 1);
        assert(!may_sudo(world, "bob"));
}

/* The audit says who gave what to whom, until when and why; and that its time was over, once. */
static void test_all_of_it_is_audited(void) {
        g_autoptr(World) world = bob_without_a_role();
        g_autofree char *culprit = NULL;
        bool changed;

        world->clock.wall = 1700000000; /* 2023-11-14T22:13:20Z */
        g_assert_cmpint(role_grant(world->core, &root, "operator", "bob", 3600, "on\ncall\033[2J", &changed, &culprit),
                        ==, 0);
        assert_audit(world, "role-granted operator until 2023-11-14T23:13:20Z: on?call?[2J bob -");
        assert(grant(world, "admin", "bob"));
        assert_audit(world, "role-granted admin bob -");
        assert(!grant(world, "admin", "bob"));
        assert_audit(world, "");
        assert(take_away(world, "admin", "bob"));
        assert_audit(world, "role-revoked admin bob -");
        assert(!take_away(world, "admin", "bob"));
        assert_audit(world, "");
        fake_clock_forward(&world->clock, 3600);
        g_assert_cmpint(core_sweep(world->core), ==, 0);
        assert_audit(world, "role-ended operator by root until 2023-11-14T23:13:20Z: on?call?[2J bob -");
        g_assert_cmpint(core_sweep(world->core), ==, 0);
        assert_audit(world, "");
}

/* R6: to the account that was enrolled, and to nobody who comes by its name or uid. */
static void test_R6_another_account_has_none_of_it(void) {
        g_autoptr(World) world = bob_without_a_role();
        g_autofree char *culprit = NULL;
        Caller newcomer = world_person(BOB, 6);
        bool changed;

        assert(grant(world, "operator", "bob"));
        world_set_account(world, "bob", 1777);
        assert(!may_sudo(world, "bob"));
        g_assert_cmpint(role_grant(world->core, &root, "admin", "bob", 0, NULL, &changed, &culprit), ==,
                        CORE_E_NOT_FOUND);
        assert(strstr(culprit, "another uid"));
        world_set_account(world, "newcomer", BOB);
        assert_shown(world, &newcomer, "");
        world_set_account(world, "newcomer", UID_UNSET);
        world_set_account(world, "bob", BOB);
        assert(may_sudo(world, "bob"));
}

/* What a store that went wrong kept of somebody else is looked at twice. */
static int list_strange(Store *store, uid_t uid, GPtrArray **ret) {
        static const Assignment strange[] = {
                { .user = (char *) "eve", .uid = BOB, .role = (char *) "operator", .by = (char *) "root" },
                { .user = (char *) "bob", .uid = ALICE, .role = (char *) "operator", .by = (char *) "root" },
        };

        *ret = store_assignment_array();
        for (size_t i = 0; i < G_N_ELEMENTS(strange); i++)
                g_ptr_array_add(*ret, assignment_copy(&strange[i]));
        return 0;
}

static void test_R6_name_and_uid_both(void) {
        g_autoptr(World) world = bob_without_a_role();
        StoreBackend backend = *world->store->backend;
        const StoreBackend *sound = world->store->backend;

        backend.assignment_list = list_strange;
        world->store->backend = &backend;
        assert(!may_sudo(world, "bob"));
        assert_roles(world, "bob", "everyone");
        world->store->backend = sound;
}

static void test_R6_removing_the_user_takes_all_of_them(void) {
        g_autoptr(World) world = bob_without_a_role();
        _cleanup_secret_ Secret *password = world_secret(BOB_PASSWORD);
        g_autofree char *warning = NULL;
        bool changed;

        assert(grant(world, "operator", "bob"));
        g_assert_cmpint(user_remove(world->core, &root, "bob", &changed), ==, 0);
        g_assert_cmpint(user_add(world->core, &root, "bob", password, /* role= */ NULL, /* provider= */ NULL, &warning), ==, 0);
        assert_roles(world, "bob", "everyone");
        assert_shown(world, &root, "");
}

/* A disabled user keeps them, and may use none of them; enabled again it has what is left. */
static void test_disabled_users_use_none(void) {
        g_autoptr(World) world = bob_without_a_role();
        Caller sudo = world_pam(6);
        LoginRequest request = { .user = "bob", .service = "sudo" };
        bool changed;

        assert(grant_for(world, "operator", "bob", 60));
        g_assert_cmpint(user_set_enabled(world->core, &root, "bob", false, &changed), ==, 0);
        g_assert_cmpint(world_ask(world, login_authorize, &sudo, &request).verdict, ==, LOGIN_DENY);
        g_assert_cmpint(user_set_enabled(world->core, &root, "bob", true, &changed), ==, 0);
        assert_roles(world, "bob", "everyone operator");
        fake_clock_forward(&world->clock, 60);
        assert_roles(world, "bob", "everyone");
}

/* A role that the policy has no more gives nothing, is still shown, and can be taken away. */
static void test_a_role_that_was_renamed(void) {
        g_autoptr(World) world = bob_without_a_role();
        g_autofree char *culprit = NULL;
        bool changed;

        assert(grant(world, "operator", "bob"));
        world_use_policy(world, "[role:ops]\nusers=alice\n[role:everyone]\nusers=*\n[service:sshd]\nroles=everyone\n"
                                "[service:sudo]\nroles=ops\nmax-age=1d\n");
        assert(!may_sudo(world, "bob"));
        assert_roles(world, "bob", "everyone");
        assert_shown(world, &root, "operator:bob");
        assert(take_away(world, "operator", "bob"));
        assert_shown(world, &root, "");
        g_assert_cmpint(role_revoke(world->core, &root, "operator", "bob", &changed, &culprit), ==, CORE_E_NOT_FOUND);
        assert(strstr(culprit, "\"operator\""));
}

/* A store that cannot say which roles there are says no to everybody, also to who needs none of them. */
static void test_P29_a_failed_look_up_is_a_refusal(void) {
        g_autoptr(World) world = bob_without_a_role();
        Caller sudo = world_pam(6), person = world_person(BOB, 6);
        g_autofree char *token = world_token(world, BOB, 6), *another = NULL;
        g_autoptr(TokenClaims) claims = NULL;
        g_auto(GStrv) roles = NULL;
        g_autoptr(GPtrArray) assignments = NULL;
        LoginRequest request = { .user = "bob", .service = "sudo" };
        LoginRequest login = { .user = "bob", .service = "sshd" };
        _cleanup_secret_ Secret *password = world_secret(BOB_PASSWORD);
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        TokenReason reason = TOKEN_INVALID;
        UserView *view;

        assert(grant(world, "operator", "bob"));
        world_break_assignments(world);
        g_assert_cmpint(login_check(world->core, &sudo, &request, &answer), ==, -EIO);
        g_assert_cmpint(login_authorize(world->core, &sudo, &request, &answer), ==, -EIO);
        g_assert_cmpint(login_authorize(world->core, &sudo, &login, &answer), ==, -EIO);
        g_assert_cmpint(login_authenticate(world->core, &sudo, &login, password, &answer), ==, -EIO);
        g_assert_cmpint(token_check(world->core, token, strlen(token), NULL, NULL, &reason, &claims, &roles), ==, -EIO);
        g_assert_cmpint(token_print(world->core, &person, NULL, 0, &another, &claims), ==, -EIO);
        g_assert_cmpint(role_assignments(world->core, &root, &assignments), ==, -EIO);
        g_assert_cmpint(role_assignments(world->core, &person, &assignments), ==, -EIO);
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_cmpint(user_show(world->core, &root, "bob", &view), ==, 0);
        assert(!view->roles && view->error);
        (void) user_view_free(view);
}

static void test_what_could_not_be_written_is_told_and_did_not_happen(void) {
        g_autoptr(World) world = bob_without_a_role();
        g_autofree char *culprit = NULL;
        bool changed = false;

        assert(grant(world, "operator", "bob"));
        g_free(world_audit(world));
        world_break_writes(world);
        g_assert_cmpint(role_revoke(world->core, &root, "operator", "bob", &changed, &culprit), ==, -EIO);
        g_assert_cmpint(role_grant(world->core, &root, "admin", "bob", 0, NULL, &changed, &culprit), ==, -EIO);
        assert(!changed && !culprit);
        assert_audit(world, "");
        assert_roles(world, "bob", "everyone operator");
}

/* Nobody's directory may keep a role with somebody. */
static void test_revoking_needs_no_name_service(void) {
        g_autoptr(World) world = bob_without_a_role();
        g_autofree char *culprit = NULL;
        bool changed;

        assert(grant(world, "operator", "bob"));
        assert(grant(world, "admin", "bob"));
        world->identities.error = -EIO;
        assert(take_away(world, "operator", "bob"));
        g_assert_cmpint(role_grant(world->core, &root, "operator", "bob", 0, NULL, &changed, &culprit), ==, -EIO);
        world->identities.error = 0;
        world_set_account(world, "bob", UID_UNSET);
        assert(take_away(world, "admin", "bob"));
        assert_shown(world, &root, "");
}

/* A9: a login that came with fewer roles does not get more by an assignment. */
static void test_A9_the_cap_of_a_login_holds(void) {
        g_autoptr(World) world = bob_without_a_role();
        g_autoptr(Session) session = session_new();
        g_autoptr(GPtrArray) ended = NULL;
        LoginRequest request = { .user = "bob", .service = "sudo" };
        Caller sudo = world_pam(8);
        bool bound;

        memset(session->id, 'c', SESSION_ID_SIZE - 1);
        session->user = g_strdup("bob");
        session->uid = BOB;
        session->host = g_strdup(HOST);
        session->service = g_strdup("sshd");
        session->auth_time = session->opened = session->seen = world->clock.wall;
        session->auth_method = g_strdup("pwd");
        session->ends = world->clock.wall + 3600;
        session->state = SESSION_ACTIVE;
        session->audit_id = 8;
        session->boot_id = g_strdup(BOOT);
        session->role_cap = g_strsplit("everyone", " ", 0);
        g_assert_cmpint(store_session_open(world->store, session, 100, &bound, &ended), ==, 0);
        assert(grant(world, "operator", "bob"));
        assert(may_sudo(world, "bob"));
        g_assert_cmpint(world_ask(world, login_check, &sudo, &request).verdict, ==, LOGIN_DENY);
        g_assert_cmpint(world_ask(world, login_authorize, &sudo, &request).verdict, ==, LOGIN_DENY);
}

static void test_what_is_not_there_is_named(void) {
        g_autoptr(World) world = bob_without_a_role();
        static const struct {
                const char *role, *user, *named;
        } rows[] = {
                { "opertor", "bob", "\"opertor\"" },
                { "", "bob", "\"\"" },
                { "operator", "carol", "\"carol\"" },
                { "operator", "root", "\"root\"" },
                { "operator", "../x", "\"../x\"" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *granting = NULL, *revoking = NULL;
                bool changed;

                g_assert_cmpint(role_grant(world->core, &root, rows[i].role, rows[i].user, 0, NULL, &changed, &granting),
                                ==, CORE_E_NOT_FOUND);
                assert(strstr(granting, rows[i].named));
                g_assert_cmpint(role_revoke(world->core, &root, rows[i].role, rows[i].user, &changed, &revoking), ==,
                                CORE_E_NOT_FOUND);
                assert(strstr(revoking, rows[i].named));
        }
        assert_shown(world, &root, "");
        assert_audit(world, "");
}

static void test_times_and_reasons_that_are_none(void) {
        g_autoptr(World) world = bob_without_a_role();
        static const int64_t times[] = { -1, INT64_MIN, ROLE_FOR_MAX + 1, INT64_MAX };
        g_autofree char *longest = g_strnfill(ROLE_REASON_MAX, 'x'), *longer = g_strnfill(ROLE_REASON_MAX + 1, 'x');
        g_autofree char *culprit = NULL;
        bool changed;

        for (size_t i = 0; i < G_N_ELEMENTS(times); i++)
                g_assert_cmpint(role_grant(world->core, &root, "operator", "bob", times[i], NULL, &changed, &culprit), ==,
                                CORE_E_INVALID);
        g_assert_cmpint(role_grant(world->core, &root, "operator", "bob", 0, longer, &changed, &culprit), ==,
                        CORE_E_INVALID);
        assert_shown(world, &root, "");
        g_assert_cmpint(role_grant(world->core, &root, "operator", "bob", ROLE_FOR_MAX, longest, &changed, &culprit), ==, 0);
        assert_shown(world, &root, "operator:bob");
}

static void test_R14_assignments_are_bounded(void) {
        g_autoptr(World) world = bob_without_a_role();
        g_autoptr(GString) policy = g_string_new(POLICY);
        g_autofree char *culprit = NULL;
        bool changed;

        for (unsigned i = 0; i < ROLE_ASSIGNMENTS_MAX; i++)
                g_string_append_printf(policy, "[role:r%u]\n", i);
        world_use_policy(world, policy->str);
        for (unsigned i = 0; i < ROLE_ASSIGNMENTS_MAX; i++) {
                g_autofree char *role = g_strdup_printf("r%u", i);

                assert(grant(world, role, "bob"));
        }
        g_assert_cmpint(role_grant(world->core, &root, "operator", "bob", 0, NULL, &changed, &culprit), ==, CORE_E_BUSY);
        assert(!may_sudo(world, "bob"));
        assert(grant_for(world, "r0", "bob", 60));
}

/* B3: who may not administer changes nothing, and sees its own alone. */
static void test_B3_roles_are_given_by_administrators(void) {
        g_autoptr(World) world = bob_without_a_role();
        Caller callers[] = { world_person(BOB, 6), world_person(ALICE, 5), world_person(UID_UNSET, 5) };
        g_autoptr(GPtrArray) none = NULL;

        assert(grant(world, "operator", "alice"));
        g_free(world_audit(world));
        for (size_t i = 0; i < G_N_ELEMENTS(callers); i++) {
                g_autofree char *culprit = NULL;
                bool changed;

                g_assert_cmpint(role_grant(world->core, &callers[i], "operator", "bob", 0, NULL, &changed, &culprit), ==,
                                CORE_E_DENIED);
                g_assert_cmpint(role_grant(world->core, &callers[i], "none", "bob", -1, NULL, &changed, &culprit), ==,
                                CORE_E_DENIED);
                g_assert_cmpint(role_revoke(world->core, &callers[i], "operator", "alice", &changed, &culprit), ==,
                                CORE_E_DENIED);
                assert(!culprit);
        }
        assert_audit(world, "");
        assert(grant(world, "admin", "bob"));
        assert_shown(world, &callers[0], "admin:bob");
        assert_shown(world, &callers[1], "operator:alice");
        assert_shown(world, &root, "operator:alice admin:bob");
        g_assert_cmpint(role_assignments(world->core, &callers[2], &none), ==, CORE_E_DENIED);
}

static void test_a_user_is_added_with_a_role_or_not_at_all(void) {
        g_autoptr(World) world = bob_without_a_role();
        _cleanup_secret_ Secret *password = world_secret(BOB_PASSWORD);
        g_autofree char *warning = NULL;
        UserView *view;

        g_assert_cmpint(user_add(world->core, &root, "carol", password, "opertor", /* provider= */ NULL, &warning), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(user_show(world->core, &root, "carol", &view), ==, CORE_E_NOT_FOUND);
        assert_audit(world, "");
        g_assert_cmpint(user_add(world->core, &root, "carol", password, "operator", /* provider= */ NULL, &warning), ==, 0);
        assert_audit(world, "user-added - carol -; role-granted operator carol -");
        assert_roles(world, "carol", "everyone operator");
        g_assert_cmpint(user_add(world->core, &root, "bob", password, "operator", /* provider= */ NULL, &warning), ==, CORE_E_EXISTS);
        assert_roles(world, "bob", "everyone");
        assert_audit(world, "");
}

int main(void) {
        test_granted_and_revoked_count_at_the_next_decision();
        test_an_assigned_role_is_a_role_everywhere();
        test_R7_a_timed_one_ends_at_its_second();
        test_a_second_grant_takes_the_place_of_the_first();
        test_all_of_it_is_audited();
        test_R6_another_account_has_none_of_it();
        test_R6_name_and_uid_both();
        test_R6_removing_the_user_takes_all_of_them();
        test_disabled_users_use_none();
        test_a_role_that_was_renamed();
        test_P29_a_failed_look_up_is_a_refusal();
        test_what_could_not_be_written_is_told_and_did_not_happen();
        test_revoking_needs_no_name_service();
        test_A9_the_cap_of_a_login_holds();
        test_what_is_not_there_is_named();
        test_times_and_reasons_that_are_none();
        test_R14_assignments_are_bounded();
        test_B3_roles_are_given_by_administrators();
        test_a_user_is_added_with_a_role_or_not_at_all();
        return 0;
}
