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
#include "common/cleanup.h"

#define MIN_TTL_MAX 86400  /* s; the daemon knows the true limit */

static void wipe_string(char **text) {
        if (*text)
                explicit_bzero(*text, strlen(*text));
        free(*text);
}

/* Past stdio, whose buffer nobody wipes. */
static int write_out(Cli *cli, const char *text) {
        size_t size = strlen(text);

        while (size > 0) {
                ssize_t n = write(STDOUT_FILENO, text, size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return cli_fail(cli, CLI_FAILED, "output", NULL, "the token could not be written: %s",
                                        g_strerror(errno));
                text += n;
                size -= (size_t) n;
        }
        return CLI_DONE;
}

static int print_token(Cli *cli, const char *token, const ClientDict *info) {
        static const ShapeMember members[] = {
                { "session", SHAPE_TEXT }, { "audience", SHAPE_TEXT }, { "expires", SHAPE_TIME }, { NULL },
        };
        _cleanup_(wipe_string) char *line = NULL;
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
        return write_out(cli, line);
}

static int parse_min_ttl(Cli *cli, const char *text, int64_t *ret) {
        guint64 value;

        if (!g_ascii_string_to_unsigned(text, 10, 0, MIN_TTL_MAX, &value, NULL))
                return cli_usage(cli, "such as --min-ttl 300", "--min-ttl is a number of seconds, not \"%s\"", text);
        *ret = (int64_t) value;
        return 0;
}

static int request_print(Cli *cli, const int64_t *min_ttl, char **ret_token, ClientDict **ret_info) {
        const ClientEntry options[] = { { .key = "min-ttl", .integer = min_ttl } };
        const Request request = {
                .interface = WIRE_INTERFACE_TOKENS,
                .method = "Print",
                .arguments = { REQUEST_ARG_DICT(options) },
                .reply = "ha{sv}",
        };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        size_t size;
        int r;

        r = request_call(cli, &request, &reply);
        if (r == 0)
                r = request_read(cli, client_message_read_secret(reply, WIRE_ACCESS_TOKEN_MAX, ret_token, &size));
        if (r == 0)
                r = request_read(cli, client_message_read_dict(reply, ret_info));
        return r;
}

int verb_token_print(Cli *cli, const Arguments *arguments) {
        _cleanup_(wipe_string) char *token = NULL;
        _cleanup_client_dict_ ClientDict *info = NULL;
        const char *text = arguments_get(arguments, "min-ttl");
        int64_t min_ttl = 0;
        int r;

        if (text) {
                r = parse_min_ttl(cli, text, &min_ttl);
                if (r != 0)
                        return r;
        }
        r = request_print(cli, text ? &min_ttl : NULL, &token, &info);
        return r == 0 ? print_token(cli, token, info) : r;
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
        table_pair(table, "session", id);
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

int verb_token_decode(Cli *cli, const Arguments *arguments) {
        _cleanup_secret_input_ SecretInput token = { 0 };
        json_auto_t *header = NULL, *claims = NULL;
        int r;

        r = read_token(cli, &token);
        if (r > 0)
                return r;
        if (r == 0 && token.size == 0)
                return cli_usage(cli, "give it on stdin", "there is no token to decode");
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
