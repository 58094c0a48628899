/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <gio/gio.h>
#include <sodium.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/memfd.h"
#include "common/wire.h"
#include "daemon/bus/unpack.h"

typedef struct Target {
        const char *word;
        const char *lines;
        bool flag;
        int64_t number;
        const char **words;
} Target;

static const UnpackKey keys[] = {
        { "word",   UNPACK_TEXT,  8,  offsetof(Target, word)   },
        { "lines",  UNPACK_LINES, 64, offsetof(Target, lines)  },
        { "flag",   UNPACK_BOOL,  0,  offsetof(Target, flag)   },
        { "number", UNPACK_INT64, 0,  offsetof(Target, number) },
        { "words",  UNPACK_WORDS, 2,  offsetof(Target, words)  },
        { NULL },
};

static int unpack(const char *text, const UnpackKey *table, Target *ret) {
        g_auto(Request) request = { .core = NULL };
        g_autofree char *tuple = g_strdup_printf("(%s,)", text);
        Target target = { .word = NULL };
        int r;

        request.arguments = g_variant_parse(G_VARIANT_TYPE("(a{sv})"), tuple, NULL, NULL, NULL);
        assert(request.arguments);
        r = unpack_dict(&request, 0, table, &target);
        assert((r == CORE_E_INVALID) == (request.detail != NULL));
        if (ret)
                *ret = target; /* its strings are for comparing with NULL alone */
        g_free(target.words);
        return r;
}

static void test_B9_what_a_method_does_not_know_is_refused(void) {
        static const struct {
                const char *text, *why;
                int r;
        } rows[] = {
                { "@a{sv} {}", "nothing is asked for", 0 },
                { "{'word': <'eightbyt'>, 'flag': <true>, 'number': <int64 5>, 'words': <['a', 'b']>}", "all", 0 },
                { "{'lines': <'publickey ssh-ed25519 AAAA\\n'>}", "what sshd accepted ends in a newline", 0 },
                { "{'wordy': <'x'>}", "unknown key", CORE_E_INVALID },
                { "{'': <'x'>}", "empty key", CORE_E_INVALID },
                { "{'word': <'x'>, 'word': <'y'>}", "twice: which one counts?", CORE_E_INVALID },
                { "{'word': <'ninebytes'>}", "too long", CORE_E_INVALID },
                { "{'word': <'a\\nb'>}", "line break", CORE_E_INVALID },
                { "{'word': <'a\\u001b[2J'>}", "terminal's escape", CORE_E_INVALID },
                { "{'word': <'\\u009b2J'>}", "C1 control", CORE_E_INVALID },
                { "{'lines': <'a\\u001b'>}", "escape among lines", CORE_E_INVALID },
                { "{'word': <int64 1>}", "another type", CORE_E_INVALID },
                { "{'word': <<'x'>>}", "variant in a variant", CORE_E_INVALID },
                { "{'number': <int64 -1>}", "negative", CORE_E_INVALID },
                { "{'number': <5>}", "of 32 bits", CORE_E_INVALID },
                { "{'words': <['a', 'b', 'c']>}", "too many", CORE_E_INVALID },
                { "{'words': <['a\\n']>}", "line break in a list", CORE_E_INVALID },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                int r = unpack(rows[i].text, keys, NULL);

                if (r != rows[i].r)
                        g_error("%s: %d, not %d", rows[i].why, r, rows[i].r);
        }
        assert(unpack("{'word': <'x'>}", NULL, NULL) == CORE_E_INVALID);
}

static void test_an_empty_text_is_unset(void) {
        Target target;

        assert(unpack("{'word': <''>, 'lines': <'x'>}", keys, &target) == 0);
        assert(!target.word && target.lines);
}

static void test_B9_names_are_capped(void) {
        g_auto(Request) request = { .core = NULL };
        g_autofree char *name = g_strnfill(WIRE_NAME_MAX + 1, 'a');
        const char *text = NULL;

        request.arguments = g_variant_ref_sink(g_variant_new("(s)", name));
        assert(unpack_text(&request, 0, "user", WIRE_NAME_MAX, &text) == CORE_E_INVALID && !text);
        assert(unpack_text(&request, 0, "user", WIRE_NAME_MAX + 1, &text) == 0 && text);
}

static int unpack_fd(int fd, int index, Secret **ret) {
        g_auto(Request) request = { .core = NULL };

        request.arguments = g_variant_ref_sink(g_variant_new("(h)", index));
        if (fd >= 0) {
                request.fds = g_unix_fd_list_new();
                assert(g_unix_fd_list_append(request.fds, fd, NULL) == 0);
        }
        return unpack_secret(&request, 0, "secret", 16, ret);
}

static void test_S4_secrets_come_in_sealed_memfds_alone(void) {
        _cleanup_close_ int good = -1, large = -1;
        _cleanup_secret_ Secret *secret = NULL;

        assert(memfd_new_sealed("canary", 6, &good) == 0);
        assert(memfd_new_sealed("seventeen bytes..", 17, &large) == 0);
        assert(unpack_fd(good, 1, &secret) == CORE_E_INVALID);
        assert(unpack_fd(good, -1, &secret) == CORE_E_INVALID);
        assert(unpack_fd(-1, 0, &secret) == CORE_E_INVALID);
        assert(unpack_fd(STDIN_FILENO, 0, &secret) == CORE_E_INVALID);
        assert(unpack_fd(large, 0, &secret) == CORE_E_INVALID);
        assert(!secret);
        assert(unpack_fd(good, 0, &secret) == 0);
        assert(secret->size == 6 && memcmp(secret->data, "canary", 7) == 0);
}

int main(void) {
        assert(sodium_init() >= 0);
        test_B9_what_a_method_does_not_know_is_refused();
        test_an_empty_text_is_unset();
        test_B9_names_are_capped();
        test_S4_secrets_come_in_sealed_memfds_alone();
        return 0;
}
