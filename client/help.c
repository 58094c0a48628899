/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The text of --help, from the table of commands. */

#include <string.h>

#include "client/options.h"

#define HELP_COLUMN 32

static void append_entry(GString *text, const char *left, const char *help) {
        g_string_append_printf(text, "  %-*s  %s\n", HELP_COLUMN - 4, left, help);
}

static void append_options(GString *text, const char *title, const OptionSpec *options) {
        if (!options)
                return;
        g_string_append_printf(text, "\n%s:\n", title);
        for (; options->name; options++) {
                g_autofree char *letter = options->letter ? g_strdup_printf("-%c, ", options->letter) : g_strdup("");
                g_autofree char *left = g_strjoin("", letter, "--", options->name, options->argument ? " " : "",
                                                  options->argument ?: "", NULL);
                append_entry(text, left, options->help);
        }
}

static void append_command(GString *text, const CommandSpec *command) {
        g_autofree char *left = g_strjoin("", command->noun, command->verb ? " " : "", command->verb ?: "",
                                          command->operands ? " " : "", command->operands ?: "", NULL);

        append_entry(text, left, command->help);
}

static char *help_command(const CommandSpec *command) {
        GString *text = g_string_new(NULL);

        g_string_append_printf(text, "Usage: tessera %s%s%s%s%s%s\n\n%s\n", command->noun, command->verb ? " " : "",
                               command->verb ?: "", command->options ? " [options]" : "",
                               command->operands ? " " : "", command->operands ?: "", command->help ?: "");
        append_options(text, "Options", command->options);
        append_options(text, "Options of every command", global_options);
        return g_string_free(text, FALSE);
}

static char *help_commands(const char *noun) {
        GString *text = g_string_new(NULL);

        g_string_append_printf(text, "Usage: tessera %s [options]\n\nCommands:\n", noun ?: "[command]");
        for (const CommandSpec *command = command_table; command->noun; command++)
                if (command->help && (!noun || strcmp(command->noun, noun) == 0))
                        append_command(text, command);
        for (const CommandAlias *alias = command_aliases; alias->alias; alias++)
                if (!noun || strcmp(alias->noun, noun) == 0) {
                        g_autofree char *help = g_strjoin(" ", "the same as", alias->noun, alias->verb, NULL);
                        append_entry(text, alias->alias, help);
                }
        append_options(text, "Options of every command", global_options);
        g_string_append_printf(text, "\n\"tessera %s --help\" tells more of one command; tessera(1) of all.\n",
                               noun ? "NOUN VERB" : "COMMAND");
        return g_string_free(text, FALSE);
}

char *options_help(const Arguments *arguments) {
        if (!arguments->whole_noun)
                return help_command(arguments->command);
        return help_commands(arguments->command == command_table ? NULL : arguments->command->noun);
}
