/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/errors.h"
#include "client/request.h"
#include "client/session.h"
#include "client/verbs.h"

static void pair_text(Table *table, const char *name, const json_t *object, const char *member) {
        if (json_is_string(json_object_get(object, member)))
                table_pair(table, name, output_text(object, member));
}

static void pair_time(Table *table, const char *name, const json_t *object, const char *member, int64_t now) {
        g_autofree char *text = output_time(output_number(object, member), now);

        table_pair(table, name, text);
}

void session_print(const Cli *cli, const json_t *session) {
        g_autoptr(Table) table = table_new();
        g_autofree char *methods = output_list(json_object_get(session, "methods"));
        g_autofree char *roles = output_list(json_object_get(session, "roles"));
        g_autofree char *granted = output_list(json_object_get(session, "granted"));
        g_autofree char *id = output_id(output_text(session, "id"));
        g_autofree char *parent = output_id(output_text(session, "parent"));

        table_pair(table, "session", id);
        table_pair(table, "user", output_text(session, "user"));
        table_pair(table, "state", output_text(session, "state"));
        table_pair(table, "service", output_text(session, "service"));
        pair_text(table, "from", session, "from");
        pair_text(table, "tty", session, "tty");
        table_pair(table, "methods", methods);
        pair_time(table, "proven", session, "auth_time", cli->now);
        pair_time(table, "opened", session, "opened", cli->now);
        pair_time(table, "seen", session, "seen", cli->now);
        if (json_is_integer(json_object_get(session, "ended"))) {
                pair_time(table, "ended", session, "ended", cli->now);
                pair_text(table, "because", session, "end_reason");
        } else {
                pair_time(table, "ends", session, "ends", cli->now);
        }
        table_pair(table, "roles", roles);
        if (!g_str_equal(granted, "-"))
                table_pair(table, "by group", granted);
        if (!g_str_equal(parent, "-"))
                table_pair(table, "parent", parent);
        pair_text(table, "device", session, "device");
        table_print(table, cli);
}

static void add_session(Table *table, const json_t *session, int64_t now) {
        g_autofree char *id = output_id(output_text(session, "id"));
        g_autofree char *shown = g_strdup_printf("%s%s", id,
                                                 json_is_true(json_object_get(session, "current")) ? " *" : "");
        g_autofree char *methods = output_list(json_object_get(session, "methods"));
        g_autofree char *proven = output_time(output_number(session, "auth_time"), now);
        g_autofree char *opened = output_time(output_number(session, "opened"), now);
        g_autofree char *seen = output_time(output_number(session, "seen"), now);
        g_autofree char *ends = output_time(output_number(session, "ends"), now);

        table_row(table, shown, output_text(session, "user"), output_text(session, "host"),
                  output_text(session, "service"), output_text(session, "from"), output_text(session, "tty"), methods,
                  proven, opened, seen, ends, NULL);
}

Table *session_table(const Cli *cli, const json_t *sessions) {
        Table *table = table_new();
        const json_t *session;
        size_t i;

        table_head(table, "SESSION", "USER", "HOST", "SERVICE", "FROM", "TTY", "METHODS", "PROVEN", "OPENED", "SEEN",
                   "ENDS", NULL);
        json_array_foreach(sessions, i, session)
                add_session(table, session, cli->now);
        return table;
}

int verb_session_list(Cli *cli, const Arguments *arguments) {
        static const bool yes = true;
        const ClientEntry filter[] = {
                { .key = "user", .string = arguments_get(arguments, "user") },
                { .key = "all-users", .boolean = arguments_get(arguments, "all-users") ? &yes : NULL },
                { .key = "host", .string = arguments_get(arguments, "host") },
        };
        const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "List",
                .arguments = { REQUEST_ARG_DICT(filter) },
                .reply = "aa{sv}",
        };
        json_auto_t *sessions = NULL;
        g_autoptr(Table) table = NULL;
        int r;

        if (filter[0].string && filter[1].boolean)
                return cli_usage(cli, NULL, "--user and --all-users exclude each other");
        r = request_array(cli, &request, shape_session, &sessions);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_incref(sessions));
        table = session_table(cli, sessions);
        if (table_is_empty(table))
                output_note(cli, "no sessions");
        else
                table_print(table, cli);
        return CLI_DONE;
}

