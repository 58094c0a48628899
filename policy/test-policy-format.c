/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* That it decides the same, for any policy: tests/policy/test_model.py. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy-private.h"

static Policy *read_text(const char *text) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        Policy *policy = policy_read_text("p", text, strlen(text), mistakes);

        assert(policy && mistakes->len == 0);
        return policy;
}

static void expect_format(Policy *policy, const char *wanted) {
        g_autofree char *text = policy_format(policy);

        if (strcmp(text, wanted) != 0)
                (void) fprintf(stderr, "got:\n%s\nwanted:\n%s\n", text, wanted);
        assert(strcmp(text, wanted) == 0);
}

static void test_one_text_whatever_the_order_and_the_separators(void) {
        static const char canonical[] = "[role:admin]\ngroups=sudo;wheel\nincludes=operator\n\n"
                                        "[role:everyone]\nusers=*\n\n"
                                        "[role:operator]\nusers=bob;carol\n\n"
                                        "[service:sshd]\nroles=everyone\n\n"
                                        "[service:sudo]\nroles=operator;admin\nmax-age=1h 30min\nmethods=pwd\n";
        g_autoptr(Policy) policy = read_text("# roles\n[service:sudo]\nmethods = pwd\nmax-age=90min\n"
                                             "roles=operator, admin\n[role:operator]\nusers=bob carol\n"
                                             "[service:sshd]\nroles=everyone\n\n\n[role:everyone]\nusers=*\n"
                                             "[role:admin]\nincludes=operator\ngroups=sudo wheel\n");
        g_autoptr(Policy) again = read_text(canonical);

        expect_format(policy, canonical);
        expect_format(again, canonical);
}

static void test_a_role_may_be_empty(void) {
        g_autoptr(Policy) policy = read_text("[role:reserve]\n");

        expect_format(policy, "[role:reserve]\n");
}

static void test_nothing_is_nothing(void) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Policy) policy = read_text(""), again = policy_read_formatted("p", "", mistakes);

        expect_format(policy, "");
        expect_format(again, "");
}

/* Three files of almost the size that one may have are one policy, and so one text. */
static void test_it_may_be_larger_than_a_file(void) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Policy) policy = policy_new(group_look_up_nss), again = NULL;
        g_autofree char *text = NULL;

        assert(policy_add_text(policy, "p", "[role:a]\nusers=*\n", 17, mistakes));
        for (unsigned file = 0; file < 3; file++) {
                g_autoptr(GString) services = g_string_new(NULL);

                for (unsigned i = 0; i < 8000; i++)
                        g_string_append_printf(services, "[service:s%u.%u]\nroles=a\n", file, i);
                assert(policy_add_text(policy, "p", services->str, services->len, mistakes));
        }
        assert(policy_link(policy, mistakes));
        text = policy_format(policy);
        assert(strlen(text) > 512 * 1024);
        again = policy_read_formatted("p", text, mistakes);
        assert(again && mistakes->len == 0);
        expect_format(again, text);
}

static void test_no_line_grows(void) {
        g_autoptr(GString) text = g_string_new("[role:a]\nusers=");
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Policy) policy = NULL, again = NULL;
        g_autofree char *formatted = NULL;

        for (unsigned i = 0; text->len < strlen("[role:a]\n") + 4000; i++)
                g_string_append_printf(text, "%su%u", i > 0 ? " " : "", i);
        g_string_append(text, "\n");
        policy = read_text(text->str);
        formatted = policy_format(policy);
        assert(strlen(formatted) == text->len);
        again = policy_read_formatted("p", formatted, mistakes);
        assert(again);
}

static void test_what_is_wrong_in_it_is_a_mistake(void) {
        static const char *const texts[] = { "[role:a]\nusers=*\n\n[role:a]\nusers=*\n", "[service:sudo]\nroles=a\n", "x\n\ny" };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                g_autoptr(GPtrArray) mistakes = conf_mistakes_new();

                assert(!policy_read_formatted("p", texts[i], mistakes) && mistakes->len > 0);
        }
}

int main(void) {
        test_one_text_whatever_the_order_and_the_separators();
        test_a_role_may_be_empty();
        test_nothing_is_nothing();
        test_it_may_be_larger_than_a_file();
        test_no_line_grows();
        test_what_is_wrong_in_it_is_a_mistake();
        return 0;
}
