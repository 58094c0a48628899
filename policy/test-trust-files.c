/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/conf.h"
#include "policy/policy.h"
#include "policy/trust-files.h"

static void expect_mistake(const char *text, const char *wanted) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(GPtrArray) files = trust_files_read_text("f", text, strlen(text), mistakes);
        g_autofree char *first = mistakes->len > 0 ? conf_mistake_to_string(mistakes->pdata[0]) : NULL;

        if (files || g_strcmp0(first, wanted) != 0)
                fprintf(stderr, "%s\n  got:    %s\n  wanted: %s\n", text, first ?: "nothing", wanted);
        assert(!files);
        g_assert_cmpstr(first, ==, wanted);
}

static GPtrArray *read_good(const char *text) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        GPtrArray *files = trust_files_read_text("f", text, strlen(text), mistakes);

        assert(files && mistakes->len == 0);
        return files;
}

static void test_what_a_file_says(void) {
        g_autoptr(GPtrArray) files = read_good("# web1\n[host:web1.example.org]\nusers=alice;bob\nroles=everyone\n"
                                               "keys={\"keys\":[]}\n");
        const TrustFile *file = files->pdata[0];

        g_assert_cmpuint(files->len, ==, 1);
        g_assert_cmpstr(file->name, ==, "web1.example.org");
        assert(g_strv_length(file->users) == 2 && !file->all_users && g_str_equal(file->users[1], "bob"));
        assert(g_strv_length(file->roles) == 1 && !file->all_roles && g_str_equal(file->roles[0], "everyone"));
        g_assert_cmpstr(file->keys, ==, "{\"keys\":[]}");
        assert(file->line == 2 && file->keys_line == 5 && file->keys_column == 6);
}

static void test_what_is_not_said_is_not_allowed(void) {
        g_autoptr(GPtrArray) files = read_good("[host:web1]\nkeys={}\n"), all = NULL, none = read_good("# nothing\n");
        const TrustFile *file = files->pdata[0];

        assert(!file->all_users && !file->all_roles && !file->users[0] && !file->roles[0] && none->len == 0);
        all = read_good("[host:web1]\nusers=*\nroles=*\nkeys={}\n");
        file = all->pdata[0];
        assert(file->all_users && file->all_roles && !file->users[0] && !file->roles[0]);
}

/* What may be meant, and lets in fewer than an admin may think. */
static void test_trust_that_leads_nowhere_is_told(void) {
        static const char roles[] = "[role:everyone]\nusers=*\n";
        static const struct {
                const char *text, *wanted;
        } rows[] = {
                { "[host:web1]\nusers=*\nroles=everyone\nkeys={}\n", NULL },
                { "[host:web1]\nusers=*\nroles=*\nkeys={}\n", NULL },
                { "[host:web1]\nroles=*\nkeys={}\n",
                  "f:1: [host:web1] has no \"users\", so that nobody may come from there; write users=" },
                { "[host:web1]\nusers=*\nkeys={}\n",
                  "f:1: [host:web1] has no \"roles\", so that nobody may come from there; write roles=" },
                { "[host:web1]\nusers=*\nroles=everyone;operater\nkeys={}\n",
                  "f:1: [host:web1] names the role \"operater\", which the policy does not have; correct the name, or "
                  "remove it" },
        };
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Policy) policy = policy_read_text("p", roles, strlen(roles), mistakes);

        assert(policy);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GPtrArray) files = read_good(rows[i].text), warnings = conf_mistakes_new();
                g_autofree char *first = NULL;

                trust_file_warn(files->pdata[0], policy, warnings);
                first = warnings->len > 0 ? conf_mistake_to_string(warnings->pdata[0]) : NULL;
                g_assert_cmpstr(first, ==, rows[i].wanted);
                g_assert_cmpuint(warnings->len, ==, rows[i].wanted ? 1 : 0);
        }
}

