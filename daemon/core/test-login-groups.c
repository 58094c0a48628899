/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Roles by groups at a provider: which login has them, for how long, and who never does. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/admin.h"
#include "daemon/core/policy-admin.h"
#include "daemon/core/test-devices.h"
#include "daemon/core/token-use.h"
#include "daemon/core/user-admin.h"
#include "policy/policy-explain.h"

#define THERE "group-roles=ops:lead;dev:builder;old:operator\n"
#define RULES                                                                                               \
        "[role:admin]\nusers=bob\n[role:lead]\nincludes=operator\n[role:operator]\n[role:builder]\n"         \
        "[role:everyone]\nusers=*\n[service:sshd]\nroles=everyone\nmethods=pwd;oidc:corp\n"                  \
        "[service:login]\nroles=operator\nmethods=oidc:corp\n[service:sudo]\nroles=operator\n"               \
        "[service:tessera]\nroles=admin\n"

#define LOGIN 5 /* the one that is looked at; others are 6 and on */

/* A host with the provider corp, where the subject "1" is alice, who holds "everyone" by herself. */
static World *corp(void) {
        World *world = world_new();
        bool changed;

        world_use_provider(world, THERE, RULES);
        g_assert_cmpint(user_link(world->core, &world_root, "alice", "corp", "1", &changed), ==, 0);
        world->provider.state = PROVIDER_STATE_APPROVED;
        world->provider.issuer = WORLD_ISSUER;
        world->provider.subject = "1";
        return world;
}

/* Signs alice in at the provider, as a member of @group (NULL: of none). Its handle, or its session. */
static char *sign_in_at(World *world, const Caller *caller, const char *service, const char *rhost, const char *group) {
        LoginRequest request = { .user = "alice", .service = service, .rhost = rhost, .provider = "corp" };
        g_autofree char *flow = NULL;
        LoginAnswer answer;

        world->provider.group = group;
        answer = world_authenticate(world, caller, &request, "");
        g_assert_cmpint(answer.verdict, ==, LOGIN_PENDING);
        flow = g_strdup(answer.flow);
        request.flow = flow;
        answer = world_authenticate(world, caller, &request, "");
        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        return g_strdup(answer.session);
}

static char *log_in(World *world, uint32_t audit_id, const char *group) {
        Caller pam = world_pam(audit_id), child = world_pam_child(audit_id);
        g_autofree char *handle = sign_in_at(world, &child, "sshd", "192.0.2.1", group);

        g_assert_cmpint(world_ask(world, login_open, &pam, &(LoginRequest) { .user = "alice", .service = "sshd",
                                  .rhost = "192.0.2.1", .session = handle }).verdict, ==, LOGIN_ALLOW);
        return g_steal_pointer(&handle);
}

static void step_up(World *world, const char *group) {
        Caller person = world_person(ALICE, LOGIN);
        g_autofree char *id = sign_in_at(world, &person, "tessera", NULL, group);

        assert(id[0]);
}

static void step_up_by_password(World *world) {
        Caller person = world_person(ALICE, LOGIN);

        g_assert_cmpint(world_authenticate(world, &person, &(LoginRequest) { .user = "alice", .service = "tessera" },
                                           ALICE_PASSWORD).verdict, ==, LOGIN_ALLOW);
}

/* Which of the three that the provider may give does alice hold in that login, as sudoers would hear it? */
static char *held_in(World *world, uint32_t audit_id) {
        static const char *const roles[] = { "lead", "operator", "builder" };
        Caller sudo = world_pam(audit_id);
        GString *held = g_string_new(NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
                LoginAnswer answer;

                g_assert_cmpint(login_has_role(world->core, &sudo, &(LoginRequest) { .user = "alice",
                                               .service = "sudo" }, roles[i], &answer), ==, 0);
                if (answer.verdict == LOGIN_ALLOW)
                        g_string_append_printf(held, "%s%s", held->len > 0 ? " " : "", roles[i]);
        }
        return g_string_free(held, FALSE);
}

#define assert_held(world, audit_id, expected)                                                       \
        G_STMT_START {                                                                               \
                g_autofree char *_held = held_in(world, audit_id);                                   \
                g_assert_cmpstr(_held, ==, expected);                                                \
        }                                                                                            \
        G_STMT_END

