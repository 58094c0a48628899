/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Given the shipped examples and the manual page, which must name every key. */

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
#include "policy/providers-private.h"
#include "policy/providers.h"

#define ISSUER "issuer=https://login.example.org\n"
#define LEAST "[provider:corp]\n" ISSUER "client-id=tessera\n"

static void expect_mistake_in(const char *file, const char *text, const char *wanted) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(GPtrArray) providers = providers_read_text(file, text, strlen(text), mistakes);
        g_autofree char *first = mistakes->len > 0 ? conf_mistake_to_string(mistakes->pdata[0]) : NULL;

        if (providers || g_strcmp0(first, wanted) != 0)
                fprintf(stderr, "%s\n  got:    %s\n  wanted: %s\n", text, first ?: "nothing", wanted);
        assert(!providers);
        g_assert_cmpstr(first, ==, wanted);
}

static void expect_mistake(const char *text, const char *wanted) {
        expect_mistake_in("corp.conf", text, wanted);
}

static GPtrArray *read_good(const char *text) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        GPtrArray *providers = providers_read_text("corp.conf", text, strlen(text), mistakes);

        if (mistakes->len > 0)
                fprintf(stderr, "%s\n", ((ConfMistake *) mistakes->pdata[0])->message);
        assert(providers && mistakes->len == 0);
        return providers;
}

static void test_what_is_left_out_is_the_documented_default(void) {
        g_autoptr(GPtrArray) providers = read_good(LEAST);
        const Provider *corp = providers->pdata[0];

        g_assert_cmpuint(providers->len, ==, 1);
        g_assert_cmpstr(corp->name, ==, "corp");
        g_assert_cmpint(corp->type, ==, PROVIDER_OIDC);
        g_assert_cmpstr(corp->urls[PROVIDER_ISSUER], ==, "https://login.example.org");
        g_assert_cmpstr(corp->client_id, ==, "tessera");
        assert(!corp->client_secret_file && !corp->ca_file && !corp->allowed_groups);
        assert(!corp->create && !corp->insecure_loopback && corp->n_group_roles == 0);
        assert(g_strv_length(corp->scopes) == 1 && g_str_equal(corp->scopes[0], "openid"));
        g_assert_cmpstr(corp->user_claim, ==, "preferred_username");
        g_assert_cmpstr(corp->groups_claim, ==, "groups");
        g_assert_cmpstr(corp->subject_claim, ==, "sub");
}

static void test_every_key_has_its_effect(void) {
        g_autoptr(GPtrArray) providers = read_good(
                LEAST "client-secret-file=/etc/tessera/corp.secret\nscopes=openid;profile\nuser-claim=uid\n"
                      "groups-claim=cognito:groups\nallowed-groups=staff;a:b\ngroup-roles=a:b:operator;staff:everyone\n"
                      "create=yes\nca-file=/etc/ssl/corp.pem\n");
        const Provider *corp = providers_find(providers, "corp");

        assert(corp && !providers_find(providers, "cor"));
        g_assert_cmpstr(corp->client_secret_file, ==, "/etc/tessera/corp.secret");
        g_assert_cmpstr(corp->scopes[1], ==, "profile");
        g_assert_cmpstr(corp->user_claim, ==, "uid");
        g_assert_cmpstr(corp->groups_claim, ==, "cognito:groups");
        g_assert_cmpstr(corp->allowed_groups[1], ==, "a:b");
        g_assert_cmpuint(corp->n_group_roles, ==, 2);
        g_assert_cmpstr(corp->group_roles[0].group, ==, "a:b");
        g_assert_cmpstr(corp->group_roles[0].role, ==, "operator");
        assert(corp->create);
        g_assert_cmpstr(corp->ca_file, ==, "/etc/ssl/corp.pem");
}

