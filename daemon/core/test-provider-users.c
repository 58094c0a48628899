/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Who is who at an identity provider: who is made a user there, linked, and told apart. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "daemon/core/health.h"
#include "daemon/core/test-corp.h"

/* create=yes */

static World *creating(const char *administrators) {
        g_autofree char *policy = g_strdup_printf(POLICY("%s"), administrators);

        return world_with("create=yes\n", policy);
}

static void test_create(void) {
        g_autoptr(World) world = creating("admin");
        g_autofree char *flow = begin(world, "carol"), *lines = NULL, *expected = NULL;
        Caller pam = world_pam(5);
        LoginRequest request = { .user = "carol", .service = "sshd", .rhost = "192.0.2.1" };
        LoginAnswer answer;

        assert_linked(world, "carol", "not enrolled"); /* to begin makes nobody a user */
        approve(world, "7", "carol");
        answer = ask(world, "carol", flow);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        lines = world_audit(world);
        expected = g_strdup_printf("user-added oidc:corp carol -; linked oidc:corp carol -; login oidc:corp carol %s",
                                   answer.session);
        g_assert_cmpstr(lines, ==, expected);
        assert_linked(world, "carol", "corp: 7");
        request.session = answer.session;
        g_assert_cmpint(world_ask(world, login_open, &pam, &request).verdict, ==, LOGIN_ALLOW);
        g_free(world_audit(world));
        expect_no(world, "without a password there is none", enter_as(world, "carol", "sshd", WRONG_PASSWORD), "no-password");
        approve(world, "8", "carol");
        expect_refused(world, "the next of that name", "carol", "provider-not-linked");
}

static void test_create_is_not_for_everybody(void) {
        static const char *const never[] = { "games", "overflow", "dynamic", UNKNOWN_NAME };
        g_autoptr(World) world = creating("admin");
        g_autofree char *flow = NULL;

        world_set_account(world, "games", 999);
        world_set_account(world, "overflow", 65534);
        world_set_account(world, "dynamic", 61184);
        for (size_t i = 0; i < G_N_ELEMENTS(never); i++) {
                approve(world, "7", never[i]);
                expect_refused(world, "no account of a person's", never[i], "not-enrolled");
                assert_linked(world, never[i], "not enrolled");
        }
        g_assert_cmpint(enter_as(world, "root", "sshd", "").verdict, ==, LOGIN_NOT_OURS);
        g_assert_cmpint(enter_as(world, "carol", "sudo", "").verdict, ==, LOGIN_NOT_OURS);
        g_free(world_audit(world));

        approve(world, "7", NULL);
        expect_refused(world, "A3: the claim is not set", "carol", "provider-other-name");
        approve(world, "7", "bob");
        expect_refused(world, "another's name", "carol", "provider-other-name");
        approve(world, "1", "carol");
        expect_refused(world, "who is alice already", "carol", "provider-other-account");
        approve(world, "7", "carol");
        flow = begin(world, "carol"); /* of whom the account becomes the system's meanwhile */
        world_set_account(world, "carol", 999);
        expect_no(world, "the account has another uid", ask(world, "carol", flow), "not-enrolled");
        world_set_account(world, "carol", CAROL);
        assert_linked(world, "carol", "not enrolled");
        approve(world, "7", "bob"); /* who is enrolled, and awaits nothing */
        expect_refused(world, "create=yes is no way to another's account", "bob", "provider-not-linked");
}

/* Whoever makes up names at the provider makes himself no administrator here. */
static void test_create_makes_no_administrator(void) {
        g_autoptr(World) world = creating("everyone");

        approve(world, "7", "carol");
        expect_refused(world, "everybody administers", "carol", "provider-administrator");
        assert_linked(world, "carol", "not enrolled");
        world_use_policy(world, "[role:k]\nusers=carol\n[role:everyone]\nusers=*\n[service:sshd]\nroles=everyone\n"
                                "methods=oidc:corp\n[service:tessera]\nroles=k\n");
        expect_refused(world, "carol administers", "carol", "provider-administrator");
        world_use_policy(world, "[role:everyone]\nusers=*\n[service:sshd]\nroles=everyone\nmethods=oidc:corp\n");
        g_free(begin(world, "carol")); /* with nobody to administer she may */
}

