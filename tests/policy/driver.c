/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * What the code says of a policy, for test_model.py. Lines on stdin, words separated by TAB:
 *
 *   new                                  a policy begins; NSS knows no group
 *   group NAME GID|missing|error         how NSS answers from now on
 *   text FILE N                          N lines of the file follow
 *   link                                 → "valid" or "invalid"
 *   user NAME UID GIDS GRANTS CAP        lists with ','; "-" empty, CAP "*" none → "ROLE,ROLE,…"
 *   ask SERVICE AUTH_TIME METHOD NOW     AUTH_TIME "-" no login, METHOD "-" none
 *       → VERDICT REASON MAX_AGE of policy_decide(), TAB, the same of policy_explain(), then TAB and
 *         "FILE LINE TEXT" for each step
 *
 * All is asked of the policy as it was written, and once more of what policy_format() made of it,
 * which must say the same.
 */

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy-explain.h"
#include "policy/policy-private.h"

#define LIST_MAX 64

/* A GroupLookUp takes no target. */
static GHashTable *nss;

static int look_up(const char *name, gid_t *ret_gid) {
        const char *answer = g_hash_table_lookup(nss, name);

        if (!answer || strcmp(answer, "missing") == 0)
                return GROUP_E_NOT_FOUND;
        if (strcmp(answer, "error") == 0)
                return -EIO;
        *ret_gid = (gid_t) g_ascii_strtoull(answer, NULL, 10);
        return 0;
}

typedef struct Asked {
        char **words; /* what the rest borrows from */
        PolicyUser user;
        gid_t gids[LIST_MAX];
        PolicyGrant grants[LIST_MAX];
        char **grant_names, **cap;
} Asked;

typedef struct Driver {
        Policy *policy, *again;
        bool good;
        Asked asked;
} Driver;

static void asked_deinit(Asked *asked) {
        g_strfreev(asked->words);
        g_strfreev(asked->grant_names);
        g_strfreev(asked->cap);
        *asked = (Asked) { .words = NULL };
}

static G_NORETURN void fail(const char *what) {
        (void) fprintf(stderr, "driver: %s\n", what);
        exit(1);
}

/* Policies */

static void new_policy(Driver *driver) {
        driver->policy = policy_unref(driver->policy);
        driver->again = policy_unref(driver->again);
        driver->policy = policy_new(look_up);
        driver->good = true;
        g_hash_table_remove_all(nss);
}

static void read_text(Driver *driver, char **words) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(GString) text = g_string_new(NULL);
        char *line = NULL;
        size_t room = 0;

        for (int n = atoi(words[2]); n > 0; n--) {
                ssize_t size = getline(&line, &room, stdin);
                if (size < 0)
                        fail("text ends early");
                g_string_append_len(text, line, size);
        }
        free(line);
        driver->good = policy_add_text(driver->policy, words[1], text->str, text->len, mistakes) && driver->good;
}

static void read_again(Driver *driver) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autofree char *text = policy_format(driver->policy), *twice = NULL;

        driver->again = policy_new(look_up);
        if (!policy_add_text(driver->again, "again", text, strlen(text), mistakes) ||
            !policy_link(driver->again, mistakes))
                fail("what policy_format() wrote cannot be read");
        twice = policy_format(driver->again);
        if (strcmp(text, twice) != 0)
                fail("policy_format() says another thing the second time");
}

static void link_policy(Driver *driver) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();

        driver->good = policy_link(driver->policy, mistakes) && driver->good;
        if (driver->good)
                read_again(driver);
        (void) puts(driver->good ? "valid" : "invalid");
}

/* Users */

static char **split_list(const char *word) {
        return strcmp(word, "-") == 0 ? g_new0(char *, 1) : g_strsplit(word, ",", LIST_MAX);
}

static void answer_roles(Driver *driver) {
        g_auto(GStrv) roles = policy_roles_of(driver->policy, &driver->asked.user);
        g_auto(GStrv) again = policy_roles_of(driver->again, &driver->asked.user);
        g_autofree char *text = g_strjoinv(",", roles);

        if (!g_strv_equal((const char *const *) roles, (const char *const *) again))
                fail("policy_format() changes who holds what");
        (void) puts(text);
}

