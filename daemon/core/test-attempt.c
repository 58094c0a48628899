/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Which limit an answer at a prompt is charged to, and what administrators see and forget of it. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/api-limit.h"
#include "daemon/core/limit-admin.h"
#include "daemon/core/test-devices.h"
#include "daemon/core/user-admin.h"

#define HOME "192.0.2.1" /* of world_log_in() */
#define STRANGER "198.51.100.7"

/* What is owed: "LIMIT KEY FAILURES", joined by "; "; g_free. */
static char *owed(World *world) {
        g_autoptr(GPtrArray) views = NULL;
        GString *joined = g_string_new(NULL);

        g_assert_cmpint(limit_list(world->core, &world_root, &views), ==, 0);
        for (guint i = 0; i < views->len; i++) {
                const LimitView *view = views->pdata[i];
                g_string_append_printf(joined, "%s%s %s %u", i > 0 ? "; " : "", view->limit, view->key, view->failures);
        }
        return g_string_free(joined, FALSE);
}

#define assert_owed(world, expected)                                                                 \
        G_STMT_START {                                                                               \
                g_autofree char *_owed = owed(world);                                                \
                g_assert_cmpstr(_owed, ==, expected);                                                \
        }                                                                                            \
        G_STMT_END

static bool reset(World *world, const char *user, const char *host) {
        bool changed = false;

        g_assert_cmpint(limit_reset(world->core, &world_root, user, host, &changed), ==, 0);
        return changed;
}

static LoginVerdict answer(World *world, const Caller *caller, const LoginRequest *request, const char *secret) {
        return world_authenticate(world, caller, request, secret).verdict;
}

