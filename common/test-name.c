/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/name.h"

static void test_P15_user_names(void) {
        static const struct {
                const char *name;
                bool good;
        } rows[] = {
                { "alice", true },
                { "_apt", true },
                { "host$", true },
                { "a.b-c_d", true },
                { "alice@corp", true },
                { "12345678901234567890123456789a12", true },
                { "12345678901234567890123456789a123", false },
                { NULL, false },
                { "", false },
                { "1000", false },
                { ".", false },
                { "..", false },
                { "-rf", false },
                { "a/b", false },
                { "a:b", false },
                { "a\nb", false },
                { "%n%n", false },
                { "alice ", false },
                { " alice", false },
                { "al$ice", false },
                { "\x1b[2J", false },
                { "\xc3\xa4lice", false },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                if (name_is_user(rows[i].name) != rows[i].good)
                        fprintf(stderr, "name_is_user(\"%s\")\n", rows[i].name ? rows[i].name : "NULL");
                assert(name_is_user(rows[i].name) == rows[i].good);
        }
}

static void test_words_and_hosts(void) {
        assert(name_is_word("sudo-i") && name_is_word("su-l") && name_is_word("sshd"));
        assert(!name_is_word("") && !name_is_word("a b") && !name_is_word("-x") && !name_is_word("../etc"));
        assert(name_is_host("web1.example.org") && name_is_host("a"));
        assert(!name_is_host("Web1") && !name_is_host(".a") && !name_is_host("a.") && !name_is_host("a_b"));
}

static void test_P22_control_characters(void) {
        static const struct {
                const char *text, *clean;
        } rows[] = {
                { "plain", "plain" },
                { "a\x1b[31mb", "a?[31mb" },
                { "line\r\nnext", "line??next" },
                { "del\x7f", "del?" },
                { "c1 \xc2\x9b", "c1 ?" },
                { "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x91", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x91" },
                { "bad \xff\xc3", "bad ??" },
                { "overlong \xc0\xaf", "overlong ??" },
                { "surrogate \xed\xa0\x80", "surrogate ???" },
        };
        char buffer[64];

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
                name_clean(rows[i].text, buffer, sizeof(buffer));
                if (strcmp(buffer, rows[i].clean) != 0)
                        fprintf(stderr, "row %zu: \"%s\"\n", i, buffer);
                assert(strcmp(buffer, rows[i].clean) == 0);
        }
        name_clean("\xe2\x82\xac\xe2\x82\xac", buffer, 5); /* cut between characters, never inside one */
        assert(strcmp(buffer, "\xe2\x82\xac") == 0);
}

int main(void) {
        test_P15_user_names();
        test_words_and_hosts();
        test_P22_control_characters();
        return 0;
}
