/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Sign-ins at an identity provider: what an approval means here, and everything that it does not. */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "daemon/core/session-admin.h"
#include "daemon/core/test-corp.h"

/* From Enter to the session: pending is asked for, and never opens anything. */
static void test_P7_a_login(void) {
        g_autoptr(World) world = corp();
        Caller pam = world_pam(5), child = world_pam_child(5);
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
        g_autoptr(Session) session = NULL;
        LoginAnswer answer;
        g_autofree char *flow = begin(world, "alice");

        g_assert_cmpstr(world->provider.asked_for, ==, "corp -");
        for (int i = 0; i < 100; i++) {
                answer = ask(world, "alice", flow);
                g_assert_cmpint(answer.verdict, ==, LOGIN_PENDING);
                g_assert_cmpstr(answer.flow, ==, flow);
                g_assert_cmpstr(answer.session, ==, "");
        }
        assert_audit(world, ""); /* to ask is not worth a line */
        request.session = flow;
        g_assert_cmpint(world_ask(world, login_open, &pam, &request).verdict, ==, LOGIN_DENY);
        g_free(world_audit(world));

        fake_clock_forward(&world->clock, 30);
        approve(world, "1", "whoever");
        answer = ask(world, "alice", flow);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        request.session = answer.session;
        g_assert_cmpint(world_ask(world, login_open, &pam, &request).verdict, ==, LOGIN_ALLOW);
        session = world_session(world, answer.session);
        g_assert_cmpstr(session->methods[0], ==, "oidc:corp");
        g_assert_null(session->methods[1]);
        g_assert_cmpstr(session->auth_method, ==, "oidc:corp");
        g_assert_cmpint(session->auth_time, ==, world->clock.wall);
        g_free(world_audit(world));
        expect_no(world, "it works once", ask_as(world, &child, "alice", "sshd", flow), "provider-unknown-flow");
}

static void test_what_is_shown(void) {
        g_autoptr(World) world = corp();
        _cleanup_secret_ Secret *nothing = world_secret("");
        Caller child = world_pam_child(5);
        LoginAnswer answer;

        g_assert_cmpint(login_authenticate(world->core, &child, &(LoginRequest) { .user = "alice", .service = "sshd" },
                                           nothing, &answer), ==, 0);
        g_assert_cmpint(answer.verdict, ==, LOGIN_PENDING);
        g_assert_cmpstr(answer.provider, ==, "corp");
        g_assert_cmpstr(answer.host, ==, HOST);
        g_assert_cmpstr(answer.where.user_code, ==, "WDJB-MJHT");
        g_assert_cmpuint(answer.where.expires_in, ==, 600);
        g_assert_cmpstr(answer.session, ==, "");
        login_answer_deinit(&answer);
        assert_audit(world, "sign-in-begun corp alice -");
}

/* Where no provider is named an empty answer is what it always was. */
static void test_only_where_the_service_offers_it(void) {
        g_autoptr(World) world = corp();

        expect_no(world, "no methods", enter_as(world, "alice", "login", ""), "empty");
        world_use_policy(world, "[role:everyone]\nusers=*\n[service:sshd]\nroles=everyone\nmethods=oidc:other\n");
        expect_no(world, "in no file", enter_as(world, "alice", "sshd", ""), "empty");
        g_assert_cmpuint(world->provider.begun, ==, 0);
}

/* It begins for everybody alike, so that nobody learns who is linked, or enrolled, or has an account. */
static void test_O1_for_whom_it_begins(void) {
        static const char *const users[] = { "alice", "bob", "dave", "carol", "games", UNKNOWN_NAME };
        g_autoptr(World) world = corp();
        bool changed;

        world_set_account(world, "games", 999);
        for (size_t i = 0; i < G_N_ELEMENTS(users); i++)
                g_free(begin(world, users[i]));
        g_assert_cmpint(user_set_enabled(world->core, &world_root, "bob", false, &changed), ==, 0);
        g_free(begin(world, "bob"));
        world_set_account(world, "bob", 4711);
        g_free(begin(world, "bob"));
        world_set_account(world, "bob", UID_UNSET);
        g_free(begin(world, "bob"));

        g_assert_cmpint(enter_as(world, "root", "sshd", "").verdict, ==, LOGIN_NOT_OURS);
        g_assert_cmpint(enter_as(world, "no name", "sshd", "").verdict, ==, LOGIN_NOT_OURS);
        g_assert_cmpint(enter_as(world, "carol", "sudo", "").verdict, ==, LOGIN_NOT_OURS); /* the stack below asks */
        g_assert_cmpint(enter_as(world, "carol", "login", "").verdict, ==, LOGIN_NOT_OURS); /* which offers none */
        g_assert_cmpuint(world->provider.begun, ==, 9);
}

