/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * How a command fails: on stderr, with a code for programs, one line for people and, where there is
 * something to do, a hint. stdout stays empty. With --json {"error":{"code","message","hint"}}.
 */

#include "client/cli.h"

/* Tells of a failure and returns @exit. @hint may be NULL. Formats like printf. */
int cli_fail(Cli *cli, CliExit exit, const char *code, const char *hint, const char *format, ...)
        G_GNUC_PRINTF(5, 6);

/* A mistake on the command line: code "usage", exit CLI_USAGE. */
int cli_usage(Cli *cli, const char *hint, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* What a D-Bus error means here. Errors that are not tessera's own are those of a bus without our daemon. */
typedef struct CliErrorMeaning {
        const char *name; /* of the D-Bus error; NULL: any other */
        CliExit exit;
        const char *code;
        const char *hint;
} CliErrorMeaning;

const CliErrorMeaning *cli_error_meaning(const char *dbus_name);

/* Tells of a D-Bus error; @message may be NULL. Returns the exit code. */
int cli_fail_bus(Cli *cli, const char *dbus_name, const char *message);
