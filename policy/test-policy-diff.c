/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy-diff.h"
#include "policy/policy-private.h"

#define GID_SUDO 27

static int look_up(const char *name, gid_t *ret_gid) {
        if (strcmp(name, "dead") == 0)
                return -EIO;
        if (strcmp(name, "sudo") != 0)
                return GROUP_E_NOT_FOUND;
        *ret_gid = GID_SUDO;
        return 0;
}

static Policy *read_policy(const char *text) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        Policy *policy = policy_new(look_up);

        assert(policy_add_text(policy, "p", text, strlen(text), mistakes) && policy_link(policy, mistakes));
        return policy;
}

static const gid_t in_sudo[] = { GID_SUDO };
static const PolicyGrant granted[] = { { "operator", 0, "root", NULL } };
static const PolicyUser users[] = {
        { "alice", 1001, in_sudo, 1, NULL, 0, NULL },
        { "bob", 1002, NULL, 0, NULL, 0, NULL },
        { "olga", 1003, NULL, 0, granted, 1, NULL },
};

#define OPERATOR "[role:operator]\nusers=root\n"
#define ADMIN "[role:admin]\ngroups=sudo\n"
#define EVERYONE "[role:everyone]\nusers=*\n"

static void append_change(GString *text, const PolicyChange *change) {
        if (change->user)
                g_string_append_printf(text, "%s %s %s %s: %s\n", change->user, policy_change_to_string(change->kind),
                                       change->role ? "role" : "service", change->role ? change->role : change->service,
                                       change->reason);
        else if (change->from)
                g_string_append_printf(text, "%s %s: %s, %s\n", change->service, policy_change_to_string(change->kind),
                                       change->from, change->to);
        else
                g_string_append_printf(text, "%s %s\n", change->service, policy_change_to_string(change->kind));
        assert(!change->user || !change->role != !change->service);
}

typedef struct Row {
        const char *sentence, *from, *to, *changes;
} Row;

static void expect_row(const Row *row) {
        g_autoptr(Policy) from = read_policy(row->from), to = read_policy(row->to);
        g_autoptr(GPtrArray) changes = policy_diff(from, to, users, G_N_ELEMENTS(users));
        g_autoptr(GString) text = g_string_new(NULL);

        for (guint i = 0; i < changes->len; i++)
                append_change(text, changes->pdata[i]);
        if (strcmp(text->str, row->changes) != 0)
                (void) fprintf(stderr, "%s, got:\n%swanted:\n%s", row->sentence, text->str, row->changes);
        assert(strcmp(text->str, row->changes) == 0);
}