/* It comes to nothing for them, and their host pays for it. */
static void test_A3_an_approval_makes_nobody_of_a_stranger(void) {
        static const char *const users[] = { "carol", "games", UNKNOWN_NAME };
        g_autoptr(World) world = corp();

        world_set_account(world, "games", 999);
        for (size_t i = 0; i < G_N_ELEMENTS(users); i++) {
                approve(world, "7", users[i]);
                expect_refused(world, "who is not enrolled", users[i], "not-enrolled");
                approve(world, "1", users[i]);
                expect_refused(world, "approved by alice", users[i], "provider-other-account");
                assert_linked(world, users[i], "not enrolled");
        }
        for (int i = 0; i < BURST - 6; i++)
                g_free(begin(world, "carol"));
        expect_no(world, "one too many", enter_as(world, "carol", "sshd", ""), "throttled");
}

/* O3, A3, O7: whoever approved it is one person, and that is the one who is linked, or it is nobody. */
static void test_O3_who_an_approval_is(void) {
        static const struct {
                const char *sentence, *user, *issuer, *subject, *claim, *why;
        } rows[] = {
                { "O3: bob was asked for, alice approved", "bob", WORLD_ISSUER, "1", "bob", "provider-other-account" },
                { "alice was asked for, a stranger approved", "alice", WORLD_ISSUER, "2", "alice", "provider-not-linked" },
                { "O7: the name has moved to another person", "alice", WORLD_ISSUER, "9", "alice", "provider-not-linked" },
                { "bob is linked to nobody", "bob", WORLD_ISSUER, "2", "bob", "provider-not-linked" },
                { "another issuer's 1", "alice", "https://evil.example", "1", "alice", "provider-failed:issuer" },
                { "no issuer", "alice", NULL, "1", "alice", "provider-failed:issuer" },
                { "no subject", "alice", WORLD_ISSUER, NULL, "alice", "provider-failed:subject" },
                { "an empty subject", "alice", WORLD_ISSUER, "", "alice", "provider-failed:subject" },
                { "A3: dave awaits, and the claim is not set", "dave", WORLD_ISSUER, "4", NULL, "provider-other-name" },
                { "A3: the claim is empty", "dave", WORLD_ISSUER, "4", "", "provider-other-name" },
                { "the claim is somebody else's", "dave", WORLD_ISSUER, "4", "alice", "provider-other-name" },
                { "an address is no name", "dave", WORLD_ISSUER, "4", "dave@corp.example", "provider-other-name" },
                { "nor is a name in capitals", "dave", WORLD_ISSUER, "4", "Dave", "provider-other-name" },
                { "dave awaits, alice comes", "dave", WORLD_ISSUER, "1", "dave", "provider-other-account" },
        };
        const Network host = network_of("192.0.2.1");
        g_autoptr(World) world = corp();

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                approve(world, rows[i].subject, rows[i].claim);
                world->provider.issuer = rows[i].issuer;
                expect_refused(world, rows[i].sentence, rows[i].user, rows[i].why);
                /* on none of these anything hangs later: its host has a fresh burst */
                (void) throttle_reset_host(world->core->throttle, &host);
        }
        assert_linked(world, "dave", " awaits corp");
        assert_linked(world, "alice", "corp: 1");
        assert_linked(world, "bob", "");
}

/* Who it was stands in the log: whom to link, and who fell for a link that a stranger sent. */
static void test_O3_the_log_says_who_approved(void) {
        g_autoptr(World) world = corp();
        g_autofree char *flow = begin(world, "bob"), *denied = NULL;

        approve(world, "7", "bob");
        g_assert_cmpint(ask(world, "bob", flow).verdict, ==, LOGIN_DENY);
        assert_audit(world, "refused provider-not-linked bob - by 7 at corp");
        world->provider.state = PROVIDER_STATE_DENIED;
        denied = begin(world, "bob");
        g_assert_cmpint(ask(world, "bob", denied).verdict, ==, LOGIN_DENY);
        assert_audit(world, "refused provider-denied bob -");
}

/* The first sign-in of who awaits it ties him to it; nothing but that subject is he from then on. */
static void test_A3_who_awaits(void) {
        g_autoptr(World) world = corp();
        g_autofree char *flow = begin(world, "dave"), *lines = NULL, *expected = NULL;
        LoginAnswer answer;

        approve(world, "4", "dave");
        answer = ask(world, "dave", flow);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        lines = world_audit(world);
        expected = g_strdup_printf("linked oidc:corp dave -; login oidc:corp dave %s", answer.session);
        g_assert_cmpstr(lines, ==, expected);
        assert_linked(world, "dave", "corp: 4");
        approve(world, "5", "dave");
        expect_refused(world, "a second subject for one name", "dave", "provider-not-linked");
        assert_linked(world, "dave", "corp: 4");
        approve(world, "4", "somebody"); /* whatever he is called by now */
        g_free(flow);
        flow = begin(world, "dave");
        g_assert_cmpint(ask(world, "dave", flow).verdict, ==, LOGIN_ALLOW);
}

