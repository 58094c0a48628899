/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Programs that ask about who runs them: screen lockers, without root's uid or with it (setuid). */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/session-admin.h"
#include "daemon/core/test-devices.h"
#include "daemon/core/token.h"
#include "daemon/core/user-admin.h"

#define SERVICES                                                                                      \
        "max-age=15min\n[service:swaylock]\nroles=everyone\n[service:vault]\nroles=admin"
#define FOREVER (BURST * 3)

static World *desk(void) {
        World *world = world_new();

        world_set_policy(world, "alice", SERVICES);
        return world;
}

/* xscreensaver's and physlock's: root's uid, and the user's own real one. */
static Caller setuid_program(uid_t uid, uint32_t audit_id) {
        Caller caller = world_pam(audit_id);

        caller.real_uid = uid;
        return caller;
}

typedef int (*Ask)(World *world, const Caller *caller, const LoginRequest *request, const char *secret,
                   LoginAnswer *ret);

static int authenticate(World *world, const Caller *caller, const LoginRequest *request, const char *text,
                        LoginAnswer *ret) {
        _cleanup_secret_ Secret *secret = world_secret(text);

        return login_authenticate(world->core, caller, request, secret, ret);
}

static int authorize(World *world, const Caller *caller, const LoginRequest *request, const char *text,
                     LoginAnswer *ret) {
        return login_authorize(world->core, caller, request, ret);
}

static const char *in_words(int r, const LoginAnswer *answer) {
        static const char *const reasons[] = { [LOGIN_ALLOW] = "allow", [LOGIN_NOT_OURS] = "not-ours" };

        if (r != 0)
                return r == CORE_E_DENIED ? "not yours" : r == CORE_E_INVALID ? "invalid" : "error";
        return answer->reason ? answer->reason : reasons[answer->verdict];
}

static const char *ask(World *world, Ask question, const Caller *caller, const LoginRequest *request,
                       const char *secret) {
        LoginAnswer answer = { .verdict = LOGIN_DENY };
        int r = question(world, caller, request, secret, &answer);

        login_answer_deinit(&answer);
        return in_words(r, &answer);
}

/* Who asks × about whom × for which service: what a right password and account are answered. */
static void test_B3_P18_everybody_for_himself(void) {
        static const struct {
                const char *sentence;
                uid_t uid;
                const char *user, *service, *password, *authenticate, *authorize;
        } rows[] = {
                { "her own, and the service lets her in", ALICE, "alice", "swaylock", ALICE_PASSWORD, "allow",
                  "allow" },
                { "a service without a section", ALICE, "alice", "i3lock", ALICE_PASSWORD, "role-missing",
                  "role-missing" },
                { "a role that he has not", BOB, "bob", "vault", BOB_PASSWORD, "role-missing", "role-missing" },
                { "a role that she has", ALICE, "alice", "vault", ALICE_PASSWORD, "allow", "allow" },
                { "a login's service is as good as any", ALICE, "alice", "sshd", ALICE_PASSWORD, "allow", "allow" },
                { "the command's own", ALICE, "alice", "tessera", ALICE_PASSWORD, "allow", "role-missing" },
                { "sudo is root's to speak for", ALICE, "alice", "sudo", ALICE_PASSWORD, "not yours", "not yours" },
                { "and sudo-i", ALICE, "alice", "sudo-i", ALICE_PASSWORD, "not yours", "not yours" },
                { "and su", ALICE, "alice", "su", ALICE_PASSWORD, "not yours", "not yours" },
                { "and su-l", ALICE, "alice", "su-l", ALICE_PASSWORD, "not yours", "not yours" },
                { "a name that is no service's", ALICE, "alice", "a b", ALICE_PASSWORD, "invalid", "invalid" },
                { "another's, with the right password", ALICE, "bob", "swaylock", BOB_PASSWORD, "not yours",
                  "not yours" },
                { "one that is not enrolled", ALICE, "carol", "swaylock", "x", "not yours", "not yours" },
                { "one that nobody has", ALICE, UNKNOWN_NAME, "swaylock", "x", "not yours", "not yours" },
                { "root", ALICE, "root", "swaylock", "x", "not yours", "not yours" },
                { "another spelling", ALICE, "ALICE", "swaylock", ALICE_PASSWORD, "not yours", "not yours" },
                { "no name", ALICE, NULL, "swaylock", ALICE_PASSWORD, "invalid", "invalid" },
                { "carol for herself, whom tessera does not know", CAROL, "carol", "swaylock", "x", "not-ours",
                  "not-ours" },
                { "a uid without an account", 4321, "alice", "swaylock", ALICE_PASSWORD, "not yours", "not yours" },
                { "no uid", UID_UNSET, "alice", "swaylock", ALICE_PASSWORD, "not yours", "not yours" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(World) world = desk();
                const Caller caller = world_person(rows[i].uid, 5);
                const LoginRequest request = { .user = rows[i].user, .service = rows[i].service };
                const char *said = ask(world, authenticate, &caller, &request, rows[i].password);
                const char *allowed = ask(world, authorize, &caller, &request, NULL);

                if (!g_str_equal(said, rows[i].authenticate) || !g_str_equal(allowed, rows[i].authorize))
                        g_error("%s: %s, %s instead of %s, %s", rows[i].sentence, said, allowed,
                                rows[i].authenticate, rows[i].authorize);
        }
}

/* Whether there is a bob, and how long it takes to find out, is nobody's to learn by asking for him. */
static void test_B3_another_name_is_not_even_looked_up(void) {
        static const char *const names[] = { "bob", "carol", UNKNOWN_NAME };
        g_autoptr(World) world = desk();
        Caller alice = world_person(ALICE, 5);

        world_break_reads(world);
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                const LoginRequest request = { .user = names[i], .service = "swaylock" };

                g_assert_cmpstr(ask(world, authenticate, &alice, &request, "x"), ==, "not yours");
        }
}