static void test_allowed_groups(void) {
        g_autoptr(World) world = world_with("allowed-groups=staff\n", POLICY("admin"));
        g_autofree char *flow = NULL;

        approve(world, "1", "alice");
        expect_refused(world, "no group", "alice", "provider-group");
        world->provider.group = "guests";
        expect_refused(world, "another group", "alice", "provider-group");
        approve(world, "4", "dave");
        expect_refused(world, "nor is he linked", "dave", "provider-group");
        assert_linked(world, "dave", " awaits corp");
        world->provider.group = "staff";
        approve(world, "1", "alice");
        flow = begin(world, "alice");
        g_assert_cmpint(ask(world, "alice", flow).verdict, ==, LOGIN_ALLOW);
}

/* Administration */

static void test_link_and_unlink(void) {
        g_autoptr(World) world = corp();
        Caller bob = world_person(BOB, 6);
        bool changed = true;

        g_assert_cmpint(user_link(world->core, &world_root, "alice", "corp", "1", &changed), ==, 0);
        assert(!changed);
        g_assert_cmpint(user_link(world->core, &world_root, "alice", "corp", "2", &changed), ==, CORE_E_EXISTS);
        g_assert_cmpint(user_link(world->core, &world_root, "bob", "corp", "1", &changed), ==, CORE_E_EXISTS);
        g_assert_cmpint(user_link(world->core, &world_root, "bob", "other", "2", &changed), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(user_link(world->core, &world_root, "carol", "corp", "2", &changed), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(user_link(world->core, &world_root, "bob", "corp", "", &changed), ==, CORE_E_INVALID);
        g_assert_cmpint(user_link(world->core, &world_root, "bob", "corp", "a\nb", &changed), ==, CORE_E_INVALID);
        g_assert_cmpint(user_link(world->core, &bob, "bob", "corp", "2", &changed), ==, CORE_E_DENIED);
        g_assert_cmpint(user_unlink(world->core, &bob, "alice", "corp", &changed), ==, CORE_E_DENIED);
        assert_audit(world, "");
        g_assert_cmpint(user_link(world->core, &world_root, "dave", "corp", "4", &changed), ==, 0);
        assert(changed);
        assert_linked(world, "dave", "corp: 4"); /* and awaits nothing any more */
        g_assert_cmpint(user_unlink(world->core, &world_root, "dave", "corp", &changed), ==, 0);
        assert(changed);
        assert_linked(world, "dave", "");
        g_assert_cmpint(user_unlink(world->core, &world_root, "dave", "corp", &changed), ==, 0);
        assert(!changed);
        g_assert_cmpint(user_unlink(world->core, &world_root, "carol", "corp", &changed), ==, CORE_E_NOT_FOUND);
        assert_audit(world, "linked corp dave -; unlinked corp dave -");
        approve(world, "4", "dave");
        expect_refused(world, "unlinked", "dave", "provider-not-linked");
}

static void test_users_without_a_password(void) {
        g_autoptr(World) world = corp();
        _cleanup_secret_ Secret *nothing = world_secret("");
        g_autofree char *warning = NULL;

        g_assert_cmpint(user_add(world->core, &world_root, "carol", nothing, NULL, NULL, &warning), ==, CORE_E_PASSWORD);
        g_assert_cmpint(user_add(world->core, &world_root, "carol", nothing, NULL, "other", &warning), ==,
                        CORE_E_NOT_FOUND);
        assert(user_provider_is_known(world->core, "corp") && !user_provider_is_known(world->core, "other"));
        expect_no(world, "an empty password is none", enter_as(world, "dave", "login", ""), "empty");
        expect_no(world, "nor is any other", enter_as(world, "dave", "sshd", WRONG_PASSWORD), "no-password");
}

static void test_doctor(void) {
        g_autoptr(World) world = corp();
        g_auto(GStrv) fine = NULL, wrong = NULL, down = NULL;

        fine = health_check_providers(world->core);
        g_assert_cmpstr(fine[0], ==, "corp");
        g_assert_null(fine[1]);
        world->provider.reason = "metadata: no keys";
        wrong = health_check_providers(world->core);
        g_assert_cmpstr(wrong[0], ==, "corp: metadata: no keys");
        world->provider.error = -ECONNREFUSED;
        down = health_check_providers(world->core);
        assert(g_str_has_prefix(down[0], "corp: tessera-oidc does not answer"));
}

int main(void) {
        test_create();
        test_create_is_not_for_everybody();
        test_create_makes_no_administrator();
        test_allowed_groups();
        test_link_and_unlink();
        test_users_without_a_password();
        test_doctor();
        return 0;
}
