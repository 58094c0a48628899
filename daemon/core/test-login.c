/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What the prompt of a login service is answered with. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/test-world.h"
#include "daemon/core/token.h"
#include "daemon/core/user-admin.h"

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

static LoginAnswer ssh(World *world, const char *user, const char *secret) {
        Caller child = world_pam_child(5);

        return world_authenticate(world, &child,
                                  &(LoginRequest) { .user = user, .service = "sshd", .rhost = "192.0.2.1" }, secret);
}

/* A login that is let in has a session. */
static void expect(World *world, const char *sentence, LoginAnswer answer, LoginVerdict verdict, const char *reason,
                   const char *why) {
        world_expect(world, sentence, answer, verdict, reason, why);
        assert(!answer.session[0] == (verdict != LOGIN_ALLOW));
}

static void set_enabled(World *world, const char *user, bool enabled) {
        bool changed;

        g_assert_cmpint(user_set_enabled(world->core, &root, user, enabled, &changed), ==, 0);
        g_free(world_audit(world));
        g_free(world_ended(world));
}

static void test_one_word_for_everything_that_is_wrong(void) {
        static const struct {
                const char *sentence, *user, *secret;
                LoginVerdict verdict;
                const char *reason, *why;
        } rows[] = {
                { "the right password", "alice", ALICE_PASSWORD, LOGIN_ALLOW, NULL, "pwd" },
                { "a wrong one", "alice", WRONG_PASSWORD, LOGIN_DENY, WIRE_REASON_CREDENTIAL, "wrong-password" },
                { "another user's", "alice", BOB_PASSWORD, LOGIN_DENY, WIRE_REASON_CREDENTIAL, "wrong-password" },
                { "no answer", "alice", "", LOGIN_DENY, WIRE_REASON_CREDENTIAL, "empty" },
                { "disabled, with the right password", "bob", BOB_PASSWORD, LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                  "disabled" },
                { "the uid is another's by now", "moved", WRONG_PASSWORD, LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                  "uid-changed" },
                { "the Unix account is gone", "gone", WRONG_PASSWORD, LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                  "account-gone" },
                { "enrolled without a password", "bare", WRONG_PASSWORD, LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                  "no-password" },
                { "a Unix user that tessera does not know", "carol", WRONG_PASSWORD, LOGIN_NOT_OURS, NULL,
                  "not-enrolled" },
                { "root", "root", WRONG_PASSWORD, LOGIN_NOT_OURS, NULL, "not-enrolled" },
                { "nobody's name", UNKNOWN_NAME, WRONG_PASSWORD, LOGIN_NOT_OURS, NULL, "unknown-user" },
        };
        g_autoptr(World) world = world_new();
        const User moved = { .name = (char *) "moved", .uid = 1010, .enabled = true };
        const User gone = { .name = (char *) "gone", .uid = 1011, .enabled = true };
        const User bare = { .name = (char *) "bare", .uid = 1012, .enabled = true };

        g_assert_cmpint(store_user_add(world->store, &moved), ==, 0);
        g_assert_cmpint(store_user_add(world->store, &gone), ==, 0);
        g_assert_cmpint(store_user_add(world->store, &bare), ==, 0);
        world_set_account(world, "moved", 1999);
        world_set_account(world, "bare", 1012);
        set_enabled(world, "bob", false);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                expect(world, rows[i].sentence, ssh(world, rows[i].user, rows[i].secret), rows[i].verdict,
                       rows[i].reason, rows[i].why);
}

static void test_refusals_of_credentials_carry_no_text(void) {
        g_autoptr(World) world = world_new();
        _cleanup_secret_ Secret *secret = world_secret(WRONG_PASSWORD);
        Caller child = world_pam_child(5);
        LoginAnswer answer;

        g_assert_cmpint(login_authenticate(world->core, &child,
                                           &(LoginRequest) { .user = "alice", .service = "sshd" }, secret, &answer),
                        ==, 0);
        assert(!answer.message);
}

