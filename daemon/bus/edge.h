/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The edge: the object on every connection, and the way of a call through it.
 *
 *     received on the main loop → is there a row? → who calls? (bus: asked, nobody waits; private
 *     socket: known) → may they? → are there too many? → a worker: which process? → the handler →
 *     the reply, from the worker
 *
 * All functions are the main loop's.
 */

#include <gio/gio.h>

#include "daemon/bus/admission.h"
#include "daemon/bus/credentials.h"
#include "daemon/bus/monitor.h"
#include "daemon/core/core.h"

typedef struct Edge Edge;

typedef struct EdgeParts {
        Core *core;                        /* must outlive the edge */
        const IdentitySource *identities;
        const AuditSink *audit;
        Monitor *monitor;                  /* must outlive the edge */
        int64_t configuration_read;        /* microseconds since 1970 */
} EdgeParts;

/* Who is at the other end of a connection. */
typedef struct EdgePeer {
        Credentials *credentials; /* of the bus; a reference is kept. NULL on the private socket: */
        pid_t pid;                /* root, by SO_PEERCRED, and this process */
} EdgePeer;

/* 0 or a negative errno. */
int edge_new(const EdgeParts *parts, Edge **ret);

/* Waits for what is under way. */
Edge *edge_free(Edge *edge);

/* Puts the object on @connection. Returns FALSE and sets @error. */
gboolean edge_export(Edge *edge, GDBusConnection *connection, const EdgePeer *peer, GError **error);

/* The configuration was read again, beginning then. */
void edge_reloaded(Edge *edge, int64_t configuration_read);

/* A descriptor of /proc, the edge's. */
int edge_proc(const Edge *edge);

/* From now on new calls are told to come back, and no answer is held back. */
void edge_stop(Edge *edge);

/* Calls that have no reply yet. */
unsigned edge_under_way(Edge *edge);
