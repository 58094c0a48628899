/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Tickets of a trusted host at a login's prompt, and looked at. "web1" makes them, "host" takes them. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/device-admin.h"
#include "daemon/core/key-admin.h"
#include "daemon/core/test-world.h"
#include "daemon/core/ticket.h"
#include "daemon/core/token-use.h"
#include "daemon/core/user-admin.h"

#define WEB1 "web1.example"
#define WEB3 "web3.example"
#define EVERYONE "everyone"

static const Caller root = { .uid = 0, .audit_id = AUDIT_ID_UNSET };

/* alice is logged in at web1, by her password, in login 5. */
typedef struct Scene {
        World *web1, *host;
        char *login;
} Scene;

static World *world_named(const char *name) {
        World *world = world_new();
        bool changed;

        g_assert_cmpint(key_admin_rename(world->core, &world_root, name, &changed), ==, 0);
        g_free(world_audit(world));
        return world;
}

/* An entry of trust.d for @issuer, as its own export says. */
static void add_trust(GPtrArray *files, World *issuer, const char *users, const char *roles) {
        g_autoptr(GPtrArray) read = NULL, mistakes = conf_mistakes_new();
        g_autoptr(KeyRing) ring = key_admin_ring(issuer->core);
        g_autofree char *name = core_host(issuer->core), *jwks = key_ring_export(ring), *text = NULL;
        g_auto(GStrv) user_list = g_strsplit(users, ";", -1), role_list = g_strsplit(roles, ";", -1);

        text = trust_file_format(name, (const char *const *) user_list, (const char *const *) role_list, jwks);
        read = trust_files_read_text(name, text, strlen(text), mistakes);
        g_assert_cmpint(mistakes->len, ==, 0);
        g_ptr_array_extend_and_steal(files, g_steal_pointer(&read));
}

static void free_file(void *file) {
        trust_file_free(file);
}

static void use_trust(World *world, GPtrArray *files) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        Trust *trust = trust_new(files, mistakes);

        g_assert_cmpint(mistakes->len, ==, 0);
        core_reload(world->core, world_settings(world), core_policy(world->core), trust, /* providers= */ NULL);
}

static void trust_web1(Scene *scene, const char *users, const char *roles) {
        GPtrArray *files = g_ptr_array_new_with_free_func(free_file);

        add_trust(files, scene->web1, users, roles);
        use_trust(scene->host, files);
}

static Scene scene_new(const char *users, const char *roles) {
        Scene scene = { .web1 = world_named(WEB1), .host = world_new() };

        scene.login = world_log_in(scene.web1, "alice", ALICE_PASSWORD, 5);
        trust_web1(&scene, users, roles);
        return scene;
}

static void scene_deinit(Scene *scene) {
        world_free(scene->web1);
        world_free(scene->host);
        g_free(scene->login);
}

#define _scene_ __attribute__((__cleanup__(scene_deinit)))

static void forward(Scene *scene, int64_t seconds) {
        fake_clock_forward(&scene->web1->clock, seconds);
        fake_clock_forward(&scene->host->clock, seconds);
}

static char *ticket_from(World *world, uint32_t audit_id, const char *audience) {
        Caller alice = world_person(ALICE, audit_id);
        g_autoptr(TokenClaims) claims = NULL;
        char *ticket;

        g_assert_cmpint(token_print(world->core, &alice, audience, /* min_ttl= */ 0, &ticket, &claims), ==, 0);
        g_free(world_audit(world));
        return ticket;
}

/* alice's, from her login at web1 to the host */
static char *ticket_of(Scene *scene) {
        return ticket_from(scene->web1, 5, HOST);
}

/* One that web1 (or @signer) signs as it is told. */
static char *forge(World *signer, const char *issuer, const char *user, const char *const *roles, int64_t now) {
        g_autoptr(KeyRing) ring = key_admin_ring(signer->core);
        TicketClaims claims = {
                .issuer = (char *) issuer,
                .subject = (char *) user,
                .audience = (char *) HOST,
                .issued_at = now,
                .expires = now + 60,
                .session = "0123456789abcdef0123456789abcdef",
                .session_ends = now + 1000,
                .roles = (char **) roles,
        };
        char *ticket;

        ticket_new_id(&signer->clock.clock, claims.jti);
        g_assert_cmpint(ticket_sign(key_ring_signing(ring, KEY_TICKET), &claims, &ticket), ==, 0);
        return ticket;
}

