/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Where the command keeps what belongs to its user on this machine: $XDG_STATE_HOME/tessera (by
 * default ~/.local/state/tessera), 0700. Below it: devices/ (device-file.h), pending/ (registrations
 * under way), aliases/ (device-alias.h), locks/ (empty files, never removed, so that whoever waits for one waits for the same),
 * asked/ (which running ssh was given a ticket).
 */

#include <stdbool.h>
#include <stdint.h>

/*
 * Opens the folder @name, which is made where @create. It and "tessera" above it must be folders, no
 * links, of this user and of nobody else's concern: else -EPERM. -ENOENT where it is missing.
 */
int state_folder_open(const char *name, bool create, int *ret_fd);

/* The path of "tessera" itself, for messages; the caller's (g_free). */
char *state_folder_path(void);

/* $XDG_RUNTIME_DIR/tessera, made where it is missing, or NULL without one; the caller's (g_free). */
char *state_runtime_path(void);

/*
 * Takes the lock @name, waiting for it until @deadline (state_now_ms() plus some). 0 and a
 * descriptor that holds it until it is closed everywhere; -ETIMEDOUT; another negative errno.
 */
int state_lock(const char *name, int64_t deadline, int *ret_fd);

/* Milliseconds of a clock that nobody sets. */
int64_t state_now_ms(void);