static void test_oauth2_has_its_endpoints_in_the_file(void) {
        g_autoptr(GPtrArray) providers = read_good(
                "[provider:corp]\ntype=oauth2\n" ISSUER "client-id=x\ndevice-endpoint=https://a/d\n"
                "authorization-endpoint=https://a/a\ntoken-endpoint=https://a/t\nuserinfo-endpoint=https://b/u?x=1\n");
        const Provider *corp = providers->pdata[0];

        g_assert_cmpstr(corp->urls[PROVIDER_DEVICE], ==, "https://a/d");
        g_assert_cmpstr(corp->urls[PROVIDER_AUTHORIZATION], ==, "https://a/a");
        g_assert_cmpstr(corp->urls[PROVIDER_TOKEN], ==, "https://a/t");
        g_assert_cmpstr(corp->urls[PROVIDER_USERINFO], ==, "https://b/u?x=1");
        g_assert_cmpstr(corp->subject_claim, ==, "id");
        assert(!corp->scopes[0]);
        expect_mistake("[provider:corp]\ntype=oauth2\n" ISSUER "client-id=x\ntoken-endpoint=https://a\n"
                       "device-endpoint=https://a\n",
                       "corp.conf:1:1: [provider:corp] of type=oauth2 has no \"userinfo-endpoint\"; write it: the "
                       "provider's documentation has it");
        expect_mistake("[provider:corp]\ntype=oauth2\n" ISSUER "client-id=x\ntoken-endpoint=https://a\n"
                       "userinfo-endpoint=https://a\n",
                       "corp.conf:1:1: [provider:corp] of type=oauth2 has neither \"device-endpoint\" nor "
                       "\"authorization-endpoint\"; write one of them, or both");
        expect_mistake(LEAST "token-endpoint=https://a\n",
                       "corp.conf:4:16: \"token-endpoint\" is for type=oauth2: with oidc the provider tells its own; "
                       "remove it, or write type=oauth2");
        expect_mistake(LEAST "subject-claim=id\n",
                       "corp.conf:4:15: \"subject-claim\" is for type=oauth2: with oidc it is always \"sub\"; remove it, "
                       "or write type=oauth2");
}

static void test_each_mistake_says_what_to_do(void) {
        expect_mistake("[provider:corp]\nclient-id=x\n",
                       "corp.conf:1:1: [provider:corp] has no \"issuer\"; write issuer= and the provider's address");
        expect_mistake("[provider:corp]\n" ISSUER,
                       "corp.conf:1:1: [provider:corp] has no \"client-id\"; write client-id= and what the provider "
                       "calls this client");
        expect_mistake_in("other.conf", LEAST,
                          "other.conf:1:1: [provider:corp] stands in a file called \"other.conf\"; call the file "
                          "corp.conf, or the provider as the file");
        expect_mistake(LEAST "[provider:b]\n",
                       "corp.conf:4:1: second provider in this file, after \"corp\" in line 1; put it into a file of its "
                       "own");
        expect_mistake("[provider:a/b]\n",
                       "corp.conf:1:11: \"a/b\" cannot be the name of a provider; use up to 64 letters, digits and "
                       "\"_.-\", beginning with a letter or digit");
        expect_mistake("[provider]\n", "corp.conf:1:10: section [provider] lacks a name; write \"[provider:NAME]\"");
        expect_mistake(LEAST "client_id=x\n",
                       "corp.conf:4:1: unknown key \"client_id\" in [provider:corp]; did you mean \"client-id\"?");
        expect_mistake(LEAST "type=openid\n", "corp.conf:4:6: unknown type \"openid\"; write oidc or oauth2");
        expect_mistake(LEAST "create=true\n", "corp.conf:4:8: \"true\" is neither yes nor no in \"create\"; write yes or no");
        expect_mistake(LEAST "scopes=profile\n",
                       "corp.conf:4:8: \"scopes\" without \"openid\": there would be no ID token; add openid");
        expect_mistake(LEAST "user-claim=email\n",
                       "corp.conf:4:12: an email address is never an identity; name a claim that holds the name of a Unix "
                       "account");
        expect_mistake(LEAST "user-claim=a b\n",
                       "corp.conf:4:13: \"a b\" cannot be the name of a claim; write one claim's name as it stands in the "
                       "token");
        expect_mistake(LEAST "allowed-groups=*\n",
                       "corp.conf:4:16: \"*\" is no group of a provider; remove the line: then everybody may");
        expect_mistake(LEAST "group-roles=a:x;staff\n",
                       "corp.conf:4:17: \"staff\" in \"group-roles\" is no group with a role; write GROUP:ROLE, as in "
                       "staff:everyone");
        expect_mistake(LEAST "client-secret-file=secret\n",
                       "corp.conf:4:20: \"secret\" of \"client-secret-file\" is no absolute path; begin with \"/\", "
                       "without \"..\" and \"//\"");
        expect_mistake(LEAST "ca-file=/etc/../x\n",
                       "corp.conf:4:9: \"/etc/../x\" of \"ca-file\" is no absolute path; begin with \"/\", without \"..\" "
                       "and \"//\"");
        expect_mistake("[provider:corp]\nclient-id=a b\n",
                       "corp.conf:2:12: client-id has more than ASCII letters, digits and punctuation; write it as the "
                       "provider shows it");
        expect_mistake("[provider:corp]\nissuer=https://a?b\n",
                       "corp.conf:2:17: issuer \"https://a?b\" has a query; remove what begins with \"?\"");
}