static void print_events(const Cli *cli, const json_t *events) {
        g_autoptr(Table) table = table_new();
        const json_t *event;
        size_t i;

        table_head(table, "WHEN", "EVENT", "SERVICE", "DETAIL", NULL);
        json_array_foreach(events, i, event) {
                g_autofree char *when = output_time(output_number(event, "time"), cli->now);
                table_row(table, when, output_text(event, "event"), output_text(event, "service"),
                          output_text(event, "detail"), NULL);
        }
        if (table_is_empty(table))
                return;
        (void) fputc('\n', stdout);
        table_print(table, cli);
}

static int fetch_session(Cli *cli, const char *id, json_t **ret) {
        const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "Show",
                .arguments = { REQUEST_ARG_STRING(id) },
                .reply = "a{sv}aa{sv}",
                .expect = WIRE_ERROR_NOT_FOUND,
        };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        _cleanup_client_dict_ ClientDict *dict = NULL;
        json_t *events = NULL;
        int r;

        r = request_call(cli, &request, &reply);
        if (r == REQUEST_EXPECTED)
                return cli_fail(cli, CLI_FAILED, "not-found", "tessera sessions lists the live ones",
                                "there is no session \"%s\", or it is not yours", id);
        if (r == 0)
                r = request_read(cli, client_message_read_dict(reply, &dict));
        if (r == 0)
                r = request_read_array(cli, reply, shape_event, &events);
        if (r != 0)
                return r;
        *ret = shape_object(shape_session, dict);
        (void) json_object_set_new(*ret, "events", events);
        return 0;
}

int verb_session_show(Cli *cli, const Arguments *arguments) {
        json_auto_t *session = NULL;
        int r;

        r = fetch_session(cli, arguments->operands[0], &session);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_incref(session));
        session_print(cli, session);
        print_events(cli, json_object_get(session, "events"));
        return CLI_DONE;
}

/* One of ids, --user, --others, --all-users says what to revoke: 0, or the exit code of what was told. */
static int check_revoke(Cli *cli, const Arguments *arguments) {
        int ways = (arguments->n_operands > 0) + !!arguments_get(arguments, "user") +
                   !!arguments_get(arguments, "others") + !!arguments_get(arguments, "all-users");

        if (ways == 0)
                return cli_usage(cli, "name sessions, or --user USER, --others or --all-users",
                                 "session revoke needs to know which sessions");
        if (ways > 1)
                return cli_usage(cli, NULL, "name sessions, or one of --user, --others and --all-users");
        if (arguments_get(arguments, "all-users"))
                return cli_confirm(cli, "Revoke the sessions of all users, and end their logins?");
        return 0;
}

static int tell_revoked(Cli *cli, json_t *revoked) {
        const json_t *id;
        size_t i;

        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:O}", "changed", json_array_size(revoked) > 0, "revoked",
                                                  revoked));
        json_array_foreach(revoked, i, id)
                output_say(cli, "revoked %.*s", WIRE_SESSION_ID_SHOWN, json_string_value(id));
        if (json_array_size(revoked) == 0)
                output_say(cli, "nothing changed");
        return CLI_DONE;
}

int verb_session_revoke(Cli *cli, const Arguments *arguments) {
        static const bool yes = true;
        const char *const *ids = (const char *const *) arguments->operands;
        const ClientEntry what[] = {
                { .key = "ids", .strings = arguments->n_operands > 0 ? ids : NULL },
                { .key = "user", .string = arguments_get(arguments, "user") },
                { .key = "others", .boolean = arguments_get(arguments, "others") ? &yes : NULL },
                { .key = "all-users", .boolean = arguments_get(arguments, "all-users") ? &yes : NULL },
        };
        const ClientEntry options[] = {
                { .key = "keep-login", .boolean = arguments_get(arguments, "keep-login") ? &yes : NULL },
                { .key = "reason", .string = arguments_get(arguments, "reason") },
        };
        const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "Revoke",
                .arguments = { REQUEST_ARG_DICT(what), REQUEST_ARG_DICT(options) },
                .reply = "as",
        };
        json_auto_t *revoked = NULL;
        int r;

        r = check_revoke(cli, arguments);
        if (r == 0)
                r = request_strings(cli, &request, &revoked);
        return r == 0 ? tell_revoked(cli, revoked) : r;
}