static LoginAnswer answer_as(World *world, const char *user, const char *ticket, uint32_t audit_id) {
        const LoginRequest request = { .user = user, .service = "sshd", .rhost = "192.0.2.5", .tty = "ssh" };
        Caller child = world_pam_child(audit_id);

        return world_authenticate(world, &child, &request, ticket);
}

/* Is the ticket refused for this reason (NULL: it lets in)? */
static void expect(World *world, const char *user, const char *ticket, const char *why) {
        LoginAnswer answer = answer_as(world, user, ticket, 6);
        g_autofree char *said = world_reason(world);

        if (g_strcmp0(said, why ? why : "tok") != 0)
                g_error("%s instead of %s", said, why ? why : "a login");
        g_assert_cmpint(answer.verdict, ==, why ? LOGIN_DENY : LOGIN_ALLOW);
        if (why)
                g_assert_cmpstr(answer.reason, ==, WIRE_REASON_CREDENTIAL);
}

static Session *log_in(World *world, const char *ticket, uint32_t audit_id) {
        LoginRequest request = { .user = "alice", .service = "sshd", .rhost = "192.0.2.5", .tty = "ssh" };
        LoginAnswer answer = answer_as(world, "alice", ticket, audit_id);
        Caller pam = world_pam(audit_id);

        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        request.session = answer.session;
        answer = world_ask(world, login_open, &pam, &request);
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        g_free(world_audit(world));
        return world_session(world, answer.session);
}

static LoginVerdict sudo_check(World *world, uint32_t audit_id, const char **ret_reason) {
        const LoginRequest request = { .user = "alice", .service = "sudo" };
        Caller pam = world_pam(audit_id);
        LoginAnswer answer = world_ask(world, login_check, &pam, &request);

        g_free(world_audit(world));
        *ret_reason = answer.reason;
        return answer.verdict;
}

static void test_a_ticket_opens_what_its_session_was(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autoptr(Session) session = NULL, origin = world_session(scene.web1, scene.login);
        g_autofree char *ticket = NULL;

        forward(&scene, 100);
        ticket = ticket_of(&scene);
        assert(strlen(ticket) <= TICKET_SIZE_MAX);
        session = log_in(scene.host, ticket, 6);
        g_assert_cmpstr(session->methods[0], ==, "tok");
        assert(!session->methods[1]);
        g_assert_cmpint(session->auth_time, ==, origin->auth_time);
        g_assert_cmpstr(session->auth_method, ==, "pwd");
        g_assert_cmpint(session->ends, ==, origin->ends);
        g_assert_cmpstr(session->parent, ==, "");
        g_assert_cmpstr(session->role_cap[0], ==, "admin");
        g_assert_cmpstr(session->role_cap[1], ==, EVERYONE);
        g_assert_cmpstr(session->roles[0], ==, "admin");
}

static void test_A9_a_ticket_works_once(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *ticket = ticket_of(&scene), *another = ticket_of(&scene);

        expect(scene.host, "alice", ticket, NULL);
        expect(scene.host, "alice", ticket, "token-replayed");
        expect(scene.host, "alice", another, NULL);
        fake_clock_forward(&scene.host->clock, 100);
        g_assert_cmpint(core_sweep(scene.host->core), ==, 0);
        scene.host->clock.wall -= 70; /* nor when its time comes again, because the clock was set back */
        expect(scene.host, "alice", ticket, "token-replayed");
}

typedef struct Race {
        World *world;
        const char *ticket;
        gint winners;
} Race;

static gpointer race(gpointer data) {
        Race *race = data;

        if (answer_as(race->world, "alice", race->ticket, 6).verdict == LOGIN_ALLOW)
                g_atomic_int_inc(&race->winners);
        return NULL;
}