static LoginVerdict sudo(World *world, uint32_t audit_id, Question question) {
        Caller pam = world_pam(audit_id);

        return world_ask(world, question, &pam, &(LoginRequest) { .user = "alice", .service = "sudo" }).verdict;
}

/* What they include, too; before a prompt, at account, and in what a session is shown with. */
static void test_groups_give_the_login_roles(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops"), *other = NULL, *roles = NULL;
        g_autoptr(Session) session = world_session(world, id);

        roles = g_strjoinv(" ", session->roles);
        g_assert_cmpstr(roles, ==, "everyone lead operator");
        g_assert_cmpstr(session->granted.issuer, ==, WORLD_ISSUER);
        g_assert_cmpstr(session->granted.subject, ==, "1");
        assert_held(world, LOGIN, "lead operator");
        g_assert_cmpint(sudo(world, LOGIN, login_check), ==, LOGIN_ALLOW);
        g_assert_cmpint(sudo(world, LOGIN, login_authorize), ==, LOGIN_ALLOW);

        /* The same user, but another login. */
        other = world_log_in(world, "alice", ALICE_PASSWORD, 6);
        assert_held(world, 6, "");
        g_assert_cmpint(sudo(world, 6, login_check), ==, LOGIN_DENY);
        g_assert_cmpint(sudo(world, 6, login_authorize), ==, LOGIN_DENY);
        assert_held(world, 7, ""); /* and no login */
}

/* Groups that no line names give nothing, whatever groups and roles here are called like them. */
static void test_a_group_is_no_role_and_no_unix_group(void) {
        static const char *const groups[] = { "admin", "lead", "operator", "op", "ops ", "OPS", "sudo", "", NULL };
        g_autoptr(World) world = corp();

        world_use_policy(world, RULES "[role:wheel]\ngroups=sudo;ops\n");
        for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
                g_autofree char *id = log_in(world, LOGIN + (uint32_t) i, groups[i]);
                g_autoptr(Session) session = world_session(world, id);

                assert_held(world, LOGIN + (uint32_t) i, "");
                g_assert_cmpuint(g_strv_length(session->roles), ==, 1);
                g_assert_null(session->granted.issuer);
        }
}

/* sshd in a login, where something listens in it: two sessions, of which the second was signed into otherwise. */
static void test_a_second_session_of_one_login_has_its_own(void) {
        g_autoptr(World) world = corp();
        g_autofree char *first = log_in(world, LOGIN, "ops"), *second = world_log_in(world, "alice", ALICE_PASSWORD, LOGIN);
        g_autoptr(Session) session = world_session(world, second);

        g_assert_cmpstr(session->parent, ==, first);
        g_assert_cmpuint(g_strv_length(session->roles), ==, 1);
        assert_held(world, LOGIN, "lead operator");
}

/* Over: nothing that the login was given counts. */
static void test_they_end_with_the_session(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops");

        g_assert_cmpint(login_close(world->core, &world_root, id), ==, 0);
        assert_held(world, LOGIN, "");
        g_assert_cmpint(sudo(world, LOGIN, login_check), ==, LOGIN_DENY);
        /* and a password brings them back to nobody */
        step_up_by_password(world);
        assert_held(world, LOGIN, "");
        step_up(world, "ops");
        assert_held(world, LOGIN, "lead operator");
}

/* A desktop, tmux after a logout: there the sign-in opens the session. */
static void test_a_step_up_that_opens_a_session_brings_them(void) {
        g_autoptr(World) world = corp();

        step_up(world, "ops");
        assert_held(world, LOGIN, "lead operator");
}

