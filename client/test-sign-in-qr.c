/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "client/sign-in-qr.h"

#define URI "https://login.example.org/device?user_code=WDJB-MJHT"

/* Back from half blocks to modules; dark is true. */
static bool module(char **lines, bool inverted, int x, int y) {
        const char *line = lines[y / 2], *at;
        bool above, below;

        if (g_str_has_prefix(line, "\033"))
                line = strchr(line, 'm') + 1;
        at = g_utf8_offset_to_pointer(line, x);
        above = g_str_has_prefix(at, "\u2580") || g_str_has_prefix(at, "\u2588");
        below = g_str_has_prefix(at, "\u2584") || g_str_has_prefix(at, "\u2588");
        return (y % 2 ? below : above) != inverted;
}

/* Whatever the link is, a reader looks for this in three of the corners. */
static void assert_finder(char **lines, bool inverted, int left, int top) {
        for (int y = -1; y <= 7; y++)
                for (int x = -1; x <= 7; x++) {
                        bool edge = x == -1 || y == -1 || x == 7 || y == 7;
                        bool ring = x == 1 || x == 5 || y == 1 || y == 5;
                        bool inner = x > 1 && x < 5 && y > 1 && y < 5;
                        bool outer = x == 0 || x == 6 || y == 0 || y == 6;
                        bool dark = !edge && (outer || inner || !ring);

                        g_assert_cmpint(module(lines, inverted, left + x, top + y), ==, dark);
                }
}

static void test_code(bool color) {
        int columns, rows;
        g_autofree char *text = sign_in_qr(URI, color, &columns, &rows);
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        int width = columns - 8;

        g_assert_cmpint(width % 4, ==, 1); /* 17 + 4 × version */
        g_assert_cmpint(rows, ==, (columns + 1) / 2);
        g_assert_cmpint((int) g_strv_length(lines), ==, rows + 1);
        g_assert_cmpstr(lines[rows], ==, "");
        for (int y = 0; y < 4; y++)
                for (int x = 0; x < columns; x++)
                        g_assert_false(module(lines, !color, x, y));
        assert_finder(lines, !color, 4, 4);
        assert_finder(lines, !color, columns - 4 - 7, 4);
        assert_finder(lines, !color, 4, columns - 4 - 7);
        for (int i = 0; i < rows; i++) {
                g_assert_cmpint(g_str_has_prefix(lines[i], "\033["), ==, color);
                g_assert_cmpint(g_str_has_suffix(lines[i], "\033[0m"), ==, color);
        }
}

static void test_what_is_too_long(void) {
        g_autofree char *uri = g_strnfill(4000, 'x');
        int columns = 7, rows = 7;

        g_assert_null(sign_in_qr(uri, false, &columns, &rows));
}

int main(void) {
        test_code(false);
        test_code(true);
        test_what_is_too_long();
        return 0;
}