static void test_each_mistake_says_what_to_do(void) {
        expect_mistake("[host:web1]\nusers=*\n",
                       "f:1: [host:web1] has no \"keys\"; write keys= and what \"tessera key export\" prints on that host");
        expect_mistake("[host:web1]\nkeys=AAAA\n",
                       "f:2:6: \"keys\" is no JWKS: it begins with \"{\"; write keys= and what \"tessera key export\" "
                       "prints on that host");
        expect_mistake("[host:Web1]\nkeys={}\n",
                       "f:1:1: \"Web1\" cannot be the name of a host; did you mean \"web1\"?");
        expect_mistake("[host:web_1]\nkeys={}\n",
                       "f:1:1: \"web_1\" cannot be the name of a host; use up to 64 lower-case letters, digits, "
                       "\".\" and \"-\"");
        expect_mistake("[host]\nkeys={}\n", "f:1:6: section [host] lacks a name; write \"[host:NAME]\"");
        expect_mistake("[hosts:web1]\nkeys={}\n", "f:1:2: unknown section [hosts:web1]; did you mean \"host\"?");
        expect_mistake("[host:web1]\nkeys={}\n\n[host:web2]\nkeys={}\n",
                       "f:4:1: second host in this file, after \"web1\" in line 1; put it into a file of its own");
        expect_mistake("[host:web1]\nkeys={}\n[host:web1]\nkeys={}\n",
                       "f:3:1: section [host:web1] stands twice, first in line 1; put its keys under the first one");
        expect_mistake("[host:web1]\nkey={}\n", "f:2:1: unknown key \"key\" in [host:web1]; did you mean \"keys\"?");
        expect_mistake("[host:web1]\nkeys={}\nkeys={}\n",
                       "f:3:1: key \"keys\" stands twice in [host:web1], first in line 2; keep one of the two lines");
        expect_mistake("[host:web1]\nkeys={}\nusers=alice;*\n",
                       "f:3:13: \"*\" among names in \"users\"; write \"*\" alone, or only names");
        expect_mistake("[host:web1]\nkeys={}\nusers=alice;-rf\n",
                       "f:3:13: \"-rf\" cannot be the name of a user; use the names of Unix accounts");
        expect_mistake("[host:web1]\nkeys={}\nusers=alice;root\n", "f:3:7: no ticket is ever for root; remove it");
        expect_mistake("[host:web1]\nkeys={}\nroles=a/b\n",
                       "f:3:7: \"a/b\" cannot be the name of a role; use letters, digits, \".\", \"-\" and \"_\"");
        expect_mistake("[host:web1]\nkeys={} # mine\n",
                       "f:2:9: comment behind the value of \"keys\"; put comments on lines of their own, beginning "
                       "with \"#\"");
        expect_mistake("users=*\n", "f:1:1: key \"users\" before the first section; there are [host:NAME]");
}

static void put(const char *folder, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        assert(g_file_set_contents(path, text, -1, NULL) && chmod(path, 0644) == 0);
}

static char *read_folder(const char *folder) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(GPtrArray) files = trust_files_read(folder, mistakes);

        assert(!files == (mistakes->len > 0));
        return files ? g_strdup_printf("%u hosts", files->len) : conf_mistake_to_string(mistakes->pdata[0]);
}

static void expect_folder(const char *folder, const char *wanted) {
        g_autofree char *got = read_folder(folder);

        if (!strstr(got, wanted))
                fprintf(stderr, "%s\n", got);
        assert(strstr(got, wanted));
}

/* Files of root's are made by root only. */
static void test_a_folder_is_read_in_order(void) {
        char folder[] = "/tmp/test-trust-XXXXXX";
        static const char *const names[] = { "a.conf", "b.conf", "c.conf~", ".d.conf", NULL };

        expect_folder("/nonexistent/trust.d", "0 hosts");
        if (geteuid() != 0)
                return;
        assert(mkdtemp(folder) && chmod(folder, 0755) == 0);
        put(folder, "a.conf", "[host:web1]\nkeys={}\n");
        put(folder, "b.conf", "[host:web2]\nkeys={}\n");
        put(folder, "c.conf~", "[host:web3]\n");
        put(folder, ".d.conf", "[host:web4]\n");
        expect_folder(folder, "2 hosts");
        put(folder, "b.conf", "[host:web1]\nkeys={}\n");
        expect_folder(folder, "/b.conf:1:1: host \"web1\" stands in ");
        expect_folder(folder, "/a.conf already; remove one of the two files");
        assert(chmod(folder, 0777) == 0);
        expect_folder(folder, "folder does not belong to root or others can write it");
        assert(chmod(folder, 0755) == 0);
        put(folder, "b.conf", "[host:web2]\nkeys={}\n");
        {
                g_autofree char *path = g_build_filename(folder, "b.conf", NULL);
                assert(chmod(path, 0666) == 0);
                expect_folder(folder, "/b.conf: file does not belong to root or others can write it");
        }
        for (size_t i = 0; names[i]; i++) {
                g_autofree char *path = g_build_filename(folder, names[i], NULL);
                assert(g_remove(path) == 0);
        }
        assert(rmdir(folder) == 0);
}

static void test_what_is_written_reads_back(void) {
        static const char *const users[] = { "alice", "bob", NULL }, *const all[] = { "*", NULL }, *const none[] = { NULL };
        g_autofree char *text = trust_file_format("web1.example.org", users, all, "{\"keys\":[]}");
        g_autofree char *least = trust_file_format("web1", none, NULL, "{}");
        g_autoptr(GPtrArray) files = read_good(text), short_one = read_good(least);
        const TrustFile *file = files->pdata[0];

        g_assert_cmpstr(text, ==, "[host:web1.example.org]\nusers=alice;bob\nroles=*\nkeys={\"keys\":[]}\n");
        assert(file->all_roles && g_strv_length(file->users) == 2);
        g_assert_cmpstr(least, ==, "[host:web1]\nkeys={}\n");
        assert(short_one->len == 1 && !trust_file_free(NULL));
}

int main(void) {
        test_what_a_file_says();
        test_what_is_not_said_is_not_allowed();
        test_trust_that_leads_nowhere_is_told();
        test_each_mistake_says_what_to_do();
        test_a_folder_is_read_in_order();
        test_what_is_written_reads_back();
        return 0;
}
