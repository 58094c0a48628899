/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Reads the configuration as the daemon would, without asking it, and tells every mistake. */

#include <errno.h>
#include <string.h>

#include "client/errors.h"
#include "client/output.h"
#include "client/policy-compare.h"
#include "client/shape.h"
#include "client/verbs.h"
#include "policy/conf.h"
#include "policy/policy.h"
#include "policy/providers.h"
#include "policy/settings.h"
#include "policy/trust-files.h"

static void free_mistake(gpointer mistake) {
        (void) conf_mistake_free(mistake);
}

/* In the order in which they stand in a file; the reader reports some of them at its end only. */
static int compare_places(gconstpointer a, gconstpointer b) {
        const ConfMistake *left = *(const ConfMistake *const *) a, *right = *(const ConfMistake *const *) b;
        int r = g_strcmp0(left->file, right->file);

        if (r == 0)
                r = (left->line > right->line) - (left->line < right->line);
        return r != 0 ? r : (left->column > right->column) - (left->column < right->column);
}

static json_t *place_number(unsigned number) {
        return number == 0 ? json_null() : json_integer(number);
}

static json_t *mistakes_to_json(const GPtrArray *mistakes) {
        json_t *list = json_array();

        for (guint i = 0; mistakes && i < mistakes->len; i++) {
                const ConfMistake *mistake = g_ptr_array_index(mistakes, i);
                json_t *object = json_object();

                (void) json_object_set_new(object, "file", shape_text(mistake->file));
                (void) json_object_set_new(object, "line", place_number(mistake->line));
                (void) json_object_set_new(object, "column", place_number(mistake->column));
                (void) json_object_set_new(object, "message", shape_text(mistake->message));
                (void) json_object_set_new(object, "remedy", shape_text(mistake->remedy));
                (void) json_array_append_new(list, object);
        }
        return list;
}

static void print_mistakes(const char *kind, const GPtrArray *mistakes) {
        for (guint i = 0; mistakes && i < mistakes->len; i++) {
                g_autofree char *text = conf_mistake_to_string(g_ptr_array_index(mistakes, i));
                g_autoptr(Table) line = table_new(); /* cleans */
                g_autofree char *clean = NULL;

                table_row(line, text, NULL);
                clean = table_to_string(line, false);
                (void) printf("%s%s", kind, clean);
        }
}

/* @comparison: members to add to the answer for programs; NULL: none. */
static int tell(Cli *cli, GPtrArray *mistakes, const GPtrArray *warnings, json_t *comparison) {
        guint n = mistakes->len;

        g_ptr_array_sort(mistakes, compare_places);
        if (cli->json) {
                json_t *answer = json_pack("{s:b, s:o, s:o}", "valid", n == 0, "mistakes", mistakes_to_json(mistakes),
                                           "warnings", mistakes_to_json(warnings));
                int r;

                if (comparison)
                        (void) json_object_update(answer, comparison);
                r = output_json(cli, answer);
                return r != 0 || n == 0 ? r : CLI_FAILED;
        }
        print_mistakes("", mistakes);
        print_mistakes("warning: ", warnings);
        if (n == 0)
                output_say(cli, "no mistakes");
        else
                output_note(cli, "%u mistake%s", n, n == 1 ? "" : "s");
        return n == 0 ? CLI_DONE : CLI_FAILED;
}

/* Does a line begin the section that only a trusted host's, or a provider's, file has? */
static bool is_trust(const char *text) {
        return g_str_has_prefix(text, "[host:") || strstr(text, "\n[host:");
}

static bool is_provider(const char *text) {
        return g_str_has_prefix(text, "[provider:") || strstr(text, "\n[provider:");
}

/* What is right, and yet may not be what is meant: of the policy, and of who is trusted beside it. */
static GPtrArray *find_warnings(Policy *policy, const GPtrArray *trust, const GPtrArray *providers) {
        GPtrArray *warnings = g_ptr_array_new_with_free_func(free_mistake);
        const GPtrArray *of_policy = policy_warnings(policy);

        for (guint i = 0; i < of_policy->len; i++) {
                const ConfMistake *warning = of_policy->pdata[i];

                g_ptr_array_add(warnings, conf_mistake_new(warning->file, warning->line, warning->column,
                                                           warning->remedy, "%s", warning->message));
        }
        for (guint i = 0; trust && i < trust->len; i++)
                trust_file_warn(trust->pdata[i], policy, warnings);
        if (providers)
                providers_warn(providers, policy, warnings);
        return warnings;
}

/*
 * A draft may be anybody's file, unlike those that the daemon trusts; which kind it is its name says, or its
 * section. To be compared, a policy's takes the place of policy.conf, and policy.d stays.
 */
static int check_file(Cli *cli, const char *path, bool compare, GPtrArray *mistakes, Policy **ret_policy) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Settings) settings = NULL;
        g_autoptr(GPtrArray) trust = NULL, providers = NULL;
        g_autofree char *text = NULL, *base = g_path_get_basename(path);
        bool is_settings = strcmp(base, "tessera.conf") == 0;
        gsize size;

        if (!g_file_get_contents(path, &text, &size, &error))
                return cli_fail(cli, CLI_FAILED, "not-found", NULL, "%s", error->message);
        if (compare && (is_settings || is_trust(text) || is_provider(text)))
                return cli_usage(cli, NULL, "--diff compares policies, and %s is none", path);
        if (is_settings)
                settings = settings_read_text(path, text, size, mistakes);
        else if (is_trust(text))
                trust = trust_files_read_text(path, text, size, mistakes);
        else if (is_provider(text))
                providers = providers_read_text(path, text, size, mistakes);
        else if (compare)
                *ret_policy = policy_read_draft(path, text, size, POLICY_FOLDER, mistakes);
        else
                *ret_policy = policy_read_text(path, text, size, mistakes);
        return 0;
}

int verb_policy_check(Cli *cli, const Arguments *arguments) {
        g_autoptr(GPtrArray) mistakes = g_ptr_array_new_with_free_func(free_mistake);
        g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func(free_mistake);
        bool compare = arguments_get(arguments, "diff"), draft = arguments->n_operands > 0;
        g_autoptr(Settings) settings = NULL;
        g_autoptr(GPtrArray) trust = NULL, providers = NULL, warnings = NULL;
        json_auto_t *comparison = NULL;
        g_autoptr(Policy) policy = NULL;
        int r;

        if (draft) {
                r = check_file(cli, arguments->operands[0], compare, mistakes, &policy);
                if (r != 0)
                        return r;
                if (compare && policy) /* what it is to live with; mistakes of theirs are not the draft's */
                        providers = providers_read(PROVIDERS_FOLDER, others);
                if (providers)
                        providers_check(providers, policy, mistakes);
        } else {
                settings = settings_read(SETTINGS_FILE, mistakes);
                policy = policy_read(POLICY_FILE, POLICY_FOLDER, mistakes);
                trust = trust_files_read(TRUST_FOLDER, mistakes);
                providers = providers_read(PROVIDERS_FOLDER, mistakes);
                if (policy && providers)
                        providers_check(providers, policy, mistakes);
        }
        warnings = policy ? find_warnings(policy, trust, providers) : NULL;
        if (compare && mistakes->len == 0) {
                r = policy_compare(cli, policy, draft, &comparison);
                if (r != 0)
                        return r;
        }
        return tell(cli, mistakes, warnings, comparison);
}
