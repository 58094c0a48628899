/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The line that a person reads after a login. */

#include "daemon/core/login-internal.h"

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define REUSE_TOLD_S (7 * DAY)

/* "2 h ago"; what the clock has not reached yet is now. */
static char *ago(int64_t time, int64_t now) {
        int64_t seconds = MAX(now - time, 0);

        if (seconds < MINUTE)
                return g_strdup("just now");
        if (seconds < HOUR)
                return g_strdup_printf("%d min ago", (int) (seconds / MINUTE));
        if (seconds < 2 * DAY)
                return g_strdup_printf("%d h ago", (int) (seconds / HOUR));
        return g_strdup_printf("%" G_GINT64_FORMAT " d ago", seconds / DAY);
}

static void add_place(GString *line, const char *from) {
        if (from)
                g_string_append_printf(line, " from %s", from);
        else
                g_string_append(line, " on this host");
}

static void add_last(GString *line, const LoginNews *news, int64_t now) {
        g_autofree char *when = ago(news->last, now);

        g_string_append_printf(line, "Last login: %s", when);
        add_place(line, news->last_from);
        g_string_append_c(line, '.');
}

static void add_failures(GString *line, const LoginNews *news, int64_t now) {
        g_autofree char *when = ago(news->failed, now);

        g_string_append_printf(line, "%s%u failed attempt%s %s, %s%s", line->len > 0 ? " " : "", news->failures,
                               news->failures > 1 ? "s" : "", news->last > 0 ? "since" : "so far",
                               news->failures > 1 ? "the last " : "", when);
        add_place(line, news->failed_from);
        g_string_append_c(line, '.');
}

/* The latest of those that were copied lately. */
static const Device *find_reused(const GPtrArray *devices, int64_t now) {
        const Device *found = NULL;

        for (guint i = 0; devices && i < devices->len; i++) {
                const Device *device = devices->pdata[i];

                if (device->revoked > now - REUSE_TOLD_S && g_strcmp0(device->revoke_reason, DEVICE_REASON_REUSE) == 0 &&
                    (!found || device->revoked > found->revoked))
                        found = device;
        }
        return found;
}

static void add_reused(GString *line, const Device *device, int64_t now) {
        g_autofree char *when = ago(device->revoked, now);

        g_string_append_printf(line, "%sYour device \"%s\" was revoked %s because one of its tokens came twice: "
                               "somebody may have copied it. Look with: tessera device list",
                               line->len > 0 ? " " : "", device->name, when);
}

char *login_news_line(const LoginNews *news, const GPtrArray *devices, int64_t now) {
        const Device *reused = find_reused(devices, now);
        GString *line = g_string_new(NULL);
        char *clean;

        if (news->last > 0)
                add_last(line, news, now);
        if (news->failures > 0)
                add_failures(line, news, now);
        if (reused)
                add_reused(line, reused, now);
        clean = core_clean(line->str, 1024);
        g_string_free(line, TRUE);
        return clean;
}
