/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>
#include <time.h>

#include "client/event.h"
#include "client/output.h"

static char *clock_time(int64_t when) {
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(when);

        return time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : g_strdup("-");
}

/* The widths fit what is usual; what is longer moves the rest of its line. */
char *event_line(const json_t *event) {
        g_autofree char *when = clock_time(output_number(event, "time"));
        const char *from = output_text(event, "from"), *by = output_text(event, "by");
        bool by_other = !g_str_equal(by, "-") && !g_str_equal(by, output_text(event, "user"));
        g_autofree char *place = g_str_equal(from, "-") ? g_strdup(from) : g_strdup_printf("from %s", from);

        return g_strdup_printf("%s  %-10s  %-10s  %-8s  %-20s  %s%s%s", when, output_text(event, "event"),
                               output_text(event, "user"), output_text(event, "service"), place,
                               output_text(event, "reason"), by_other ? "  by " : "", by_other ? by : "");
}

static bool parse_duration(const char *text, int64_t *ret) {
        static const struct {
                const char *name;
                int64_t seconds;
        } units[] = {
                { "s", 1 }, { "min", 60 }, { "h", 60 * 60 }, { "d", 24 * 60 * 60 },
        };
        size_t digits = strspn(text, "0123456789");

        for (size_t i = 0; digits > 0 && digits < 8 && i < G_N_ELEMENTS(units); i++)
                if (g_str_equal(text + digits, units[i].name)) {
                        *ret = g_ascii_strtoll(text, NULL, 10) * units[i].seconds;
                        return true;
                }
        return false;
}

static bool parse_date(const char *text, int64_t *ret) {
        static const char *const formats[] = { "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S" };

        for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
                struct tm tm = { .tm_isdst = -1 };
                const char *end = strptime(text, formats[i], &tm);
                time_t when;

                if (!end || *end)
                        continue;
                when = mktime(&tm);
                if (when < 0)
                        return false;
                *ret = when;
                return true;
        }
        return false;
}

bool event_parse_since(const char *text, int64_t now, int64_t *ret) {
        int64_t seconds;

        if (!parse_duration(text, &seconds))
                return parse_date(text, ret);
        *ret = MAX(now - seconds, 0);
        return true;
}
