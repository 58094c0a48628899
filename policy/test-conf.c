/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/conf.h"

/* A small file's worth of keys, one per kind of value. */
typedef struct Target {
        int64_t age;
        uint64_t size, count;
        char **list;
        size_t *offsets;
        GString *order; /* what was called, in order */
} Target;

static void note(Target *target, const ConfValue *value) {
        g_string_append_printf(target->order, "%s%s%s/%s@%u:%u ", value->section, value->name ? ":" : "",
                               value->name ?: "", value->key ?: "-", value->line, value->column);
}

static bool open_box(ConfReader *reader, const ConfValue *value, void *target) {
        note(target, value);
        if (strcmp(value->name, "refused") == 0)
                return conf_mistake(reader, value, 0, NULL, "refused");
        return true;
}

static bool set_age(ConfReader *reader, const ConfValue *value, void *target) {
        note(target, value);
        return conf_duration(reader, value, 5, 86400, &((Target *) target)->age);
}

static bool set_size(ConfReader *reader, const ConfValue *value, void *target) {
        note(target, value);
        return conf_size(reader, value, 1024, UINT64_C(1) << 30, &((Target *) target)->size);
}

static bool set_count(ConfReader *reader, const ConfValue *value, void *target) {
        note(target, value);
        return conf_number(reader, value, 1, 32, &((Target *) target)->count);
}

static bool set_list(ConfReader *reader, const ConfValue *value, void *target) {
        Target *t = target;

        note(target, value);
        g_strfreev(g_steal_pointer(&t->list));
        g_free(g_steal_pointer(&t->offsets));
        return conf_list(reader, value, &t->list, &t->offsets);
}

static const ConfSection sections[] = {
        { "main", .keys = (const ConfKey[]) {
                { "age", set_age },
                { "size", set_size },
                { "count", set_count },
                {},
        } },
        { "box", .named = true, .open = open_box, .keys = (const ConfKey[]) {
                { "list", set_list },
                {},
        } },
        {},
};

static void target_clear(Target *target) {
        g_strfreev(target->list);
        g_free(target->offsets);
        g_string_free(target->order, TRUE);
}

/* All mistakes of @text, one per line, as a person sees them. */
static char *read_mistakes(const char *text, size_t size, Target *target) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        GString *all = g_string_new(NULL);
        bool good = conf_read_text("f", text, size, sections, target, mistakes);

        assert(good == (mistakes->len == 0));
        for (unsigned i = 0; i < mistakes->len; i++) {
                g_autofree char *line = conf_mistake_to_string(mistakes->pdata[i]);
                g_string_append_printf(all, "%s%s", i > 0 ? "\n" : "", line);
        }
        return g_string_free(all, FALSE);
}

#define COMMENT_REMEDY "put comments on lines of their own, beginning with \"#\""
#define LINE_REMEDY "write key=value, [section], or a comment beginning with \"#\""

