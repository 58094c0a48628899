/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * How functions report. 0 is good. A negative errno is unexpected: nobody matches on it, it
 * travels to the top and is logged once, there. A positive MODULE_E_* is an outcome that the
 * header lists and the direct caller must handle. Output parameters come last, are named ret_ and
 * stay untouched on failure.
 *
 * error_trace() is put where an unexpected error is raised or forwarded, so that the one log line
 * at the top can say where it began:
 *
 *         r = store_user_get(store, name, &user);
 *         if (r < 0)
 *                 return error_trace(r);
 */

#define error_trace(r) error_trace_at((r), __FILE__, __LINE__)

/* Remembers file and line of the first trace of this thread since error_origin(). Returns @r. */
int error_trace_at(int r, const char *file, int line);

/* "file:line" of that first trace, or "" ; forgets it. Valid until the thread's next trace. */
const char *error_origin(void);