/* O5: there is no way to talk to a provider in the clear, but to a test on this very machine. */
static void test_O5_addresses_are_https(void) {
        static const struct {
                const char *url;
                bool good, good_with_loopback;
        } rows[] = {
                { "https://login.example.org", true, true },
                { "https://login.example.org:8443/realms/a?b=c", true, true },
                { "https://[::1]:443/", true, true },
                { "http://127.0.0.1:8080/x", false, true },
                { "http://127.1.2.3", false, true },
                { "http://[::1]:1", false, true },
                { "http://localhost", false, false },
                { "http://login.example.org", false, false },
                { "http://127.0.0.1.example.org", false, false },
                { "http://127.0.0.256", false, false },
                { "http://127.1", false, false },
                { "http://[::2]", false, false },
                { "http://127.0.0.1@example.org", false, false },
                { "https://user@example.org", false, false },
                { "https://a:b@example.org", false, false },
                { "https://", false, false },
                { "https:///x", false, false },
                { "https://a:0", false, false },
                { "https://a:65536", false, false },
                { "https://a:", false, false },
                { "https://[::1", false, false },
                { "https://[]", false, false },
                { "https://[::1]x", false, false },
                { "https://Example.org", false, false },
                { "https://a b", false, false },
                { "https://a\\b", false, false },
                { "https://a#b", false, false },
                { "https://ex\xc3\xa4mple.org", false, false },
                { "HTTPS://a", false, false },
                { "ftp://a", false, false },
                { "file:///etc/passwd", false, false },
                { "a", false, false },
                { "", false, false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                if (!provider_url_mistake(rows[i].url, false) != rows[i].good ||
                    !provider_url_mistake(rows[i].url, true) != rows[i].good_with_loopback)
                        fprintf(stderr, "wrong about %s\n", rows[i].url);
                assert(!provider_url_mistake(rows[i].url, false) == rows[i].good);
                assert(!provider_url_mistake(rows[i].url, true) == rows[i].good_with_loopback);
        }
        expect_mistake("[provider:corp]\nissuer=http://login.example.org\n",
                       "corp.conf:2:8: issuer \"http://login.example.org\" is not https; write it as https://HOST/…");
        expect_mistake("[provider:corp]\nissuer=http://127.0.0.1:1\nclient-id=x\n",
                       "corp.conf:2:8: issuer \"http://127.0.0.1:1\" is not https, which a loopback address needs unless "
                       "allow-insecure-loopback=yes; write it as https://HOST/…");
        g_ptr_array_unref(read_good("[provider:corp]\nissuer=http://127.0.0.1:1\nclient-id=x\n"
                                    "allow-insecure-loopback=yes\n"));
}

static void test_groups_let_in_and_bring_roles(void) {
        static const char *const none[] = { NULL }, *const ops[] = { "ops", "x", NULL }, *const both[] = { "ops", "dev", NULL };
        g_autoptr(GPtrArray) open = read_good(LEAST);
        g_autoptr(GPtrArray) closed = read_good(LEAST "allowed-groups=ops\ngroup-roles=ops:operator;dev:operator;dev:dev\n");
        const Provider *corp = closed->pdata[0];
        g_auto(GStrv) of_none = provider_pairs_of(corp, none), of_ops = provider_pairs_of(corp, ops);
        g_auto(GStrv) of_both = provider_pairs_of(corp, both);
        g_autofree char *all = g_strjoinv(" ", of_both);
        const ProviderGroupRole *pair = provider_find_pair(corp, "dev:operator");

        assert(provider_lets_in(open->pdata[0], none));
        assert(!provider_lets_in(corp, none) && provider_lets_in(corp, ops));
        assert(g_strv_length(of_none) == 0 && g_strv_length(of_ops) == 1);
        g_assert_cmpstr(of_ops[0], ==, "ops:operator");
        g_assert_cmpstr(all, ==, "ops:operator dev:operator dev:dev");
        g_assert_cmpstr(pair->group, ==, "dev");
        g_assert_cmpstr(pair->role, ==, "operator");
        assert(!provider_find_pair(corp, "ops:dev") && !provider_find_pair(corp, "ops") && !provider_find_pair(corp, ""));
        assert(!provider_find_pair(open->pdata[0], "ops:operator"));
        assert(providers_find_issuer(closed, corp->urls[PROVIDER_ISSUER]) == corp);
        assert(!providers_find_issuer(closed, "https://login.example.org/"));
}

static void put(const char *folder, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        assert(g_file_set_contents(path, text, -1, NULL) && chmod(path, 0644) == 0);
}

static void expect_folder(const char *folder, guint wanted, const char *mistake) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(GPtrArray) providers = providers_read(folder, mistakes);
        g_autofree char *first = mistakes->len > 0 ? conf_mistake_to_string(mistakes->pdata[0]) : NULL;

        assert(!providers == (mistakes->len > 0));
        assert(!providers || providers->len == wanted);
        assert(!mistake == !first && (!first || strstr(first, mistake)));
}