/* One row per kind of mistake; the text it is shown with, with line and column. */
static const struct {
        const char *text, *mistakes;
} rows[] = {
        /* sections */
        { "[mian]\nage=5s\n", "f:1:2: unknown section [mian]; did you mean \"main\"?" },
        { "[boxs:a]\n", "f:1:2: unknown section [boxs:a]; did you mean \"box\"?" },
        { "[other]\n", "f:1:2: unknown section [other]; there are [main], [box:NAME]" },
        { "[]\n", "f:1:2: unknown section []; there are [main], [box:NAME]" },
        { "[Main]\n", "f:1:2: unknown section [Main]; did you mean \"main\"?" },
        { "[ main ]\n", "f:1:2: unknown section [ main ]; did you mean \"main\"?" },
        { "[main\n", "f:1:6: section heading without \"]\"; end the heading with \"]\"" },
        { "[main:x]\n", "f:1:6: section [main] takes no name; write \"[main]\"" },
        { "[box]\n", "f:1:5: section [box] lacks a name; write \"[box:NAME]\"" },
        { "[box:]\n", "f:1:6: \"\" cannot be the name of a box; use up to 64 letters, digits and \"_.-\", "
                      "beginning with a letter or digit" },
        { "[box:a b]\n", "f:1:6: \"a b\" cannot be the name of a box; use up to 64 letters, digits and \"_.-\", "
                         "beginning with a letter or digit" },
        { "[main]\n[main]\n",
          "f:2:1: section [main] stands twice, first in line 1; put its keys under the first one" },
        { "[box:a]\n[box:b]\n[box:a]\n",
          "f:3:1: section [box:a] stands twice, first in line 1; put its keys under the first one" },
        { "[main] # x\n", "f:1:7: text after the section heading [main]; " COMMENT_REMEDY },
        { "[main]]\n", "f:1:7: text after the section heading [main]; " COMMENT_REMEDY },

        /* keys */
        { "age=5s\n", "f:1:1: key \"age\" before the first section; there are [main], [box:NAME]" },
        { "[main]\nagee=5s\n", "f:2:1: unknown key \"agee\" in [main]; did you mean \"age\"?" },
        { "[main]\nCOUNT=5\n", "f:2:1: unknown key \"COUNT\" in [main]; did you mean \"count\"?" },
        { "[main]\nnothing=5\n", "f:2:1: unknown key \"nothing\" in [main]; there are: age, size, count" },
        { "[box:a]\nage=5s\n", "f:2:1: unknown key \"age\" in [box:a]; there are: list" },
        { "[main]\nage=5s\nage=6s\n",
          "f:3:1: key \"age\" stands twice in [main], first in line 2; keep one of the two lines" },
        { "[box:a]\nlist=a\nlist=b\n",
          "f:3:1: key \"list\" stands twice in [box:a], first in line 2; keep one of the two lines" },
        { "[main]\nage\n", "f:2:1: neither a key with a value nor a section; " LINE_REMEDY },
        { "[main]\n=5s\n", "f:2:1: neither a key with a value nor a section; " LINE_REMEDY },

        /* lines */
        { "[main]\n age=5s\n", "f:2:1: indented line; begin it in the first column" },
        { "[main]\n\t# x\n", "f:2:1: indented line; begin it in the first column" },
        { " [main]\nage=5s\n", "f:1:1: indented line; begin it in the first column" },
        { "; x\n", "f:1:1: comment that begins with \";\"; begin it with \"#\"" },
        { "\xef\xbb\xbf[main]\nage=5s\n", "f:1:1: byte order mark; save the file as UTF-8 without it" },
        { "[main]\r\n", "f:1:7: carriage return at the end of the line; save the file with Unix line ends" },
        { "[main]\nage=5s\x1b[2J\n", "f:2:7: control character 0x1b; remove it" },
        { "# c1 \xc2\x9b\n", "f:1:6: control character 0x9b; remove it" },
        { "# del \x7f\n", "f:1:7: control character 0x7f; remove it" },
        { "# latin \xe4\n", "f:1:9: byte 0xe4 is not UTF-8; save the file as UTF-8" },

        /* values of any kind */
        { "[main]\nage=5s # short\n", "f:2:8: comment behind the value of \"age\"; " COMMENT_REMEDY },
        { "[main]\nage=#5s\n", "f:2:5: comment behind the value of \"age\"; " COMMENT_REMEDY },
        { "[main]\nage =\t\n",
          "f:2:7: \"age\" has no value; give it one, or put \"#\" before the line for the default" },
        { "[main]\nage=\"5s\"\n", "f:2:5: quotes round the value of \"age\"; write it without quotes" },

        /* durations */
        { "[main]\nage=24\n", "f:2:5: age \"24\" has no unit; write 24d, 24h, 24min or 24s" },
        { "[main]\nage=1h 30\n", "f:2:8: age \"30\" has no unit; write 30d, 30h, 30min or 30s" },
        { "[main]\nage=15m\n", "f:2:7: unknown unit \"m\"; did you mean \"min\"?" },
        { "[main]\nage=15 Minutes\n", "f:2:5: age \"15\" has no unit; write 15d, 15h, 15min or 15s" },
        { "[main]\nage=15Minutes\n", "f:2:7: unknown unit \"Minutes\"; did you mean \"min\"?" },
        { "[main]\nage=2H\n", "f:2:6: unknown unit \"H\"; did you mean \"h\"?" },
        { "[main]\nage=2mni\n", "f:2:6: unknown unit \"mni\"; did you mean \"min\"?" },
        { "[main]\nage=2w\n", "f:2:6: unknown unit \"w\"; units are d, h, min, s" },
        { "[main]\nage=1.5h\n", "f:2:5: \"1.5h\" is not a whole number with a unit; units are d, h, min, s" },
        { "[main]\nage=-5s\n", "f:2:5: \"-5s\" is not a whole number with a unit; units are d, h, min, s" },
        { "[main]\nage=never\n", "f:2:5: \"never\" is not a whole number with a unit; units are d, h, min, s" },
        { "[main]\nage=1h 1h\n", "f:2:8: \"h\" after \"h\"; write each unit once, from large to small" },
        { "[main]\nage=30s 1h\n", "f:2:9: \"h\" after \"s\"; write each unit once, from large to small" },
        { "[main]\nage=4s\n", "f:2:5: age of 4s is too small; write 5s to 1d" },
        { "[main]\nage=1d 1s\n", "f:2:5: age of 1d 1s is too large; write 5s to 1d" },
        { "[main]\nage=18446744073709551616s\n", "f:2:5: age of 18446744073709551616s is too large; write 5s to 1d" },
        { "[main]\nage=18446744073709551615s\n", "f:2:5: age of 18446744073709551615s is too large; write 5s to 1d" },
        { "[main]\nage=213503982334602d\n", "f:2:5: age of 213503982334602d is too large; write 5s to 1d" },
        { "[main]\nage=213503982334601d 25276s\n" /* 2^64 + 60 seconds */,
          "f:2:5: age of 213503982334601d 25276s is too large; write 5s to 1d" },
        { "[main]\nage=0s\n", "f:2:5: age of 0s is too small; write 5s to 1d" },

        /* sizes */
        { "[main]\nsize=19M\n", "f:2:8: unknown unit \"M\"; did you mean \"MiB\"?" },
        { "[main]\nsize=19mib\n", "f:2:8: unknown unit \"mib\"; did you mean \"MiB\"?" },
        { "[main]\nsize=19\n", "f:2:6: size \"19\" has no unit; write 19GiB, 19MiB, 19KiB or 19B" },
        { "[main]\nsize=17179869184GiB\n", "f:2:6: size of 17179869184GiB is too large; write 1KiB to 1GiB" },
        { "[main]\nsize=1023B\n", "f:2:6: size of 1023B is too small; write 1KiB to 1GiB" },

        /* numbers */
        { "[main]\ncount=0\n", "f:2:7: count of 0 is too small; write 1 to 32" },
        { "[main]\ncount=33\n", "f:2:7: count of 33 is too large; write 1 to 32" },
        { "[main]\ncount=99999999999999999999999\n",
          "f:2:7: count of 99999999999999999999999 is too large; write 1 to 32" },
        { "[main]\ncount=0x10\n", "f:2:8: count \"0x10\" is not a whole number; write 1 to 32" },
        { "[main]\ncount=+1\n", "f:2:7: count \"+1\" is not a whole number; write 1 to 32" },
        { "[main]\ncount=1 2\n", "f:2:8: count \"1 2\" is not a whole number; write 1 to 32" },

        /* lists */
        { "[box:a]\nlist=a;;b\n", "f:2:8: empty item in the list of \"list\"; "
                                  "put one separator between two items, none at the end" },
        { "[box:a]\nlist=a, ,b\n", "f:2:8: empty item in the list of \"list\"; "
                                   "put one separator between two items, none at the end" },
        { "[box:a]\nlist=a;\n", "f:2:8: empty item in the list of \"list\"; "
                                "put one separator between two items, none at the end" },
        { "[box:a]\nlist=;a\n", "f:2:6: empty item in the list of \"list\"; "
                                "put one separator between two items, none before them" },
        { "[box:a]\nlist=a bb a\n", "f:2:11: \"a\" stands twice in \"list\"; keep one of them" },

        /* every mistake is reported, and none twice for one cause */
        { "[mian]\nage=5\nfoo=x\n[main]\nage=5\nsiez=1B\n[box:a\nlist=a;;b\n[box:refused]\nlits=a\nlist=;\n",
          "f:1:2: unknown section [mian]; did you mean \"main\"?\n"
          "f:5:5: age \"5\" has no unit; write 5d, 5h, 5min or 5s\n"
          "f:6:1: unknown key \"siez\" in [main]; did you mean \"size\"?\n"
          "f:7:7: section heading without \"]\"; end the heading with \"]\"\n"
          "f:9:1: refused\n"
          "f:10:1: unknown key \"lits\" in [box:refused]; did you mean \"list\"?" },
};

