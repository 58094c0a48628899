/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* A case is a question and the whole of what is told: a step on each line, "LINE TEXT". */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy-explain.h"
#include "policy/policy-private.h"

#define NOW INT64_C(1800000000)

#define GID_SUDO 27
#define GID_OPS 1005

static const char policy_text[] = "# who may what\n"          /* 1 */
                                  "[role:admin]\n"            /* 2 */
                                  "groups=nowhere;sudo\n"     /* 3 */
                                  "\n"                        /* 4 */
                                  "users=carol\n"             /* 5 */
                                  "includes=lead\n"           /* 6 */
                                  "[role:lead]\n"             /* 7 */
                                  "includes=operator\n"       /* 8 */
                                  "[role:operator]\n"         /* 9 */
                                  "groups=ops\n"              /* 10 */
                                  "[role:everyone]\n"         /* 11 */
                                  "users=*\n"                 /* 12 */
                                  "[service:sshd]\n"          /* 13 */
                                  "roles=everyone\n"          /* 14 */
                                  "[service:sudo]\n"          /* 15 */
                                  "methods=pwd\n"             /* 16 */
                                  "max-age=10min\n"           /* 17 */
                                  "roles=admin\n"             /* 18 */
                                  "[service:su]\n"            /* 19 */
                                  "roles=operator;admin\n"    /* 20 */
                                  "[service:su-l]\n"          /* 21 */
                                  "roles=lead\n";             /* 22 */

/* How the made-up NSS answers for "ops". */
static int ops;

static int look_up(const char *name, gid_t *ret_gid) {
        if (strcmp(name, "sudo") == 0)
                *ret_gid = GID_SUDO;
        else if (strcmp(name, "ops") == 0 && ops == 0)
                *ret_gid = GID_OPS;
        else
                return strcmp(name, "ops") == 0 ? ops : GROUP_E_NOT_FOUND;
        return 0;
}

static Policy *read_policy(void) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        Policy *policy = policy_new(look_up);

        assert(policy_add_text(policy, "p.conf", policy_text, strlen(policy_text), mistakes));
        assert(policy_link(policy, mistakes));
        return policy;
}

static const gid_t in_sudo[] = { 1001, GID_SUDO }, in_ops[] = { GID_OPS };
static const PolicyUser alice = { "alice", 1001, in_sudo, 2 };
static const PolicyUser oscar = { "oscar", 1002, in_ops, 1 };
static const PolicyUser carol = { "carol", 1003, NULL, 0 };
static const PolicyUser bob = { "bob", 1004, NULL, 0 };
static const PolicyUser nobody = { NULL, (uid_t) -1, NULL, 0 };

static const PolicyLogin fresh = { NOW - 120, "pwd" };
static const PolicyLogin stale = { NOW - 1200, "pwd" };
static const PolicyLogin ahead = { NOW + 60, "pwd" };
static const PolicyLogin key = { 0, NULL };
static const PolicyLogin provider = { NOW - 1, "oidc:corp" };

static char *join(const GPtrArray *steps) {
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < steps->len; i++) {
                const PolicyStep *step = steps->pdata[i];

                assert(!!step->file == (step->line > 0));
                if (step->file && strcmp(step->file, "p.conf") != 0)
                        g_string_append_printf(text, "%s:", step->file);
                g_string_append_printf(text, "%u %s\n", step->line, step->text);
        }
        return g_string_free(text, FALSE);
}

static void expect(const char *sentence, const char *got, const char *wanted) {
        if (strcmp(got, wanted) != 0)
                (void) fprintf(stderr, "%s, got:\n%swanted:\n%s", sentence, got, wanted);
        assert(strcmp(got, wanted) == 0);
}

typedef struct Row {
        const char *sentence;
        const PolicyUser *user;
        const char *service;
        const PolicyLogin *login;
        const char *steps;
} Row;

static void expect_row(Policy *policy, const Row *row) {
        PolicyDecision wanted = policy_decide(policy, row->user, row->login, row->service, NOW);
        g_autoptr(GPtrArray) steps = policy_steps_new();
        PolicyDecision got = policy_explain(policy, row->user, row->login, row->service, NOW, steps);
        g_autofree char *text = join(steps);

        expect(row->sentence, text, row->steps);
        assert(got.verdict == wanted.verdict && got.reason == wanted.reason && got.max_age == wanted.max_age);
}