static void test_A9_of_many_uses_at_once_exactly_one_wins(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *ticket = ticket_of(&scene);
        Race of = { .world = scene.host, .ticket = ticket };
        GThread *threads[16];

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("race", race, &of);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                (void) g_thread_join(threads[i]);
        g_assert_cmpint(of.winners, ==, 1);
}

static void test_A9_a_ticket_for_another_host_is_none(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *ticket = ticket_from(scene.web1, 5, WEB3);
        bool changed;

        expect(scene.host, "alice", ticket, "token-wrong-audience");
        g_assert_cmpint(key_admin_rename(scene.host->core, &world_root, WEB3, &changed), ==, 0);
        g_free(world_audit(scene.host));
        expect(scene.host, "alice", ticket, NULL);
}

static void test_J12_a_ticket_lasts_a_minute_and_the_leeway(void) {
        static const struct {
                int64_t ahead;
                const char *why;
        } rows[] = { { 64, NULL }, { 65, "token-expired" }, { 3600, "token-expired" }, { -5, NULL }, { -6, "token-invalid" } };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                _scene_ Scene scene = scene_new("*", "*");
                g_autofree char *ticket = ticket_of(&scene);

                scene.host->clock.wall += rows[i].ahead;
                expect(scene.host, "alice", ticket, rows[i].why);
        }
}

/* [token] ticket-lifetime */
static void test_R14_ticket_lifetime_has_its_effect(void) {
        _scene_ Scene scene = scene_new("*", "*");
        Settings *settings = world_settings(scene.web1);
        Caller alice = world_person(ALICE, 5);
        g_autoptr(TokenClaims) claims = NULL;
        char *ticket;

        settings->ticket_lifetime = 10;
        world_use_settings(scene.web1, settings);
        g_assert_cmpint(token_print(scene.web1->core, &alice, HOST, /* min_ttl= */ 11, &ticket, &claims), ==,
                        CORE_E_INVALID);
        g_assert_cmpint(token_print(scene.web1->core, &alice, HOST, /* min_ttl= */ 10, &ticket, &claims), ==, 0);
        g_assert_cmpint(claims->expires, ==, scene.web1->clock.wall + 10);
        g_assert_cmpstr(claims->session, ==, scene.login);
        g_assert_cmpstr(claims->audience, ==, HOST);
        token_free(ticket);
}

static void test_R6_a_ticket_is_for_its_user_alone(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *ticket = ticket_of(&scene);

        expect(scene.host, "bob", ticket, "token-of-another-user");
        expect(scene.host, "alice", ticket, NULL); /* and that spent nothing */
}

static void test_A9_whom_trust_does_not_name_may_not(void) {
        _scene_ Scene scene = scene_new("bob", "*");
        g_autofree char *ticket = ticket_of(&scene);

        expect(scene.host, "alice", ticket, "user-not-trusted");
        trust_web1(&scene, "bob;alice", "*");
        expect(scene.host, "alice", ticket, NULL);
}

static void test_A9_never_for_an_account_of_the_system(void) {
        static const char *const roles[] = { EVERYONE, NULL };
        _scene_ Scene scene = scene_new("*", "*");
        const User daemon = { .name = (char *) "daemon", .uid = 999, .enabled = true };
        g_autofree char *ticket = forge(scene.web1, WEB1, "daemon", roles, scene.host->clock.wall);
        g_autofree char *of_root = forge(scene.web1, WEB1, "root", roles, scene.host->clock.wall);

        g_assert_cmpint(store_user_add(scene.host->store, &daemon), ==, 0);
        world_set_account(scene.host, "daemon", 999);
        expect(scene.host, "daemon", ticket, "uid-of-the-system");
        g_assert_cmpint(answer_as(scene.host, "root", of_root, 6).verdict, ==, LOGIN_NOT_OURS);
}

static void test_A9_of_a_host_that_is_not_trusted_it_is_an_answer_like_any(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *ticket = ticket_of(&scene);

        use_trust(scene.host, g_ptr_array_new_with_free_func(free_file));
        expect(scene.host, "alice", ticket, "token-foreign");
}