static void test_T15_each_place_has_a_limit_of_its_own(void) {
        static const struct {
                const char *sentence;
                uint32_t audit_id; /* 5: alice's login, 6: without a session, 7: of her device */
                LoginRequest request;
                const char *limit; /* what begins with it is charged, and that alone */
        } rows[] = {
                { "a stranger", 9, { "alice", "sshd", .rhost = STRANGER }, "other-hosts alice 1; host " STRANGER " 1" },
                { "what is no address", 9, { "alice", "sshd", .rhost = "UNKNOWN" }, "other-hosts alice 1; host other 1" },
                { "where she logged in", 9, { "alice", "sshd", .rhost = HOME }, "known-host alice " HOME " 1" },
                { "not where somebody else did", 9, { "bob", "sshd", .rhost = HOME }, "other-hosts bob 1; host " HOME " 1" },
                { "the console", 9, { "alice", "login" }, "local alice 1" },
                { "a key that sshd took", 9, { "alice", "sshd", .rhost = STRANGER, .auth_info = "publickey ssh-ed25519 A" },
                  "known-client alice key 1" },
                { "no key", 9, { "alice", "sshd", .rhost = STRANGER, .auth_info = "password" },
                  "other-hosts alice 1; host " STRANGER " 1" },
                { "sudo in her login", 5, { "alice", "sudo" }, "known-client alice session " },
                { "sudo in a login without one", 6, { "alice", "sudo" }, "known-client alice login 1" },
                { "sudo in her device's", 7, { "alice", "sudo" }, "known-client alice device " },
                { "whatever it says of a host", 5, { "alice", "sudo", .rhost = STRANGER }, "known-client alice session " },
                { "nobody's name", 9, { UNKNOWN_NAME, "sshd", .rhost = STRANGER }, "host " STRANGER " 1" },
                { "nobody's name at the console", 9, { UNKNOWN_NAME, "login" }, "" },
                { "a Unix account that is not ours", 9, { "carol", "sshd", .rhost = STRANGER }, "" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(World) world = world_new();
                g_autofree char *session = world_log_in(world, "alice", ALICE_PASSWORD, 5), *why = NULL, *found = NULL;
                TestDevice device = test_device_add(world, ALICE, 5, "laptop");
                g_autofree char *other = test_device_log_in(world, &device, 1, 7, &why);
                Caller caller = rows[i].audit_id == 9 ? world_pam_child(9) : world_pam(rows[i].audit_id);

                assert(session && other);
                assert(answer(world, &caller, &rows[i].request, WRONG_PASSWORD) != LOGIN_ALLOW);
                found = owed(world);
                if (!g_str_has_prefix(found, rows[i].limit) || !found[0] != !rows[i].limit[0])
                        g_error("%s: \"%s\" instead of \"%s\"", rows[i].sentence, found, rows[i].limit);
        }
}

static void test_T9_a_success_clears_its_place_and_no_host(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *session = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        Caller child = world_pam_child(9);
        const LoginRequest afar = { "alice", "sshd", .rhost = STRANGER }, home = { "alice", "sshd", .rhost = HOME };

        for (int i = 0; i < 3; i++)
                assert(answer(world, &child, &afar, WRONG_PASSWORD) == LOGIN_DENY);
        assert(answer(world, &child, &home, WRONG_PASSWORD) == LOGIN_DENY);
        assert(answer(world, &child, &home, ALICE_PASSWORD) == LOGIN_ALLOW);
        assert_owed(world, "other-hosts alice 3; host " STRANGER " 3");
        assert(answer(world, &child, &afar, ALICE_PASSWORD) == LOGIN_ALLOW);
        assert_owed(world, "host " STRANGER " 3");
}

/* Its signature was not guessed: it is good where others have used up all guesses, and pays nothing back. */
static void test_T9_what_is_signed_is_no_guess(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *session = world_log_in(world, "alice", ALICE_PASSWORD, 5), *token = NULL, *refresh = NULL;
        TestDevice device = test_device_add(world, ALICE, 5, "laptop");
        Caller child = world_pam_child(9);
        const LoginRequest afar = { "alice", "sshd", .rhost = STRANGER }, bob = { "bob", "sshd", .rhost = HOME };

        token = world_token(world, ALICE, 5);
        for (int i = 0; i <= BURST; i++)
                assert(answer(world, &child, &afar, WRONG_PASSWORD) == LOGIN_DENY);
        assert(answer(world, &child, &afar, ALICE_PASSWORD) == LOGIN_DENY);
        assert(answer(world, &child, &afar, token) == LOGIN_ALLOW);
        refresh = test_device_token(&device, 1);
        assert(answer(world, &child, &afar, refresh) == LOGIN_ALLOW);
        assert(answer(world, &child, &afar, refresh) == LOGIN_DENY); /* spent: no guess either */
        assert(answer(world, &child, &bob, token) == LOGIN_DENY);    /* another's: no guess of bob's */
        assert_owed(world, "other-hosts alice 10; host " STRANGER " 10");
        token[strlen(token) - 5] = token[strlen(token) - 5] == 'A' ? 'B' : 'A';
        assert(answer(world, &child, &bob, token) == LOGIN_DENY);
        assert_owed(world, "other-hosts alice 10; other-hosts bob 1; host " HOME " 1; host " STRANGER " 10");
}

static void test_T9_nor_is_what_was_signed_once(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *session = world_log_in(world, "alice", ALICE_PASSWORD, 5), *token = world_token(world, ALICE, 5);
        Caller child = world_pam_child(9);

        fake_clock_forward(&world->clock, 16 * 60);
        for (int i = 0; i < 2 * BURST; i++)
                assert(answer(world, &child, &(LoginRequest) { "alice", "sshd", .rhost = STRANGER }, token) == LOGIN_DENY);
        assert_owed(world, "");
}

static void test_T12_an_outage_charges_nothing(void) {
        g_autoptr(World) world = world_new();
        _cleanup_secret_ Secret *secret = world_secret(WRONG_PASSWORD);
        Caller child = world_pam_child(9);
        g_autoptr(GPtrArray) owed = NULL;
        LoginAnswer said;

        world_break_reads(world);
        for (int i = 0; i < 2 * BURST; i++)
                g_assert_cmpint(login_authenticate(world->core, &child, &(LoginRequest) { "alice", "sshd", .rhost = STRANGER },
                                                   secret, &said), <, 0);
        g_assert_cmpint(throttle_list(world->core->throttle, &(ThrottleSettings) THROTTLE_SETTINGS_DEFAULT, 9, &owed), ==, 0);
        g_assert_cmpuint(owed->len, ==, 0);
}

static void test_what_administrators_see_and_forget(void) {
        g_autoptr(World) world = world_new();
        Caller child = world_pam_child(9);
        bool changed;

        assert(!reset(world, "alice", NULL) && !reset(world, NULL, STRANGER));
        (void) answer(world, &child, &(LoginRequest) { "alice", "sshd", .rhost = STRANGER }, WRONG_PASSWORD);
        (void) answer(world, &child, &(LoginRequest) { "bob", "login" }, WRONG_PASSWORD);
        g_free(world_audit(world));
        assert(reset(world, "alice", NULL));
        assert_audit(world, "limit-reset - alice -");
        assert_owed(world, "local bob 1");
        assert(!reset(world, "alice", NULL));
        assert_audit(world, "");
        g_assert_cmpint(limit_reset(world->core, &world_root, "carol", NULL, &changed), ==, CORE_E_NOT_FOUND);
        g_assert_cmpint(limit_reset(world->core, &world_root, NULL, "no address", &changed), ==, CORE_E_INVALID);
        g_assert_cmpint(limit_reset(world->core, &world_root, "bob", STRANGER, &changed), ==, CORE_E_INVALID);
        g_assert_cmpint(limit_reset(world->core, &world_root, NULL, NULL, &changed), ==, CORE_E_INVALID);
}

/* It can owe nothing any more, and who knows the password could make ever new ones. */
static void test_T1_a_session_that_is_over_owes_nothing(void) {
        g_autoptr(World) world = world_new();
        Caller sudo = world_pam(5);

        for (int i = 0; i < 3; i++) {
                g_autofree char *session = world_log_in(world, "alice", ALICE_PASSWORD, 5);
                assert(answer(world, &sudo, &(LoginRequest) { "alice", "sudo" }, WRONG_PASSWORD) == LOGIN_DENY);
                g_assert_cmpint(login_close(world->core, &world_root, session), ==, 0);
        }
        assert_owed(world, "");
        assert(answer(world, &sudo, &(LoginRequest) { "alice", "sudo" }, WRONG_PASSWORD) == LOGIN_DENY);
        assert_owed(world, "known-client alice login 1"); /* that of all logins without one is not forgotten so */
}

/* Strangers can fill the list, and must not keep from it who calls too often. */
static void test_T1_many_hosts_hide_no_uid(void) {
        g_autoptr(World) world = world_new();
        g_autoptr(GPtrArray) views = NULL;
        Caller child = world_pam_child(9);
        unsigned users = 0, calls = 0;
        ApiCharge charge;
        int64_t wait;

        g_assert_cmpint(core_api_charge(world->core, BOB, &charge, &wait), ==, 0);
        (void) answer(world, &child, &(LoginRequest) { "alice", "login" }, WRONG_PASSWORD);
        for (unsigned i = 0; i < LIMIT_VIEWS_MAX; i++) {
                g_autofree char *rhost = g_strdup_printf("203.0.%u.%u", i / 256, i % 256);
                (void) answer(world, &child, &(LoginRequest) { UNKNOWN_NAME, "sshd", .rhost = rhost }, WRONG_PASSWORD);
        }
        g_assert_cmpint(limit_list(world->core, &world_root, &views), ==, 0);
        g_assert_cmpuint(views->len, ==, LIMIT_VIEWS_MAX);
        for (guint i = 0; i < views->len; i++) {
                const LimitView *view = views->pdata[i];
                users += strcmp(view->limit, "local") == 0;
                calls += strcmp(view->limit, "api") == 0;
        }
        g_assert_cmpuint(users, ==, 1);
        g_assert_cmpuint(calls, ==, 1);
}

/* The uid may be another's next. */
static void test_R6_who_is_removed_owes_nothing(void) {
        g_autoptr(World) world = world_new();
        Caller child = world_pam_child(9);
        ApiCharge charge;
        int64_t wait;
        bool changed;

        g_assert_cmpint(core_api_charge(world->core, ALICE, &charge, &wait), ==, 0);
        (void) answer(world, &child, &(LoginRequest) { "alice", "login" }, WRONG_PASSWORD);
        assert_owed(world, "local alice 1; api alice 1");
        g_assert_cmpint(user_remove(world->core, &world_root, "alice", &changed), ==, 0);
        assert_owed(world, "");
}

static void test_B7_only_administrators_see_and_forget(void) {
        g_autoptr(World) world = world_new();
        const Caller callers[] = { world_person(BOB, 5), world_person(UID_UNSET, 5) };
        bool changed = false;

        for (size_t i = 0; i < G_N_ELEMENTS(callers); i++) {
                g_autoptr(GPtrArray) views = NULL;

                assert(limit_list(world->core, &callers[i], &views) > 0 && !views);
                assert(limit_reset(world->core, &callers[i], "bob", NULL, &changed) > 0 && !changed);
        }
}

int main(void) {
        test_T15_each_place_has_a_limit_of_its_own();
        test_T9_a_success_clears_its_place_and_no_host();
        test_T9_what_is_signed_is_no_guess();
        test_T9_nor_is_what_was_signed_once();
        test_T12_an_outage_charges_nothing();
        test_what_administrators_see_and_forget();
        test_T1_a_session_that_is_over_owes_nothing();
        test_T1_many_hosts_hide_no_uid();
        test_R6_who_is_removed_owes_nothing();
        test_B7_only_administrators_see_and_forget();
        return 0;
}
