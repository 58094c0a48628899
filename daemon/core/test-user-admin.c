/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-world.h"
#include "daemon/core/user-admin.h"

#define NEW_PASSWORD "canary: another horse"

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

static int add(World *world, const Caller *caller, const char *name, const char *password) {
        _cleanup_secret_ Secret *secret = world_secret(password);
        g_autofree char *warning = NULL;

        return user_add(world->core, caller, name, secret, /* role= */ NULL, /* provider= */ NULL, &warning);
}

static int change(World *world, const Caller *caller, const char *name, const char *current, const char *password) {
        _cleanup_secret_ Secret *old = current ? world_secret(current) : NULL;
        _cleanup_secret_ Secret *new = world_secret(password);

        return user_change_password(world->core, caller, name, old, new, /* ret_delay= */ NULL);
}

static LoginVerdict ssh(World *world, const char *user, const char *password) {
        Caller child = world_pam_child(77);
        LoginVerdict verdict;

        verdict = world_authenticate(world, &child, &(LoginRequest) { .user = user, .service = "sshd" },
                                     password).verdict;
        g_free(world_audit(world));
        return verdict;
}

/* B16 and uid 0: which accounts may be enrolled. */
static void test_B16_whom_tessera_takes(void) {
        static const struct {
                const char *name;
                uid_t uid;
                int result;
        } rows[] = {
                { "first", 1000 + 100, 0 },
                { "system", 999, CORE_E_ACCOUNT },
                { "root", 0, CORE_E_ACCOUNT },
                { "nobody", 65534, CORE_E_ACCOUNT },
                { "below", 61183, 0 },
                { "dynamic", 61184, CORE_E_ACCOUNT },
                { "dynamic2", 65519, CORE_E_ACCOUNT },
                { "above", 65520, 0 },
                { "ldap", 1234567, 0 },
                { "alice", 1000, CORE_E_EXISTS },
                { "alias", 1000, CORE_E_EXISTS }, /* the uid is taken */
        };
        g_autoptr(World) world = world_new();

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                world_set_account(world, rows[i].name, rows[i].uid);
                if (add(world, &root, rows[i].name, NEW_PASSWORD) != rows[i].result)
                        g_error("%s, uid %u", rows[i].name, (unsigned) rows[i].uid);
        }
        g_assert_cmpint(add(world, &root, "no-such-account", NEW_PASSWORD), ==, CORE_E_ACCOUNT);
        g_assert_cmpint(add(world, &root, "../x", NEW_PASSWORD), ==, CORE_E_ACCOUNT);
        (void) g_hash_table_insert(world->identities.uids, g_strdup("unset"), GUINT_TO_POINTER(UID_UNSET));
        g_assert_cmpint(add(world, &root, "unset", NEW_PASSWORD), ==, CORE_E_ACCOUNT);
        g_assert_cmpint(ssh(world, "first", NEW_PASSWORD), ==, LOGIN_ALLOW);
}

static void test_passwords_that_are_none(void) {
        g_autoptr(World) world = world_new();

        g_assert_cmpint(add(world, &root, "carol", "short"), ==, CORE_E_PASSWORD);
        g_assert_cmpint(add(world, &root, "carol", ""), ==, CORE_E_PASSWORD);
        g_assert_cmpint(add(world, &root, "carol", "with\na line break"), ==, CORE_E_PASSWORD);
        g_assert_cmpint(ssh(world, "carol", "short"), ==, LOGIN_NOT_OURS);
}

