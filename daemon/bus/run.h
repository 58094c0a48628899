/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The daemon while it runs: the main loop, its signals and its housekeeping.
 *
 *     SIGHUP            reads the configuration again; mistakes keep the old one
 *     SIGTERM, SIGINT   gives the name back, lets what is under way finish (5 s), returns
 */

#include "daemon/bus/edge.h"
#include "daemon/bus/notify.h"
#include "daemon/bus/private-socket.h"
#include "daemon/bus/setup.h"
#include "daemon/bus/system-bus.h"

typedef struct Run {
        const Options *options;
        const Notify *notify;
        const StoreSettings *store; /* where it has been since the start */
        Core *core;
        Edge *edge;
        SystemBus *bus;
        PrivateSocket *socket; /* NULL without */
} Run;

/* Returns true when all is finished; false: something is still under way, and nothing may be freed. */
bool run(const Run *run);