/* Who may not come in begins like anybody, is approved, and stays out; nothing is tied for him. */
static void test_R15_who_was_disabled_before_it_began(void) {
        g_autoptr(World) world = corp();
        bool changed;

        g_assert_cmpint(user_set_enabled(world->core, &world_root, "alice", false, &changed), ==, 0);
        g_assert_cmpint(user_set_enabled(world->core, &world_root, "dave", false, &changed), ==, 0);
        g_free(world_audit(world));
        approve(world, "1", "alice");
        expect_refused(world, "disabled", "alice", "disabled");
        approve(world, "4", "dave");
        expect_refused(world, "disabled, and awaiting", "dave", "disabled");
        assert_linked(world, "dave", " awaits corp");
        g_assert_cmpint(user_set_enabled(world->core, &world_root, "dave", true, &changed), ==, 0);
        world_set_account(world, "dave", 4711);
        expect_refused(world, "another account", "dave", "uid-changed");
        assert_linked(world, "dave", " awaits corp");
}

static void test_ends_that_are_no_approval(void) {
        static const struct {
                ProviderState state;
                const char *reason, *why;
        } rows[] = {
                { PROVIDER_STATE_DENIED, "access-denied", "provider-denied" },
                { PROVIDER_STATE_EXPIRED, "expired", "provider-expired" },
                { PROVIDER_STATE_FAILED, "nonce", "provider-failed:nonce" },
                { PROVIDER_STATE_FAILED, NULL, "provider-failed" },
                { _PROVIDER_STATE_MAX, "unheard-of", "provider-failed:unheard-of" },
        };
        g_autoptr(World) world = corp();

        approve(world, "1", "alice");
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                world->provider.state = rows[i].state;
                world->provider.reason = rows[i].reason;
                expect_refused(world, rows[i].why, "alice", rows[i].why);
        }
}

/* Others with the handle: another process, another user, another service. */
static void test_O3_the_handle_alone_is_nothing(void) {
        g_autoptr(World) world = corp();
        g_autofree char *flow = begin(world, "alice");
        Caller other = world_pam_child(6), person = world_person(BOB, 6), child = world_pam_child(5);

        approve(world, "1", "alice");
        expect_no(world, "another process", ask_as(world, &other, "alice", "sshd", flow), "provider-unknown-flow");
        expect_no(world, "another user", ask_as(world, &child, "bob", "sshd", flow), "provider-unknown-flow");
        expect_no(world, "nobody's account", ask_as(world, &child, "carol", "sshd", flow), "provider-unknown-flow");
        expect_no(world, "another service", ask_as(world, &child, "alice", "login", flow), "provider-unknown-flow");
        expect_no(world, "a person", ask_as(world, &person, "bob", "tessera", flow), "provider-unknown-flow");
        g_assert_cmpuint(world->provider.asked, ==, 0);
        g_assert_cmpint(ask(world, "alice", flow).verdict, ==, LOGIN_ALLOW);
}

static void test_a_flow_and_a_secret_exclude_each_other(void) {
        g_autoptr(World) world = corp();
        _cleanup_secret_ Secret *secret = world_secret(ALICE_PASSWORD);
        g_autofree char *flow = begin(world, "alice");
        Caller child = world_pam_child(5);
        LoginAnswer answer;

        g_assert_cmpint(login_authenticate(world->core, &child,
                                           &(LoginRequest) { .user = "alice", .service = "sshd", .flow = flow }, secret,
                                           &answer), ==, CORE_E_INVALID);
}

/* R15: what happened to the user since it began counts, whether or not it was undone. */

static void disable(World *world) {
        bool changed;

        g_assert_cmpint(user_set_enabled(world->core, &world_root, "alice", false, &changed), ==, 0);
}

static void disable_and_enable(World *world) {
        bool changed;

        disable(world);
        g_assert_cmpint(user_set_enabled(world->core, &world_root, "alice", true, &changed), ==, 0);
}

static void remove_alice(World *world) {
        bool changed;

        g_assert_cmpint(user_remove(world->core, &world_root, "alice", &changed), ==, 0);
}

static void revoke_user(World *world) {
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(world->core, &world_root, &(SessionRevoke) { .user = "alice" }, &ended, NULL), ==, 0);
}

static void revoke_everybody(World *world) {
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(world->core, &world_root, &(SessionRevoke) { .all = true }, &ended, NULL), ==,
                        0);
}