static void test_each_mistake_is_named_with_its_place_and_a_remedy(void) {
        unsigned failed = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                Target target = { .order = g_string_new(NULL) };
                g_autofree char *mistakes = read_mistakes(rows[i].text, strlen(rows[i].text), &target);

                if (strcmp(mistakes, rows[i].mistakes) != 0) {
                        fprintf(stderr, "%s\n  said:   %s\n  wanted: %s\n\n", rows[i].text, mistakes,
                                rows[i].mistakes);
                        failed++;
                }
                target_clear(&target);
        }
        assert(failed == 0);
}

static void test_a_good_file_is_read_in_its_order(void) {
        static const char text[] = "# caf\xc3\xa9\n"
                                   "\n"
                                   "  \t\n"
                                   "[main]\n"
                                   "age=1h 30min\n"
                                   "size = 19MiB  \n"
                                   "count=32\n"
                                   "[box:a.b-c_1]\n"
                                   "list=a;b, c\td";
        Target target = { .order = g_string_new(NULL) };
        g_autofree char *mistakes = read_mistakes(text, sizeof(text) - 1, &target);

        assert(strcmp(mistakes, "") == 0);
        assert(target.age == 5400 && target.size == 19 * 1024 * 1024 && target.count == 32);
        assert(g_strv_length(target.list) == 4);
        assert(strcmp(target.list[0], "a") == 0 && strcmp(target.list[3], "d") == 0);
        assert(target.offsets[0] == 0 && target.offsets[1] == 2 && target.offsets[2] == 5 && target.offsets[3] == 7);
        assert(strcmp(target.order->str, "main/age@5:5 main/size@6:8 main/count@7:7 box:a.b-c_1/-@8:1 "
                                         "box:a.b-c_1/list@9:6 ") == 0);
        target_clear(&target);
}

