/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-world.h"
#include "daemon/core/token-use.h"
#include "daemon/core/user-admin.h"

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

static TokenReason verify(World *world, const char *token, const char *audience, const char *role) {
        g_autoptr(TokenClaims) claims = NULL;
        g_auto(GStrv) roles = NULL;
        TokenReason reason = _TOKEN_REASON_MAX;

        g_assert_cmpint(token_check(world->core, token, strlen(token), audience, role, &reason, &claims, &roles), ==,
                        0);
        assert(!claims == (reason != TOKEN_VALID));
        assert(!roles == (reason != TOKEN_VALID));
        return reason;
}

static void set_enabled(World *world, bool enabled) {
        bool changed;

        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", enabled, &changed), ==, 0);
}

static void test_a_token_of_the_callers_login(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        Caller alice = world_person(ALICE, 5);
        g_autoptr(TokenClaims) claims = NULL, seen = NULL;
        g_auto(GStrv) roles = NULL;
        TokenReason reason;
        char *token;

        fake_clock_forward(&world->clock, 60);
        g_assert_cmpint(token_print(world->core, &alice, /* audience= */ NULL, /* min_ttl= */ 900, &token, &claims), ==, 0);
        assert(strlen(token) <= WIRE_ACCESS_TOKEN_MAX);
        g_assert_cmpint(token_check(world->core, token, strlen(token), NULL, NULL, &reason, &seen, &roles), ==, 0);
        g_assert_cmpint(reason, ==, TOKEN_VALID);
        g_assert_cmpstr(seen->subject, ==, "alice");
        g_assert_cmpstr(seen->issuer, ==, HOST);
        g_assert_cmpstr(seen->audience, ==, HOST);
        g_assert_cmpstr(seen->session, ==, id);
        g_assert_cmpint(seen->auth_time, ==, world->clock.wall - 60);
        g_assert_cmpint(seen->expires, ==, world->clock.wall + 900);
        g_assert_cmpstr(seen->methods[0], ==, "pwd");
        g_assert_cmpstr(roles[0], ==, "admin");
        token_free(token);
}

static void test_who_has_no_token(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autoptr(TokenClaims) claims = NULL;
        const struct {
                const char *sentence;
                uid_t uid;
                uint32_t audit_id;
                int64_t min_ttl;
                int result;
        } rows[] = {
                { "another login", ALICE, 6, 0, CORE_E_NOT_SIGNED_IN },
                { "no login", ALICE, AUDIT_ID_UNSET, 0, CORE_E_NOT_SIGNED_IN },
                { "another user in this login", BOB, 5, 0, CORE_E_NOT_SIGNED_IN },
                { "root in this login", 0, 5, 0, CORE_E_NOT_SIGNED_IN },
                { "nobody", UID_UNSET, 5, 0, CORE_E_DENIED },
                { "for longer than any", ALICE, 5, 901, CORE_E_INVALID },
                { "for less than nothing", ALICE, 5, -1, CORE_E_INVALID },
        };
        char *token;

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                Caller caller = world_person(rows[i].uid, rows[i].audit_id);
                if (token_print(world->core, &caller, /* audience= */ NULL, rows[i].min_ttl, &token, &claims) != rows[i].result)
                        g_error("%s", rows[i].sentence);
        }
        {
                Caller caller = world_person(ALICE, 5);
                world_set_account(world, "alice", 1777);
                g_assert_cmpint(token_print(world->core, &caller, /* audience= */ NULL, 0, &token, &claims), ==, CORE_E_NOT_SIGNED_IN);
        }
}

static void test_a_token_ends_with_its_session(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = NULL;
        Caller alice = world_person(ALICE, 5);
        g_autoptr(TokenClaims) claims = NULL;
        char *token;

        world_set_settings(world, 24 * 3600, /* lifetime= */ 1000, 32);
        id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        fake_clock_forward(&world->clock, 900);
        g_assert_cmpint(token_print(world->core, &alice, /* audience= */ NULL, 101, &token, &claims), ==, CORE_E_INVALID);
        g_assert_cmpint(token_print(world->core, &alice, /* audience= */ NULL, 100, &token, &claims), ==, 0);
        g_assert_cmpint(claims->expires, ==, world->clock.wall + 100);
        token_free(token);
}