/* What else PAM asks is root's. */
static void test_B3_the_other_questions_are_roots(void) {
        g_autoptr(World) world = desk();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        Caller alice = world_person(ALICE, 5);
        _cleanup_secret_ Secret *secret = world_secret(ALICE_PASSWORD);
        LoginAnswer answer;

        for (size_t i = 0; i < 3; i++) {
                const char *service = (const char *[]) { "swaylock", "sshd", "sudo" }[i];
                const LoginRequest request = { .user = "alice", .service = service };

                g_assert_cmpint(login_check(world->core, &alice, &request, &answer), ==, CORE_E_DENIED);
                g_assert_cmpint(login_open(world->core, &alice, &request, &answer), ==, CORE_E_DENIED);
                g_assert_cmpint(login_change_password(world->core, &alice, &request, secret, secret, &answer), ==,
                                CORE_E_DENIED);
        }
        g_assert_cmpint(login_close(world->core, &alice, id), ==, CORE_E_DENIED);
        g_assert_cmpint(world_state(world, id), ==, SESSION_ACTIVE);
}

static const LoginRequest lock = { .user = "alice", .service = "swaylock", .rhost = "192.0.2.66", .tty = "tty9",
                                   .session = "ffffffffffffffffffffffffffffffff", .auth_info = "publickey x" };

static void test_a_right_password_is_a_step_up_of_that_login(void) {
        g_autoptr(World) world = desk();
        g_autofree char *here = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        g_autofree char *there = world_log_in(world, "alice", ALICE_PASSWORD, 6);
        g_autoptr(Session) session = NULL, other = NULL;
        Caller alice = world_person(ALICE, 5);
        LoginAnswer answer;

        fake_clock_forward(&world->clock, 3600);
        answer = world_authenticate(world, &alice, &lock, ALICE_PASSWORD);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_assert_cmpstr(answer.session, ==, here);
        session = world_session(world, here);
        other = world_session(world, there);
        g_assert_cmpint(session->auth_time, ==, world->clock.wall);
        g_assert_cmpstr(session->rhost, ==, "192.0.2.1"); /* sshd's word, and it stays */
        g_assert_cmpint(other->auth_time, <, world->clock.wall);
}

/* Where that login has no session any more one is opened: of what the user says of himself nothing stands in it. */
static void test_a_login_without_a_session_gets_one(void) {
        g_autoptr(World) world = desk();
        g_autoptr(Session) session = NULL;
        Caller alice = world_person(ALICE, 5);
        LoginAnswer answer = world_authenticate(world, &alice, &lock, ALICE_PASSWORD);

        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        session = world_session(world, answer.session);
        g_assert_cmpstr(session->service, ==, "tessera");
        assert(!session->rhost && !session->tty);
        g_assert_cmpuint(session->audit_id, ==, 5);
        g_assert_cmpstr(session->auth_method, ==, "pwd");
}