static void test_nothing_is_stored_after_a_refused_heading(void) {
        static const char text[] = "[box:refused]\nlist=a\n[box:b]\n[box:b]\nlist=b\n";
        Target target = { .order = g_string_new(NULL) };
        g_autofree char *mistakes = read_mistakes(text, sizeof(text) - 1, &target);

        assert(strcmp(mistakes, "f:1:1: refused\nf:4:1: section [box:b] stands twice, first in line 3; "
                                "put its keys under the first one") == 0);
        assert(strcmp(target.order->str, "box:refused/-@1:1 box:b/-@3:1 ") == 0);
        target_clear(&target);
}

static void test_bytes_that_no_text_holds(void) {
        static const char nul[] = "[main]\nage=5s\0\n";
        Target target = { .order = g_string_new(NULL) };
        g_autofree char *mistakes = read_mistakes(nul, sizeof(nul) - 1, &target);

        assert(strcmp(mistakes, "f:2:7: control character 0x00; remove it") == 0);
        assert(target.order->len == 0);
        target_clear(&target);
}

static void test_sizes_are_bounded(void) {
        Target target = { .order = g_string_new(NULL) };
        g_autofree char *line = g_strnfill(4097, '#');
        g_autofree char *file = g_strnfill(256 * 1024 + 1, '\n');
        g_autofree char *of_line = read_mistakes(line, 4097, &target);
        g_autofree char *of_file = read_mistakes(file, 256 * 1024 + 1, &target);
        g_autofree char *fits = read_mistakes(line, 4096, &target);
        g_autofree char *file_fits = read_mistakes(file, 256 * 1024, &target);

        assert(strcmp(of_line, "f:1:4097: line longer than 4096 bytes; break it into several") == 0);
        assert(strcmp(of_file, "f: file larger than 256 KiB; split it or remove comments") == 0);
        assert(strcmp(fits, "") == 0 && strcmp(file_fits, "") == 0);
        target_clear(&target);
}

/* What is said ends up on terminals: a long key, or a file with an odd name, does no harm there. */
static void test_P22_what_is_said_is_short_and_clean(void) {
        g_autofree char *key = g_strnfill(4000, 'k');
        ConfMistake *mistake = conf_mistake_new("/etc/\x1b[2J\n.conf", 1, 2, key, "unknown \"%s\" \x1b]0;x\x07", key);

        assert(strlen(mistake->message) < 400 && strlen(mistake->remedy) < 400);
        assert(strcmp(mistake->file, "/etc/?[2J?.conf") == 0);
        assert(!conf_mistake_free(mistake));
        mistake = conf_mistake_new("f", 1, 2, NULL, "%s", "\x1b[2J");
        assert(strcmp(mistake->message, "?[2J") == 0 && !mistake->remedy);
        (void) conf_mistake_free(mistake);
        assert(!conf_mistake_free(NULL));
}

