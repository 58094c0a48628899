/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Being signed in on this machine, and the tickets for other hosts that it gives. Nothing is told here. */

#include <stdbool.h>

#include "common/wire.h"

/*
 * A ticket names its host and no port. At another one than sshd's there may be a container, or whoever has an
 * account there, and would sign in with it at this one: those are given none.
 */
#define TICKET_PORT 22

/* Does this login have a live session? */
bool ticket_is_possible(void);

/*
 * A ticket for @audience, which the caller wipes. 0, CLIENT_E_* or a negative errno; @ret_message
 * (may be NULL; g_free) is what the daemon said about it, or NULL.
 */
int ticket_print(const char *audience, char ret[WIRE_TICKET_MAX + 1], char **ret_message);
