/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/errors.h"
#include "common/name.h"
#include "common/wire.h"

#define MESSAGE_MAX 1024

#define HINT_DAEMON "is it running? systemctl status tesserad.service tesserad.socket"

/* A wrong password and a throttled one look alike, so both are "refused". */
static const CliErrorMeaning meanings[] = {
        { WIRE_ERROR_INVALID,       CLI_FAILED,        "invalid",       NULL },
        { WIRE_ERROR_DENIED,        CLI_REFUSED,       "denied",        "try it with sudo" },
        { WIRE_ERROR_STALE,         CLI_REFUSED,       "stale",         "sign this login in again: tessera login" },
        { WIRE_ERROR_NOT_FOUND,     CLI_FAILED,        "not-found",     NULL },
        { WIRE_ERROR_AMBIGUOUS,     CLI_FAILED,        "ambiguous",     "give more digits; --json shows all" },
        { WIRE_ERROR_EXISTS,        CLI_FAILED,        "exists",        NULL },
        { WIRE_ERROR_NOT_SIGNED_IN, CLI_NOT_SIGNED_IN, "not-signed-in", "sign this login in: tessera login" },
        { WIRE_ERROR_CREDENTIAL,    CLI_REFUSED,       "credential",    NULL },
        { WIRE_ERROR_NOT_PREPARED,  CLI_FAILED,        "not-prepared",  NULL },
        { WIRE_ERROR_THROTTLED,     CLI_REFUSED,       "throttled",     "wait, or ask an administrator: tessera throttle" },
        { WIRE_ERROR_BUSY,          CLI_FAILED,        "busy",          "try again in a moment" },
        { WIRE_ERROR_STORE,         CLI_UNREACHABLE,   "store",         NULL },
        { WIRE_ERROR_INTERNAL,      CLI_FAILED,        "internal",      "journalctl -u tesserad says more" },
        { NULL, CLI_UNREACHABLE, "unreachable", HINT_DAEMON },
};

const CliErrorMeaning *cli_error_meaning(const char *dbus_name) {
        const CliErrorMeaning *meaning = meanings;

        while (meaning->name && g_strcmp0(meaning->name, dbus_name) != 0)
                meaning++;
        return meaning;
}

static void tell_json(const char *code, const char *message, const char *hint) {
        json_t *error = json_pack("{s:{s:s, s:s, s:s?}}", "error", "code", code, "message", message, "hint", hint);

        if (error)
                (void) json_dumpf(error, stderr, JSON_COMPACT | JSON_ENSURE_ASCII);
        (void) fputc('\n', stderr);
        json_decref(error);
}

static int tell(const Cli *cli, CliExit exit, const char *code, const char *hint, const char *message) {
        char clean[MESSAGE_MAX];

        name_clean(message, clean, sizeof(clean));
        if (cli->json) {
                tell_json(code, clean, hint);
        } else {
                (void) fprintf(stderr, "tessera: %s\n", clean);
                if (hint)
                        (void) fprintf(stderr, "  %s\n", hint);
        }
        return exit;
}

int cli_fail(Cli *cli, CliExit exit, const char *code, const char *hint, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return tell(cli, exit, code, hint, message);
}

int cli_usage(Cli *cli, const char *hint, const char *format, ...) {
        g_autofree char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        message = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        return tell(cli, CLI_USAGE, "usage", hint, message);
}

int cli_fail_bus(Cli *cli, const char *dbus_name, const char *message) {
        const CliErrorMeaning *meaning = cli_error_meaning(dbus_name);

        return tell(cli, meaning->exit, meaning->code, meaning->hint,
                    message && *message ? message : "tesserad gave no reason");
}