static void test_suggestions_look_like_the_slip(void) {
        static const char *const words[] = { "max-age", "methods", "roles", NULL };
        static const struct {
                const char *text, *suggestion;
        } slips[] = {
                { "max-agee", "did you mean \"max-age\"?" },
                { "maxage", "did you mean \"max-age\"?" },
                { "role", "did you mean \"roles\"?" },
                { "METHODS", "did you mean \"methods\"?" },
                { "users", NULL },
                { "", NULL },
        };
        g_autofree char *endless = g_strnfill(100000, 'm');

        for (size_t i = 0; i < G_N_ELEMENTS(slips); i++) {
                g_autofree char *suggestion = conf_suggest(slips[i].text, words);
                if (g_strcmp0(suggestion, slips[i].suggestion) != 0)
                        fprintf(stderr, "\"%s\": %s\n", slips[i].text, suggestion ?: "NULL");
                assert(g_strcmp0(suggestion, slips[i].suggestion) == 0);
        }
        assert(!conf_suggest(endless, words));
}

static char *read_file_mistake(const char *path, bool may_be_absent) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        Target target = { .order = g_string_new(NULL) };

        (void) conf_read_file(path, may_be_absent, sections, &target, mistakes);
        target_clear(&target);
        assert(mistakes->len <= 1);
        return mistakes->len > 0 ? conf_mistake_to_string(mistakes->pdata[0]) : NULL;
}

static void expect_file(const char *path, bool may_be_absent, const char *ending) {
        g_autofree char *said = read_file_mistake(path, may_be_absent);

        if (!ending && said)
                fprintf(stderr, "%s\n", said);
        assert(ending ? said && g_str_has_prefix(said, path) && strstr(said, ending) : !said);
}

/* Only what is root's alone is believed. */
static void test_S6_files_of_trust(void) {
        char folder[] = "/tmp/test-conf-XXXXXX";
        g_autofree char *file = NULL, *link = NULL;
        bool root = geteuid() == 0;

        assert(mkdtemp(folder));
        file = g_build_filename(folder, "a.conf", NULL);
        link = g_build_filename(folder, "b.conf", NULL);
        assert(g_file_set_contents(file, "[main]\nage=5s\n", -1, NULL));
        assert(symlink(file, link) == 0 && chmod(file, 0644) == 0);

        expect_file(file, false, root ? NULL : "does not belong to root");
        expect_file(link, false, ": file is a symbolic link; ");
        expect_file(folder, false, ": not a regular file; ");
        assert(chmod(file, 0664) == 0);
        expect_file(file, false, "others can write it; chown root:root ");
        assert(chmod(file, 0646) == 0);
        expect_file(file, false, "others can write it; chown root:root ");
        assert(chmod(file, 0644) == 0);
        if (root) {
                assert(chown(file, 65534, 0) == 0);
                expect_file(file, false, "does not belong to root");
        }
        assert(unlink(file) == 0 && unlink(link) == 0 && rmdir(folder) == 0);
        expect_file(file, false, ": file does not exist; ");
        expect_file(file, true, NULL);
}

/* An option of a command is read like a line of a file. */
static void test_a_duration_of_elsewhere(void) {
        static const struct {
                const char *text, *message, *remedy;
        } bad[] = {
                { "2", "--for \"2\" has no unit", "write 2d, 2h, 2min or 2s" },
                { "", "--for is empty", "write a number with a unit, as 2h" },
                { " 2h", "\" 2h\" is not a whole number with a unit", "units are d, h, min, s" },
                { "0s", "--for of 0s is too small", "write 1s to 1d" },
                { "25h", "--for of 25h is too large", "write 1s to 1d" },
                { "99999999999999999999999d", "--for of 99999999999999999999999d is too large", "write 1s to 1d" },
                { "-1h", "\"-1h\" is not a whole number with a unit", "units are d, h, min, s" },
                { "2hours", "unknown unit \"hours\"", "did you mean \"h\"?" },
        };
        int64_t seconds = -1;

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                ConfMistake *mistake = conf_duration_text("--for", bad[i].text, 1, 86400, &seconds);

                assert(mistake);
                g_assert_cmpstr(mistake->message, ==, bad[i].message);
                g_assert_cmpstr(mistake->remedy, ==, bad[i].remedy);
                assert(seconds == -1);
                conf_mistake_free(mistake);
        }
        assert(!conf_duration_text("--for", "1h 30min", 1, 86400, &seconds) && seconds == 5400);
}

int main(void) {
        test_each_mistake_is_named_with_its_place_and_a_remedy();
        test_a_good_file_is_read_in_its_order();
        test_nothing_is_stored_after_a_refused_heading();
        test_bytes_that_no_text_holds();
        test_sizes_are_bounded();
        test_P22_what_is_said_is_short_and_clean();
        test_suggestions_look_like_the_slip();
        test_S6_files_of_trust();
        test_a_duration_of_elsewhere();
        return 0;
}
