/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* One run of the command: what was asked of it as a whole, and how it ends. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Exit codes; part of the interface (tessera(1), EXIT STATUS). */
typedef enum CliExit {
        CLI_DONE = 0,          /* done, or yes */
        CLI_FAILED = 1,        /* failed, or not valid */
        CLI_USAGE = 2,         /* the command line is wrong, or input is missing */
        CLI_REFUSED = 3,       /* by role, by policy, or the password was not accepted */
        CLI_NOT_SIGNED_IN = 4, /* this login has no live session */
        CLI_UNREACHABLE = 5,   /* tesserad does not answer, or its store does not */
} CliExit;

typedef struct Cli {
        bool json;     /* --json */
        bool color;    /* stdout is a terminal that may be coloured */
        bool quiet;    /* -q */
        bool no_input; /* --no-input: never ask */
        bool yes;      /* --yes: do not ask for confirmation */
        int64_t now;   /* Unix seconds, for relative times */
} Cli;

/* Makes descriptors 0 to 2 safe and looks at the terminal and the clock. */
void cli_init(Cli *cli);

/* Writes out what is left for stdout. Returns @exit, or CLI_FAILED with a message where it cannot be written. */
int cli_finish(Cli *cli, int exit);

/* Is stderr a terminal that can be written over? */
bool cli_has_screen(void);

/* The name of who asks, for people to read: the daemon asks the bus. 0 (g_free), or an exit code that was told. */
int cli_own_name(Cli *cli, char **ret);

/*
 * Asks on the terminal "QUESTION [y/N] ". Returns CLI_DONE for yes, --yes, or where there is no
 * terminal to ask on (a script says what it means); else the exit code of a refusal, which was told.
 */
int cli_confirm(Cli *cli, const char *question);