/* web3 is trusted as well, and says that web1 made its ticket. */
static void test_A9_a_host_cannot_speak_for_another(void) {
        static const char *const roles[] = { EVERYONE, NULL };
        _scene_ Scene scene = scene_new("*", "*");
        g_autoptr(World) web3 = world_named(WEB3);
        g_autofree char *lie = forge(web3, WEB1, "alice", roles, web3->clock.wall);
        g_autofree char *truth = forge(web3, WEB3, "alice", roles, web3->clock.wall);
        GPtrArray *files = g_ptr_array_new_with_free_func(free_file);

        add_trust(files, scene.web1, "*", "*");
        add_trust(files, web3, "*", "*");
        use_trust(scene.host, files);
        expect(scene.host, "alice", lie, "token-invalid");
        expect(scene.host, "alice", truth, NULL);
}

static void test_A9_roles_beyond_the_cap_are_not_held(void) {
        _scene_ Scene scene = scene_new("*", EVERYONE);
        g_autofree char *ticket = ticket_of(&scene), *token = NULL;
        const LoginRequest sudo = { .user = "alice", .service = "sudo" };
        g_autoptr(Session) session = log_in(scene.host, ticket, 6);
        g_autoptr(TokenClaims) claims = NULL;
        Caller pam = world_pam(6);
        g_auto(GStrv) roles = NULL;
        const char *said = NULL;
        LoginAnswer answer;
        TokenReason reason;

        g_assert_cmpstr(session->role_cap[0], ==, EVERYONE);
        assert(!session->role_cap[1]);
        g_assert_cmpstr(session->roles[0], ==, EVERYONE);
        g_assert_cmpint(sudo_check(scene.host, 6, &said), ==, LOGIN_DENY);
        g_assert_cmpstr(said, ==, WIRE_REASON_ROLE_MISSING);
        answer = world_ask(scene.host, login_authorize, &pam, &sudo); /* account, which sudo asks by itself */
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_cmpstr(answer.reason, ==, WIRE_REASON_ROLE_MISSING);
        answer = world_authenticate(scene.host, &pam, &sudo, ALICE_PASSWORD); /* nor with the password */
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
        g_assert_cmpstr(answer.reason, ==, WIRE_REASON_ROLE_MISSING);

        g_free(world_audit(scene.host));
        token = world_token(scene.host, ALICE, 6);
        g_assert_cmpint(token_check(scene.host->core, token, strlen(token), NULL, "admin", &reason, &claims, &roles),
                        ==, 0);
        g_assert_cmpint(reason, ==, TOKEN_ROLE_MISSING);
        g_assert_cmpint(token_check(scene.host->core, token, strlen(token), NULL, NULL, &reason, &claims, &roles), ==,
                        0);
        g_assert_cmpstr(roles[0], ==, EVERYONE);
        assert(!roles[1] && !claims->roles[1]);
}

static void test_A9_children_inherit_the_cap(void) {
        _scene_ Scene scene = scene_new("*", EVERYONE);
        g_autofree char *ticket = ticket_of(&scene), *token = NULL;
        g_autoptr(Session) session = log_in(scene.host, ticket, 6), child = NULL;
        const char *said = NULL;

        token = world_token(scene.host, ALICE, 6);
        child = log_in(scene.host, token, 7);
        g_assert_cmpstr(child->parent, ==, session->id);
        g_assert_cmpstr(child->role_cap[0], ==, EVERYONE);
        g_assert_cmpint(child->ends, ==, session->ends);
        g_assert_cmpint(sudo_check(scene.host, 7, &said), ==, LOGIN_DENY);
        g_assert_cmpstr(said, ==, WIRE_REASON_ROLE_MISSING);
}

static void test_A9_no_role_for_the_service_is_refused_and_not_spent(void) {
        _scene_ Scene scene = scene_new("*", "admin");
        g_autofree char *ticket = ticket_of(&scene);

        expect(scene.host, "alice", ticket, "role-missing"); /* sshd wants everyone */
        trust_web1(&scene, "*", EVERYONE);
        expect(scene.host, "alice", ticket, NULL);
}

