/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Tokens and tickets that are refused though their signature is right: no guess, so they cost nobody anything. */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/key-admin.h"
#include "daemon/core/test-world.h"
#include "daemon/core/token-use.h"

#define WEB1 "web1.example"

static const LoginRequest sshd = { .user = "alice", .service = "sshd", .rhost = "192.0.2.5" };

/* More often than a limit lets pass. */
static void refuse_often(World *world, const char *answer) {
        Caller child = world_pam_child(6);

        for (unsigned i = 0; i < 2 * BURST; i++) {
                g_autofree char *why = NULL;

                g_assert_cmpint(world_authenticate(world, &child, &sshd, answer).verdict, ==, LOGIN_DENY);
                why = world_reason(world);
                g_assert_cmpstr(why, ==, "token-invalid");
        }
}

/* Neither throttled, nor told of attempts that were none. */
static void expect_no_harm(World *world) {
        Caller child = world_pam_child(7), pam = world_pam(7);
        LoginRequest request = sshd;
        LoginAnswer answer = world_authenticate(world, &child, &request, ALICE_PASSWORD);
        LoginAnswer opened;

        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        request.session = answer.session;
        g_assert_cmpint(login_open(world->core, &pam, &request, &opened), ==, 0);
        g_assert_cmpint(opened.verdict, ==, LOGIN_ALLOW);
        assert(!opened.message || !strstr(opened.message, "failed attempt"));
        login_answer_deinit(&opened);
}

static void test_a_clock_that_is_set_back_makes_no_guess_of_a_token(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *token = world_token(world, ALICE, 5);

        world->clock.wall -= 10;
        refuse_often(world, token);
        expect_no_harm(world);
}

static void test_nor_does_another_name_of_the_host(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5), *token = world_token(world, ALICE, 5);
        bool changed;

        g_assert_cmpint(key_admin_rename(world->core, &world_root, WEB1, &changed), ==, 0);
        g_free(world_audit(world));
        refuse_often(world, token);
        expect_no_harm(world);
}

static Trust *trust_in(World *issuer) {
        static const char *const all[] = { "*", NULL };
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(KeyRing) ring = key_admin_ring(issuer->core);
        g_autofree char *jwks = key_ring_export(ring), *text = trust_file_format(WEB1, all, all, jwks);

        return trust_new(trust_files_read_text("web1", text, strlen(text), mistakes), mistakes);
}

static void test_nor_does_an_issuer_whose_clock_is_ahead(void) {
        g_autoptr(World) web1 = world_new(), world = world_new();
        g_autofree char *login = world_log_in(web1, "alice", ALICE_PASSWORD, 5);
        Caller alice = world_person(ALICE, 5);
        g_autoptr(TokenClaims) claims = NULL;
        char *ticket = NULL;
        bool changed;

        g_assert_cmpint(key_admin_rename(web1->core, &world_root, WEB1, &changed), ==, 0);
        core_reload(world->core, world_settings(world), core_policy(world->core), trust_in(web1), /* providers= */ NULL);
        fake_clock_forward(&web1->clock, 30);
        g_assert_cmpint(token_print(web1->core, &alice, HOST, 0, &ticket, &claims), ==, 0);
        refuse_often(world, ticket);
        expect_no_harm(world);
        ticket = token_free(ticket);
}

int main(void) {
        test_a_clock_that_is_set_back_makes_no_guess_of_a_token();
        test_nor_does_another_name_of_the_host();
        test_nor_does_an_issuer_whose_clock_is_ahead();
        return 0;
}
