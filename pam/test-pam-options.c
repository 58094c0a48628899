/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pam/pam-options.h"

static int parse(Options *ret, const char *first, const char *second) {
        const char *argv[] = { first, second };
        const char *culprit = NULL;
        int argc = (first != NULL) + (second != NULL);
        int r = options_parse(argc, argv, ret, &culprit);

        assert(r == 0 || (r == -EINVAL && culprit));
        assert(r != 0 || !culprit);
        return r;
}

static void test_defaults(void) {
        Options o;

        assert(parse(&o, NULL, NULL) == 0);
        assert(strcmp(o.prompt, "Password or token: ") == 0);
        assert(o.timeout == 10);
        assert(!o.breakglass);
        assert(!o.debug);
}

static void test_values(void) {
        Options o;

        assert(parse(&o, "prompt=Wer da? ", "timeout=3") == 0);
        assert(strcmp(o.prompt, "Wer da? ") == 0 && o.timeout == 3);
        assert(parse(&o, "breakglass=rescue", "debug") == 0);
        assert(strcmp(o.breakglass, "rescue") == 0 && o.debug);
        assert(parse(&o, "timeout=100", NULL) == 0 && o.timeout == 100);
}

/* A row each: a misspelling, a value that makes no sense, one of the options of other modules. */
static void test_P19_bad_options_are_errors(void) {
        static const char *const bad[] = {
                "", "=", "foo", "Debug", "DEBUG", "debug=", "debug=1", "debugger", "prompt", "prompt=", "prompts=x",
                "timeout",
                "timeout=", "timeout=0", "timeout=00", "timeout=-1", "timeout=+1", "timeout= 1", "timeout=1 ",
                "timeout=1s", "timeout=0x1", "timeout=101", "timeout=4294967306", "timeout=18446744073709551626",
                "timeout=1e1", "time-out=1", "breakglass", "breakglass=", "breakglass=a b", "breakglass=a/b",
                "breakglass=a:b", "breakglass=-x", "breakglass=\n", "prompt=a\nb", "prompt=\033[31m",
                "prompt=\xff", "nullok", "try_first_pass", "use_first_pass", "max_tries=0", " debug",
        };
        Options o = { .timeout = 77 };
        char longest[5 + sizeof("prompt=") + OPTIONS_PROMPT_MAX] = "prompt=";

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                if (parse(&o, bad[i], NULL) != -EINVAL)
                        fprintf(stderr, "accepted: \"%s\"\n", bad[i]);
                assert(parse(&o, bad[i], NULL) == -EINVAL);
                assert(parse(&o, "debug", bad[i]) == -EINVAL);
                assert(o.timeout == 77); /* untouched */
        }
        memset(longest + strlen("prompt="), 'x', OPTIONS_PROMPT_MAX);
        assert(parse(&o, longest, NULL) == 0);
        longest[strlen(longest)] = 'x';
        assert(parse(&o, longest, NULL) == -EINVAL);
}

static void test_P19_twice_is_an_error(void) {
        Options o;

        assert(parse(&o, "debug", "debug") == -EINVAL);
        assert(parse(&o, "timeout=1", "timeout=1") == -EINVAL);
        assert(parse(&o, "breakglass=a", "breakglass=b") == -EINVAL);
}

int main(void) {
        test_defaults();
        test_values();
        test_P19_bad_options_are_errors();
        test_P19_twice_is_an_error();
        return 0;
}