/* alice is an admin here, and at web1 she is none: what the ticket does not bring, it does not give. */
static void test_A9_roles_that_the_ticket_does_not_bring(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autoptr(Session) session = NULL;
        g_autofree char *ticket = NULL;
        const char *said = NULL;

        world_set_policy(scene.web1, "bob", "max-age=15min");
        ticket = ticket_of(&scene);
        session = log_in(scene.host, ticket, 6);
        g_assert_cmpstr(session->role_cap[0], ==, EVERYONE);
        assert(!session->role_cap[1]);
        g_assert_cmpint(sudo_check(scene.host, 6, &said), ==, LOGIN_DENY);
}

static void test_P31_tickets_there_and_back_make_nothing_fresher(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *there = NULL, *back = NULL;
        g_autoptr(Session) origin = world_session(scene.web1, scene.login), at_host = NULL, at_web1 = NULL;
        GPtrArray *files = g_ptr_array_new_with_free_func(free_file);
        const char *said = NULL;

        add_trust(files, scene.host, "*", "*");
        use_trust(scene.web1, files);
        forward(&scene, 600);
        there = ticket_of(&scene);
        at_host = log_in(scene.host, there, 6);
        forward(&scene, 301);
        back = ticket_from(scene.host, 6, WEB1);
        at_web1 = log_in(scene.web1, back, 7);
        g_assert_cmpint(at_web1->auth_time, ==, origin->auth_time);
        g_assert_cmpint(at_web1->ends, ==, origin->ends);
        g_assert_cmpint(sudo_check(scene.web1, 7, &said), ==, LOGIN_STEP_UP);
        g_assert_cmpint(sudo_check(scene.host, 6, &said), ==, LOGIN_STEP_UP);
}

static void test_P31_a_ticket_at_the_step_up_prompt_is_refused_and_not_spent(void) {
        _scene_ Scene scene = scene_new("*", "*");
        const LoginRequest sudo = { .user = "alice", .service = "sudo" };
        g_autofree char *login = world_log_in(scene.host, "alice", ALICE_PASSWORD, 6), *said = NULL;
        g_autofree char *ticket = ticket_of(&scene);
        Caller pam = world_pam(6);
        LoginAnswer answer = world_authenticate(scene.host, &pam, &sudo, ticket);

        g_assert_cmpstr(answer.reason, ==, WIRE_REASON_STALE);
        said = world_reason(scene.host);
        g_assert_cmpstr(said, ==, "token-at-step-up");
        expect(scene.host, "alice", ticket, NULL);
}

static void test_P31_a_key_login_gives_a_ticket_without_freshness(void) {
        _scene_ Scene scene = scene_new("*", "*");
        const LoginRequest adopt = { .user = "alice", .service = "sshd", .auth_info = "publickey ssh-ed25519 AAAA" };
        g_autoptr(Session) session = NULL;
        g_autofree char *ticket = NULL;
        Caller pam = world_pam(8);
        const char *said = NULL;

        g_assert_cmpint(world_ask(scene.web1, login_open, &pam, &adopt).verdict, ==, LOGIN_ALLOW);
        ticket = ticket_from(scene.web1, 8, HOST);
        session = log_in(scene.host, ticket, 6);
        g_assert_cmpint(session->auth_time, ==, 0);
        g_assert_cmpstr(session->auth_method, ==, NULL);
        g_assert_cmpint(sudo_check(scene.host, 6, &said), ==, LOGIN_STEP_UP);
}

/* The method that proved it travels, also where the login itself came by token. */
static void test_A9_methods_count_across_hosts(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *token = world_token(scene.web1, ALICE, 5), *ticket = NULL;
        g_autoptr(Session) child = log_in(scene.web1, token, 9), session = NULL;
        const char *said = NULL;

        ticket = ticket_from(scene.web1, 9, HOST);
        session = log_in(scene.host, ticket, 6);
        g_assert_cmpstr(session->auth_method, ==, "pwd");
        world_set_policy(scene.host, "alice", "max-age=15min\nmethods=pwd");
        g_assert_cmpint(sudo_check(scene.host, 6, &said), ==, LOGIN_ALLOW);
}