#define SUDO "15 \"sudo\" is ruled by [service:sudo]\n18 wants the role \"admin\"\n"
#define ALICE_ADMIN "3 holds \"admin\": in the group \"sudo\" (gid 27)\n"
#define MAX_AGE "17 max-age is 10min\n"
#define METHOD "16 wants the last sign-in to be by \"pwd\"\n"

static void test_each_way_to_a_yes_and_a_no(void) {
        static const Row rows[] = {
                { "by a group, fresh", &alice, "sudo", &fresh,
                  SUDO ALICE_ADMIN MAX_AGE "0 signed in 2min ago by \"pwd\"\n" METHOD
                  "0 a role that it wants is held, and the sign-in is good enough\n" },
                { "by name, stale", &carol, "sudo", &stale,
                  SUDO "5 holds \"admin\": \"carol\" is one of its users\n" MAX_AGE "0 signed in 20min ago by \"pwd\"\n" METHOD
                  "0 that is not fresh enough: one must sign in again\n" },
                { "ahead of the clock", &alice, "sudo", &ahead,
                  SUDO ALICE_ADMIN MAX_AGE "0 signed in 1min ahead of the clock, which is never fresh\n" METHOD
                  "0 that is not fresh enough: one must sign in again\n" },
                { "a login by key", &alice, "sudo", &key,
                  SUDO ALICE_ADMIN MAX_AGE "0 nobody has proven anything in this login, such as a password\n" METHOD
                  "0 that is not fresh enough: one must sign in again\n" },
                { "no login", &alice, "sudo", NULL,
                  SUDO ALICE_ADMIN MAX_AGE "0 there is no live session: one must sign in\n" },
                { "another method", &alice, "sudo", &provider,
                  SUDO ALICE_ADMIN MAX_AGE "0 signed in 1s ago by \"oidc:corp\"\n" METHOD
                  "0 that is not a method that counts here: one must sign in again\n" },
                { "sudo-i follows sudo", &alice, "sudo-i", NULL,
                  "15 \"sudo-i\" has no section and follows [service:sudo]\n18 wants the role \"admin\"\n" ALICE_ADMIN MAX_AGE
                  "0 there is no live session: one must sign in\n" },
                { "su-l has a section, and the default age", &alice, "su-l", NULL,
                  "21 \"su-l\" is ruled by [service:su-l]\n22 wants the role \"lead\"\n" ALICE_ADMIN
                  "6 holds \"lead\": \"admin\" includes it\n0 max-age is 15min, the default\n"
                  "0 there is no live session: one must sign in\n" },
                { "each wanted role is told, down the includes", &alice, "su", &fresh,
                  "19 \"su\" is ruled by [service:su]\n20 wants the role \"operator\" or \"admin\"\n" ALICE_ADMIN
                  "6 holds \"lead\": \"admin\" includes it\n8 holds \"operator\": \"lead\" includes it\n"
                  "0 max-age is 15min, the default\n0 signed in 2min ago by \"pwd\"\n"
                  "0 a role that it wants is held, and the sign-in is good enough\n" },
                { "ssh", &bob, "sshd", &key,
                  "13 \"sshd\" is ruled by [service:sshd]\n14 wants the role \"everyone\"\n"
                  "12 holds \"everyone\": everybody does\n0 without max-age any sign-in is fresh enough here\n"
                  "0 nobody has proven anything in this login, such as a password\n"
                  "0 a role that it wants is held, and the sign-in is good enough\n" },
                { "no role, and the group that is missing", &bob, "sudo", &fresh,
                  SUDO "3 the group \"nowhere\" of [role:admin] does not exist\n"
                  "2 does not hold \"admin\": not one of its users, not in the group \"nowhere\" or \"sudo\", not assigned\n"
                  "0 none of the roles that it wants is held\n" },
                { "includes go downwards", &oscar, "su-l", NULL,
                  "21 \"su-l\" is ruled by [service:su-l]\n22 wants the role \"lead\"\n"
                  "3 the group \"nowhere\" of [role:admin] does not exist\n"
                  "7 does not hold \"lead\": not one of its users, not assigned, nor holds what includes it: \"admin\"\n"
                  "0 none of the roles that it wants is held\n" },
                { "an unknown service", &alice, "ftpd", &fresh,
                  "0 there is no section [service:ftpd]\n0 a service without a section lets nobody in\n" },
                { "one with control characters", &alice, "a\nb", &fresh,
                  "0 there is no section [service:a?b]\n0 a service without a section lets nobody in\n" },
                { "none at all", &alice, NULL, &fresh,
                  "0 there is no section [service:]\n0 a service without a section lets nobody in\n" },
                { "nobody", &nobody, "sudo", &fresh,
                  SUDO "0 does not hold \"admin\": who has no Unix account holds no role\n"
                  "0 none of the roles that it wants is held\n" },
                { "nobody at all", NULL, "sudo", NULL,
                  SUDO "0 does not hold \"admin\": who has no Unix account holds no role\n"
                  "0 none of the roles that it wants is held\n" },
        };
        g_autoptr(Policy) policy = NULL;

        ops = 0;
        policy = read_policy();
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                expect_row(policy, &rows[i]);
}

