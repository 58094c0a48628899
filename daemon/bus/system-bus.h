/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The daemon on a message bus: connects to an explicit address, exports the object, asks for the
 * name. A bus that is absent, restarts or hangs never stops the daemon, which serves its private
 * socket meanwhile: it tries again, ever less often, for ever. All functions are the main loop's.
 */

#include "daemon/bus/edge.h"

typedef struct SystemBus SystemBus;

/* Begins to connect. @address is copied, and nothing is read from the environment. */
SystemBus *system_bus_new(Edge *edge, const char *address);

/* Gives the name back, so that new calls go to whoever comes next, and does not ask for it again. */
void system_bus_release(SystemBus *bus);

/* Writes what is queued; returns for how many connections (0 or 1) @done is called. */
unsigned system_bus_flush(SystemBus *bus, GAsyncReadyCallback done, gpointer data);

/* Closes. */
SystemBus *system_bus_free(SystemBus *bus);