#define RULES(operators)                                                                                     \
        "[role:operator]\n" operators "\n[role:everyone]\nusers=*\n[service:sshd]\nroles=everyone\n"         \
        "methods=pwd;oidc:corp\n[service:sudo]\nroles=everyone\nmethods=pwd;oidc:corp\n"

/* alice signs in at web1's corp, where she is one of ops, in login 8. */
static void sign_in_at_web1(Scene *scene) {
        LoginRequest request = { .user = "alice", .service = "sshd" };
        Caller child = world_pam_child(8), pam = world_pam(8);
        g_autofree char *flow = NULL;
        LoginAnswer answer;
        bool changed;

        world_use_provider(scene->web1, "group-roles=ops:operator\n", RULES(""));
        g_assert_cmpint(user_link(scene->web1->core, &root, "alice", "corp", "1", &changed), ==, 0);
        scene->web1->provider.state = PROVIDER_STATE_APPROVED;
        scene->web1->provider.issuer = WORLD_ISSUER;
        scene->web1->provider.subject = "1";
        scene->web1->provider.group = "ops";
        answer = world_authenticate(scene->web1, &child, &request, "");
        flow = g_strdup(answer.flow);
        request.flow = flow;
        answer = world_authenticate(scene->web1, &child, &request, "");
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        request.session = answer.session;
        g_assert_cmpint(world_ask(scene->web1, login_open, &pam, &request).verdict, ==, LOGIN_ALLOW);
}

/* corp at web1 may be any provider: it is none of this host's, nor of those that a ticket from here leads to. */
static void test_A9_a_provider_of_another_host_is_none_of_ours(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *ticket = NULL, *onward = NULL, *home = NULL;
        g_autoptr(Session) session = NULL, at_web1 = NULL;
        GPtrArray *files = g_ptr_array_new_with_free_func(free_file);
        const char *said = NULL;

        sign_in_at_web1(&scene);
        g_assert_cmpint(sudo_check(scene.web1, 8, &said), ==, LOGIN_ALLOW);
        ticket = ticket_from(scene.web1, 8, HOST);
        world_use_provider(scene.host, "", RULES(""));
        session = log_in(scene.host, ticket, 6);
        g_assert_cmpint(session->auth_time, >, 0);
        g_assert_cmpstr(session->auth_method, ==, "oidc");
        g_assert_cmpint(sudo_check(scene.host, 6, &said), ==, LOGIN_STEP_UP);
        g_assert_cmpstr(said, ==, WIRE_REASON_METHOD);
        world_use_policy(scene.host, "[role:everyone]\nusers=*\n[service:sshd]\nroles=everyone\n"
                                     "[service:sudo]\nroles=everyone\n"); /* any method will do */
        g_assert_cmpint(sudo_check(scene.host, 6, &said), ==, LOGIN_ALLOW);

        /* Nor does the way back make it more. */
        add_trust(files, scene.host, "*", "*");
        use_trust(scene.web1, files);
        onward = ticket_from(scene.host, 6, WEB1);
        at_web1 = log_in(scene.web1, onward, 7);
        g_assert_cmpstr(at_web1->auth_method, ==, "oidc");
        g_assert_cmpint(sudo_check(scene.web1, 7, &said), ==, LOGIN_STEP_UP);

        /* And a token of that session says the same of it. */
        home = world_token(scene.host, ALICE, 6);
        g_clear_pointer(&session, session_free);
        session = log_in(scene.host, home, 9);
        g_assert_cmpstr(session->auth_method, ==, "oidc");
}

