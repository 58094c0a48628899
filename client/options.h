/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The command line: one table of commands and their options, which the parser, --help, the manual
 * page's test and the completion share. An option that is not in a command's row does not exist.
 */

#include "client/cli.h"

#define OPTIONS_PER_COMMAND_MAX 8
#define OPERANDS_ANY G_MAXINT

typedef struct OptionSpec {
        const char *name;     /* without "--"; NULL ends a table */
        char letter;          /* of the short form, or 0 */
        const char *argument; /* what it takes, as shown: "USER"; NULL: nothing */
        const char *help;
} OptionSpec;

typedef struct Arguments Arguments;

typedef struct CommandSpec {
        const char *noun;     /* NULL ends a table */
        const char *verb;     /* NULL: the noun alone is the command */
        const char *operands; /* as shown: "ID..."; NULL: none */
        int min_operands;
        int max_operands;
        const char *help;          /* NULL: not for people, and not shown */
        const OptionSpec *options; /* NULL: none of its own */
        int (*run)(Cli *cli, const Arguments *arguments); /* returns the exit code */
        bool raw; /* from the first word on that is no option of every command, all are operands as they are */
} CommandSpec;

typedef struct CommandAlias {
        const char *alias; /* NULL ends a table */
        const char *noun;
        const char *verb;  /* NULL: as the noun */
} CommandAlias;

/* The table's first row is what the bare command does; a noun's first, if it is "list", what the bare noun does. */
extern const CommandSpec command_table[];
extern const CommandAlias command_aliases[];

/* Options of every command. */
extern const OptionSpec global_options[];

struct Arguments {
        const CommandSpec *command; /* NULL with OPTIONS_HELP for the whole */
        bool whole_noun;            /* with OPTIONS_HELP: no verb was named */
        const char *values[OPTIONS_PER_COMMAND_MAX]; /* by row of command->options; "" for one without argument */
        char **operands; /* into argv; the vector is ours */
        int n_operands;
};

void arguments_deinit(Arguments *arguments);

/* The value given to an option, "" for one that takes none, NULL where it was not given. */
const char *arguments_get(const Arguments *arguments, const char *name);

enum {
        _OPTIONS_SUCCESS = 0,
        OPTIONS_HELP,               /* --help */
        OPTIONS_USAGE = CLI_USAGE,  /* wrong; cli_usage() told */
        OPTIONS_VERSION,            /* --version */
};

/* Reads the command line into @cli's switches and @ret, which is to be freed whatever comes back. */
int options_parse(Cli *cli, int argc, char **argv, Arguments *ret);

/* The text of --help for what was named; the caller's (g_free). */
char *options_help(const Arguments *arguments);

/* The nearest of @words (NULL-terminated) to @word, or NULL where none is near. */
const char *options_nearest(const char *word, const char *const *words);