/* B3: everything here is root's, but one's own password. */
static void test_B3_all_of_it_is_roots(void) {
        g_autoptr(World) world = world_new();
        Caller callers[] = { world_person(ALICE, 5), world_person(UID_UNSET, 5) };

        for (size_t i = 0; i < G_N_ELEMENTS(callers); i++) {
                g_autoptr(GPtrArray) users = NULL;
                UserView *view;
                bool changed;

                g_assert_cmpint(user_list(world->core, &callers[i], &users), ==, CORE_E_DENIED);
                g_assert_cmpint(user_show(world->core, &callers[i], "alice", &view), ==, CORE_E_DENIED);
                g_assert_cmpint(add(world, &callers[i], "carol", NEW_PASSWORD), ==, CORE_E_DENIED);
                g_assert_cmpint(user_set_enabled(world->core, &callers[i], "bob", false, &changed), ==,
                                CORE_E_DENIED);
                g_assert_cmpint(user_remove(world->core, &callers[i], "bob", &changed), ==, CORE_E_DENIED);
                g_assert_cmpint(change(world, &callers[i], "bob", BOB_PASSWORD, NEW_PASSWORD), ==, CORE_E_DENIED);
                g_assert_cmpint(change(world, &callers[i], "nobody-here", BOB_PASSWORD, NEW_PASSWORD), ==,
                                CORE_E_DENIED);
        }
        g_assert_cmpint(ssh(world, "bob", BOB_PASSWORD), ==, LOGIN_ALLOW);
}

