/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/errors.h"
#include "client/output.h"
#include "client/request.h"
#include "client/token-text.h"
#include "client/verbs.h"
#include "common/name.h"
#include "common/refresh-token.h"

#define MIN_TTL_MAX 86400  /* s; the daemon knows the true limit */

static int print_token(Cli *cli, const char *token, const ClientDict *info) {
        static const ShapeMember members[] = {
                { "session", SHAPE_TEXT }, { "audience", SHAPE_TEXT }, { "expires", SHAPE_TIME }, { NULL },
        };
        _cleanup_wipe_text_ char *line = NULL;
        g_autofree char *rest = NULL;
        json_auto_t *object = NULL;

        /* What is no token of ours could hold anything, and it goes to a terminal. */
        if (!token_text_is_plain(token))
                return request_read(cli, CLIENT_E_VERSION);
        if (cli->json) {
                object = shape_object(members, info);
                rest = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
                line = g_strdup_printf("{\"token\":\"%s\",%s\n", token, rest + 1);
        } else {
                line = g_strdup_printf("%s\n", token);
        }
        return output_secret(cli, line);
}

static int parse_min_ttl(Cli *cli, const char *text, int64_t *ret) {
        guint64 value;

        if (!g_ascii_string_to_unsigned(text, 10, 0, MIN_TTL_MAX, &value, NULL))
                return cli_usage(cli, "such as --min-ttl 300", "--min-ttl is a number of seconds, not \"%s\"", text);
        *ret = (int64_t) value;
        return 0;
}

/* Asks for a token of at most @max characters and prints it. */
static int request_token(Cli *cli, const Request *request, size_t max) {
        _cleanup_wipe_text_ char *token = NULL;
        _cleanup_client_message_ ClientMessage *reply = NULL;
        _cleanup_client_dict_ ClientDict *info = NULL;
        size_t size;
        int r;

        r = request_call(cli, request, &reply);
        if (r == 0)
                r = request_read(cli, client_message_read_secret(reply, max, &token, &size));
        if (r == 0)
                r = request_read(cli, client_message_read_dict(reply, &info));
        return r == 0 ? print_token(cli, token, info) : r;
}

int verb_token_print(Cli *cli, const Arguments *arguments) {
        const char *audience = arguments_get(arguments, "audience"), *text = arguments_get(arguments, "min-ttl");
        int64_t min_ttl = 0;
        const ClientEntry options[] = {
                { .key = "audience", .string = audience },
                { .key = "min-ttl", .integer = text ? &min_ttl : NULL },
        };
        const Request request = {
                .interface = WIRE_INTERFACE_TOKENS,
                .method = "Print",
                .arguments = { REQUEST_ARG_DICT(options) },
                .reply = "ha{sv}",
        };
        int r = 0;

        if (text)
                r = parse_min_ttl(cli, text, &min_ttl);
        if (r == 0 && audience && !name_is_host(audience))
                r = cli_usage(cli, "the name that it has in its own tokens, such as web1.example.org",
                              "that cannot be a host's name");
        return r == 0 ? request_token(cli, &request, audience ? WIRE_TICKET_MAX : WIRE_ACCESS_TOKEN_MAX) : r;
}

/* One token from stdin, or typed: 0; -E2BIG for what is too long for one; or the exit code of what was told. */
static int read_token(Cli *cli, SecretInput *ret) {
        int r;

        if (!isatty(STDIN_FILENO))
                r = secret_input_all(STDIN_FILENO, ret);
        else if (cli->no_input)
                return cli_usage(cli, "give it on stdin", "a token is needed, and --no-input is given");
        else
                r = secret_input_prompt("Token: ", SECRET_INPUT_TIMEOUT, ret);
        if (r == -ENODATA)
                return 0;
        if (r == 0 || r == -E2BIG)
                return r;
        return cli_fail(cli, CLI_FAILED, "cancelled", NULL, "the token could not be read: %s", g_strerror(-r));
}

/* What is no refresh token is not sent: it may be a password. Nothing is sent twice, as each works once. */
int verb_token_refresh(Cli *cli, const Arguments *arguments) {
        _cleanup_secret_input_ SecretInput token = { 0 };
        const char *text = arguments_get(arguments, "min-ttl");
        int64_t min_ttl = 0;
        const ClientEntry options[] = { { .key = "min-ttl", .integer = text ? &min_ttl : NULL } };
        const Request request = {
                .interface = WIRE_INTERFACE_TOKENS,
                .method = "Refresh",
                .arguments = { REQUEST_ARG_SECRET(&token), REQUEST_ARG_DICT(options) },
                .reply = "ha{sv}",
        };
        int r = 0;

        if (text)
                r = parse_min_ttl(cli, text, &min_ttl);
        if (r == 0)
                r = read_token(cli, &token);
        if (r > 0)
                return r;
        if (r == 0 && token.size == 0)
                return cli_usage(cli, "give it on stdin", "there is no refresh token");
        if (r == -E2BIG || !refresh_token_is_like(token.data, token.size))
                return cli_fail(cli, CLI_FAILED, "invalid", NULL, "this is no refresh token: they begin with "
                                REFRESH_TOKEN_PREFIX);
        return request_token(cli, &request, WIRE_ACCESS_TOKEN_MAX);
}

