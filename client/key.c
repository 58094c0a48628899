/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "client/errors.h"
#include "client/output.h"
#include "client/request.h"
#include "client/verbs.h"
#include "common/name.h"

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

/* Read and written anew, so that whatever the daemon says is one line of JSON. */
static int read_jwks(Cli *cli, ClientMessage *reply, json_t **ret) {
        json_t *jwks;
        const char *text;
        int r;

        r = request_read(cli, client_message_read_string(reply, WIRE_JWKS_MAX, &text));
        if (r != 0)
                return r;
        jwks = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_array(json_object_get(jwks, "keys"))) {
                json_decref(jwks);
                return request_read(cli, CLIENT_E_VERSION);
        }
        *ret = jwks;
        return 0;
}

/* For people and programs alike: it goes into tessera trust add. */
int verb_key_export(Cli *cli, const Arguments *arguments) {
        static const Request request = { .interface = WIRE_INTERFACE_KEYS, .method = "Export", .reply = "s" };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        json_t *jwks = NULL;
        int r;

        r = request_call(cli, &request, &reply);
        if (r == 0)
                r = read_jwks(cli, reply, &jwks);
        return r == 0 ? output_json(cli, jwks) : r;
}

static int tell_prepared(Cli *cli, bool changed, json_t *jwks) {
        int r;

        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:O}", "changed", changed, "jwks", jwks));
        r = output_json(cli, json_incref(jwks));
        output_note(cli, changed ? "made the next keys" : "nothing changed: the next keys are there already");
        output_note(cli, "  once every host that trusts this one has them (tessera trust add): tessera key rotate");
        return r;
}

int verb_key_prepare(Cli *cli, const Arguments *arguments) {
        static const Request request = { .interface = WIRE_INTERFACE_KEYS, .method = "Prepare", .reply = "bs" };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        json_auto_t *jwks = NULL;
        bool changed;
        int r;

        r = request_call(cli, &request, &reply);
        if (r == 0)
                r = request_read(cli, client_message_read_bool(reply, &changed));
        if (r == 0)
                r = read_jwks(cli, reply, &jwks);
        return r == 0 ? tell_prepared(cli, changed, jwks) : r;
}

int verb_key_rotate(Cli *cli, const Arguments *arguments) {
        static const Request request = { .interface = WIRE_INTERFACE_KEYS, .method = "Rotate", .reply = "as" };
        g_autofree char *names = NULL;
        json_auto_t *signing = NULL;
        int r;

        r = request_strings(cli, &request, &signing);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:O}", "changed", 1, "signing", signing));
        names = output_list(signing);
        output_say(cli, "now signing: %s; the old keys verify until their last token is over", names);
        return CLI_DONE;
}

int verb_key_rename(Cli *cli, const Arguments *arguments) {
        const char *name = arguments->operands[0];
        const Request request = {
                .interface = WIRE_INTERFACE_KEYS,
                .method = "Rename",
                .arguments = { REQUEST_ARG_STRING(name) },
                .reply = "b",
                .denied_hint = "for root and administrators, and without name= in /etc/tessera/tessera.conf",
        };
        g_autofree char *question = NULL;
        bool changed;
        int r;

        if (!name_is_host(name))
                return cli_usage(cli, "1 to 64 of a-z, 0-9, \"-\" and \".\", such as web1.example.org",
                                 "that cannot be a host's name");
        question = g_strdup_printf("Call this host %s in its tokens? Those that are out end, and hosts that trust this "
                                   "one have to be told.", name);
        r = cli_confirm(cli, question);
        if (r == 0)
                r = request_bool(cli, &request, &changed);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s}", "changed", changed, "host", name));
        if (changed)
                output_say(cli, "this host is called %s; tokens that say another name are not accepted any more", name);
        else
                output_say(cli, "this host is called %s already; nothing changed", name);
        return CLI_DONE;
}
