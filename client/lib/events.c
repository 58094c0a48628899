/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/lib/client-private.h"
#include "client/lib/events.h"
#include "common/wire.h"

#define BUS_DRIVER "org.freedesktop.DBus"
#define BUS_DRIVER_PATH "/org/freedesktop/DBus"

/* Peer to peer the connection itself ends when the daemon does; on a bus its name does. */
static int watch_peer(Client *client) {
        _cleanup_client_message_ ClientMessage *call = NULL, *reply = NULL;
        char rule[512];
        int r;

        if (!client->peer)
                return 0;
        r = snprintf(rule, sizeof(rule),
                     "type='signal',sender='" BUS_DRIVER "',path='" BUS_DRIVER_PATH "',interface='" BUS_DRIVER
                     "',member='NameOwnerChanged',arg0='%s'", client->peer);
        if (r < 0 || (size_t) r >= sizeof(rule))
                return -ENAMETOOLONG;
        r = client_message_new(client, BUS_DRIVER, BUS_DRIVER_PATH, BUS_DRIVER, "AddMatch", &call);
        if (r == 0)
                r = client_message_add_string(call, rule);
        if (r == 0)
                r = client_message_call(client, call, &reply, NULL);
        return r;
}

int client_events_subscribe(Client *client, ClientError *ret_error) {
        _cleanup_client_message_ ClientMessage *call = NULL, *reply = NULL;
        int r;

        /* First: who goes in between is missed by the call. */
        r = watch_peer(client);
        if (r == 0)
                r = client_call_new(client, WIRE_INTERFACE_MONITOR, "Subscribe", &call);
        if (r == 0)
                r = client_message_call(client, call, &reply, ret_error);
        if (r == 0)
                r = client_message_check_signature(reply, "");
        return r;
}

static bool is_from(ClientMessage *message, const char *name) {
        const char *sender = sd_bus_message_get_sender(message);

        return !name || (sender && strcmp(sender, name) == 0);
}

static bool is_event(Client *client, ClientMessage *message) {
        const char *path = sd_bus_message_get_path(message);

        return sd_bus_message_is_signal(message, WIRE_INTERFACE_MONITOR, "Event") > 0 && path &&
               strcmp(path, WIRE_OBJECT_PATH) == 0 && is_from(message, client->peer);
}

/* The bus says so; the name of the bus itself is nobody else's. */
static bool is_farewell(Client *client, ClientMessage *message) {
        const char *name, *before, *after;

        return client->peer && sd_bus_message_is_signal(message, BUS_DRIVER, "NameOwnerChanged") > 0 &&
               is_from(message, BUS_DRIVER) && sd_bus_message_read(message, "sss", &name, &before, &after) > 0 &&
               strcmp(name, client->peer) == 0 && after[0] == '\0';
}

/* Something to read, something to write, or @stop_fd: 1 for that one. */
static int wait_for(Client *client, int stop_fd) {
        struct pollfd fds[] = { { .fd = sd_bus_get_fd(client->bus) }, { .fd = stop_fd, .events = POLLIN } };
        uint64_t until = UINT64_MAX, left;
        int events, r;

        events = sd_bus_get_events(client->bus);
        if (events < 0)
                return events;
        fds[0].events = (short) events;
        r = sd_bus_get_timeout(client->bus, &until);
        if (r < 0)
                return r;
        left = until == UINT64_MAX ? 0 : client_left(until) / 1000 + 1;
        if (poll(fds, 2, until == UINT64_MAX ? -1 : left < 1000 ? (int) left : 1000) < 0 && errno != EINTR)
                return -errno;
        return (fds[1].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
}

/* What failed on our side keeps its errno; everything else is the daemon, or the way to it. */
static int fold(int r) {
        return r == -ENOMEM ? r : CLIENT_E_UNREACHABLE;
}

int client_events_next(Client *client, int stop_fd, ClientDict **ret) {
        for (;;) {
                _cleanup_client_message_ ClientMessage *message = NULL;
                int r;

                r = sd_bus_process(client->bus, &message);
                if (r < 0)
                        return fold(r);
                if (message && is_farewell(client, message))
                        return CLIENT_E_UNREACHABLE;
                if (message && is_event(client, message)) {
                        r = client_message_check_signature(message, "a{sv}");
                        return r == 0 ? client_message_read_dict(message, ret) : r;
                }
                if (r > 0)
                        continue;
                r = wait_for(client, stop_fd);
                if (r < 0)
                        return fold(r);
                if (r > 0) {
                        *ret = NULL;
                        return 0;
                }
        }
}