static int reason_exit(const char *reason) {
        if (strcmp(reason, "valid") == 0)
                return CLI_DONE;
        if (strcmp(reason, "missing") == 0)
                return CLI_USAGE;
        if (strcmp(reason, "role-missing") == 0)
                return CLI_REFUSED;
        return CLI_FAILED;
}

static void print_valid(const Cli *cli, const json_t *answer) {
        g_autoptr(Table) table = table_new();
        g_autofree char *id = output_id(output_text(answer, "session"));
        g_autofree char *roles = output_list(json_object_get(answer, "roles"));
        g_autofree char *expires = output_time(output_number(answer, "expires"), cli->now);
        g_autofree char *proven = output_time(output_number(answer, "auth_time"), cli->now);

        table_pair(table, "user", output_text(answer, "user"));
        table_pair(table, "session", json_is_string(json_object_get(answer, "session"))
                                             ? id
                                             : "none yet: a ticket of another host, looked at and not spent");
        table_pair(table, "audience", output_text(answer, "audience"));
        table_pair(table, "roles", roles);
        table_pair(table, "proven", proven);
        table_pair(table, "expires", expires);
        (void) puts("valid");
        table_print(table, cli);
}

static int tell_verdict(Cli *cli, const char *reason, const ClientDict *info) {
        json_auto_t *answer = shape_verify(reason, info);
        int exit = reason_exit(reason);

        if (cli->json)
                (void) output_json(cli, json_incref(answer));
        else if (exit == CLI_DONE)
                print_valid(cli, answer);
        else
                (void) printf("not valid: %s\n", output_text(answer, "reason"));
        return exit;
}

int verb_token_verify(Cli *cli, const Arguments *arguments) {
        _cleanup_secret_input_ SecretInput token = { 0 };
        const ClientEntry options[] = {
                { .key = "audience", .string = arguments_get(arguments, "audience") },
                { .key = "role", .string = arguments_get(arguments, "role") },
        };
        const Request request = {
                .interface = WIRE_INTERFACE_TOKENS,
                .method = "Verify",
                .arguments = { REQUEST_ARG_SECRET(&token), REQUEST_ARG_DICT(options) },
                .reply = "sa{sv}",
        };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        _cleanup_client_dict_ ClientDict *info = NULL;
        const char *reason;
        int r;

        r = read_token(cli, &token);
        if (r == -E2BIG)
                return tell_verdict(cli, "invalid", NULL);
        if (r != 0)
                return r;
        if (token.size == 0)
                return tell_verdict(cli, "missing", NULL);
        if (refresh_token_is_like(token.data, token.size)) {
                output_note(cli, "a refresh token is checked by using it: tessera token refresh");
                return tell_verdict(cli, "invalid", NULL);
        }
        r = request_call(cli, &request, &reply);
        if (r == 0)
                r = request_read(cli, client_message_read_string(reply, WIRE_NAME_MAX, &reason));
        if (r == 0)
                r = request_read(cli, client_message_read_dict(reply, &info));
        return r == 0 ? tell_verdict(cli, reason, info) : r;
}

static void print_members(const Cli *cli, const char *title, json_t *object) {
        g_autoptr(Table) table = table_new();
        const char *name;
        json_t *value;

        json_object_foreach(object, name, value) {
                g_autofree char *text = token_text_member(name, value, cli->now);
                table_pair(table, name, text);
        }
        (void) printf("\n%s\n", title);
        table_print(table, cli);
}

static int decode_refresh_token(Cli *cli, const SecretInput *text) {
        char device[2 * REFRESH_DEVICE_SIZE + 1];
        g_autofree char *counter = NULL;
        g_autoptr(Table) table = table_new();
        RefreshToken token;

        if (!refresh_token_parse(text->data, text->size, &token))
                return cli_fail(cli, CLI_FAILED, "invalid", NULL,
                                "this is no refresh token, though it begins like one");
        explicit_bzero(token.signature, sizeof(token.signature));
        refresh_device_to_text(token.device, device);
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s, s:I}", "verified", 0, "device", device, "counter",
                                                  (json_int_t) token.counter));
        (void) puts("a refresh token; its signature was not looked at: anybody can write such a token\n");
        counter = g_strdup_printf("%" G_GUINT32_FORMAT, token.counter);
        table_pair(table, "device", device);
        table_pair(table, "counter", counter);
        table_print(table, cli);
        return CLI_DONE;
}

int verb_token_decode(Cli *cli, const Arguments *arguments) {
        _cleanup_secret_input_ SecretInput token = { 0 };
        json_auto_t *header = NULL, *claims = NULL;
        int r;

        r = read_token(cli, &token);
        if (r > 0)
                return r;
        if (r == 0 && token.size == 0)
                return cli_usage(cli, "give it on stdin", "there is no token to decode");
        if (r == 0 && refresh_token_is_like(token.data, token.size))
                return decode_refresh_token(cli, &token);
        if (r == -E2BIG || !token_text_decode(token.data, token.size, &header, &claims))
                return cli_fail(cli, CLI_FAILED, "invalid", NULL, "this is no token");
        if (cli->json)
                return output_json(cli,
                                   json_pack("{s:b, s:O, s:O}", "verified", 0, "header", header, "claims", claims));
        (void) puts("nothing was verified: anybody can write such a token");
        print_members(cli, "header", header);
        print_members(cli, "claims", claims);
        return CLI_DONE;
}
