/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/errors.h"
#include "client/output.h"
#include "client/request.h"
#include "client/verbs.h"
#include "policy/conf.h"

#define FOR_MAX (366 * 24 * 60 * 60) /* s; the daemon's limit, told here in words of the command line */

/* Looking */

/* "bob", or "bob (ends in 2 h)" */
static char *assigned_text(const Cli *cli, const json_t *assignment) {
        int64_t until = output_number(assignment, "until");
        g_autofree char *when = until != 0 ? output_time(until, cli->now) : NULL;

        if (!when)
                return g_strdup(output_text(assignment, "user"));
        return g_strdup_printf("%s (ends %s)", output_text(assignment, "user"), when);
}

static char *assignments_text(const Cli *cli, const json_t *role) {
        json_auto_t *words = json_array();
        const json_t *assignment;
        size_t i;

        json_array_foreach(json_object_get(role, "assignments"), i, assignment) {
                g_autofree char *text = assigned_text(cli, assignment);
                (void) json_array_append_new(words, json_string(text));
        }
        return output_list(words);
}

/* "ops at corp" */
static char *granting_text(const json_t *one) {
        return g_strdup_printf("%s at %s", output_text(one, "group"), output_text(one, "provider"));
}

/* Unix groups, and those of providers. */
static char *groups_text(const json_t *role) {
        json_auto_t *words = json_deep_copy(json_object_get(role, "groups"));
        const json_t *one;
        size_t i;

        json_array_foreach(json_object_get(role, "granted"), i, one) {
                g_autofree char *text = granting_text(one);
                (void) json_array_append_new(words, json_string(text));
        }
        return output_list(words);
}

/* One that is assigned and that no file has (any more) gives nothing. */
static bool is_lost(const json_t *role) {
        return json_is_null(json_object_get(role, "file"));
}

static void add_role(Table *table, const Cli *cli, const json_t *role) {
        g_autofree char *users = output_list(json_object_get(role, "users"));
        g_autofree char *groups = groups_text(role);
        g_autofree char *includes = output_list(json_object_get(role, "includes"));
        g_autofree char *services = output_list(json_object_get(role, "services"));
        g_autofree char *assigned = assignments_text(cli, role);
        g_autofree char *name = g_strdup_printf("%s%s", output_text(role, "role"), is_lost(role) ? " (in no file)" : "");

        table_row(table, name, users, groups, includes, assigned, services, NULL);
}

int verb_role_list(Cli *cli, const Arguments *arguments) {
        static const Request request = { .interface = WIRE_INTERFACE_ROLES, .method = "List", .reply = "aa{sv}" };
        g_autoptr(Table) table = table_new();
        json_auto_t *roles = NULL;
        const json_t *role;
        size_t i;
        int r;

        r = request_array(cli, &request, shape_role, &roles);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_incref(roles));
        table_head(table, "ROLE", "USERS", "GROUPS", "INCLUDES", "ASSIGNED", "SERVICES", NULL);
        json_array_foreach(roles, i, role)
                add_role(table, cli, role);
        if (table_is_empty(table))
                output_note(cli, "no roles; they are written in /etc/tessera/policy.conf");
        else
                table_print(table, cli);
        return CLI_DONE;
}

static void pair_list(Table *table, const char *name, const json_t *role) {
        g_autofree char *text = output_list(json_object_get(role, name));

        table_pair(table, name, text);
}

static void pair_assignments(Table *table, const Cli *cli, const json_t *role) {
        const json_t *assignments = json_object_get(role, "assignments"), *assignment;
        size_t i;

        if (json_array_size(assignments) == 0)
                table_pair(table, "assigned", "-");
        json_array_foreach(assignments, i, assignment) {
                const char *reason = json_string_value(json_object_get(assignment, "reason"));
                g_autofree char *who = assigned_text(cli, assignment);
                g_autofree char *text = g_strdup_printf("%s, by %s%s%s", who, output_text(assignment, "by"),
                                                        reason ? ": " : "", reason ?: "");
                table_pair(table, i == 0 ? "assigned" : "", text);
        }
}

/* Where no provider brings it, nothing is said of them. */
static void pair_granting(Table *table, const json_t *role) {
        const json_t *granted = json_object_get(role, "granted"), *one;
        size_t i;

        json_array_foreach(granted, i, one) {
                g_autofree char *text = granting_text(one);

                table_pair(table, i == 0 ? "by group" : "", text);
        }
}

