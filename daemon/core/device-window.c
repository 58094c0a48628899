/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Between two gaps lies at least one counter that was used, and all of them lie within the window:
 * so there are at most DEVICE_WINDOW / 2, whatever a device does. Gaps that have closed are dropped
 * at the next use that counts, and stay closed: no step of the clock opens them again.
 */

#include <string.h>

#include "daemon/core/device-window.h"

#define GAPS_MAX (DEVICE_WINDOW / 2)

void device_window_deinit(DeviceWindow *window) {
        g_clear_pointer(&window->gaps, g_array_unref);
        window->highest = 0;
}

void device_window_copy(const DeviceWindow *window, DeviceWindow *ret) {
        *ret = (DeviceWindow) {
                .highest = window->highest,
                .gaps = window->gaps ? g_array_copy(window->gaps) : NULL,
        };
}

static bool is_recent(const DeviceGap *gap, int64_t now) {
        uint64_t distance = now >= gap->since ? (uint64_t) now - (uint64_t) gap->since
                                              : (uint64_t) gap->since - (uint64_t) now;

        return distance <= DEVICE_LATE_S;
}

/* The lowest counter that is not more than the window below the highest. */
static uint32_t window_start(const DeviceWindow *window) {
        return window->highest > DEVICE_WINDOW ? window->highest - DEVICE_WINDOW : 1;
}

static void drop_closed(DeviceWindow *window, int64_t now) {
        uint32_t start = window_start(window);

        for (guint i = window->gaps ? window->gaps->len : 0; i > 0; i--) {
                DeviceGap *gap = &g_array_index(window->gaps, DeviceGap, i - 1);

                if (gap->last < start || !is_recent(gap, now))
                        g_array_remove_index(window->gaps, i - 1);
                else
                        gap->first = MAX(gap->first, start);
        }
}

static DeviceGap *find_open(DeviceWindow *window, uint32_t counter, int64_t now, guint *ret_i) {
        for (guint i = 0; window->gaps && i < window->gaps->len; i++) {
                DeviceGap *gap = &g_array_index(window->gaps, DeviceGap, i);

                if (counter < gap->first || counter > gap->last)
                        continue;
                *ret_i = i;
                return is_recent(gap, now) ? gap : NULL;
        }
        return NULL;
}

/* Takes @counter out of a gap: what is left of it are none, one or two. */
static void split(DeviceWindow *window, guint i, uint32_t counter) {
        DeviceGap before = g_array_index(window->gaps, DeviceGap, i), after = before;

        g_array_remove_index(window->gaps, i);
        if (counter < after.last) {
                after.first = counter + 1;
                g_array_insert_val(window->gaps, i, after);
        }
        if (counter > before.first) {
                before.last = counter - 1;
                g_array_insert_val(window->gaps, i, before);
        }
}

static void pass_over(DeviceWindow *window, uint32_t counter, int64_t now) {
        DeviceGap gap = { .first = window->highest + 1, .last = counter - 1, .since = now };

        if (counter - window->highest > 1) {
                if (!window->gaps)
                        window->gaps = g_array_new(FALSE, FALSE, sizeof(DeviceGap));
                g_array_append_val(window->gaps, gap);
        }
        window->highest = counter;
}

DeviceUse device_window_use(DeviceWindow *window, uint32_t counter, int64_t now) {
        DeviceUse use = DEVICE_USE_AGAIN;
        guint i = 0;

        if (counter > window->highest) {
                use = DEVICE_USE_NEXT;
                pass_over(window, counter, now);
        } else if (find_open(window, counter, now, &i)) {
                use = DEVICE_USE_LATE;
                split(window, i, counter);
        }
        if (use != DEVICE_USE_AGAIN)
                drop_closed(window, now);
        return use;
}

/* Text */

char *device_window_gaps_to_string(const DeviceWindow *window) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (guint i = 0; window->gaps && i < window->gaps->len; i++) {
                const DeviceGap *gap = &g_array_index(window->gaps, DeviceGap, i);

                g_string_append_printf(text, "%s%u-%u@%" G_GINT64_FORMAT, i > 0 ? " " : "", gap->first, gap->last,
                                       gap->since);
        }
        return g_string_free(g_steal_pointer(&text), FALSE);
}

static bool read_counter(const char **text, char end, uint32_t *ret) {
        char *behind;
        guint64 value = g_ascii_strtoull(*text, &behind, 10);

        if (value == 0 || value > UINT32_MAX || *behind != end)
                return false;
        *text = behind + 1;
        *ret = (uint32_t) value;
        return true;
}

static bool read_gap(const char **text, DeviceGap *ret) {
        char *behind;

        if (!read_counter(text, '-', &ret->first) || !read_counter(text, '@', &ret->last))
                return false;
        ret->since = g_ascii_strtoll(*text, &behind, 10);
        *text = *behind == ' ' ? behind + 1 : behind;
        return *behind == ' ' || *behind == '\0';
}

/* Is this gap where use() could have left it, behind the one that ends with @before? */
static bool is_placed(const DeviceGap *gap, uint32_t before, const DeviceWindow *window) {
        return gap->first >= window_start(window) && gap->first <= gap->last && gap->last < window->highest &&
               (before == 0 || (gap->first > before && gap->first - before > 1));
}

/* Numbers are read as freely as GLib does: that the text comes out again makes it the one spelling. */
bool device_window_gaps_from_string(const char *text, uint32_t highest, DeviceWindow *ret) {
        DeviceWindow window = { .highest = highest };
        g_autoptr(GArray) gaps = g_array_new(FALSE, FALSE, sizeof(DeviceGap));
        g_autofree char *again = NULL;
        const char *rest = text;
        DeviceGap gap = {};

        while (rest && *rest) {
                uint32_t before = gap.last;

                if (gaps->len == GAPS_MAX || !read_gap(&rest, &gap) || !is_placed(&gap, before, &window))
                        return false;
                g_array_append_val(gaps, gap);
        }
        window.gaps = gaps;
        again = device_window_gaps_to_string(&window);
        if (g_strcmp0(again, text) != 0)
                return false;
        *ret = (DeviceWindow) { .highest = highest, .gaps = gaps->len > 0 ? g_steal_pointer(&gaps) : NULL };
        return true;
}
