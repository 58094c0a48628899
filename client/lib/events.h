/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Events, as the daemon tells them. Anybody on a message bus can send anybody a signal, and sd-bus
 * hands it over whatever name it claims: only one whose sender is the very peer that the connection
 * was bound to is an event.
 */

#include "client/lib/call.h"

/* Subscribes, within the connection's deadline. Returns as client_message_call(). */
int client_events_subscribe(Client *client, ClientError *ret_error);

/*
 * Waits, without a deadline, for the next event, or until @stop_fd can be read: @ret is NULL then. 0,
 * CLIENT_E_UNREACHABLE when the daemon has gone, CLIENT_E_VERSION or a negative errno.
 */
int client_events_next(Client *client, int stop_fd, ClientDict **ret);
