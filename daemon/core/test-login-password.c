/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* passwd: a setuid program that asks for whoever started it. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/test-devices.h"
#include "daemon/core/user-admin.h"

#define NEW_PASSWORD "canary: another horse"

/* The process of passwd, which @uid started in the login @audit_id. */
static Caller passwd_of(uid_t uid, uint32_t audit_id) {
        Caller caller = world_pam(audit_id);

        caller.real_uid = uid;
        return caller;
}

/* The verdict, and its reason and the beginning of its message where there are any; g_free. */
static char *ask(World *world, const Caller *caller, const char *user, const char *current, const char *password) {
        _cleanup_secret_ Secret *old = world_secret(current), *new = world_secret(password);
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        char *words;
        int r;

        r = login_change_password(world->core, caller, &(LoginRequest) { .user = user, .service = "passwd" }, old,
                                  new, &answer);
        if (r != 0)
                return g_strdup(r == CORE_E_DENIED ? "denied" : r < 0 ? "error" : "refused");
        words = g_strjoin(" ", login_verdict_to_string(answer.verdict), answer.reason, NULL);
        assert(!answer.message || !strchr(answer.message, '\n'));
        login_answer_deinit(&answer);
        return words;
}

#define assert_answer(world, caller, user, current, password, expected)                               \
        G_STMT_START {                                                                                \
                g_autofree char *_words = ask(world, caller, user, current, password);                \
                g_assert_cmpstr(_words, ==, expected);                                                \
        }                                                                                             \
        G_STMT_END

static bool password_is(World *world, const char *user, const char *password) {
        Caller child = world_pam_child(77);
        LoginVerdict verdict;

        verdict = world_authenticate(world, &child, &(LoginRequest) { .user = user, .service = "sshd" },
                                     password).verdict;
        g_free(world_audit(world));
        return verdict == LOGIN_ALLOW;
}