static void test_who_gains_and_loses_what(void) {
        static const Row rows[] = {
                { "the same policy changes nothing", ADMIN "[service:sudo]\nroles=admin\n",
                  "[service:sudo]\nroles=admin\n# the same\n" ADMIN, "" },
                { "another order of a list neither", ADMIN EVERYONE "[service:sudo]\nroles=admin;everyone\n",
                  ADMIN EVERYONE "[service:sudo]\nroles=everyone;admin\n", "" },
                { "a role by name", ADMIN "[service:sudo]\nroles=admin\n",
                  ADMIN "users=bob\n[service:sudo]\nroles=admin\n",
                  "bob gains role admin: \"bob\" is one of its users\nbob gains service sudo: by \"admin\"\n" },
                { "and taken away", ADMIN "users=bob\n[service:sudo]\nroles=admin\n",
                  ADMIN "[service:sudo]\nroles=admin\n",
                  "bob loses role admin: \"bob\" is one of its users\nbob loses service sudo: by \"admin\"\n" },
                { "a group", "[role:admin]\n[service:sudo]\nroles=admin\n", ADMIN "[service:sudo]\nroles=admin\n",
                  "alice gains role admin: in the group \"sudo\" (gid 27)\nalice gains service sudo: by \"admin\"\n" },
                { "by an include", ADMIN OPERATOR "[service:su]\nroles=operator\n",
                  ADMIN "includes=operator\n" OPERATOR "[service:su]\nroles=operator\n",
                  "alice gains role operator: by \"admin\", which includes it\nalice gains service su: by \"operator\"\n" },
                { "a role that goes takes its assignments along", EVERYONE OPERATOR "[service:su]\nroles=operator\n",
                  EVERYONE "[service:su]\nroles=everyone\n",
                  "su roles: operator, everyone\nalice gains service su: by \"everyone\"\n"
                  "bob gains service su: by \"everyone\"\n"
                  "olga loses role operator: assigned by root until it is taken away\n" },
                { "a role for another, and nobody loses the service", ADMIN "[service:sudo]\nroles=admin\n",
                  "[role:boss]\ngroups=sudo\n[service:sudo]\nroles=boss\n",
                  "sudo roles: admin, boss\nalice loses role admin: in the group \"sudo\" (gid 27)\n"
                  "alice gains role boss: in the group \"sudo\" (gid 27)\n" },
                { "a service that comes", ADMIN, ADMIN "[service:sudo]\nroles=admin\n",
                  "sudo added\nalice gains service sudo: by \"admin\"\n" },
                { "a service that goes", ADMIN "[service:sudo]\nroles=admin\n", ADMIN,
                  "sudo removed\nalice loses service sudo: by \"admin\"\n" },
                { "age and methods", ADMIN "[service:sudo]\nroles=admin\n",
                  ADMIN "[service:sudo]\nroles=admin\nmax-age=90s\nmethods=pwd\n",
                  "sudo max-age: 15min, 1min 30s\nsudo methods: any, pwd\n" },
                { "an age for what needed none", EVERYONE "[service:sshd]\nroles=everyone\n",
                  EVERYONE "[service:sshd]\nroles=everyone\nmax-age=1d\n", "sshd max-age: any, 1d\n" },
                { "the default written out is no change", ADMIN "[service:sudo]\nroles=admin\n",
                  ADMIN "[service:sudo]\nroles=admin\nmax-age=15min\n", "" },
                { "sudo-i gets a section", ADMIN EVERYONE "[service:sudo]\nroles=admin\nmax-age=1h\n",
                  ADMIN EVERYONE "[service:sudo]\nroles=admin\nmax-age=1h\n[service:sudo-i]\nroles=everyone\n",
                  "sudo-i roles: admin, everyone\nsudo-i max-age: 1h, 15min\n"
                  "bob gains service sudo-i: by \"everyone\"\nolga gains service sudo-i: by \"everyone\"\n" },
                { "and loses it", ADMIN EVERYONE "[service:su]\nroles=admin\n[service:su-l]\nroles=everyone\n",
                  ADMIN EVERYONE "[service:su]\nroles=admin\n",
                  "su-l roles: everyone, admin\nbob loses service su-l: by \"everyone\"\n"
                  "olga loses service su-l: by \"everyone\"\n" },
                { "a group that cannot be looked up gives nothing", ADMIN "[service:sudo]\nroles=admin\n",
                  "[role:admin]\ngroups=dead\n[service:sudo]\nroles=admin\n",
                  "alice loses role admin: in the group \"sudo\" (gid 27)\nalice loses service sudo: by \"admin\"\n" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                expect_row(&rows[i]);
}

static void test_nobody_is_nobody(void) {
        static const PolicyUser nobody = { NULL, (uid_t) -1, NULL, 0, NULL, 0, NULL };
        g_autoptr(Policy) from = read_policy(EVERYONE), to = read_policy(EVERYONE ADMIN);
        g_autoptr(GPtrArray) none = policy_diff(from, to, NULL, 0), changes = policy_diff(from, to, &nobody, 1);

        assert(none->len == 0 && changes->len == 0);
}

int main(void) {
        test_who_gains_and_loses_what();
        test_nobody_is_nobody();
        return 0;
}
