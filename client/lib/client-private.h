/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What connect.c and call.c share and nobody else sees. */

#include <systemd/sd-bus.h>

#include "client/lib/connect.h"

struct Client {
        sd_bus *bus;
        char *peer; /* the unique name that calls go to; NULL on the private socket */
        uint64_t deadline;
};

/*
 * Runs the connection until @done(), or the deadline. Messages that nobody waits for (signals,
 * which anybody may send us) are dropped on the way. 0, -ETIMEDOUT or what sd-bus returned.
 */
int client_run(Client *client, int (*done)(Client *client, void *userdata), void *userdata);
