/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdio.h>
#include <string.h>

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

/* SSH_ASKPASS takes no arguments: by that name the command is "tessera askpass". */
static bool is_askpass(const char *name) {
        g_autofree char *base = g_path_get_basename(name);

        return strcmp(base, "tessera-askpass") == 0;
}

int main(int argc, char **argv) {
        char *askpass[] = { argv[0], (char *) "askpass", argc > 1 ? argv[1] : NULL, NULL };
        Arguments arguments = { 0 };
        Cli cli;
        int r;

        cli_init(&cli);
        if (argc > 0 && is_askpass(argv[0])) {
                argc = argc > 1 ? 3 : 2;
                argv = askpass;
        }
        r = options_parse(&cli, argc, argv, &arguments);
        r = run(&cli, &arguments, r);
        r = cli_finish(&cli, r);
        arguments_deinit(&arguments);
        return r;
}