static void show(Cli *cli, const json_t *role) {
        g_autoptr(Table) table = table_new();
        g_autofree char *place = NULL;

        place = is_lost(role) ? g_strdup("no file: it gives nothing")
                              : g_strdup_printf("%s:%" G_GINT64_FORMAT, output_text(role, "file"),
                                                output_number(role, "line"));
        table_pair(table, "role", output_text(role, "role"));
        pair_list(table, "users", role);
        pair_list(table, "groups", role);
        pair_list(table, "includes", role);
        pair_assignments(table, cli, role);
        pair_granting(table, role);
        pair_list(table, "services", role);
        table_pair(table, "from", place);
        table_print(table, cli);
}

int verb_role_show(Cli *cli, const Arguments *arguments) {
        const Request request = {
                .interface = WIRE_INTERFACE_ROLES,
                .method = "Show",
                .arguments = { REQUEST_ARG_STRING(arguments->operands[0]) },
                .reply = "a{sv}",
                .expect = WIRE_ERROR_NOT_FOUND,
        };
        json_auto_t *role = NULL;
        int r;

        r = request_object(cli, &request, shape_role, &role);
        if (r == REQUEST_EXPECTED)
                return cli_fail(cli, CLI_FAILED, "not-found", "tessera role lists all of them", "there is no role \"%s\"",
                                arguments->operands[0]);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_incref(role));
        show(cli, role);
        return CLI_DONE;
}

/* Changing */

static int tell_change(Cli *cli, const char *role, const char *user, bool changed, const char *news) {
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s, s:s}", "changed", changed, "role", role, "user", user));
        output_say(cli, "%s%s", news, changed ? "" : "; nothing changed");
        return CLI_DONE;
}

/* 0 seconds: for as long as it is not revoked. */
static int parse_for(Cli *cli, const char *text, int64_t *ret) {
        ConfMistake *mistake;

        *ret = 0;
        if (!text)
                return 0;
        mistake = conf_duration_text("--for", text, 1, FOR_MAX, ret);
        if (!mistake)
                return 0;
        (void) cli_usage(cli, mistake->remedy, "%s", mistake->message);
        (void) conf_mistake_free(mistake);
        return CLI_USAGE;
}

int verb_role_grant(Cli *cli, const Arguments *arguments) {
        const char *role = arguments->operands[0], *user = arguments->operands[1];
        const char *text = arguments_get(arguments, "for");
        int64_t seconds = 0;
        const ClientEntry options[] = {
                { .key = "for", .integer = text ? &seconds : NULL },
                { .key = "reason", .string = arguments_get(arguments, "reason") },
        };
        const Request request = {
                .interface = WIRE_INTERFACE_ROLES,
                .method = "Grant",
                .arguments = { REQUEST_ARG_STRING(role), REQUEST_ARG_STRING(user), REQUEST_ARG_DICT(options) },
                .reply = "b",
        };
        g_autofree char *news = NULL;
        bool changed;
        int r;

        r = parse_for(cli, text, &seconds);
        if (r == 0)
                r = request_bool(cli, &request, &changed);
        if (r != 0)
                return r;
        news = g_strdup_printf("%s has the role %s %s%s%s", user, role, changed ? "now" : "already",
                               changed && text ? ", for " : "", changed && text ? text : "");
        return tell_change(cli, role, user, changed, news);
}

int verb_role_revoke(Cli *cli, const Arguments *arguments) {
        const char *role = arguments->operands[0], *user = arguments->operands[1];
        const Request request = {
                .interface = WIRE_INTERFACE_ROLES,
                .method = "Revoke",
                .arguments = { REQUEST_ARG_STRING(role), REQUEST_ARG_STRING(user) },
                .reply = "b",
        };
        g_autofree char *news = NULL;
        bool changed;
        int r;

        r = request_bool(cli, &request, &changed);
        if (r != 0)
                return r;
        news = changed ? g_strdup_printf("%s has the role %s no more by assignment", user, role)
                       : g_strdup_printf("the role %s is not assigned to %s", role, user);
        r = tell_change(cli, role, user, changed, news);
        if (!changed)
                output_note(cli, "  what policy.conf gives is taken away there: tessera role show %s", role);
        return r;
}
