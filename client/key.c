/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "client/output.h"
#include "client/request.h"
#include "client/verbs.h"

int verb_key_list(Cli *cli, const Arguments *arguments) {
        static const Request request = { .interface = WIRE_INTERFACE_KEYS, .method = "List", .reply = "aa{sv}" };
        g_autoptr(Table) table = table_new();
        json_auto_t *keys = NULL;
        const json_t *key;
        size_t i;
        int r;

        r = request_array(cli, &request, shape_key, &keys);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_incref(keys));
        table_head(table, "KEY", "ALGORITHM", "USE", "STATE", "MADE", "UNTIL", NULL);
        json_array_foreach(keys, i, key) {
                g_autofree char *created = output_time(output_number(key, "created"), cli->now);
                g_autofree char *until = output_number(key, "until") > 0
                                                 ? output_time(output_number(key, "until"), cli->now)
                                                 : g_strdup("-");
                table_row(table, output_text(key, "kid"), output_text(key, "alg"), output_text(key, "use"),
                          output_text(key, "state"), created, until, NULL);
        }
        table_print(table, cli);
        return CLI_DONE;
}
