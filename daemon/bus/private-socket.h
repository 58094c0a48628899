/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The same object, peer to peer: root's own way to the daemon, which no other user can stall. The
 * socket is 0600 root's, and every connection is checked again: who is at the other end is
 * SO_PEERCRED's word, that is, the effective uid at the time of connecting (sudo's and su's are 0
 * while their real uid is the invoker's). All functions are the main loop's.
 */

#include "daemon/bus/edge.h"

typedef struct PrivateSocket PrivateSocket;

/* Serves connections to @fd, which is taken over. */
PrivateSocket *private_socket_new(Edge *edge, int fd);

/* Accepts no more; those that are there stay. */
void private_socket_stop(PrivateSocket *socket);

/* Writes what is queued; returns for how many connections @done is called. */
unsigned private_socket_flush(PrivateSocket *socket, GAsyncReadyCallback done, gpointer data);

/* Closes all. */
PrivateSocket *private_socket_free(PrivateSocket *socket);
