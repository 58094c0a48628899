/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdio.h>

#include "client/options.h"

static int run(Cli *cli, const Arguments *arguments, int what) {
        g_autofree char *help = NULL;

        switch (what) {
        case 0:
                return arguments->command->run(cli, arguments);
        case OPTIONS_HELP:
                help = options_help(arguments);
                (void) fputs(help, stdout);
                return CLI_DONE;
        case OPTIONS_VERSION:
                (void) puts("tessera " TESSERA_VERSION);
                return CLI_DONE;
        default:
                return CLI_USAGE;
        }
}

int main(int argc, char **argv) {
        Arguments arguments = { 0 };
        Cli cli;
        int r;

        cli_init(&cli);
        r = options_parse(&cli, argc, argv, &arguments);
        r = run(&cli, &arguments, r);
        r = cli_finish(&cli, r);
        arguments_deinit(&arguments);
        return r;
}