/* Who started passwd × for whom × with what: each row in a world of its own. */
static void test_who_may_change_whose_password(void) {
        static const struct {
                const char *sentence;
                uid_t real_uid;
                const char *user, *current, *password, *answer;
                bool changed; /* of the user, to NEW_PASSWORD */
        } rows[] = {
                { "root asks whether he needs the old one", 0, "alice", "", "", "allow", false },
                { "root changes hers", 0, "alice", "", NEW_PASSWORD, "allow", true },
                { "and what he gives for the old one is not looked at", 0, "alice", WRONG_PASSWORD, NEW_PASSWORD,
                  "allow", true },
                { "too short for root, too", 0, "alice", "", "short", "deny password", false },
                { "she asks whether she needs the old one", ALICE, "alice", "", "", "step-up credential", false },
                { "it is right", ALICE, "alice", ALICE_PASSWORD, "", "allow", false },
                { "it is wrong", ALICE, "alice", WRONG_PASSWORD, "", "deny credential", false },
                { "she changes hers", ALICE, "alice", ALICE_PASSWORD, NEW_PASSWORD, "allow", true },
                { "not without the old one", ALICE, "alice", "", NEW_PASSWORD, "deny credential", false },
                { "nor with a wrong one", ALICE, "alice", WRONG_PASSWORD, NEW_PASSWORD, "deny credential", false },
                { "the new one is too short", ALICE, "alice", ALICE_PASSWORD, "short", "deny password", false },
                { "or could not be typed again", ALICE, "alice", ALICE_PASSWORD, "line\nbreak", "deny password",
                  false },
                { "bob's is not hers, whatever she knows", ALICE, "bob", BOB_PASSWORD, NEW_PASSWORD, "deny not-yours",
                  false },
                { "nor to ask about", ALICE, "bob", "", "", "deny not-yours", false },
                { "who started it cannot be said", UID_UNSET, "alice", ALICE_PASSWORD, NEW_PASSWORD,
                  "deny not-yours", false },
                { "carol is not ours", CAROL, "carol", "", "", "not-ours", false },
                { "for root, too", 0, "carol", "", NEW_PASSWORD, "not-ours", false },
                { "nor is root", 0, "root", "", NEW_PASSWORD, "not-ours", false },
                { "nor who does not exist", 0, UNKNOWN_NAME, "", NEW_PASSWORD, "not-ours", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(World) world = world_new();
                const Caller caller = passwd_of(rows[i].real_uid, 5);
                g_autofree char *answer = ask(world, &caller, rows[i].user, rows[i].current, rows[i].password);

                if (!g_str_equal(answer, rows[i].answer) ||
                    password_is(world, rows[i].user, NEW_PASSWORD) != rows[i].changed)
                        g_error("%s: %s instead of %s", rows[i].sentence, answer, rows[i].answer);
        }
}

/* What the calling process may do is no argument of the call's. */
static void test_B3_only_a_process_with_roots_uid_asks(void) {
        g_autoptr(World) world = world_new();
        Caller alice = world_person(ALICE, 5), nobody = world_person(UID_UNSET, 5);

        alice.real_uid = 0;
        assert_answer(world, &alice, "alice", ALICE_PASSWORD, NEW_PASSWORD, "denied");
        assert_answer(world, &nobody, "alice", ALICE_PASSWORD, NEW_PASSWORD, "denied");
}

static void test_the_refusal_of_a_short_one_says_how_long(void) {
        g_autoptr(World) world = world_new();
        Settings *settings = world_settings(world);
        _cleanup_secret_ Secret *old = world_secret(""), *new = world_secret("eleven-char");
        Caller root = passwd_of(0, 5);
        LoginAnswer answer;

        settings->password_min_length = 12;
        world_use_settings(world, settings);
        g_assert_cmpint(login_change_password(world->core, &root,
                                              &(LoginRequest) { .user = "alice", .service = "passwd" }, old, new,
                                              &answer), ==, 0);
        g_assert_cmpstr(answer.message, ==, "the new password is too short: it must have 12 characters or more");
        login_answer_deinit(&answer);
}

static void test_a_change_spares_this_login_alone(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *here = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *there = world_log_in(world, "alice", ALICE_PASSWORD, 6);
        g_autofree char *bob = world_log_in(world, "bob", BOB_PASSWORD, 7);
        TestDevice device = test_device_add(world, ALICE, 6, "laptop");
        Caller alice = passwd_of(ALICE, 5);

        g_free(world_audit(world));
        assert_answer(world, &alice, "alice", ALICE_PASSWORD, "", "allow");
        assert_audit(world, "");
        assert_answer(world, &alice, "alice", ALICE_PASSWORD, NEW_PASSWORD, "allow");
        g_assert_cmpint(world_state(world, here), ==, SESSION_ACTIVE);
        g_assert_cmpint(world_state(world, there), ==, SESSION_REVOKED);
        g_assert_cmpint(world_state(world, bob), ==, SESSION_ACTIVE);
        g_assert_cmpstr(test_device_state(world, &device), ==, "revoked");
        assert_ended(world, "session c6");
}

/* P20: one ledger, one answer; the audit knows which it was, in one line each. */
static void test_P20_guessing_by_way_of_passwd_is_limited(void) {
        g_autoptr(World) world = world_new();
        Caller alice = passwd_of(ALICE, 5), sudo = world_pam(5);
        bool changed;

        for (int i = 0; i < BURST; i++)
                assert_answer(world, &alice, "alice", WRONG_PASSWORD, i % 2 ? "" : NEW_PASSWORD, "deny credential");
        g_free(world_audit(world));
        assert_answer(world, &alice, "alice", ALICE_PASSWORD, "", "deny credential");
        assert_audit(world, "refused throttled alice -");
        g_assert_cmpint(world_authenticate(world, &sudo, &(LoginRequest) { .user = "alice", .service = "sudo" },
                                           ALICE_PASSWORD).verdict, ==, LOGIN_DENY);
        fake_clock_forward(&world->clock, 15 * 60);
        g_assert_cmpint(user_set_enabled(world->core, &sudo, "alice", false, &changed), ==, 0);
        g_free(world_audit(world));
        assert_answer(world, &alice, "alice", ALICE_PASSWORD, "", "deny credential");
        assert_audit(world, "refused disabled alice -");
        assert_answer(world, &alice, "alice", ALICE_PASSWORD, NEW_PASSWORD, "deny credential");
}

/* R6 */
static void test_R6_another_account_under_the_old_uid_is_nobody(void) {
        g_autoptr(World) world = world_new();
        Caller mallory = passwd_of(1777, 5), old = passwd_of(ALICE, 5);

        world_set_account(world, "alice", 1777);
        assert_answer(world, &mallory, "alice", ALICE_PASSWORD, NEW_PASSWORD, "deny not-yours");
        assert_answer(world, &old, "alice", ALICE_PASSWORD, NEW_PASSWORD, "denied");
        world->identities.error = -EIO;
        assert_answer(world, &old, "alice", ALICE_PASSWORD, NEW_PASSWORD, "error");
}

int main(void) {
        test_who_may_change_whose_password();
        test_B3_only_a_process_with_roots_uid_asks();
        test_the_refusal_of_a_short_one_says_how_long();
        test_a_change_spares_this_login_alone();
        test_P20_guessing_by_way_of_passwd_is_limited();
        test_R6_another_account_under_the_old_uid_is_nobody();
        return 0;
}