/* Whatever cannot be a user's name is nobody, and neither a path nor a format. */
static void test_P15_names_that_are_none(void) {
        static const char *const names[] = {
                "", "/", "..", "../alice", "alice\n", "alice:x", "alice ", "-alice", "%n%s", "\x1b[2J", "1000",
                "al\xc3\xad-ce", "alice\xff",
        };
        g_autoptr(World) world = world_new();
        g_autofree char *huge = g_strnfill(300 * 1024, 'a');

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
                expect(world, names[i], ssh(world, names[i], ALICE_PASSWORD), LOGIN_NOT_OURS, NULL, "unknown-user");
        expect(world, "300 KiB", ssh(world, huge, ALICE_PASSWORD), LOGIN_NOT_OURS, NULL, "unknown-user");
}

static void test_P15_no_name_or_service_is_an_error(void) {
        g_autoptr(World) world = world_new();
        _cleanup_secret_ Secret *secret = world_secret(ALICE_PASSWORD);
        Caller child = world_pam_child(5);
        LoginAnswer answer;

        g_assert_cmpint(login_authenticate(world->core, &child, &(LoginRequest) { .service = "sshd" }, secret,
                                           &answer), ==, CORE_E_INVALID);
        g_assert_cmpint(login_authenticate(world->core, &child, &(LoginRequest) { .user = "alice" }, secret, &answer),
                        ==, CORE_E_INVALID);
        g_assert_cmpint(login_authenticate(world->core, &child,
                                           &(LoginRequest) { .user = "alice", .service = "../sshd" }, secret,
                                           &answer), ==, CORE_E_INVALID);
}

static void test_B3_only_root_may_ask_for_another(void) {
        g_autoptr(World) world = world_new();
        _cleanup_secret_ Secret *secret = world_secret(ALICE_PASSWORD);
        LoginRequest request = { .user = "alice", .service = "sshd" };
        Caller caller = world_person(BOB, 5);
        LoginAnswer answer;

        g_assert_cmpint(login_authenticate(world->core, &caller, &request, secret, &answer), ==, CORE_E_DENIED);
        g_assert_cmpint(login_authorize(world->core, &caller, &request, &answer), ==, CORE_E_DENIED);
        g_assert_cmpint(login_open(world->core, &caller, &request, &answer), ==, CORE_E_DENIED);
        g_assert_cmpint(login_close(world->core, &caller, "00112233445566778899aabbccddeeff"), ==, CORE_E_DENIED);
        caller = world_person(ALICE, 5); /* who may ask about herself, but for a session that is a login */
        g_assert_cmpint(login_open(world->core, &caller, &request, &answer), ==, CORE_E_DENIED);
        caller.uid = UID_UNSET;
        g_assert_cmpint(login_authenticate(world->core, &caller, &request, secret, &answer), ==, CORE_E_DENIED);
        /* One's own login one may step up, another's not. */
        request.service = "tessera";
        g_assert_cmpint(login_authenticate(world->core, &caller, &request, secret, &answer), ==, CORE_E_DENIED);
        caller = world_person(BOB, 5);
        g_assert_cmpint(login_authenticate(world->core, &caller, &request, secret, &answer), ==, CORE_E_DENIED);
        assert_audit(world, "");
}

/* An error is an outage, never "not ours" and never a wrong password that somebody is charged for. */
static void test_errors_are_outages(void) {
        g_autoptr(World) world = world_new();
        _cleanup_secret_ Secret *secret = world_secret(ALICE_PASSWORD);
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
        Caller child = world_pam_child(5);
        LoginAnswer answer;

        for (int i = 0; i < 3 * BURST; i++) {
                world->identities.error = -EAGAIN;
                g_assert_cmpint(login_authenticate(world->core, &child, &request, secret, &answer), ==, -EAGAIN);
                g_assert_cmpint(login_authorize(world->core, &child, &request, &answer), ==, -EAGAIN);
                world->identities.error = 0;
        }
        expect(world, "nobody was charged", ssh(world, "alice", ALICE_PASSWORD), LOGIN_ALLOW, NULL, "pwd");
        world_break_reads(world);
        g_assert_cmpint(login_authenticate(world->core, &child, &request, secret, &answer), ==, -EIO);
        request.user = "carol";
        g_assert_cmpint(login_authenticate(world->core, &child, &request, secret, &answer), ==, -EIO);
        g_assert_cmpint(login_authorize(world->core, &child, &request, &answer), ==, -EIO);
        g_assert_cmpint(login_open(world->core, &child, &request, &answer), ==, -EIO);
        assert_audit(world, "");
}

