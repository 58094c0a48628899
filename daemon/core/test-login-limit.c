/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What wrong answers at the prompt of a login service cost, and whom. */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/test-world.h"
#include "daemon/core/token.h"
#include "daemon/core/user-admin.h"

static LoginAnswer ssh(World *world, const char *user, const char *secret) {
        Caller child = world_pam_child(5);

        return world_authenticate(world, &child,
                                  &(LoginRequest) { .user = user, .service = "sshd", .rhost = "192.0.2.1" }, secret);
}

static void test_the_eleventh_wrong_answer_is_not_looked_at(void) {
        g_autoptr(World) world = world_new();

        for (int i = 0; i < BURST; i++)
                world_expect(world, "wrong", ssh(world, "alice", WRONG_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                             "wrong-password");
        world_expect(world, "throttled, and right", ssh(world, "alice", ALICE_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                     "throttled");
        fake_clock_forward(&world->clock, 15 * 60);
        world_expect(world, "paid back", ssh(world, "alice", ALICE_PASSWORD), LOGIN_ALLOW, NULL, "pwd");
}

static void test_a_right_answer_pays_the_users_debt(void) {
        g_autoptr(World) world = world_new();

        for (int round = 0; round < 5; round++) {
                Caller console = world_pam_child(5);
                const LoginRequest request = { .user = "alice", .service = "login" };

                for (int i = 0; i < BURST - 1; i++)
                        world_expect(world, "wrong", world_authenticate(world, &console, &request, WRONG_PASSWORD),
                                     LOGIN_DENY, WIRE_REASON_CREDENTIAL, "wrong-password");
                world_expect(world, "right", world_authenticate(world, &console, &request, ALICE_PASSWORD), LOGIN_ALLOW,
                             NULL, "pwd");
        }
}

static void test_guesses_at_the_disabled_are_charged_too(void) {
        g_autoptr(World) world = world_new();
        bool changed;

        g_assert_cmpint(user_set_enabled(world->core, &world_root, "alice", false, &changed), ==, 0);
        g_free(world_audit(world));
        for (int i = 0; i < BURST; i++)
                world_expect(world, "wrong", ssh(world, "alice", WRONG_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                             "disabled");
        world_expect(world, "throttled", ssh(world, "alice", WRONG_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                     "throttled");
}

static void test_empty_answers_and_outages_are_free(void) {
        g_autoptr(World) world = world_new();

        for (int i = 0; i < 3 * BURST; i++)
                world_expect(world, "empty", ssh(world, "alice", ""), LOGIN_DENY, WIRE_REASON_CREDENTIAL, "empty");
        for (int i = 0; i < 3 * BURST; i++)
                world_expect(world, "empty, unknown", ssh(world, UNKNOWN_NAME, ""), LOGIN_NOT_OURS, NULL, "unknown-user");
        world_expect(world, "right", ssh(world, "alice", ALICE_PASSWORD), LOGIN_ALLOW, NULL, "pwd");
}

static void test_junk_for_unknown_names_charges_its_host(void) {
        g_autoptr(World) world = world_new();
        Caller child = world_pam_child(5);

        for (int i = 0; i < BURST; i++)
                world_expect(world, "junk", ssh(world, UNKNOWN_NAME, "\b\n\r\177INCORRECT"), LOGIN_NOT_OURS, NULL,
                             "unknown-user");
        world_expect(world, "throttled there", ssh(world, "alice", ALICE_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                     "throttled");
        world_expect(world, "and nowhere else",
                     world_authenticate(world, &child,
                                        &(LoginRequest) { .user = "alice", .service = "sshd", .rhost = "192.0.2.2" },
                                        ALICE_PASSWORD),
                     LOGIN_ALLOW, NULL, "pwd");
}

/* DenyUsers alice: whoever guesses there has not guessed hers. */
static void test_junk_for_forbidden_users_charges_its_host(void) {
        g_autoptr(World) world = world_new();
        Caller child = world_pam_child(5);
        const LoginRequest elsewhere = { .user = "alice", .service = "sshd", .rhost = "192.0.2.2" };

        for (int i = 0; i < BURST; i++)
                world_expect(world, "junk", ssh(world, "alice", i % 2 ? "\b\n\r\177INCORRECT\b\n" : "\b\n\r\177I"),
                             LOGIN_DENY, WIRE_REASON_CREDENTIAL, "forbidden-by-sshd");
        world_expect(world, "throttled there", ssh(world, "alice", ALICE_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                     "throttled");
        world_expect(world, "and nowhere else", world_authenticate(world, &child, &elsewhere, ALICE_PASSWORD), LOGIN_ALLOW,
                     NULL, "pwd");
}

/* A bit of the signature changed is a guess: it costs one, and ten close the prompt. The right one still passes. */
static void test_forged_signatures_are_charged_and_right_ones_pass_a_closed_prompt(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        char *token = world_token(world, ALICE, 5);
        g_autofree char *forged = g_strdup(token);
        char *last = forged + strlen(forged) - 2;

        *last = *last == 'A' ? 'B' : 'A';
        for (int i = 0; i < BURST; i++)
                world_expect(world, "forged", ssh(world, "alice", forged), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                             "token-invalid");
        world_expect(world, "forged once more", ssh(world, "alice", forged), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                     "throttled");
        world_expect(world, "a password", ssh(world, "alice", ALICE_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                     "throttled");
        world_expect(world, "the token", ssh(world, "alice", token), LOGIN_ALLOW, NULL, "tok");
        token_free(token);
}

typedef struct Guess {
        World *world;
        const char *secret;
        gint allowed;
} Guess;

static void *guess_run(void *data) {
        Guess *guess = data;
        _cleanup_secret_ Secret *secret = world_secret(guess->secret);
        Caller child = world_pam_child(5);
        LoginAnswer answer;

        g_assert_cmpint(login_authenticate(guess->world->core, &child,
                                           &(LoginRequest) { .user = "alice", .service = "sshd" }, secret, &answer),
                        ==, 0);
        if (answer.verdict == LOGIN_ALLOW)
                g_atomic_int_inc(&guess->allowed);
        return NULL;
}

static void guess_all(Guess *guess, size_t n) {
        GThread *threads[60];

        for (size_t i = 0; i < n; i++)
                threads[i] = g_thread_new("guess", guess_run, guess);
        for (size_t i = 0; i < n; i++)
                (void) g_thread_join(threads[i]);
}

static unsigned count(const char *text, const char *word) {
        unsigned n = 0;

        for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
                n++;
        return n;
}

static void test_T4_parallel_guesses_get_no_more_than_the_limit(void) {
        g_autoptr(World) world = world_new();
        Guess guess = { .world = world, .secret = WRONG_PASSWORD };
        g_autofree char *lines = NULL;

        guess_all(&guess, 60);
        g_assert_cmpint(guess.allowed, ==, 0);
        lines = world_audit(world);
        g_assert_cmpint(count(lines, "wrong-password"), ==, BURST);
        g_assert_cmpint(count(lines, "throttled"), ==, 60 - BURST);
}

static void test_T4_parallel_right_answers_all_pass(void) {
        g_autoptr(World) world = world_new();
        Guess guess = { .world = world, .secret = ALICE_PASSWORD };

        guess_all(&guess, 60);
        g_assert_cmpint(guess.allowed, ==, 60);
}

int main(void) {
        test_the_eleventh_wrong_answer_is_not_looked_at();
        test_a_right_answer_pays_the_users_debt();
        test_guesses_at_the_disabled_are_charged_too();
        test_empty_answers_and_outages_are_free();
        test_junk_for_unknown_names_charges_its_host();
        test_junk_for_forbidden_users_charges_its_host();
        test_forged_signatures_are_charged_and_right_ones_pass_a_closed_prompt();
        test_T4_parallel_guesses_get_no_more_than_the_limit();
        test_T4_parallel_right_answers_all_pass();
        return 0;
}