static void remove_in(const char *folder, const char *name) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        assert(g_remove(path) == 0);
}

/* Files of root's are made by root only. */
static void test_a_folder_holds_one_issuer_once(void) {
        char folder[] = "/tmp/test-providers-XXXXXX";

        expect_folder("/nonexistent/providers.d", 0, NULL);
        if (geteuid() != 0)
                return;
        assert(mkdtemp(folder) && chmod(folder, 0755) == 0);
        put(folder, "corp.conf", LEAST);
        put(folder, "b.conf", "[provider:b]\nissuer=https://b\nclient-id=x\n");
        put(folder, "c.conf.example", "nothing\n");
        expect_folder(folder, 2, NULL);
        put(folder, "b.conf", "[provider:b]\n" ISSUER "client-id=x\n");
        expect_folder(folder, 0, "/corp.conf:2:8: issuer \"https://login.example.org\" stands in ");
        remove_in(folder, "corp.conf");
        remove_in(folder, "b.conf");
        remove_in(folder, "c.conf.example");
        assert(rmdir(folder) == 0);
}

/* "#key=" without its sign: what an admin makes of a suggestion. Prose has a blank behind the sign. */
static char *without_signs(const char *text) {
        g_autoptr(GRegex) sign = g_regex_new("^#(?=[a-z])", G_REGEX_MULTILINE, 0, NULL);

        return g_regex_replace_literal(sign, text, -1, 0, "", 0, NULL);
}

static void expect_good(const char *file, const char *text) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(GPtrArray) providers = providers_read_text(file, text, strlen(text), mistakes);

        if (!providers)
                fprintf(stderr, "%s: %s\n", file, ((ConfMistake *) mistakes->pdata[0])->message);
        assert(providers && providers->len == 1);
}

/* Every shipped example is right as it is, and with all that it suggests. */
static void test_the_examples_are_good(const char *path) {
        g_autofree char *text = NULL, *full = NULL, *file = NULL, *base = g_path_get_basename(path);

        assert(g_file_get_contents(path, &text, NULL, NULL));
        file = g_strndup(base, strlen(base) - strlen(".example"));
        full = without_signs(text);
        expect_good(file, text);
        expect_good(file, full);
}

static void test_the_manual_names_every_key(const char *path) {
        const ConfKey *keys = provider_sections[0].keys;
        g_autofree char *text = NULL;

        assert(g_file_get_contents(path, &text, NULL, NULL));
        for (size_t i = 0; keys[i].key; i++) {
                g_autofree char *wanted = g_strdup_printf("\n*%s=*", keys[i].key);

                if (!strstr(text, wanted))
                        fprintf(stderr, "%s: no %s\n", path, keys[i].key);
                assert(strstr(text, wanted));
        }
}