static void change_password(World *world) {
        _cleanup_secret_ Secret *none = world_secret(""), *new = world_secret("canary: quite another");

        g_assert_cmpint(user_change_password(world->core, &world_root, "alice", none, new, /* ret_delay= */ NULL), ==, 0);
}

static void unlink_alice(World *world) {
        bool changed;

        g_assert_cmpint(user_unlink(world->core, &world_root, "alice", "corp", &changed), ==, 0);
}

static void forget_the_provider(World *world) {
        core_reload(world->core, world_settings(world), core_policy(world->core), core_trust(world->core),
                    g_ptr_array_new());
}

static void offer_it_no_more(World *world) {
        world_use_policy(world, "[role:everyone]\nusers=*\n[service:sshd]\nroles=everyone\n");
}

typedef struct Change {
        const char *sentence;
        void (*change)(World *world);
        const char *before, *during; /* why it is refused, when that happened before it was asked, or while the helper was */
} Change;

static const Change changes[] = {
        { "disabled", disable, "provider-unknown-flow", "provider-unknown-flow" },
        { "disabled and enabled", disable_and_enable, "provider-unknown-flow", "provider-unknown-flow" },
        { "removed", remove_alice, "provider-unknown-flow", "provider-unknown-flow" },
        { "all revoked", revoke_user, "changed-meanwhile", "changed-meanwhile" },
        { "everybody's revoked", revoke_everybody, "provider-unknown-flow", "provider-unknown-flow" },
        { "another password", change_password, "changed-meanwhile", "changed-meanwhile" },
        { "unlinked", unlink_alice, "provider-unknown-flow", "provider-unknown-flow" },
        { "no such provider any more", forget_the_provider, "provider-not-offered", NULL },
        { "not offered any more", offer_it_no_more, "provider-not-offered", NULL },
};

static void test_R15_changed_before(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autoptr(World) world = corp();
                g_autofree char *flow = begin(world, "alice");

                approve(world, "1", "alice");
                changes[i].change(world);
                g_free(world_audit(world));
                expect_no(world, changes[i].sentence, ask(world, "alice", flow), changes[i].before);
        }
}

static const Change *during;

static void change_now(gpointer data) {
        World *world = data;

        during->change(world);
        g_free(world_audit(world));
}

static void test_R15_changed_while_it_was_asked(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autoptr(World) world = corp();
                g_autofree char *flow = begin(world, "alice");

                if (!changes[i].during) /* a request goes by the configuration that it began with */
                        continue;
                during = &changes[i];
                approve(world, "1", "alice");
                world->provider.while_asked = change_now;
                world->provider.data = world;
                expect_no(world, changes[i].sentence, ask(world, "alice", flow), changes[i].during);
        }
}

/* And behind the answer: half a login is none yet. */
static void test_R15_unlinked_before_it_is_opened(void) {
        Caller pam = world_pam(5);

        for (int late = 0; late < 2; late++) {
                g_autoptr(World) world = corp();
                g_autofree char *flow = begin(world, "alice");
                LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.1" };
                LoginAnswer answer;

                approve(world, "1", "alice");
                answer = ask(world, "alice", flow);
                g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
                request.session = answer.session;
                if (late)
                        world_before_open(world, unlink_alice);
                else
                        unlink_alice(world);
                g_assert_cmpint(world_ask(world, login_open, &pam, &request).verdict, ==, LOGIN_DENY);
        }
}

/* And in the last moment, when it is known who approved: nothing is tied in vain, and nobody comes in. */
static void revoke_dave(World *world) {
        g_autoptr(GPtrArray) ended = NULL;

        g_assert_cmpint(session_revoke(world->core, &world_root, &(SessionRevoke) { .user = "dave" }, &ended, NULL), ==, 0);
        g_free(world_audit(world));
}

static void test_R15_revoked_awaiting(void) {
        g_autoptr(World) world = corp();
        g_autofree char *flow = begin(world, "dave");

        approve(world, "4", "dave");
        revoke_dave(world);
        expect_no(world, "revoked", ask(world, "dave", flow), "changed-meanwhile");
        assert_linked(world, "dave", " awaits corp");
}

int main(void) {
        test_P7_a_login();
        test_what_is_shown();
        test_only_where_the_service_offers_it();
        test_O1_for_whom_it_begins();
        test_A3_an_approval_makes_nobody_of_a_stranger();
        test_O3_who_an_approval_is();
        test_O3_the_log_says_who_approved();
        test_A3_who_awaits();
        test_R15_who_was_disabled_before_it_began();
        test_ends_that_are_no_approval();
        test_O3_the_handle_alone_is_nothing();
        test_a_flow_and_a_secret_exclude_each_other();
        test_R15_changed_before();
        test_R15_changed_while_it_was_asked();
        test_R15_unlinked_before_it_is_opened();
        test_R15_revoked_awaiting();
        return 0;
}