static void test_an_assignment_says_by_whom_until_when_and_why(void) {
        static const PolicyGrant timed[] = { { "lead", 1800007200, "root", "on call\x1b[2J" } };
        static const PolicyGrant for_good[] = { { "admin", 0, "carol", NULL } };
        PolicyUser user = bob;
        g_autoptr(Policy) policy = read_policy();

        user.grants = timed;
        user.n_grants = 1;
        expect_row(policy, &(Row) { "timed, and what it includes", &user, "su", NULL,
                "19 \"su\" is ruled by [service:su]\n20 wants the role \"operator\" or \"admin\"\n"
                "0 holds \"lead\": assigned by root until 2027-01-15 10:00 UTC, because: on call?[2J\n"
                "8 holds \"operator\": \"lead\" includes it\n"
                "3 the group \"nowhere\" of [role:admin] does not exist\n"
                "2 does not hold \"admin\": not one of its users, not in the group \"nowhere\" or \"sudo\", not assigned\n"
                "0 max-age is 15min, the default\n0 there is no live session: one must sign in\n" });
        user.grants = for_good;
        expect_row(policy, &(Row) { "until it is taken away", &user, "sudo", NULL,
                SUDO "0 holds \"admin\": assigned by carol until it is taken away\n" MAX_AGE
                "0 there is no live session: one must sign in\n" });
}

static void test_a_group_at_a_provider_says_which_and_where(void) {
        static const PolicyGrant grant = {
                .role = "lead", .provider = "corp", .group = "team", .file = "corp.conf", .line = 9,
        };
        PolicyUser user = bob;
        g_autoptr(Policy) policy = read_policy();

        user.grants = &grant;
        user.n_grants = 1;
        expect_row(policy, &(Row) { "by a provider's group", &user, "su-l", NULL,
                "21 \"su-l\" is ruled by [service:su-l]\n22 wants the role \"lead\"\n"
                "corp.conf:9 holds \"lead\": in the group \"team\" at the provider \"corp\", as this login was signed into\n"
                "0 max-age is 15min, the default\n0 there is no live session: one must sign in\n" });
}

static void test_A9_what_a_cap_takes_away_is_told(void) {
        static const char *const operator[] = { "operator", NULL }, *const none[] = { NULL };
        PolicyUser user = alice;
        g_autoptr(Policy) policy = read_policy();

        user.cap = operator;
        expect_row(policy, &(Row) { "below the cap", &user, "su", &fresh,
                "19 \"su\" is ruled by [service:su]\n20 wants the role \"operator\" or \"admin\"\n"
                "3 would hold \"admin\": in the group \"sudo\" (gid 27)\n6 would hold \"lead\": \"admin\" includes it\n"
                "8 holds \"operator\": \"lead\" includes it\n"
                "0 does not hold \"admin\": this login came by a ticket, with at most \"operator\"\n"
                "0 max-age is 15min, the default\n0 signed in 2min ago by \"pwd\"\n"
                "0 a role that it wants is held, and the sign-in is good enough\n" });
        user.cap = none;
        expect_row(policy, &(Row) { "no role at all", &user, "sudo", &fresh,
                SUDO "3 would hold \"admin\": in the group \"sudo\" (gid 27)\n"
                "0 does not hold \"admin\": this login came by a ticket, with no roles\n"
                "0 none of the roles that it wants is held\n" });
}

