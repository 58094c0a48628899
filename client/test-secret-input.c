/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * What a descriptor gives, and (as "test-secret-input prompt SECONDS", which tests/cli runs behind
 * a terminal) the prompt with a short time limit: it prints what came back.
 */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/secret-input.h"
#include "common/cleanup.h"

static int file_with(const void *data, size_t size) {
        int fd = memfd_create("input", MFD_CLOEXEC);

        assert(fd >= 0 && write(fd, data, size) == (ssize_t) size && lseek(fd, 0, SEEK_SET) == 0);
        return fd;
}

static void test_lines_are_taken_one_at_a_time(void) {
        _cleanup_close_ int fd = file_with("current\nnew", 11);
        _cleanup_secret_input_ SecretInput first = { 0 }, second = { 0 }, third = { 0 };

        assert(secret_input_line(fd, &first) == 0);
        assert(first.size == 7 && memcmp(first.data, "current", 7) == 0);
        assert(lseek(fd, 0, SEEK_CUR) == 8);
        assert(secret_input_line(fd, &second) == 0);
        assert(second.size == 3 && memcmp(second.data, "new", 3) == 0);
        assert(secret_input_line(fd, &third) == -ENODATA && third.size == 0);
}

static void test_all_drops_one_newline_and_nothing_else(void) {
        static const struct {
                const char *input;
                const char *expected;
        } rows[] = {
                { "", "" },           { "\n", "" },          { "a.b.c", "a.b.c" }, { "a.b.c\n", "a.b.c" },
                { "a\n\n", "a\n" }, { "a\r\n", "a\r" }, { " a", " a" },       { "a\nb", "a\nb" },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                _cleanup_close_ int fd = file_with(rows[i].input, strlen(rows[i].input));
                _cleanup_secret_input_ SecretInput all = { 0 };

                assert(secret_input_all(fd, &all) == 0);
                assert(all.size == strlen(rows[i].expected) && memcmp(all.data, rows[i].expected, all.size) == 0);
        }
}

static void test_input_is_bounded(void) {
        static char data[WIRE_SECRET_MAX + 2];
        _cleanup_secret_input_ SecretInput secret = { 0 };

        memset(data, 'a', sizeof(data));
        for (size_t size = WIRE_SECRET_MAX; size <= WIRE_SECRET_MAX + 2; size++) {
                _cleanup_close_ int one = file_with(data, size), all = file_with(data, size);
                int expected = size > WIRE_SECRET_MAX ? -E2BIG : 0;

                assert(secret_input_line(one, &secret) == expected);
                assert(secret_input_all(all, &secret) == expected);
        }
}

static void test_wiped(void) {
        SecretInput secret = { .size = 3, .data = "abc" };
        static const SecretInput nothing;

        secret_input_wipe(&secret);
        assert(memcmp(&secret, &nothing, sizeof(secret)) == 0);
}

static int prompt(int timeout) {
        _cleanup_secret_input_ SecretInput secret = { 0 };
        int r = secret_input_prompt("Password: ", timeout, &secret);

        printf("result %d size %zu\n", r, secret.size);
        return r == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
        if (argc == 3 && strcmp(argv[1], "prompt") == 0)
                return prompt(atoi(argv[2]));
        test_lines_are_taken_one_at_a_time();
        test_all_drops_one_newline_and_nothing_else();
        test_input_is_bounded();
        test_wiped();
        return 0;
}
