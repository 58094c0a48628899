/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The way in: peer-to-peer D-Bus on one socket, for one user. The socket's mode keeps others out, and
 * each connection is checked again by SO_PEERCRED, as a mode can be changed. All functions are the
 * main loop's.
 */

#include "daemon/oidc/object.h"

#define SERVER_CONNECTIONS_MAX 64

typedef struct Server Server;

/* Serves connections to @fd, which is taken over, from @uid. @changed: one more connection, or one fewer. */
Server *server_new(Object *object, int fd, uid_t uid, void (*changed)(gpointer data), gpointer data);
Server *server_free(Server *server);

guint server_connections(const Server *server);