static void test_a_damaged_hash_is_an_outage_and_charges_nothing(void) {
        g_autoptr(World) world = world_new();
        const User odd = { .name = (char *) "odd", .uid = 1010, .enabled = true, .password_hash = (char *) "$none$" };
        _cleanup_secret_ Secret *secret = world_secret(WRONG_PASSWORD);
        Caller child = world_pam_child(5);
        LoginAnswer answer;

        world_set_account(world, "odd", 1010);
        g_assert_cmpint(store_user_add(world->store, &odd), ==, 0);
        for (int i = 0; i < 2 * BURST; i++)
                g_assert_cmpint(login_authenticate(world->core, &child,
                                                   &(LoginRequest) { .user = "odd", .service = "sshd" }, secret,
                                                   &answer), <, 0);
}

/* P17: whatever sshd calls the host, the login works and the text is harmless. */
static void test_P17_hosts_of_every_kind(void) {
        static const struct {
                const char *rhost, *kept;
        } rows[] = {
                { NULL, NULL },
                { "", NULL },
                { "UNKNOWN", "UNKNOWN" },
                { "evil.example", "evil.example" },
                { "2001:db8::1", "2001:db8::1" },
                { "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
                { "fe80::1%eth0", "fe80::1%eth0" },
                { "a\x1b[2J\nb", "a?[2J?b" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(World) world = world_new();
                Caller child = world_pam_child(5), pam = world_pam(5);
                LoginRequest request = { .user = "alice", .service = "sshd", .rhost = rows[i].rhost };
                g_autoptr(Session) session = NULL;
                LoginAnswer answer;

                answer = world_authenticate(world, &child, &request, ALICE_PASSWORD);
                g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
                request.session = answer.session;
                answer = world_ask(world, login_open, &pam, &request);
                g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
                session = world_session(world, answer.session);
                g_assert_cmpstr(session->rhost, ==, rows[i].kept);
        }
}

/* Rehashing */

static char *hash_of(World *world, const char *name) {
        g_autoptr(User) user = NULL;

        g_assert_cmpint(store_user_get(world->store, name, &user), ==, 0);
        return g_strdup(user->password_hash);
}

static void test_new_parameters_replace_the_hash_at_the_next_login(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *before = hash_of(world, "alice");
        g_autofree char *same = NULL, *after = NULL;

        g_free(world_log_in(world, "alice", ALICE_PASSWORD, 5));
        same = hash_of(world, "alice");
        g_assert_cmpstr(same, ==, before);
        password_hasher_configure(world->core->hasher, 128 * 1024, 1, 8);
        (void) ssh(world, "alice", WRONG_PASSWORD);
        g_free(same);
        same = hash_of(world, "alice");
        g_assert_cmpstr(same, ==, before);
        g_free(world_log_in(world, "alice", ALICE_PASSWORD, 6));
        after = hash_of(world, "alice");
        g_assert_cmpstr(after, !=, before);
        g_free(world_log_in(world, "alice", ALICE_PASSWORD, 7));
}

/* Tokens */

static void test_a_token_logs_in_as_a_child(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autoptr(Session) parent = world_session(world, id), child = NULL, used = NULL;
        g_autofree char *child_id = NULL;
        char *token;

        token = world_token(world, ALICE, 5);
        fake_clock_forward(&world->clock, 300);
        child_id = world_log_in(world, "alice", token, 6);
        used = world_session(world, id);
        g_assert_cmpint(used->seen, ==, parent->seen + 300);
        child = world_session(world, child_id);
        g_assert_cmpstr(child->parent, ==, id);
        g_assert_cmpstr(child->methods[0], ==, "tok");
        assert(!child->methods[1]);
        g_assert_cmpint(child->auth_time, ==, parent->auth_time);
        g_assert_cmpstr(child->auth_method, ==, "pwd");
        g_assert_cmpint(child->ends, ==, parent->ends);
        token_free(token);
}

/* What its origin proves after the token was made is not the token's. */
static void test_P31_a_token_keeps_the_age_it_was_made_with(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5), *child_id = NULL;
        g_autoptr(Session) child = NULL;
        int64_t proven = world->clock.wall;
        char *token = world_token(world, ALICE, 5);

        fake_clock_forward(&world->clock, 300);
        g_assert_cmpint(store_session_authenticated(world->store, id, world->clock.wall, "pwd", NULL), ==, 0);
        child_id = world_log_in(world, "alice", token, 6);
        child = world_session(world, child_id);
        g_assert_cmpint(child->auth_time, ==, proven);
        token_free(token);
}

static void disable_alice(World *world) {
        bool changed;

        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", false, &changed), ==, 0);
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", true, &changed), ==, 0);
        g_free(world_audit(world));
}

/* The user was read as enabled, then disabled (and even enabled again) while the answer was being looked at. */
static void test_an_answer_that_a_change_overtook_is_wrong(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);

        world_after_user_read(world, disable_alice);
        expect(world, "password", ssh(world, "alice", ALICE_PASSWORD), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
               "changed-meanwhile");
        expect(world, "and anew", ssh(world, "alice", ALICE_PASSWORD), LOGIN_ALLOW, NULL, "pwd");
}

