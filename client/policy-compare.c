/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/errors.h"
#include "client/output.h"
#include "client/policy-compare.h"
#include "client/policy-users.h"
#include "policy/conf.h"
#include "policy/policy-diff.h"

#define TEXT_MAX (16 * 1024 * 1024) /* of a policy as one text */

typedef struct Comparison {
        Policy *from;
        bool offline; /* the daemon is down, and @from what is installed */
        PolicyUsers *users;
        GPtrArray *changes;
} Comparison;

static void comparison_deinit(Comparison *comparison) {
        comparison->from = policy_unref(comparison->from);
        comparison->users = policy_users_free(comparison->users);
        g_clear_pointer(&comparison->changes, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Comparison, comparison_deinit)

/* What counts now */

static int read_shown(Cli *cli, ClientMessage *reply, Policy **ret) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        const char *text;
        int r;

        r = request_read(cli, client_message_read_string(reply, TEXT_MAX, &text));
        if (r != 0)
                return r;
        *ret = policy_read_formatted("what tesserad has", text, mistakes);
        if (!*ret)
                return cli_fail(cli, CLI_FAILED, "version", "restart it: systemctl restart tesserad.service",
                                "tesserad has a policy that this tessera does not understand");
        return 0;
}

static int read_installed(Cli *cli, Policy **ret) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();

        *ret = policy_read(POLICY_FILE, POLICY_FOLDER, mistakes);
        if (!*ret)
                return cli_fail(cli, CLI_FAILED, "invalid", "tessera policy check names them",
                                "tesserad is down, and the installed policy has mistakes: there is nothing to compare with");
        return 0;
}

static int find_from(Cli *cli, Comparison *comparison) {
        static const Request request = { .interface = WIRE_INTERFACE_POLICY, .method = "Show", .reply = "s" };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        ClientError error = { 0 };
        int r;

        r = request_try(&request, &reply, &error);
        if (r == 0)
                return read_shown(cli, reply, &comparison->from);
        if (r != CLIENT_E_UNREACHABLE && r != CLIENT_E_TIMEOUT)
                return request_fail(cli, r, &error);
        comparison->offline = true;
        return read_installed(cli, &comparison->from);
}

/* For people */

static void print_line(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void print_line(const char *format, ...) {
        g_autofree char *text = NULL, *clean = NULL;
        g_autoptr(Table) table = table_new(); /* cleans */
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        table_row(table, text, NULL);
        clean = table_to_string(table, false);
        (void) fputs(clean, stdout);
}

static void print_change(const PolicyChange *change) {
        const char *word = policy_change_to_string(change->kind);

        switch (change->kind) {
        case POLICY_CHANGE_GAINS:
        case POLICY_CHANGE_LOSES:
                print_line("%s %s %s%s: %s%s", change->user, word, change->role ? "the role " : "",
                           change->role ? change->role : change->service,
                           change->kind == POLICY_CHANGE_LOSES ? "so far " : "", change->reason);
                break;
        case POLICY_CHANGE_ADDED:
                print_line("%s: has a section now", change->service);
                break;
        case POLICY_CHANGE_REMOVED:
                print_line("%s: has no section any more, and lets nobody in", change->service);
                break;
        case POLICY_CHANGE_ROLES:
        case POLICY_CHANGE_MAX_AGE:
        case POLICY_CHANGE_METHODS:
        case _POLICY_CHANGE_MAX:
        default:
                print_line("%s: %s %s instead of %s", change->service, word, change->to, change->from);
                break;
        }
}

static void print_terms(Cli *cli, const Comparison *comparison, bool draft) {
        static const char *const whom[_POLICY_WHO_MAX] = {
                [POLICY_WHO_ENROLLED] = "all users",
                [POLICY_WHO_ONESELF] = "you alone: of others an administrator is told",
                [POLICY_WHO_ACCOUNTS] = "the Unix accounts of this host, without assigned roles",
        };
        const GPtrArray *skipped = comparison->users->skipped;

        if (comparison->offline)
                output_note(cli, "tesserad is down: compared with the installed files%s",
                            draft ? "" : ", which is what was read");
        if (comparison->offline || comparison->users->who != POLICY_WHO_ENROLLED)
                output_note(cli, "looked at: %s", whom[comparison->users->who]);
        for (guint i = 0; i < skipped->len; i++)
                output_note(cli, "not looked at: %s, whose Unix account is gone, another one or cannot be looked up",
                            (const char *) skipped->pdata[i]);
}

static void print_comparison(Cli *cli, const Comparison *comparison, bool draft) {
        for (guint i = 0; i < comparison->changes->len; i++)
                print_change(comparison->changes->pdata[i]);
        if (comparison->changes->len == 0)
                output_say(cli, "nobody gains or loses anything");
        print_terms(cli, comparison, draft);
}

/* For programs */

static void set_text(json_t *object, const char *member, const char *text) {
        if (text)
                (void) json_object_set_new(object, member, shape_text(text));
}

static json_t *change_to_json(const PolicyChange *change) {
        json_t *object = json_pack("{s:s}", "change", policy_change_to_string(change->kind));

        set_text(object, "user", change->user);
        set_text(object, "role", change->role);
        set_text(object, "service", change->service);
        set_text(object, "reason", change->reason);
        set_text(object, "from", change->from);
        set_text(object, "to", change->to);
        return object;
}

static json_t *comparison_to_json(const Comparison *comparison) {
        json_t *changes = json_array();

        for (guint i = 0; i < comparison->changes->len; i++)
                (void) json_array_append_new(changes, change_to_json(comparison->changes->pdata[i]));
        g_ptr_array_add(comparison->users->skipped, NULL);
        return json_pack("{s:o, s:s, s:s, s:o}", "changes", changes, "against", comparison->offline ? "files" : "tesserad",
                         "users", policy_who_to_string(comparison->users->who), "skipped",
                         shape_strings((const char *const *) comparison->users->skipped->pdata));
}

int policy_compare(Cli *cli, Policy *to, bool draft, json_t **ret) {
        g_auto(Comparison) comparison = { .from = NULL };
        int r;

        r = find_from(cli, &comparison);
        if (r != 0)
                return r;
        if (comparison.offline)
                comparison.users = policy_users_of_host();
        else
                r = policy_users_ask(cli, &comparison.users);
        if (r != 0)
                return r;
        comparison.changes = policy_diff(comparison.from, to,
                                         (const PolicyUser *) (const void *) comparison.users->users->data,
                                         comparison.users->users->len);
        if (cli->json)
                *ret = comparison_to_json(&comparison);
        else
                print_comparison(cli, &comparison, draft);
        return 0;
}