static void test_outside_a_login_it_is_a_yes_without_a_session(void) {
        g_autoptr(World) world = desk();
        g_autoptr(GPtrArray) sessions = NULL;
        const SessionFilter all = { .uid = UID_UNSET };
        Caller alice = world_person(ALICE, AUDIT_ID_UNSET);

        for (int i = 0; i < 3; i++) {
                LoginAnswer answer = world_authenticate(world, &alice, &lock, ALICE_PASSWORD);

                g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
                g_assert_cmpstr(answer.session, ==, "");
        }
        g_assert_cmpint(store_session_list(world->store, &all, &sessions), ==, 0);
        g_assert_cmpint(sessions->len, ==, 0);
}

/* No pending session comes of it, that a process of root's could be made to open. */
static void test_no_login_begins_here(void) {
        static const char *const services[] = { "swaylock", "sshd" };

        for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
                g_autoptr(World) world = desk();
                const Caller alice = world_person(ALICE, AUDIT_ID_UNSET);
                LoginRequest request = { .user = "alice", .service = services[i] };
                Caller opener = world_pam(7);

                opener.process = alice.process;
                (void) world_authenticate(world, &alice, &request, ALICE_PASSWORD);
                request.session = "ffffffffffffffffffffffffffffffff";
                g_assert_cmpint(world_ask(world, login_open, &opener, &request).verdict, ==, LOGIN_DENY);
        }
}

/* A6: the log tells a user's word from root's. */
static void test_A6_the_audit_says_who_says_so(void) {
        static const struct {
                const char *service, *password, *place;
        } rows[] = {
                { "swaylock", ALICE_PASSWORD, "own:swaylock -" },
                { "sshd", ALICE_PASSWORD, "own:sshd -" },
                { "sshd", WRONG_PASSWORD, "own:sshd -" },
                { "tessera", ALICE_PASSWORD, "tessera -" },
        };
        g_autoptr(World) world = desk();
        Caller alice = world_person(ALICE, 5), root = setuid_program(ALICE, 5);
        LoginRequest request = lock;

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                request.service = rows[i].service;
                (void) world_authenticate(world, &alice, &request, rows[i].password);
                g_assert_cmpstr(world->audit.place, ==, rows[i].place);
        }
        request.service = "swaylock";
        (void) world_ask(world, login_authorize, &alice, &request);
        g_assert_cmpstr(world->audit.place, ==, "own:swaylock -");
        (void) world_ask(world, login_authorize, &root, &request);
        g_assert_cmpstr(world->audit.place, ==, "swaylock 192.0.2.66");
}

/* P31: what proves no presence unlocks no screen, and a refresh token is not spent on it. */
static void test_P31_tokens_unlock_nothing(void) {
        g_autoptr(World) world = desk();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        TestDevice device = test_device_add(world, ALICE, 5, "laptop");
        g_autofree char *refresh = test_device_token(&device, 1);
        char *token = world_token(world, ALICE, 5);
        const Caller callers[] = { world_person(ALICE, 5), setuid_program(ALICE, 5) };

        fake_clock_forward(&world->clock, 60);
        for (size_t i = 0; i < G_N_ELEMENTS(callers); i++) {
                g_autofree char *forged = g_strdup(token);

                for (int n = 0; n < FOREVER; n++) { /* and costs nothing */
                        g_assert_cmpstr(ask(world, authenticate, &callers[i], &lock, token), ==, WIRE_REASON_STALE);
                        g_assert_cmpstr(ask(world, authenticate, &callers[i], &lock, refresh), ==, WIRE_REASON_STALE);
                }
                forged[strlen(forged) - 2] ^= 1;
                g_assert_cmpstr(ask(world, authenticate, &callers[i], &lock, forged), ==, WIRE_REASON_CREDENTIAL);
        }
        token_free(token);
        g_free(world_audit(world));
        test_device_expect(world, &device, 1, NULL);
}

