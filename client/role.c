/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "client/errors.h"
#include "client/output.h"
#include "client/request.h"
#include "client/verbs.h"

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
        table_head(table, "ROLE", "USERS", "GROUPS", "INCLUDES", "SERVICES", NULL);
        json_array_foreach(roles, i, role) {
                g_autofree char *users = output_list(json_object_get(role, "users"));
                g_autofree char *groups = output_list(json_object_get(role, "groups"));
                g_autofree char *includes = output_list(json_object_get(role, "includes"));
                g_autofree char *services = output_list(json_object_get(role, "services"));
                table_row(table, output_text(role, "role"), users, groups, includes, services, NULL);
        }
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

int verb_role_show(Cli *cli, const Arguments *arguments) {
        const Request request = {
                .interface = WIRE_INTERFACE_ROLES,
                .method = "Show",
                .arguments = { REQUEST_ARG_STRING(arguments->operands[0]) },
                .reply = "a{sv}",
                .expect = WIRE_ERROR_NOT_FOUND,
        };
        g_autoptr(Table) table = table_new();
        g_autofree char *place = NULL;
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
        place = g_strdup_printf("%s:%" G_GINT64_FORMAT, output_text(role, "file"), output_number(role, "line"));
        table_pair(table, "role", output_text(role, "role"));
        pair_list(table, "users", role);
        pair_list(table, "groups", role);
        pair_list(table, "includes", role);
        pair_list(table, "services", role);
        table_pair(table, "from", place);
        table_print(table, cli);
        return CLI_DONE;
}