static void test_P29_a_group_that_cannot_be_looked_up_is_told(void) {
        g_autoptr(Policy) policy = NULL;

        ops = -EIO;
        policy = read_policy();
        expect_row(policy, &(Row) { "where it decides", &oscar, "su", &fresh,
                "19 \"su\" is ruled by [service:su]\n20 wants the role \"operator\" or \"admin\"\n"
                "3 the group \"nowhere\" of [role:admin] does not exist\n"
                "10 the group \"ops\" of [role:operator] cannot be looked up: Input/output error\n"
                "9 does not hold \"operator\", as far as can be told: not one of its users, not in the group \"ops\", not "
                "assigned, nor holds what includes it: \"admin\" or \"lead\"\n"
                "2 does not hold \"admin\": not one of its users, not in the group \"nowhere\" or \"sudo\", not assigned\n"
                "0 no role that it wants is known to be held: a group cannot be looked up\n" });
        ops = 0;
        expect_row(policy, &(Row) { "once it can be, it counts", &oscar, "su", NULL,
                "19 \"su\" is ruled by [service:su]\n20 wants the role \"operator\" or \"admin\"\n"
                "10 holds \"operator\": in the group \"ops\" (gid 1005)\n"
                "3 the group \"nowhere\" of [role:admin] does not exist\n"
                "2 does not hold \"admin\": not one of its users, not in the group \"nowhere\" or \"sudo\", not assigned\n"
                "0 max-age is 15min, the default\n0 there is no live session: one must sign in\n" });
}

static void test_role_alone_knows_no_login(void) {
        g_autoptr(GPtrArray) steps = policy_steps_new();
        g_autoptr(Policy) policy = read_policy();
        PolicyDecision decision = policy_explain_role(policy, &alice, "sudo", steps);
        g_autofree char *text = join(steps);

        assert(decision.verdict == POLICY_ALLOW && decision.reason == POLICY_REASON_OK);
        expect("role alone", text, SUDO ALICE_ADMIN "0 a role that it wants is held\n");
}

/* Every role includes the next sixteen, and none of their groups is there: all of it wanted, none of it held. */
static Policy *read_dense(void) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(GString) wanted = g_string_new("[service:sudo]\n");
        Policy *policy = policy_new(look_up);

        for (unsigned i = 0; i < POLICY_ROLES_MAX; i++) {
                g_autoptr(GString) text = g_string_new(NULL);

                g_string_append_printf(text, "[role:r%u]\ngroups=nowhere;elsewhere\n", i);
                for (unsigned j = i + 1; j < MIN(i + 17, POLICY_ROLES_MAX); j++)
                        g_string_append_printf(text, "%sr%u", j == i + 1 ? "includes=" : ";", j);
                assert(policy_add_text(policy, "p.conf", text->str, text->len, mistakes));
                g_string_append_printf(wanted, "%sr%u", i == 0 ? "roles=" : ";", i);
        }
        assert(policy_add_text(policy, "p.conf", wanted->str, wanted->len, mistakes));
        assert(policy_link(policy, mistakes));
        return policy;
}

static void test_steps_are_bounded(void) {
        g_autoptr(Policy) policy = read_dense();
        g_autoptr(GPtrArray) steps = policy_steps_new();
        size_t size = 0;

        (void) policy_explain(policy, &bob, &fresh, "sudo", NOW, steps);
        assert(steps->len == 3 + 3 * POLICY_ROLES_MAX); /* of each role: two groups, and that it is not held */
        for (guint i = 0; i < steps->len; i++)
                size += strlen(((const PolicyStep *) steps->pdata[i])->text);
        assert(size < 512 * 1024);
}

static void test_a_step_is_cut(void) {
        g_autofree char *endless = g_strnfill(100000, 'y');
        g_autoptr(GPtrArray) steps = policy_steps_new();

        policy_step_add(steps, NULL, 7, "%s", endless);
        assert(strlen(((const PolicyStep *) steps->pdata[0])->text) == POLICY_STEP_MAX);
        assert(((const PolicyStep *) steps->pdata[0])->line == 0);
}

int main(void) {
        test_each_way_to_a_yes_and_a_no();
        test_an_assignment_says_by_whom_until_when_and_why();
        test_a_group_at_a_provider_says_which_and_where();
        test_A9_what_a_cap_takes_away_is_told();
        test_P29_a_group_that_cannot_be_looked_up_is_told();
        test_role_alone_knows_no_login();
        test_steps_are_bounded();
        test_a_step_is_cut();
        return 0;
}