/* What groups gave at web1 is a role there: here it lets have what this host gives, and gives nothing. */
static void test_A9_groups_of_another_host_give_nothing_here(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *first = NULL, *second = NULL, *of_password = ticket_of(&scene);
        g_autoptr(Session) without = NULL, with = NULL, other = NULL;
        bool changed;

        sign_in_at_web1(&scene);
        first = ticket_from(scene.web1, 8, HOST);
        second = ticket_from(scene.web1, 8, HOST);
        world_use_provider(scene.host, "group-roles=ops:operator\n", RULES(""));
        g_assert_cmpint(user_link(scene.host->core, &root, "alice", "corp", "1", &changed), ==, 0);
        without = log_in(scene.host, first, 6);
        g_assert_cmpuint(g_strv_length(without->roles), ==, 1);
        g_assert_null(without->granted.issuer);

        world_use_provider(scene.host, "group-roles=ops:operator\n", RULES("users=alice"));
        with = log_in(scene.host, second, 7);
        g_assert_cmpuint(g_strv_length(with->roles), ==, 2);
        other = log_in(scene.host, of_password, 9); /* that login at web1 is no operator's */
        g_assert_cmpuint(g_strv_length(other->roles), ==, 1);
}

static void test_J18_a_bad_signature_spends_nothing(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *ticket = ticket_of(&scene), *bad = g_strdup(ticket);
        char *middle = strrchr(bad, '.') + 20;

        *middle = *middle == 'A' ? 'B' : 'A';
        expect(scene.host, "alice", bad, "token-invalid");
        expect(scene.host, "alice", ticket, NULL);
}

static void test_forged_tickets_are_charged_and_right_ones_pass_a_closed_prompt(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *ticket = ticket_of(&scene), *bad = g_strdup(ticket);
        char *middle = strrchr(bad, '.') + 20;

        *middle = *middle == 'A' ? 'B' : 'A';
        for (unsigned i = 0; i < BURST; i++)
                expect(scene.host, "alice", bad, "token-invalid");
        expect(scene.host, "alice", bad, "throttled");
        expect(scene.host, "alice", ticket, NULL);
}

static void test_R6_who_is_disabled_here_is_refused(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *ticket = ticket_of(&scene);
        bool changed;

        g_assert_cmpint(user_set_enabled(scene.host->core, &root, "alice", false, &changed), ==, 0);
        g_free(world_audit(scene.host));
        expect(scene.host, "alice", ticket, "disabled");
}

static void test_R10_what_cannot_be_remembered_lets_nobody_in(void) {
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *ticket = ticket_of(&scene);
        _cleanup_secret_ Secret *secret = world_secret(ticket);
        const LoginRequest ssh = { .user = "alice", .service = "sshd", .rhost = "192.0.2.5" };
        Caller child = world_pam_child(6);
        LoginAnswer answer = { .verdict = LOGIN_DENY };

        world_break_writes(scene.host);
        g_assert_cmpint(login_authenticate(scene.host->core, &child, &ssh, secret, &answer), ==, -EIO);
        g_assert_cmpint(answer.verdict, ==, LOGIN_DENY);
}