/* Which provider a service offers, and what is said where policy.conf and providers.d do not meet. */
static void test_the_policy_and_its_providers(void) {
        static const char text[] = "[role:a]\nusers=*\n[service:sshd]\nroles=a\nmethods=pwd;oidc:corp;oidc:club\n"
                                   "[service:sudo]\nroles=a\nmethods=oidc:nowhere\n[service:login]\nroles=a\n";
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new(), warnings = conf_mistakes_new(), providers = NULL;
        static const char *const expected[] = {
                "policy.conf:5:23: [service:sshd] takes a sign-in at the provider \"club\", which no file in providers.d "
                "describes; correct the name, or describe it in providers.d",
                "policy.conf:8:9: [service:sudo] takes a sign-in at the provider \"nowhere\", which no file in providers.d "
                "describes; correct the name, or describe it in providers.d",
        };
        Policy *policy = policy_read_text("policy.conf", text, strlen(text), mistakes);

        providers = read_good(LEAST "group-roles=x:a;y:b\n");
        g_assert_cmpstr(policy_provider_of(policy, "sshd"), ==, "corp");
        g_assert_cmpstr(policy_provider_of(policy, "sudo-i"), ==, "nowhere");
        g_assert_cmpstr(policy_provider_of(policy, "login"), ==, NULL);
        g_assert_cmpstr(policy_provider_of(policy, "other"), ==, NULL);
        g_assert_cmpstr(policy_method_provider("pwd"), ==, NULL);
        providers_warn(providers, policy, warnings);
        g_assert_cmpuint(warnings->len, ==, G_N_ELEMENTS(expected));
        for (guint i = 0; i < warnings->len; i++) {
                g_autofree char *warning = conf_mistake_to_string(warnings->pdata[i]);
                g_assert_cmpstr(warning, ==, expected[i]);
        }
        policy_unref(policy);
}

/* A provider gives roles that are there, and none that may administer tessera, not by what they include either. */
static void test_what_group_roles_may_not_give(void) {
        static const char text[] = "[role:admin]\nincludes=lead\n[role:lead]\nincludes=operator\n[role:operator]\n"
                                   "users=alice\n[role:ops]\nincludes=oncall\n[role:oncall]\nincludes=nobody\n"
                                   "[role:nobody]\n[role:other]\n[service:tessera]\nroles=lead\n";
        static const char *const expected[] = {
                "corp.conf:4:19: there is no role \"b\"; correct the name, or define it in policy.conf",
                "corp.conf:4:23: the role \"lead\" may administer tessera, by [service:tessera]: no provider gives that; "
                "remove it; give that role in policy.conf, or by \"tessera role grant\"",
                "corp.conf:4:30: the role \"admin\" may administer tessera, by [service:tessera]: no provider gives that; "
                "remove it; give that role in policy.conf, or by \"tessera role grant\"",
        };
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new(), providers = NULL;
        Policy *policy = policy_read_text("policy.conf", text, strlen(text), mistakes);
        const ConfMistake *left;

        providers = read_good(LEAST "group-roles=x:ops;y:b;z:lead;z:admin;z:operator\n");
        g_assert_cmpuint(policy_warnings(policy)->len, ==, 6);
        providers_check(providers, policy, mistakes);
        g_assert_cmpuint(mistakes->len, ==, G_N_ELEMENTS(expected));
        for (guint i = 0; i < mistakes->len; i++) {
                g_autofree char *mistake = conf_mistake_to_string(mistakes->pdata[i]);
                g_assert_cmpstr(mistake, ==, expected[i]);
        }
        /* Who has what a group brings is somebody: of those that nobody has, these are left. */
        g_assert_cmpuint(policy_warnings(policy)->len, ==, 3);
        left = policy_warnings(policy)->pdata[2];
        g_assert_cmpstr(left->message, ==, "nobody has the role \"other\"");
        policy_unref(policy);
}

int main(int argc, char **argv) {
        test_what_is_left_out_is_the_documented_default();
        test_every_key_has_its_effect();
        test_oauth2_has_its_endpoints_in_the_file();
        test_each_mistake_says_what_to_do();
        test_O5_addresses_are_https();
        test_groups_let_in_and_bring_roles();
        test_a_folder_holds_one_issuer_once();
        assert(argc > 2);
        test_the_manual_names_every_key(argv[1]);
        for (int i = 2; i < argc; i++)
                test_the_examples_are_good(argv[i]);
        assert(!provider_unref(NULL));
        test_the_policy_and_its_providers();
        test_what_group_roles_may_not_give();
        return 0;
}