/* P20: three of a kind, and one ledger: the console's. */
static void test_P20_wrong_throttled_disabled_look_alike(void) {
        g_autoptr(World) world = desk();
        Caller alice = world_person(ALICE, 5), sudo = world_pam(5);
        const LoginRequest console = { .user = "alice", .service = "sudo" };
        LoginRequest from_far = lock;
        bool changed;

        for (int i = 0; i < BURST; i++) {
                g_autofree char *far = g_strdup_printf("192.0.2.%d", i);

                from_far.rhost = far; /* which would have a limit of its own */
                g_assert_cmpstr(ask(world, authenticate, &alice, &from_far, WRONG_PASSWORD), ==,
                                WIRE_REASON_CREDENTIAL);
        }
        g_free(world_audit(world));
        g_assert_cmpstr(ask(world, authenticate, &alice, &lock, ALICE_PASSWORD), ==, WIRE_REASON_CREDENTIAL);
        assert_audit(world, "refused throttled alice -");
        g_assert_cmpstr(ask(world, authenticate, &sudo, &console, ALICE_PASSWORD), ==, WIRE_REASON_CREDENTIAL);
        assert_audit(world, "refused throttled alice -");
        fake_clock_forward(&world->clock, 15 * 60);
        g_assert_cmpint(user_set_enabled(world->core, &(Caller) { .uid = 0 }, "alice", false, &changed), ==, 0);
        g_free(world_audit(world));
        g_assert_cmpstr(ask(world, authenticate, &alice, &lock, ALICE_PASSWORD), ==, WIRE_REASON_CREDENTIAL);
        assert_audit(world, "refused disabled alice -");
        g_assert_cmpstr(ask(world, authorize, &alice, &lock, NULL), ==, WIRE_REASON_DISABLED);
}

static void test_a_revoked_login_stays_dead(void) {
        g_autoptr(World) world = desk();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        const char *const ids[] = { login, NULL };
        const Caller callers[] = { world_person(ALICE, 5), setuid_program(ALICE, 5) };
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(world->core, &(Caller) { .uid = 0 },
                                       &(SessionRevoke) { .ids = ids, .keep_login = true }, &ended, NULL), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(callers); i++) {
                g_assert_cmpstr(ask(world, authenticate, &callers[i], &lock, ALICE_PASSWORD), ==,
                                WIRE_REASON_REVOKED);
                g_assert_cmpstr(ask(world, authorize, &callers[i], &lock, NULL), ==, WIRE_REASON_REVOKED);
        }
}

/* A setuid program says what root says, and what its user proves to it is a step-up all the same. */
static void test_a_setuid_program_opens_no_login_of_who_runs_it(void) {
        g_autoptr(World) world = desk();
        g_autofree char *login = world_log_in(world, "alice", ALICE_PASSWORD, 5);
        Caller locker = setuid_program(ALICE, 5), of_bob = setuid_program(BOB, 5), unknown = world_pam(5);
        LoginRequest request = { .user = "alice", .service = "swaylock" };
        LoginAnswer answer;

        answer = world_authenticate(world, &locker, &request, ALICE_PASSWORD);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_assert_cmpstr(answer.session, ==, login);
        /* Anything else with root's uid is a login service, as it was. */
        answer = world_authenticate(world, &of_bob, &request, ALICE_PASSWORD);
        g_assert_cmpstr(answer.session, !=, login);
        unknown.real_uid = UID_UNSET;
        answer = world_authenticate(world, &unknown, &request, ALICE_PASSWORD);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_assert_cmpstr(answer.session, !=, login);
}

/* R6: the uid counts, in NSS as in the record. */
static void test_R6_another_account_under_the_old_uid_is_nobody(void) {
        g_autoptr(World) world = desk();
        Caller caller = world_person(ALICE, 5);

        world_set_account(world, "alice", 1777);
        world_set_account(world, "mallory", ALICE);
        g_assert_cmpstr(ask(world, authenticate, &caller, &lock, ALICE_PASSWORD), ==, "not yours");
        caller = world_person(1777, 5);
        g_assert_cmpstr(ask(world, authenticate, &caller, &lock, ALICE_PASSWORD), ==, WIRE_REASON_CREDENTIAL);
        world->identities.error = -EIO;
        g_assert_cmpstr(ask(world, authenticate, &caller, &lock, ALICE_PASSWORD), ==, "error");
        g_assert_cmpstr(ask(world, authorize, &caller, &lock, NULL), ==, "error");
}

int main(void) {
        test_B3_P18_everybody_for_himself();
        test_B3_another_name_is_not_even_looked_up();
        test_B3_the_other_questions_are_roots();
        test_a_right_password_is_a_step_up_of_that_login();
        test_a_login_without_a_session_gets_one();
        test_outside_a_login_it_is_a_yes_without_a_session();
        test_no_login_begins_here();
        test_A6_the_audit_says_who_says_so();
        test_P31_tokens_unlock_nothing();
        test_P20_wrong_throttled_disabled_look_alike();
        test_a_revoked_login_stays_dead();
        test_a_setuid_program_opens_no_login_of_who_runs_it();
        test_R6_another_account_under_the_old_uid_is_nobody();
        return 0;
}