/* The token is well signed; everything else may be wrong. None of these charges anybody. */
static void test_R6_tokens_that_are_no_good_any_more(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        char *token = world_token(world, ALICE, 5);
        const SessionSelector selector = { .id = id, .uid = UID_UNSET };

        expect(world, "good", ssh(world, "alice", token), LOGIN_ALLOW, NULL, "tok");
        for (int i = 0; i < 2 * BURST; i++)
                expect(world, "another user's name", ssh(world, "bob", token), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                       "token-of-another-user");
        expect(world, "nothing was revoked", ssh(world, "alice", token), LOGIN_ALLOW, NULL, "tok");
        set_enabled(world, "alice", false);
        expect(world, "disabled", ssh(world, "alice", token), LOGIN_DENY, WIRE_REASON_CREDENTIAL, "disabled");
        set_enabled(world, "alice", true);
        expect(world, "enabled again, the session stays revoked", ssh(world, "alice", token), LOGIN_DENY,
               WIRE_REASON_CREDENTIAL, "token-revoked");
        token_free(token);

        g_free(id);
        id = world_log_in(world, "alice", ALICE_PASSWORD, 6);
        token = world_token(world, ALICE, 6);
        fake_clock_forward(&world->clock, 899);
        expect(world, "in its last second", ssh(world, "alice", token), LOGIN_ALLOW, NULL, "tok");
        fake_clock_forward(&world->clock, 1);
        expect(world, "expired", ssh(world, "alice", token), LOGIN_DENY, WIRE_REASON_CREDENTIAL, "token-expired");
        token_free(token);

        token = world_token(world, ALICE, 6);
        {
                g_autoptr(GPtrArray) ended = NULL;
                SessionSelector logout = selector;
                logout.id = id;
                g_assert_cmpint(store_session_end(world->store, &logout, SESSION_EVENT_CLOSE, "logout",
                                                  world->clock.wall, &ended), ==, 0);
        }
        for (int i = 0; i < 2 * BURST; i++)
                expect(world, "parent logged out", ssh(world, "alice", token), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                       "token-revoked");
        expect(world, "and nobody was charged", ssh(world, "alice", ALICE_PASSWORD), LOGIN_ALLOW, NULL, "pwd");
        token_free(token);
}

static void test_a_token_of_an_idle_session_is_revoked_before_any_sweep(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        char *token;

        world_set_settings(world, /* idle= */ 60, 7 * 24 * 3600, 32);
        token = world_token(world, ALICE, 5);
        fake_clock_forward(&world->clock, 60);
        expect(world, "not yet idle", ssh(world, "alice", token), LOGIN_ALLOW, NULL, "tok");
        fake_clock_forward(&world->clock, 61);
        expect(world, "idle", ssh(world, "alice", token), LOGIN_DENY, WIRE_REASON_CREDENTIAL, "token-revoked");
        token_free(token);
}

/* J17: another spelling of a revoked token is not another token. */
static void test_J17_revocation_is_by_session_whatever_the_spelling(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        char *token = world_token(world, ALICE, 5);
        const char *const tails[] = { "=", " ", "\n", ".", "A" };
        bool changed;

        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", false, &changed), ==, 0);
        g_assert_cmpint(user_set_enabled(world->core, &root, "alice", true, &changed), ==, 0);
        g_free(world_audit(world));
        expect(world, "as it was", ssh(world, "alice", token), LOGIN_DENY, WIRE_REASON_CREDENTIAL, "token-revoked");
        for (size_t i = 0; i < G_N_ELEMENTS(tails); i++) {
                g_autofree char *spelled = g_strconcat(token, tails[i], NULL);
                expect(world, tails[i], ssh(world, "alice", spelled), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
                       "token-invalid");
        }
        token_free(token);
}