/* account comes before the session: with the handle, from the process that was answered, for that login. */
static void test_account_of_a_login_that_asks_for_the_role(void) {
        g_autoptr(World) world = corp();
        Caller child = world_pam_child(LOGIN), pam = world_pam(LOGIN), stranger = world_pam_child(6);
        g_autofree char *handle = sign_in_at(world, &child, "login", NULL, "ops"), *none = NULL;
        LoginRequest request = { .user = "alice", .service = "login", .session = handle };

        g_assert_cmpint(world_ask(world, login_authorize, &child, &request).verdict, ==, LOGIN_ALLOW);
        g_assert_cmpint(world_ask(world, login_authorize, &pam, &request).verdict, ==, LOGIN_ALLOW);
        g_assert_cmpstr(world_ask(world, login_authorize, &stranger, &request).reason, ==, WIRE_REASON_ROLE_MISSING);
        request.rhost = "192.0.2.1";
        g_assert_cmpstr(world_ask(world, login_authorize, &pam, &request).reason, ==, WIRE_REASON_ROLE_MISSING);
        request.rhost = NULL;
        request.session = NULL;
        g_assert_cmpstr(world_ask(world, login_authorize, &pam, &request).reason, ==, WIRE_REASON_ROLE_MISSING);
        request.session = "0123456789abcdef0123456789abcdef";
        g_assert_cmpstr(world_ask(world, login_authorize, &pam, &request).reason, ==, WIRE_REASON_ROLE_MISSING);

        none = sign_in_at(world, &stranger, "login", NULL, "dev");
        request.session = none;
        g_assert_cmpstr(world_ask(world, login_authorize, &stranger, &request).reason, ==, WIRE_REASON_ROLE_MISSING);
        request.session = handle; /* looked at, and still there */
        g_assert_cmpint(world_ask(world, login_open, &pam, &request).verdict, ==, LOGIN_ALLOW);
        assert_held(world, LOGIN, "lead operator");
}

/* A provider's last word takes the place of what it said before; a password says nothing of groups. */
static void test_a_step_up_at_the_provider_says_it_anew(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = world_log_in(world, "alice", ALICE_PASSWORD, LOGIN);

        assert_held(world, LOGIN, "");
        step_up(world, "ops");
        assert_held(world, LOGIN, "lead operator");
        step_up_by_password(world);
        assert_held(world, LOGIN, "lead operator");
        step_up(world, "dev");
        assert_held(world, LOGIN, "builder");
        step_up(world, NULL);
        assert_held(world, LOGIN, "");
}

/* Reloading */

static void test_what_a_file_takes_away_is_gone_at_once(void) {
        static const struct {
                const char *sentence, *file, *held;
        } rows[] = {
                { "as it was", THERE, "lead operator" },
                { "in another order", "group-roles=old:operator;ops:lead\n", "lead operator" },
                { "the group is gone", "group-roles=dev:lead;old:operator\n", "" },
                { "it brings another role now", "group-roles=ops:builder\n", "" },
                { "one more, that came later", "group-roles=ops:lead;ops:builder\n", "lead operator" },
                { "all of it", "", "" },
        };
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops");

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *held = NULL;

                world_use_provider(world, rows[i].file, RULES);
                held = held_in(world, LOGIN);
                if (strcmp(held, rows[i].held) != 0)
                        g_error("%s: \"%s\" instead of \"%s\"", rows[i].sentence, held, rows[i].held);
        }
        world_use_provider(world, THERE, RULES);
        assert_held(world, LOGIN, "lead operator");
        world_use_policy(world, "[role:everyone]\nusers=*\n[service:sudo]\nroles=everyone\n"); /* no such role */
        assert_held(world, LOGIN, "");
}

/* A file of that name is not that provider: the issuer is. */
static void test_another_issuer_under_the_same_name_is_another(void) {
        static const char other[] = "[provider:corp]\nissuer=https://other.example\nclient-id=tessera\n" THERE;
        static const char moved[] = "[provider:acme]\nissuer=" WORLD_ISSUER "\nclient-id=tessera\n" THERE;
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops");
        g_autoptr(GPtrArray) mistakes = g_ptr_array_new();

        core_reload(world->core, world_settings(world), core_policy(world->core), core_trust(world->core),
                    providers_read_text("corp.conf", other, strlen(other), mistakes));
        assert_held(world, LOGIN, "");
        core_reload(world->core, world_settings(world), core_policy(world->core), core_trust(world->core),
                    providers_read_text("acme.conf", moved, strlen(moved), mistakes));
        assert_held(world, LOGIN, "lead operator");
        g_assert_cmpuint(mistakes->len, ==, 0);
}

/* O7: who is not linked any more, or is another, has given nothing. */
static void test_O7_unlinking_takes_them_away(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops");
        bool changed;

        assert_held(world, LOGIN, "lead operator");
        g_assert_cmpint(user_unlink(world->core, &world_root, "alice", "corp", &changed), ==, 0);
        assert_held(world, LOGIN, "");
        g_assert_cmpint(user_link(world->core, &world_root, "alice", "corp", "2", &changed), ==, 0);
        assert_held(world, LOGIN, "");
        g_assert_cmpint(user_link(world->core, &world_root, "bob", "corp", "1", &changed), ==, 0);
        assert_held(world, LOGIN, "");
}

