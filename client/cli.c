/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client/cli.h"
#include "client/errors.h"
#include "common/cleanup.h"

#define ANSWER_MAX 16

/* A socket that got number 1 because stdout was closed would be printed into. */
static void open_standard_descriptors(void) {
        int fd;

        do {
                fd = open("/dev/null", O_RDWR); /* stays open across exec, as these three do */
        } while (fd >= 0 && fd <= STDERR_FILENO);
        (void) safe_close(fd);
}

static bool wants_color(void) {
        const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(no_color && no_color[0]) && g_strcmp0(term, "dumb") != 0;
}

bool cli_has_screen(void) {
        const char *term = getenv("TERM");

        return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

int cli_own_name(Cli *cli, char **ret) {
        const struct passwd *account;

        errno = 0;
        account = getpwuid(getuid());
        if (!account)
                return cli_fail(cli, CLI_FAILED, "internal", NULL, "uid %u has no name: %s", getuid(),
                                errno ? g_strerror(errno) : "no such account");
        *ret = g_strdup(account->pw_name);
        return 0;
}

void cli_init(Cli *cli) {
        const struct rlimit none = { 0 };

        open_standard_descriptors();
        (void) setrlimit(RLIMIT_CORE, &none); /* a core would hold what was typed */
        *cli = (Cli) {
                .color = wants_color(),
                .now = g_get_real_time() / G_USEC_PER_SEC,
        };
}

int cli_finish(Cli *cli, int exit) {
        if (fflush(stdout) == 0 && !ferror(stdout))
                return exit;
        return cli_fail(cli, CLI_FAILED, "output", NULL, "the answer could not be written: %s", g_strerror(errno));
}

static bool is_yes(const char *answer) {
        return g_ascii_strcasecmp(answer, "y\n") == 0 || g_ascii_strcasecmp(answer, "yes\n") == 0;
}

int cli_confirm(Cli *cli, const char *question) {
        _cleanup_fclose_ FILE *tty = NULL;
        char answer[ANSWER_MAX] = "";

        if (cli->yes)
                return CLI_DONE;
        if (cli->no_input)
                return cli_usage(cli, "--yes does it without asking",
                                 "this asks for confirmation, and --no-input is given");
        if (!isatty(STDIN_FILENO))
                return CLI_DONE;
        tty = fopen("/dev/tty", "r+e");
        if (!tty)
                return cli_usage(cli, "--yes does it without asking", "there is no terminal to ask on");
        (void) fprintf(tty, "%s [y/N] ", question);
        (void) fflush(tty);
        if (fgets(answer, sizeof(answer), tty) && is_yes(answer))
                return CLI_DONE;
        return cli_fail(cli, CLI_FAILED, "cancelled", NULL, "nothing was changed");
}
