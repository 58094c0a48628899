/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Answers that are there and whose time has not come. No worker waits for them, and the main loop does
 * not either: it counts in milliseconds, and a part of one is enough to tell an answer that was
 * checked from one that was not. A thread of their own lets them go, to some 50 µs.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct Late Late;

typedef void (*LateDone)(void *data);

Late *late_new(void);
/* Lets all go that are left, and waits for that; accepts NULL, returns NULL. */
Late *late_free(Late *late);

/* Calls @done on the thread at @due (g_get_monotonic_time()). False, and not called, once it was stopped. */
bool late_add(Late *late, int64_t due, LateDone done, void *data);

/* Nothing is held back any more: those that are there go at once. */
void late_stop(Late *late);
