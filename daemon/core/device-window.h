/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Which counters of a device still count. Each counts once. A counter above the highest counts, and
 * what lies between becomes a gap: logins that run side by side arrive out of order, so a counter
 * in a gap counts once more, but only within DEVICE_LATE_S of being passed over and while it is not
 * more than DEVICE_WINDOW below the highest. Everything else is a second use: of a counter that was
 * used, or that its owner gave up long ago. A device never repeats a counter, so then somebody has
 * copied it.
 *
 * Kept are the highest counter and the gaps that are still open; a closed gap needs no memory. The
 * text form, for databases, is "first-last@since" for each gap, lowest first, separated by spaces.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DEVICE_WINDOW 1024
#define DEVICE_LATE_S 120 /* sshd's LoginGraceTime: no login is under way for longer */

typedef struct DeviceGap {
        uint32_t first, last;
        int64_t since; /* Unix seconds */
} DeviceGap;

typedef struct DeviceWindow {
        uint32_t highest; /* 0: nothing used yet; the first counter is 1 */
        GArray *gaps;     /* DeviceGap, lowest first; NULL: none */
} DeviceWindow;

void device_window_deinit(DeviceWindow *window);
void device_window_copy(const DeviceWindow *window, DeviceWindow *ret);

typedef enum DeviceUse {
        DEVICE_USE_AGAIN = 0, /* a second use, or no counter at all (0) */
        DEVICE_USE_NEXT,      /* above the highest */
        DEVICE_USE_LATE,      /* out of an open gap */
} DeviceUse;

/*
 * Uses @counter, if it still counts. A gap is open while @now is within DEVICE_LATE_S of its since,
 * on either side: a clock that is set back by a little must not make a thief of an honest device.
 * While the daemon runs, @now is of a clock that nobody sets (core_steady()).
 */
DeviceUse device_window_use(DeviceWindow *window, uint32_t counter, int64_t now);

/* The gaps as text (g_free; "" without); and back, false for what to_string would not write. */
char *device_window_gaps_to_string(const DeviceWindow *window);
bool device_window_gaps_from_string(const char *text, uint32_t highest, DeviceWindow *ret);