static void test_why_a_token_is_no_good(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        Caller alice = world_person(ALICE, 5);
        char *token = world_token(world, ALICE, 5);
        g_autofree char *changed = g_strdup(token);
        g_autoptr(GPtrArray) ended = NULL;

        changed[strlen(changed) / 2] ^= 1;
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_VALID);
        g_assert_cmpint(verify(world, token, HOST, "admin"), ==, TOKEN_VALID);
        g_assert_cmpint(verify(world, token, HOST, "everyone"), ==, TOKEN_VALID);
        g_assert_cmpint(verify(world, token, HOST, "nothing"), ==, TOKEN_ROLE_MISSING);
        g_assert_cmpint(verify(world, token, "other.example", NULL), ==, TOKEN_WRONG_AUDIENCE);
        g_assert_cmpint(verify(world, "", NULL, NULL), ==, TOKEN_MISSING);
        g_assert_cmpint(verify(world, "x.y.z", NULL, NULL), ==, TOKEN_INVALID);
        g_assert_cmpint(verify(world, changed, NULL, NULL), ==, TOKEN_INVALID);
        /* A4: the role of now, not of when it was made. */
        world_set_policy(world, "bob", "");
        g_assert_cmpint(verify(world, token, NULL, "admin"), ==, TOKEN_ROLE_MISSING);
        world_set_account(world, "alice", 1777);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_REVOKED);
        world_set_account(world, "alice", UID_UNSET);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_REVOKED);
        world_set_account(world, "alice", ALICE);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_VALID);
        g_assert_cmpint(session_logout(world->core, &alice, /* others= */ false, &ended), ==, 0);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_REVOKED);
        fake_clock_forward(&world->clock, 900);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_EXPIRED);
        token_free(token);
}

static void test_a_token_of_another_boot_is_over_before_any_sweep(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        char *token = world_token(world, ALICE, 5);

        g_free(world->core->boot_id);
        world->core->boot_id = g_strdup("99999999-2222-3333-4444-555555555555");
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_REVOKED);
        token_free(token);
}

/* R6: after each of these the token is over. */
static void test_R6_what_revokes_a_token(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        _cleanup_secret_ Secret *password = world_secret("canary: another horse");
        char *token = world_token(world, ALICE, 5);
        bool changed;

        set_enabled(world, false);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_REVOKED);
        set_enabled(world, true);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_REVOKED);
        token_free(token);
        g_free(id);

        id = world_log_in(world, "alice", ALICE_PASSWORD, 6);
        token = world_token(world, ALICE, 6);
        g_assert_cmpint(user_change_password(world->core, &root, "alice", NULL, password, /* ret_delay= */ NULL), ==, 0);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_REVOKED);
        token_free(token);
        g_free(id);

        id = world_log_in(world, "alice", "canary: another horse", 7);
        token = world_token(world, ALICE, 7);
        g_assert_cmpint(user_remove(world->core, &root, "alice", &changed), ==, 0);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_REVOKED);
        token_free(token);
}

static void test_use_of_a_token_keeps_its_session_awake(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        char *token;

        world_set_settings(world, /* idle= */ 60, 7 * 24 * 3600, 32);
        token = world_token(world, ALICE, 5);
        for (int i = 0; i < 5; i++) {
                fake_clock_forward(&world->clock, 60);
                g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_VALID);
        }
        fake_clock_forward(&world->clock, 61);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_REVOKED);
        token_free(token);
}

static void test_a_clock_set_back_makes_no_broken_token(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        char *token;

        world->clock.wall -= 3600;
        token = world_token(world, ALICE, 5);
        g_assert_cmpint(verify(world, token, NULL, NULL), ==, TOKEN_VALID);
        token_free(token);
}

static void test_what_cannot_be_asked_is_no_answer(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        Caller alice = world_person(ALICE, 5);
        char *token = world_token(world, ALICE, 5), *none;
        g_autoptr(TokenClaims) claims = NULL;
        g_auto(GStrv) roles = NULL;
        TokenReason reason;

        world->identities.error = -EAGAIN;
        g_assert_cmpint(token_check(world->core, token, strlen(token), NULL, NULL, &reason, &claims, &roles), ==,
                        -EAGAIN);
        g_assert_cmpint(token_print(world->core, &alice, /* audience= */ NULL, 0, &none, &claims), ==, -EAGAIN);
        world->identities.error = 0;
        world_break_reads(world);
        g_assert_cmpint(token_check(world->core, token, strlen(token), NULL, NULL, &reason, &claims, &roles), ==,
                        -EIO);
        g_assert_cmpint(token_print(world->core, &alice, /* audience= */ NULL, 0, &none, &claims), ==, -EIO);
        token_free(token);
}

int main(void) {
        test_a_token_of_the_callers_login();
        test_who_has_no_token();
        test_a_token_ends_with_its_session();
        test_why_a_token_is_no_good();
        test_a_token_of_another_boot_is_over_before_any_sweep();
        test_R6_what_revokes_a_token();
        test_use_of_a_token_keeps_its_session_awake();
        test_a_clock_set_back_makes_no_broken_token();
        test_what_cannot_be_asked_is_no_answer();
        return 0;
}
