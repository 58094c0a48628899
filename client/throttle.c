/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "client/errors.h"
#include "client/output.h"
#include "client/request.h"
#include "client/verbs.h"

/* When the next attempt may be made, for people. */
static char *describe_next(const json_t *limit, int64_t now) {
        if (json_is_true(json_object_get(limit, "closed")))
                return g_strdup("when it is reset");
        if (output_number(limit, "retry_at") == 0)
                return g_strdup("now");
        return output_time(output_number(limit, "retry_at"), now);
}

int verb_throttle_list(Cli *cli, const Arguments *arguments) {
        static const Request request = { .interface = WIRE_INTERFACE_THROTTLE, .method = "List", .reply = "aa{sv}" };
        g_autoptr(Table) table = table_new();
        json_auto_t *limits = NULL;
        const json_t *limit;
        size_t i;
        int r;

        r = request_array(cli, &request, shape_limit, &limits);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_incref(limits));
        table_head(table, "LIMIT", "WHOSE", "FAILURES", "NEXT TRY", NULL);
        json_array_foreach(limits, i, limit) {
                g_autofree char *failures = g_strdup_printf("%" G_GINT64_FORMAT, output_number(limit, "failures"));
                g_autofree char *next = describe_next(limit, cli->now);
                table_row(table, output_text(limit, "limit"), output_text(limit, "key"), failures, next, NULL);
        }
        if (table_is_empty(table))
                output_note(cli, "nobody has failed lately");
        else
                table_print(table, cli);
        return CLI_DONE;
}

int verb_throttle_reset(Cli *cli, const Arguments *arguments) {
        const char *user = arguments_get(arguments, "user"), *host = arguments_get(arguments, "host");
        const ClientEntry what[] = {
                { .key = "user", .string = user },
                { .key = "host", .string = host },
        };
        const Request request = {
                .interface = WIRE_INTERFACE_THROTTLE,
                .method = "Reset",
                .arguments = { REQUEST_ARG_DICT(what) },
                .reply = "b",
        };
        bool changed;
        int r;

        if (!user == !host)
                return cli_usage(cli, "tessera throttle reset --user alice, or --host 192.0.2.1",
                                 "say whose: --user or --host");
        r = request_bool(cli, &request, &changed);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_pack("{s:b}", "changed", changed));
        if (changed)
                output_say(cli, "%s owes nothing any more", user ?: host);
        else
                output_say(cli, "%s owes nothing; nothing changed", user ?: host);
        return CLI_DONE;
}
