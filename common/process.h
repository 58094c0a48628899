/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* How our daemons begin. libc only. */

/*
 * Before anything else: 0, 1 and 2 are open, so that no socket ever becomes one of them; what is written
 * is nobody else's; no core, no other's debugger, no more rights by any program that is run; a peer that is
 * gone is an error, not a signal. 0 or a negative errno.
 */
int process_begin(void);