/* Somebody who is capped registers a device after proving the password: it is capped as well. */
static void test_A9_a_device_of_a_capped_login_is_capped(void) {
        _scene_ Scene scene = scene_new("*", EVERYONE);
        const LoginRequest step_up = { .user = "alice", .service = "tessera" };
        g_autofree char *ticket = ticket_of(&scene), *why = NULL;
        g_autoptr(Session) session = log_in(scene.host, ticket, 6);
        DeviceAdd laptop = { .id = "00112233445566778899aabbccddeeff", .name = "laptop",
                             .public_key = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg" };
        Caller alice = world_person(ALICE, 6);
        g_autoptr(DeviceView) view = NULL;

        g_assert_cmpint(device_add(scene.host->core, &alice, &laptop, &view, &why), ==, CORE_E_STALE);
        assert(strstr(why, "token"));
        g_assert_cmpint(world_authenticate(scene.host, &alice, &step_up, ALICE_PASSWORD).verdict, ==, LOGIN_ALLOW);
        g_assert_cmpint(device_add(scene.host->core, &alice, &laptop, &view, &why), ==, 0);
        g_assert_cmpstr(view->device->role_cap[0], ==, EVERYONE);
        assert(!view->device->role_cap[1]);
}

static TokenReason look(World *world, const char *ticket, const char *audience, const char *role, char ***ret_roles) {
        g_autoptr(TokenClaims) claims = NULL;
        TokenReason reason;

        g_assert_cmpint(token_check(world->core, ticket, strlen(ticket), audience, role, &reason, &claims, ret_roles),
                        ==, 0);
        if (reason == TOKEN_VALID)
                g_assert_cmpstr(claims->session, ==, "");
        return reason;
}

static void test_looking_at_a_ticket_spends_nothing(void) {
        _scene_ Scene scene = scene_new("*", EVERYONE);
        g_autofree char *ticket = ticket_of(&scene);
        g_auto(GStrv) roles = NULL;
        GStrv none = NULL;

        for (unsigned i = 0; i < 3; i++) {
                g_clear_pointer(&roles, g_strfreev);
                g_assert_cmpint(look(scene.host, ticket, NULL, EVERYONE, &roles), ==, TOKEN_VALID);
                g_assert_cmpstr(roles[0], ==, EVERYONE);
                assert(!roles[1]);
        }
        g_assert_cmpint(look(scene.host, ticket, NULL, "admin", &none), ==, TOKEN_ROLE_MISSING);
        g_assert_cmpint(look(scene.host, ticket, WEB3, NULL, &none), ==, TOKEN_WRONG_AUDIENCE);
        expect(scene.host, "alice", ticket, NULL);
        g_assert_cmpint(look(scene.host, ticket, NULL, NULL, &none), ==, TOKEN_REPLAYED);
        forward(&scene, 65);
        g_assert_cmpint(look(scene.host, ticket, NULL, NULL, &none), ==, TOKEN_EXPIRED);
}

static void test_looking_at_a_ticket_that_is_for_nobody_here(void) {
        static const char *const roles[] = { EVERYONE, NULL };
        _scene_ Scene scene = scene_new("*", "*");
        g_autofree char *stranger = forge(scene.web1, WEB1, "carol", roles, scene.host->clock.wall);
        GStrv none = NULL;

        g_assert_cmpint(look(scene.host, stranger, NULL, NULL, &none), ==, TOKEN_INVALID);
}

int main(void) {
        test_a_ticket_opens_what_its_session_was();
        test_A9_a_ticket_works_once();
        test_A9_of_many_uses_at_once_exactly_one_wins();
        test_A9_a_ticket_for_another_host_is_none();
        test_J12_a_ticket_lasts_a_minute_and_the_leeway();
        test_R14_ticket_lifetime_has_its_effect();
        test_R6_a_ticket_is_for_its_user_alone();
        test_A9_whom_trust_does_not_name_may_not();
        test_A9_never_for_an_account_of_the_system();
        test_A9_of_a_host_that_is_not_trusted_it_is_an_answer_like_any();
        test_A9_a_host_cannot_speak_for_another();
        test_A9_roles_beyond_the_cap_are_not_held();
        test_A9_children_inherit_the_cap();
        test_A9_no_role_for_the_service_is_refused_and_not_spent();
        test_A9_roles_that_the_ticket_does_not_bring();
        test_P31_tickets_there_and_back_make_nothing_fresher();
        test_P31_a_ticket_at_the_step_up_prompt_is_refused_and_not_spent();
        test_P31_a_key_login_gives_a_ticket_without_freshness();
        test_A9_methods_count_across_hosts();
        test_A9_a_provider_of_another_host_is_none_of_ours();
        test_A9_groups_of_another_host_give_nothing_here();
        test_J18_a_bad_signature_spends_nothing();
        test_forged_tickets_are_charged_and_right_ones_pass_a_closed_prompt();
        test_R6_who_is_disabled_here_is_refused();
        test_R10_what_cannot_be_remembered_lets_nobody_in();
        test_A9_a_device_of_a_capped_login_is_capped();
        test_looking_at_a_ticket_spends_nothing();
        test_looking_at_a_ticket_that_is_for_nobody_here();
        return 0;
}
