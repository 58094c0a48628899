/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Who uses the state folder: daemons, or one who changes what they rely on while none runs. */

#include <stdbool.h>

/*
 * Held until this process ends, however it does. 0 or a negative errno (-EWOULDBLOCK: the others are there), with what
 * to do in @ret_message (g_free).
 */
int state_lock(const char *folder, bool alone, char **ret_message);