/* J18: presenting it with a bad signature first must not spoil the good one, nor move anything. */
static void test_J18_a_bad_signature_touches_nothing(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        char *token = world_token(world, ALICE, 5);
        g_autofree char *forged = g_strdup(token);
        g_autoptr(Session) before = world_session(world, id), after = NULL;
        char *last = forged + strlen(forged) - 2;

        fake_clock_forward(&world->clock, 10);
        *last = *last == 'A' ? 'B' : 'A';
        expect(world, "bad", ssh(world, "alice", forged), LOGIN_DENY, WIRE_REASON_CREDENTIAL, "token-invalid");
        after = world_session(world, id);
        g_assert_cmpint(after->seen, ==, before->seen);
        expect(world, "good", ssh(world, "alice", token), LOGIN_ALLOW, NULL, "tok");
        token_free(token);
}

static void test_answers_that_only_look_like_tokens(void) {
        g_autoptr(World) world = world_new();
        g_autofree char *header = g_strdup(key_ring_signing(world->core->config->keys, KEY_TOKEN)->header);
        g_autofree char *foreign = g_strdup_printf("eyJhbGciOiJub25lIn0.%0*d.", 60, 0);
        g_autofree char *long_junk = g_strnfill(500, 'a');
        g_autofree char *cut = g_strdup_printf("%.10s.%s", "eyJhbGciOi", long_junk);
        g_autofree char *ours_cut = g_strdup_printf("%s.%s", header, long_junk);
        g_autofree char *ours = g_strdup_printf("%s.x.y", header);

        expect(world, "alg none", ssh(world, "alice", foreign), LOGIN_DENY, WIRE_REASON_CREDENTIAL, "token-foreign");
        g_assert_cmpint(strlen(cut), ==, 511);
        expect(world, "cut by sudo's prompt", ssh(world, "alice", cut), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
               "token-cut");
        ours_cut[511] = '\0';
        expect(world, "our header, cut", ssh(world, "alice", ours_cut), LOGIN_DENY, WIRE_REASON_CREDENTIAL,
               "token-cut");
        expect(world, "our header", ssh(world, "alice", ours), LOGIN_DENY, WIRE_REASON_CREDENTIAL, "token-invalid");
}

/* A password may look like a token; only our own header makes one. */
static void test_a_password_with_dots_is_a_password(void) {
        static const char password[] = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJkYXZlIn0."
                                       "c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl";
        g_autoptr(World) world = world_new();
        _cleanup_secret_ Secret *secret = world_secret(password);
        g_autofree char *warning = NULL;

        world_set_account(world, "dave", 1004);
        g_assert_cmpint(user_add(world->core, &root, "dave", secret, /* role= */ NULL, /* provider= */ NULL, &warning), ==, 0);
        g_free(world_audit(world));
        expect(world, "it is dave's", ssh(world, "dave", password), LOGIN_ALLOW, NULL, "pwd");
}

/* Many at once */

int main(void) {
        test_one_word_for_everything_that_is_wrong();
        test_refusals_of_credentials_carry_no_text();
        test_P15_names_that_are_none();
        test_P15_no_name_or_service_is_an_error();
        test_B3_only_root_may_ask_for_another();
        test_errors_are_outages();
        test_a_damaged_hash_is_an_outage_and_charges_nothing();
        test_P17_hosts_of_every_kind();
        test_new_parameters_replace_the_hash_at_the_next_login();
        test_a_token_logs_in_as_a_child();
        test_P31_a_token_keeps_the_age_it_was_made_with();
        test_an_answer_that_a_change_overtook_is_wrong();
        test_R6_tokens_that_are_no_good_any_more();
        test_a_token_of_an_idle_session_is_revoked_before_any_sweep();
        test_J17_revocation_is_by_session_whatever_the_spelling();
        test_J18_a_bad_signature_touches_nothing();
        test_answers_that_only_look_like_tokens();
        test_a_password_with_dots_is_a_password();
        return 0;
}
