/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Functions of libc that fail on demand. They stand in the driver itself and are exported, so every
 * library in the process calls them; the module under test is the shipped file.
 */

#include <stdbool.h>

/* From now on the @n-th call of @function ("malloc", "socket", …) in this process fails, and @all_after it. */
void fault_arm(const char *function, int n, bool all_after);

/* Ends it. How often @function was called since; at least n: it did fail. */
int fault_disarm(void);

/* From now on memory that holds @text when it is freed is counted (NULL: no longer). Returns the count so far. */
int fault_watch(const char *text);

/* Where syslog's lines go. */
extern void (*fault_log)(int priority, const char *line);