/* Where they go, and where they do not */

/* A token of the login at a service that wants "operator", in what becomes login @audit_id. */
static void expect_at_login(World *world, uint32_t audit_id, LoginVerdict verdict) {
        g_autofree char *token = world_token(world, ALICE, LOGIN);
        Caller child = world_pam_child(audit_id);

        g_assert_cmpint(world_authenticate(world, &child, &(LoginRequest) { .user = "alice", .service = "login" },
                                           token).verdict, ==, verdict);
}

/* A9: within the cap, which came with the login, whoever signs in in it. */
static void test_A9_a_cap_holds_them_too(void) {
        g_autoptr(World) world = corp();
        g_autoptr(GPtrArray) evicted = NULL;
        g_autoptr(Session) session = session_new();
        bool bound;

        memset(session->id, 'c', SESSION_ID_SIZE - 1);
        session->user = g_strdup("alice");
        session->uid = ALICE;
        session->host = g_strdup(HOST);
        session->service = g_strdup("sshd");
        session->state = SESSION_ACTIVE;
        session->opened = session->seen = world->clock.wall;
        session->ends = world->clock.wall + 1000;
        session->audit_id = LOGIN;
        session->boot_id = g_strdup(BOOT);
        session->role_cap = g_strsplit("operator everyone", " ", -1);
        g_assert_cmpint(store_session_open(world->store, session, 10, &bound, &evicted), ==, 0);
        step_up(world, "ops"); /* lead, which includes operator */
        assert_held(world, LOGIN, "operator");
        expect_at_login(world, 6, LOGIN_ALLOW);
        step_up(world, "dev");
        assert_held(world, LOGIN, "");
        expect_at_login(world, 7, LOGIN_DENY);
}

/* What is opened with a session's token is that session's. */
static void test_a_child_inherits(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops"), *token = world_token(world, ALICE, LOGIN);
        Caller child = world_pam_child(6), pam = world_pam(6);
        LoginRequest request = { .user = "alice", .service = "login", .rhost = NULL };
        LoginAnswer answer = world_authenticate(world, &child, &request, token);

        g_assert_cmpint(answer.verdict, ==, LOGIN_ALLOW);
        request.session = answer.session;
        g_assert_cmpint(world_ask(world, login_authorize, &child, &request).verdict, ==, LOGIN_ALLOW);
        g_assert_cmpint(world_ask(world, login_open, &pam, &request).verdict, ==, LOGIN_ALLOW);
        assert_held(world, 6, "lead operator");
        world_use_provider(world, "", RULES);
        assert_held(world, 6, "");
}

static TokenReason check_token(World *world, const char *token, const char *role) {
        g_autoptr(TokenClaims) claims = NULL;
        g_auto(GStrv) roles = NULL;
        TokenReason reason;

        g_assert_cmpint(token_check(world->core, token, strlen(token), /* audience= */ NULL, role, &reason, &claims,
                                    &roles), ==, 0);
        return reason;
}

static void test_a_token_is_asked_as_its_session_is(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops"), *token = world_token(world, ALICE, LOGIN);
        g_autofree char *other = world_log_in(world, "alice", ALICE_PASSWORD, 6), *plain = world_token(world, ALICE, 6);

        g_assert_cmpint(check_token(world, token, "operator"), ==, TOKEN_VALID);
        g_assert_cmpint(check_token(world, token, "builder"), ==, TOKEN_ROLE_MISSING);
        g_assert_cmpint(check_token(world, plain, "operator"), ==, TOKEN_ROLE_MISSING);
        world_use_provider(world, "", RULES);
        g_assert_cmpint(check_token(world, token, "operator"), ==, TOKEN_ROLE_MISSING);
}

/* It outlives the login by weeks. */
static void test_a_device_has_none(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops"), *why = NULL, *from = NULL;
        TestDevice device = test_device_add(world, ALICE, LOGIN, "laptop");

        from = test_device_log_in(world, &device, 1, 6, &why);
        assert(from);
        assert_held(world, 6, "");
        assert_held(world, LOGIN, "lead operator");
}

