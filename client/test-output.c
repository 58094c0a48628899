/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "client/errors.h"
#include "client/output.h"
#include "client/session.h"
#include "common/wire.h"

#define NOW G_GINT64_CONSTANT(1700000000)

static void test_relative_times(void) {
        static const struct {
                int64_t distance; /* from now */
                const char *expected;
        } rows[] = {
                { 0, "now" },
                { -1, "1 s ago" },
                { -59, "59 s ago" },
                { -60, "1 min ago" },
                { -239, "3 min ago" },
                { -3599, "59 min ago" },
                { -3600, "1 h ago" },
                { -86399, "23 h ago" },
                { -86400, "1 d ago" },
                { -86400 * 400, "400 d ago" },
                { 1, "in 1 s" },
                { 899, "in 14 min" }, /* a token of 15 min does not promise 15 */
                { 900, "in 15 min" },
                { 86400 * 7 - 1, "in 6 d 23 h" },
                { 86400 * 7, "in 7 d" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *text = output_time(NOW + rows[i].distance, NOW);
                g_assert_cmpstr(text, ==, rows[i].expected);
        }
}

static void test_times_at_the_edges(void) {
        g_autofree char *never = output_time(0, NOW), *negative = output_time(-5, NOW);
        g_autofree char *last = output_time(G_MAXINT64, NOW), *no_clock = output_time(NOW, -1);

        g_assert_cmpstr(never, ==, "never");
        g_assert_cmpstr(negative, ==, "never");
        g_assert_true(g_str_has_prefix(last, "in "));
        g_assert_true(g_str_has_prefix(no_clock, "in "));
}

static void test_columns_align(void) {
        g_autoptr(Table) table = table_new();
        g_autofree char *text = NULL;

        table_head(table, "A", "LONGER", "C", NULL);
        table_row(table, "wide value", "x", "1", NULL);
        table_row(table, "ü", "日本", "2", NULL);
        text = table_to_string(table, false);
        g_assert_cmpstr(text, ==,
                        "A           LONGER  C\n"
                        "wide value  x       1\n"
                        "ü           日本    2\n");
}

static void test_no_space_at_the_end_and_no_colour_unasked(void) {
        g_autoptr(Table) table = table_new();
        g_autofree char *plain = NULL, *bold = NULL;

        table_pair(table, "name", "value");
        table_pair(table, "empty", "");
        plain = table_to_string(table, false);
        bold = table_to_string(table, true);
        g_assert_cmpstr(plain, ==, "name   value\nempty\n");
        g_assert_cmpstr(bold, ==, "\033[1mname\033[0m   value\n\033[1mempty\033[0m\n");
}

static void test_text_of_others_cannot_drive_the_terminal(void) {
        g_autoptr(Table) table = table_new();
        g_autofree char *text = NULL;

        table_row(table, "a\033[2Jb\rc\nd\xc2\x9b" "31m", NULL);
        text = table_to_string(table, false);
        g_assert_cmpstr(text, ==, "a?[2Jb?c?d?31m\n");
}

static void test_empty_tables(void) {
        g_autoptr(Table) table = table_new();

        g_assert_true(table_is_empty(table));
        table_head(table, "A", NULL);
        g_assert_true(table_is_empty(table));
        table_row(table, "a", NULL);
        g_assert_false(table_is_empty(table));
}

static void test_unset_is_a_dash(void) {
        json_auto_t *object = json_pack("{s:n, s:s, s:[], s:[s,s]}", "from", "tty", "", "none", "two", "a", "b");
        g_autofree char *none = output_list(json_object_get(object, "none"));
        g_autofree char *two = output_list(json_object_get(object, "two"));

        g_assert_cmpstr(output_text(object, "from"), ==, "-");
        g_assert_cmpstr(output_text(object, "tty"), ==, "-");
        g_assert_cmpstr(output_text(object, "absent"), ==, "-");
        g_assert_cmpstr(none, ==, "-");
        g_assert_cmpstr(two, ==, "a, b");
}

static void test_sessions_as_people_see_them(void) {
        const Cli cli = { .now = NOW };
        json_auto_t *sessions = json_pack(
                "[{s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:I, s:I, s:I, s:I, s:b}]", "id",
                "1a2b3c4d5e6f708192a3b4c5d6e7f809", "user", "alice", "host", "web1", "service", "sshd",
                "from", "192.0.2.7", "tty", "pts/3", "methods", "pwd", "auth_time", NOW - 200,
                "opened", NOW - 7200, "seen", NOW - 10, "ends", NOW + 86400 * 6 + 7200, "current", 1);
        g_autoptr(Table) table = session_table(&cli, sessions);
        g_autofree char *text = table_to_string(table, false);

        g_assert_cmpstr(text, ==,
                        "SESSION     USER   HOST  SERVICE  FROM       TTY    METHODS  PROVEN     OPENED   SEEN      ENDS\n"
                        "1a2b3c4d *  alice  web1  sshd     192.0.2.7  pts/3  pwd      3 min ago  2 h ago  10 s ago  in 6 d 2 h\n");
}

static void test_what_errors_mean(void) {
        static const struct {
                const char *name;
                CliExit exit;
                const char *code;
        } rows[] = {
                { WIRE_ERROR_INVALID, CLI_FAILED, "invalid" },
                { WIRE_ERROR_DENIED, CLI_REFUSED, "denied" },
                { WIRE_ERROR_STALE, CLI_REFUSED, "stale" },
                { WIRE_ERROR_NOT_FOUND, CLI_FAILED, "not-found" },
                { WIRE_ERROR_AMBIGUOUS, CLI_FAILED, "ambiguous" },
                { WIRE_ERROR_EXISTS, CLI_FAILED, "exists" },
                { WIRE_ERROR_NOT_SIGNED_IN, CLI_NOT_SIGNED_IN, "not-signed-in" },
                { WIRE_ERROR_CREDENTIAL, CLI_REFUSED, "credential" },
                { WIRE_ERROR_THROTTLED, CLI_REFUSED, "throttled" },
                { WIRE_ERROR_BUSY, CLI_FAILED, "busy" },
                { WIRE_ERROR_STORE, CLI_UNREACHABLE, "store" },
                { WIRE_ERROR_INTERNAL, CLI_FAILED, "internal" },
                { "org.freedesktop.DBus.Error.NameHasNoOwner", CLI_UNREACHABLE, "unreachable" },
                { NULL, CLI_UNREACHABLE, "unreachable" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                const CliErrorMeaning *meaning = cli_error_meaning(rows[i].name);
                g_assert_cmpint(meaning->exit, ==, rows[i].exit);
                g_assert_cmpstr(meaning->code, ==, rows[i].code);
        }
}

int main(void) {
        test_relative_times();
        test_times_at_the_edges();
        test_columns_align();
        test_no_space_at_the_end_and_no_colour_unasked();
        test_text_of_others_cannot_drive_the_terminal();
        test_empty_tables();
        test_unset_is_a_dash();
        test_sessions_as_people_see_them();
        test_what_errors_mean();
        return 0;
}