static void test_disabling_ends_everything_of_the_user(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *alice = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *bob = world_log_in(world, "bob", BOB_PASSWORD, 6);
        g_autofree char *expected = NULL;
        bool changed;

        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", false, &changed), ==, 0);
        assert(changed);
        expected = g_strdup_printf("user-disabled - alice -; revoked user-disabled alice %s", alice);
        assert_audit(world, expected);
        assert_ended(world, "session c5; user 1000");
        g_assert_cmpint(world_state(world, alice), ==, SESSION_REVOKED);
        g_assert_cmpint(world_state(world, bob), ==, SESSION_ACTIVE);
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", false, &changed), ==, 0);
        assert(!changed);
        assert_audit(world, "");
        assert_ended(world, "");
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", true, &changed), ==, 0);
        assert(changed);
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", true, &changed), ==, 0);
        assert(!changed);
        g_assert_cmpint(user_set_enabled(world->core, &root, "carol", true, &changed), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(ssh(world, "alice", ALICE_PASSWORD), ==, LOGIN_ALLOW);
}

static int remove_user(World *world, const char *name) {
        bool changed;

        return user_remove(world->core, &root, name, &changed);
}

static int disable_user(World *world, const char *name) {
        bool changed;

        return user_set_enabled(world->core, &root, name, false, &changed);
}

static int revoke_user(World *world, const char *name) {
        const SessionRevoke what = { .user = name };
        g_autoptr(GPtrArray) ended = NULL;
        g_autofree char *culprit = NULL;

        return session_revoke(world->core, &root, &what, &ended, &culprit);
}

/* Only the sessions that were his own end: the uid is somebody else's. */
static void test_who_has_the_uid_by_now_loses_nothing(void) {
        static int (*const ways[])(World *world, const char *name) = { remove_user, disable_user, revoke_user };

        for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
                for (int renamed = 0; renamed < 2; renamed++) {
                        g_autoptr(World) world = world_new();
                        g_autofree char *bob = world_log_in(world, "bob", BOB_PASSWORD, 5);

                        world_set_account(world, "bob", renamed ? UID_UNSET : 1234);
                        world_set_account(world, "dave", BOB);
                        g_assert_cmpint(ways[i](world, "bob"), ==, 0);
                        assert_ended(world, "session c5");
                        g_assert_cmpint(world_state(world, bob), ==, SESSION_REVOKED);
                }
}

/* Where the uid is nobody's, or that cannot be known, what runs under it is ended. */
static void test_what_runs_under_a_uid_of_nobodys_ends(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *alice = world_log_in(world, "alice", ALICE_PASSWORD, 5),
                        *bob = world_log_in(world, "bob", BOB_PASSWORD, 6);

        world_set_account(world, "alice", UID_UNSET);
        g_assert_cmpint(remove_user(world, "alice"), ==, 0);
        assert_ended(world, "session c5; user 1000");
        world->identities.error = -EIO;
        g_assert_cmpint(disable_user(world, "bob"), ==, 0);
        assert_ended(world, "session c6; user 1001");
}

static void test_removing_ends_everything_and_repeats_quietly(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *alice = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        bool changed;

        g_assert_cmpint(user_remove(world->core, &root, "alice", &changed), ==, 0);
        assert(changed);
        assert_ended(world, "session c5; user 1000");
        g_assert_cmpint(world_state(world, alice), ==, SESSION_REVOKED);
        g_assert_cmpint(ssh(world, "alice", ALICE_PASSWORD), ==, LOGIN_NOT_OURS);
        g_assert_cmpint(user_remove(world->core, &root, "alice", &changed), ==, 0);
        assert(!changed);
        assert_ended(world, "");
        g_assert_cmpint(add(world, &root, "alice", NEW_PASSWORD), ==, 0);
        g_assert_cmpint(ssh(world, "alice", NEW_PASSWORD), ==, LOGIN_ALLOW);
}

/* Passwords */

static void test_root_changes_anybodys_password(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *alice = world_log_in(world, "alice", ALICE_PASSWORD, 5);

        g_assert_cmpint(change(world, &root, "alice", NULL, NEW_PASSWORD), ==, 0);
        g_assert_cmpint(world_state(world, alice), ==, SESSION_REVOKED);
        assert_ended(world, "session c5");
        g_assert_cmpint(ssh(world, "alice", ALICE_PASSWORD), ==, LOGIN_DENY);
        g_assert_cmpint(ssh(world, "alice", NEW_PASSWORD), ==, LOGIN_ALLOW);
        g_assert_cmpint(change(world, &root, "carol", NULL, NEW_PASSWORD), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(change(world, &root, "alice", NULL, "short"), ==, CORE_E_PASSWORD);
}

static void test_a_user_changes_its_own_and_keeps_this_login(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *here = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *nested = world_log_in(world, "alice", ALICE_PASSWORD, 5); /* in the same logind session */
        g_autofree char *there = world_log_in(world, "alice", ALICE_PASSWORD, 6);
        g_autofree char *bob = world_log_in(world, "bob", BOB_PASSWORD, 7);
        Caller alice = world_person(ALICE, 5);

        g_assert_cmpint(change(world, &alice, "alice", ALICE_PASSWORD, NEW_PASSWORD), ==, 0);
        g_assert_cmpint(world_state(world, here), ==, SESSION_ACTIVE);
        g_assert_cmpint(world_state(world, there), ==, SESSION_REVOKED);
        g_assert_cmpint(world_state(world, nested), ==, SESSION_REVOKED);
        g_assert_cmpint(world_state(world, bob), ==, SESSION_ACTIVE);
        assert_ended(world, "session c6");
}

static void test_root_from_inside_a_login_keeps_that_login(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *here = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *there = world_log_in(world, "alice", ALICE_PASSWORD, 6);
        Caller sudo = world_pam(5);

        g_assert_cmpint(change(world, &sudo, "alice", NULL, NEW_PASSWORD), ==, 0);
        g_assert_cmpint(world_state(world, here), ==, SESSION_ACTIVE);
        g_assert_cmpint(world_state(world, there), ==, SESSION_REVOKED);
        assert_ended(world, "session c6");
}

/* What is wrong with the current password is charged in the one ledger. */
static void test_guessing_by_way_of_a_change_is_limited(void) {
        g_autoptr(World) world = world_new();
        Caller alice = world_person(ALICE, 5);

        for (int i = 0; i < BURST; i++)
                g_assert_cmpint(change(world, &alice, "alice", WRONG_PASSWORD, NEW_PASSWORD), ==, CORE_E_CREDENTIAL);
        g_free(world_audit(world));
        g_assert_cmpint(change(world, &alice, "alice", ALICE_PASSWORD, NEW_PASSWORD), ==, CORE_E_CREDENTIAL);
        assert_audit(world, "refused throttled alice -");
        g_assert_cmpint(ssh(world, "alice", ALICE_PASSWORD), ==, LOGIN_ALLOW); /* who logs in does not wait for it */
        fake_clock_forward(&world->clock, 15 * 60);
        g_assert_cmpint(change(world, &alice, "alice", ALICE_PASSWORD, "short"), ==, CORE_E_PASSWORD);
        g_assert_cmpint(change(world, &alice, "alice", "", NEW_PASSWORD), ==, CORE_E_CREDENTIAL);
        g_assert_cmpint(change(world, &alice, "alice", NULL, NEW_PASSWORD), ==, CORE_E_CREDENTIAL);
        g_assert_cmpint(change(world, &alice, "alice", ALICE_PASSWORD, NEW_PASSWORD), ==, 0);
}

/* R6: the account that has alice's old uid now is not alice, whatever it knows. */
static void test_R6_another_account_under_the_old_uid_is_nobody(void) {
        g_autoptr(World) world = world_new();
        Caller mallory = world_person(ALICE, 5);
        bool changed;

        world_set_account(world, "alice", 1777);
        g_assert_cmpint(change(world, &mallory, "alice", ALICE_PASSWORD, NEW_PASSWORD), ==, CORE_E_DENIED);
        world_set_account(world, "alice", UID_UNSET);
        g_assert_cmpint(change(world, &mallory, "alice", ALICE_PASSWORD, NEW_PASSWORD), ==, CORE_E_DENIED);
        world_set_account(world, "alice", ALICE);
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", false, &changed), ==, 0);
        g_assert_cmpint(change(world, &mallory, "alice", ALICE_PASSWORD, NEW_PASSWORD), ==, CORE_E_CREDENTIAL);
}

/* Looking */

static void test_users_are_shown_with_the_roles_of_now(void) {
        g_autoptr(World) world = world_new();
        g_autoptr(GPtrArray) users = NULL;
        const UserView *alice, *bob;
        UserView *shown;

        world_set_account(world, "bob", 1999);
        g_assert_cmpint(user_list(world->core, &root, &users), ==, 0);
        g_assert_cmpint(users->len, ==, 2);
        alice = users->pdata[0];
        bob = users->pdata[1];
        g_assert_cmpstr(alice->user->name, ==, "alice");
        g_assert_cmpstr(alice->roles[0], ==, "admin");
        assert(!alice->error);
        assert(!bob->roles && strstr(bob->error, "1999"));
        world_set_account(world, "bob", UID_UNSET);
        g_assert_cmpint(user_show(world->core, &root, "bob", &shown), ==, 0);
        assert(!shown->roles && shown->error);
        shown = user_view_free(shown);
        world->identities.error = -EIO;
        g_assert_cmpint(user_show(world->core, &root, "alice", &shown), ==, 0);
        assert(!shown->roles && shown->error);
        shown = user_view_free(shown);
        g_assert_cmpint(user_show(world->core, &root, "carol", &shown), ==, CORE_E_NOT_FOUND);
}

int main(void) {
        test_B16_whom_tessera_takes();
        test_passwords_that_are_none();
        test_B3_all_of_it_is_roots();
        test_disabling_ends_everything_of_the_user();
        test_who_has_the_uid_by_now_loses_nothing();
        test_what_runs_under_a_uid_of_nobodys_ends();
        test_removing_ends_everything_and_repeats_quietly();
        test_root_changes_anybodys_password();
        test_a_user_changes_its_own_and_keeps_this_login();
        test_root_from_inside_a_login_keeps_that_login();
        test_guessing_by_way_of_a_change_is_limited();
        test_R6_another_account_under_the_old_uid_is_nobody();
        test_users_are_shown_with_the_roles_of_now();
        return 0;
}
