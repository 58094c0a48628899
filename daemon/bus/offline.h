/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What is done to the store while the daemon does not run; tessera(1) starts it as the daemon's user. All tell on
 * stdout what they found or did, in lines KEY=VALUE, and log what went wrong. They return the code to exit with.
 */

#include <stdbool.h>

#include "daemon/bus/setup.h"

/*
 * Moves this host's own store into the one that tessera.conf names, and lets the daemon start with that. @dry: only
 * tells what it would do. "state=": "dry", "done", "again" (there was nothing left to do), or "conflicts", and a
 * "conflict=" for each.
 */
int offline_migrate(const Options *options, bool dry);

#define OFFLINE_LOOK "look"
#define OFFLINE_EMPTY "empty"

/*
 * Makes the store at the configured address this host's, if it is @wanted: its id, or OFFLINE_EMPTY. OFFLINE_LOOK: only
 * tells what is there. "state=": "look", "done", "again" (it is so already), or "running": a daemon runs, which can be
 * asked over the bus (LookAtStore, AdoptStore).
 */
int offline_adopt(const Options *options, const char *wanted);