/* Not by a role that administers, not by what one includes; not even where a configuration says so. */
static void test_no_provider_makes_an_administrator(void) {
        static const char *const files[] = { "group-roles=ops:admin\n", "group-roles=ops:chief\n" };

        for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
                g_autoptr(World) world = corp();
                Caller person = world_person(ALICE, LOGIN);
                g_autofree char *id = NULL;
                g_auto(PolicyAnswer) answer = { .steps = NULL };
                g_autoptr(Session) session = NULL;

                world_use_provider(world, files[i], RULES "[role:chief]\nincludes=admin\n");
                id = log_in(world, LOGIN, "ops");
                session = world_session(world, id);
                g_assert_cmpuint(g_strv_length(session->roles), ==, 1);
                g_assert_cmpint(admin_check(world->core, &person), ==, CORE_E_DENIED);
                g_assert_cmpint(policy_admin_explain(world->core, &person, "alice", "tessera", NULL, &answer), ==, 0);
                g_assert_cmpint(answer.verdict, ==, POLICY_DENY);
        }
}

/* A role that administers from the next reload on administers for nobody who has it by a group. */
static void test_a_given_role_that_comes_to_administer(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops");
        Caller person = world_person(ALICE, LOGIN);

        world_use_policy(world, "[role:lead]\nusers=bob\n[service:tessera]\nroles=lead\n");
        g_assert_cmpint(admin_check(world->core, &person), ==, CORE_E_DENIED);
        assert_held(world, LOGIN, "");
}

/* Telling */

static void test_explain_says_which_group(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops");
        Caller person = world_person(ALICE, LOGIN);
        g_auto(PolicyAnswer) answer = { .steps = NULL };
        bool told = false;

        g_assert_cmpint(policy_admin_explain(world->core, &person, "alice", "sudo", NULL, &answer), ==, 0);
        g_assert_cmpint(answer.verdict, ==, POLICY_ALLOW);
        for (guint i = 0; i < answer.steps->len; i++) {
                const PolicyStep *step = answer.steps->pdata[i];

                told |= g_str_equal(step->text, "holds \"lead\": in the group \"ops\" at the provider \"corp\", as this "
                                                "login was signed into") &&
                        g_strcmp0(step->file, "corp.conf") == 0 && step->line == 4;
        }
        assert(told);
}

/* Who cannot be asked has not said yes. */
static void test_a_store_that_cannot_say_is_no_yes(void) {
        g_autoptr(World) world = corp();
        g_autofree char *id = log_in(world, LOGIN, "ops"), *plain = world_log_in(world, "alice", ALICE_PASSWORD, 6);
        LoginRequest request = { .user = "alice", .service = "sudo" };
        Caller pam = world_pam(LOGIN);
        LoginAnswer answer;

        world_break_identities(world);
        g_assert_cmpint(login_check(world->core, &pam, &request, &answer), ==, -EIO);
        g_assert_cmpint(login_authorize(world->core, &pam, &request, &answer), ==, -EIO);
        g_assert_cmpint(login_has_role(world->core, &pam, &request, "operator", &answer), ==, -EIO);
        /* Whose login has none of them notices nothing. */
        g_assert_cmpint(sudo(world, 6, login_check), ==, LOGIN_DENY);
}

int main(void) {
        test_groups_give_the_login_roles();
        test_a_group_is_no_role_and_no_unix_group();
        test_a_second_session_of_one_login_has_its_own();
        test_they_end_with_the_session();
        test_a_step_up_that_opens_a_session_brings_them();
        test_account_of_a_login_that_asks_for_the_role();
        test_a_step_up_at_the_provider_says_it_anew();
        test_what_a_file_takes_away_is_gone_at_once();
        test_another_issuer_under_the_same_name_is_another();
        test_O7_unlinking_takes_them_away();
        test_A9_a_cap_holds_them_too();
        test_a_child_inherits();
        test_a_token_is_asked_as_its_session_is();
        test_a_device_has_none();
        test_no_provider_makes_an_administrator();
        test_a_given_role_that_comes_to_administer();
        test_explain_says_which_group();
        test_a_store_that_cannot_say_is_no_yes();
        return 0;
}