/* Takes @words over. */
static void set_user(Driver *driver, char **words) {
        Asked *asked = &driver->asked;
        g_auto(GStrv) gids = split_list(words[3]);

        asked_deinit(asked);
        asked->words = words;
        asked->grant_names = split_list(words[4]);
        asked->cap = strcmp(words[5], "*") == 0 ? NULL : split_list(words[5]);
        asked->user = (PolicyUser) {
                .name = strcmp(words[1], "-") == 0 ? "" : words[1],
                .uid = (uid_t) g_ascii_strtoull(words[2], NULL, 10),
                .groups = asked->gids,
                .n_groups = g_strv_length(gids),
                .grants = asked->grants,
                .n_grants = g_strv_length(asked->grant_names),
                .cap = (const char *const *) asked->cap,
        };
        for (size_t i = 0; i < asked->user.n_groups; i++)
                asked->gids[i] = (gid_t) g_ascii_strtoull(gids[i], NULL, 10);
        for (size_t i = 0; i < asked->user.n_grants; i++)
                asked->grants[i] = (PolicyGrant) { .role = asked->grant_names[i], .by = "root" };
        answer_roles(driver);
}

/* Decisions */

static void put_decision(PolicyDecision decision) {
        (void) printf("%s %s %" G_GINT64_FORMAT, policy_verdict_to_string(decision.verdict),
                      policy_reason_to_string(decision.reason), decision.max_age);
}

static void answer_ask(Driver *driver, char **words) {
        const PolicyUser *user = &driver->asked.user;
        const PolicyLogin login = {
                .auth_time = g_ascii_strtoll(words[2], NULL, 10),
                .auth_method = strcmp(words[3], "-") == 0 ? NULL : words[3],
        };
        const PolicyLogin *known = strcmp(words[2], "-") == 0 ? NULL : &login;
        int64_t now = g_ascii_strtoll(words[4], NULL, 10);
        g_autoptr(GPtrArray) steps = policy_steps_new();
        PolicyDecision decision = policy_decide(driver->policy, user, known, words[1], now);
        PolicyDecision again = policy_decide(driver->again, user, known, words[1], now);

        if (decision.verdict != again.verdict || decision.reason != again.reason || decision.max_age != again.max_age)
                fail("policy_format() changes a decision");
        put_decision(decision);
        (void) putchar('\t');
        put_decision(policy_explain(driver->policy, user, known, words[1], now, steps));
        for (guint i = 0; i < steps->len; i++) {
                const PolicyStep *step = steps->pdata[i];
                (void) printf("\t%s %u %s", step->file ? step->file : "-", step->line, step->text);
        }
        (void) putchar('\n');
}

static void obey(Driver *driver, char **words) {
        size_t n = g_strv_length(words);

        if (n == 1 && strcmp(words[0], "new") == 0)
                new_policy(driver);
        else if (n == 3 && strcmp(words[0], "group") == 0)
                (void) g_hash_table_replace(nss, g_strdup(words[1]), g_strdup(words[2]));
        else if (n == 3 && strcmp(words[0], "text") == 0)
                read_text(driver, words);
        else if (n == 1 && strcmp(words[0], "link") == 0)
                link_policy(driver);
        else if (n == 6 && strcmp(words[0], "user") == 0) {
                set_user(driver, words);
                return;
        } else if (n == 5 && strcmp(words[0], "ask") == 0)
                answer_ask(driver, words);
        else
                fail(words[0] ? words[0] : "an empty line");
        g_strfreev(words);
}

int main(void) {
        Driver driver = { .policy = NULL };
        char *line = NULL;
        size_t room = 0;

        nss = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        while (getline(&line, &room, stdin) > 0) {
                line[strcspn(line, "\n")] = '\0';
                obey(&driver, g_strsplit(line, "\t", 0));
        }
        free(line);
        asked_deinit(&driver.asked);
        (void) policy_unref(driver.policy);
        (void) policy_unref(driver.again);
        g_hash_table_unref(nss);
        return 0;
}
