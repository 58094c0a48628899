/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A private connection to the daemon: opened, used for a call or two, closed. Nothing outlives it,
 * nothing is cached, and nothing about it comes from the environment.
 *
 * Every wait is bounded by the deadline, the one for the first byte too: sd-bus' own timeouts begin
 * only with a call, so a bus that accepts and then says nothing would hold its caller for long.
 *
 * Root asks on the private socket, because any local user can stall the system bus for everybody.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Client Client;

/* What every function of client/lib returns beyond 0 and a negative errno (something failed on our side). */
enum {
        _CLIENT_E_SUCCESS = 0,
        CLIENT_E_UNREACHABLE, /* nobody answers: no socket, no bus, no owner, connection lost */
        CLIENT_E_TIMEOUT,     /* the deadline passed */
        CLIENT_E_IMPOSTOR,    /* who answers is not the daemon's account */
        CLIENT_E_VERSION,     /* the other side knows no such method, or replies in another form */
        CLIENT_E_REMOTE,      /* the daemon replied with an error of its own: ClientError has it */
        CLIENT_E_NOT_FOUND,   /* logind: no such session or user */
        _CLIENT_E_MAX,
};

/* One line for people, without a full stop. A negative errno is named too. */
const char *client_strerror(int r);

/* The deadline @seconds from now, or @usec: CLOCK_MONOTONIC, in microseconds. */
uint64_t client_deadline(unsigned seconds);
uint64_t client_deadline_in(uint64_t usec);

/* Microseconds left until @deadline; 0 when it has passed. */
uint64_t client_left(uint64_t deadline);

/*
 * Connects to the daemon, which is started where the bus or the socket can do that. All calls on
 * this connection share the deadline. The caller closes it with client_close().
 * Returns 0, CLIENT_E_UNREACHABLE, _TIMEOUT, _IMPOSTOR or a negative errno.
 */
int client_connect(uint64_t deadline, Client **ret);

/* The two ways that it has, each for itself: root's own, and everybody's. */
int client_connect_private(uint64_t deadline, Client **ret);
int client_connect_bus(uint64_t deadline, Client **ret);

/* The same to another service of the system bus that root owns, such as logind. */
int client_connect_root(const char *name, uint64_t deadline, Client **ret);

/* Closes at once, without waiting for anything; keeps errno. Accepts NULL, returns NULL. */
Client *client_close(Client *client);

static inline void cleanup_client(Client **client) {
        *client = client_close(*client);
}

#define _cleanup_client_ __attribute__((__cleanup__(cleanup_client)))
