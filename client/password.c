/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/errors.h"
#include "client/password.h"

static int tell(Cli *cli, int r) {
        switch (r) {
        case -ENODATA:
                return cli_usage(cli, "it is asked at a terminal, or read as one line of stdin",
                                 "no password was given");
        case -E2BIG:
                return cli_usage(cli, NULL, "a password has at most %d bytes", WIRE_PASSWORD_MAX);
        case -EINVAL:
                return cli_usage(cli, NULL, "a password cannot hold a NUL byte");
        case -ETIMEDOUT:
                return cli_fail(cli, CLI_FAILED, "cancelled", NULL, "nothing was typed for %d min",
                                SECRET_INPUT_TIMEOUT / 60);
        case -ENXIO:
                return cli_usage(cli, "give it as one line of stdin",
                                 "there is no terminal to ask for a password on");
        default:
                return cli_fail(cli, CLI_FAILED, "internal", NULL, "the password could not be read: %s",
                                g_strerror(-r));
        }
}

int password_ask(Cli *cli, const char *prompt, SecretInput *ret) {
        int r;

        if (!isatty(STDIN_FILENO))
                r = secret_input_line(STDIN_FILENO, ret);
        else if (cli->no_input)
                return cli_usage(cli, "give it as one line of stdin",
                                 "a password is needed, and --no-input is given");
        else
                r = secret_input_prompt(prompt, SECRET_INPUT_TIMEOUT, ret);
        if (r == 0 && ret->size == 0)
                r = -ENODATA;
        else if (r == 0 && ret->size > WIRE_PASSWORD_MAX)
                r = -E2BIG;
        else if (r == 0 && memchr(ret->data, '\0', ret->size))
                r = -EINVAL;
        return r == 0 ? 0 : tell(cli, r);
}

int password_ask_new(Cli *cli, const char *prompt, SecretInput *ret) {
        _cleanup_secret_input_ SecretInput again = { 0 };
        int r;

        r = password_ask(cli, prompt, ret);
        if (r != 0 || !isatty(STDIN_FILENO))
                return r;
        r = password_ask(cli, "Once more: ", &again);
        if (r != 0)
                return r;
        if (again.size != ret->size || memcmp(again.data, ret->data, ret->size) != 0)
                return cli_fail(cli, CLI_FAILED, "mismatch", NULL, "the two passwords are not the same");
        return 0;
}
