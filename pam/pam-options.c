/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/name.h"
#include "pam/pam-options.h"

static int parse_prompt(Options *options, const char *value) {
        char clean[OPTIONS_PROMPT_MAX + 2];

        name_clean(value, clean, sizeof(clean));
        if (!value[0] || strlen(clean) > OPTIONS_PROMPT_MAX || strcmp(clean, value) != 0)
                return -EINVAL;
        options->prompt = value;
        return 0;
}

/* Digits only: no sign, no blank, no unit; and 0 would mean a module that never asks. */
static int parse_timeout(Options *options, const char *value) {
        unsigned seconds = 0;

        for (const char *c = value; *c; c++) {
                if (*c < '0' || *c > '9')
                        return -EINVAL;
                seconds = seconds * 10 + (unsigned) (*c - '0');
                if (seconds > OPTIONS_TIMEOUT_MAX)
                        return -EINVAL;
        }
        if (seconds == 0)
                return -EINVAL;
        options->timeout = seconds;
        return 0;
}

static int parse_breakglass(Options *options, const char *value) {
        if (!name_is_user(value) && !name_is_word(value))
                return -EINVAL;
        options->breakglass = value;
        return 0;
}

static int parse_debug(Options *options, const char *value) {
        options->debug = true;
        return 0;
}

int options_parse(int argc, const char **argv, Options *ret, const char **ret_culprit) {
        static const struct {
                const char *name;
                int (*parse)(Options *options, const char *value);
        } table[] = {
                { "prompt=", parse_prompt },
                { "timeout=", parse_timeout },
                { "breakglass=", parse_breakglass },
                { "debug", parse_debug },
        };
        const size_t n_table = sizeof(table) / sizeof(table[0]);
        Options options = { .prompt = OPTIONS_PROMPT, .timeout = OPTIONS_TIMEOUT };
        bool seen[sizeof(table) / sizeof(table[0])] = { false };

        for (int a = 0; a < argc; a++) {
                size_t i, n = 0;

                for (i = 0; i < n_table; i++) {
                        n = strlen(table[i].name);
                        /* One with a value is known by its beginning, "debug" as a whole. */
                        if (strncmp(argv[a], table[i].name, n) == 0 && (table[i].name[n - 1] == '=' || !argv[a][n]))
                                break;
                }
                if (i == n_table || seen[i] || table[i].parse(&options, argv[a] + n) < 0) {
                        *ret_culprit = argv[a];
                        return -EINVAL;
                }
                seen[i] = true;
        }
        *ret = options;
        return 0;
}
