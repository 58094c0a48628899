/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "client/event.h"

#define NOW INT64_C(1772366400) /* 2026-03-01 12:00:00 UTC */

static void test_since(void) {
        static const struct {
                const char *text;
                int64_t since;
        } good[] = {
                { "0s", NOW },
                { "90s", NOW - 90 },
                { "30min", NOW - 30 * 60 },
                { "2h", NOW - 2 * 60 * 60 },
                { "7d", NOW - 7 * 24 * 60 * 60 },
                { "9999999d", 0 },
                { "2026-03-01", NOW - 12 * 60 * 60 },
                { "2026-03-01 12:00", NOW },
                { "2026-03-01 12:00:01", NOW + 1 },
                { "2026-02-28 23:59", NOW - 12 * 60 * 60 - 60 },
        };
        static const char *const bad[] = {
                "", "2", "h", "-2h", "+2h", " 2h", "2h ", "2 h", "2H", "2hours", "1h30min", "12345678s", "0x10s", "yesterday",
                "2026", "2026-03", "2026-13-01", "2026-03-32", "2026-03-01x", "2026-03-01 25:00", "2026-03-01 12:00:00 ",
                "1969-01-01", "12:00", "999999999999999999999d",
        };
        int64_t since;

        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                since = -1;
                g_assert_true(event_parse_since(good[i].text, NOW, &since));
                g_assert_cmpint(since, ==, good[i].since);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                since = -1;
                if (event_parse_since(bad[i], NOW, &since))
                        g_error("\"%s\" was understood", bad[i]);
                g_assert_cmpint(since, ==, -1);
        }
}

static void test_line(void) {
        json_auto_t *full = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "time", (json_int_t) NOW, "event",
                                      "refused", "user", "alice", "service", "sudo", "from", "192.0.2.7", "reason",
                                      "role-missing", "session", "00");
        json_auto_t *empty = json_pack("{s:I, s:n, s:n}", "time", (json_int_t) NOW, "event", "user");
        json_auto_t *administered = json_pack("{s:I, s:s, s:s, s:s}", "time", (json_int_t) NOW, "event", "user-disabled",
                                              "user", "bob", "by", "carol");
        json_auto_t *own = json_pack("{s:I, s:s, s:s, s:s}", "time", (json_int_t) NOW, "event", "revoked", "user", "bob",
                                     "by", "bob");
        g_autofree char *line = event_line(full), *unset = event_line(empty), *by = event_line(administered),
                        *by_himself = event_line(own);

        g_assert_cmpstr(line, ==,
                        "2026-03-01 12:00:00  refused     alice       sudo      from 192.0.2.7        role-missing");
        g_assert_cmpstr(unset, ==, "2026-03-01 12:00:00  -           -           -         -                     -");
        g_assert_cmpstr(by, ==, "2026-03-01 12:00:00  user-disabled  bob         -         -                     -  by carol");
        g_assert_null(strstr(by_himself, "by bob"));
}

int main(void) {
        test_since();
        test_line();
        return 0;
}
