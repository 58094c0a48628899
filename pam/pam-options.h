/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The module's arguments: prompt=TEXT timeout=SECONDS breakglass=GROUP debug. */

#include <stdbool.h>

#define OPTIONS_PROMPT "Password or token: "
#define OPTIONS_PROMPT_MAX 256
#define OPTIONS_TIMEOUT 10      /* seconds */
#define OPTIONS_TIMEOUT_MAX 100 /* below sshd's LoginGraceTime */

typedef struct Options {
        const char *prompt;
        unsigned timeout;
        const char *breakglass; /* NULL: nobody */
        bool debug;
} Options;

/*
 * Strict, because a misspelt option that is ignored is a hole that nobody sees. Returns 0; or
 * -EINVAL and the argument in @ret_culprit: unknown, given twice, or with a value that makes no
 * sense. What @ret holds points into @argv.
 */
int options_parse(int argc, const char **argv, Options *ret, const char **ret_culprit);
