/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What happens, told to who has asked for it, as it happens.
 *
 *     core, on any thread → the sink: journal, then a bounded queue → the main loop → one signal to
 *     each subscriber who may see it
 *
 * Nobody who emits ever waits: when the queue is full what comes is left out, and counted. A signal
 * goes to one subscriber's connection and nowhere else: root is sent everything, another uid what is
 * about the user of its own name.
 *
 * An administrator is sent everything, too, as long as a guard says so, who is asked about every batch
 * after it has happened and before it is told: what happens once somebody is no administrator any more
 * he is not told. From the guard's first no on he is sent what is about himself.
 *
 * A subscriber who does not read costs at most MONITOR_OUTSTANDING_MAX signals of our memory. What
 * the message bus has taken is the bus's to limit; peer to peer such a subscriber is hung up on.
 */

#include <gio/gio.h>
#include <stdbool.h>
#include <sys/types.h>

#include "daemon/core/audit.h"
#include "daemon/core/caller.h"

#define MONITOR_PER_UID 16
#define MONITOR_MAX 64           /* in all; MONITOR_PER_UID of them are kept for root */
#define MONITOR_QUEUE_MAX 2048   /* events that wait for the main loop */
#define MONITOR_OUTSTANDING_MAX 2048 /* signals that GDBus has not written yet */

typedef struct Monitor Monitor;

/* A connection and, on a message bus, who there: the unique name. NULL peer to peer. */
typedef struct MonitorPeer {
        GDBusConnection *connection;
        const char *name;
} MonitorPeer;

/* @next, which gets every event first, on the thread that emits it, must outlive the monitor. */
Monitor *monitor_new(const AuditSink *next);

/* Nothing may emit any more. The main loop's; accepts NULL, returns NULL. */
Monitor *monitor_free(Monitor *monitor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Monitor, monitor_free)

/* Where to emit: the monitor's. */
const AuditSink *monitor_sink(const Monitor *monitor);

/*
 * From now on @peer is sent what @uid may see: everything for root, else what is about @user (copied).
 * One peer is subscribed once, however often it asks, and until it unsubscribes, its connection ends
 * or its name vanishes. 0, or CORE_E_BUSY where there are too many. Any thread.
 */
int monitor_subscribe(Monitor *monitor, const MonitorPeer *peer, uid_t uid, const char *user);

/* Asked on a thread of its own, which it may block: may the caller still be told of everybody's events? */
typedef struct MonitorGuard {
        bool (*may)(gpointer data, const Caller *caller);
        gpointer data; /* must outlive monitor_stop() */
        Caller caller;
} MonitorGuard;

/* The same for an administrator who is called @user, guarded (copied). */
int monitor_subscribe_administrator(Monitor *monitor, const MonitorPeer *peer, const char *user,
                                    const MonitorGuard *guard);

/* Ends what guards do; those that are guarded are told nothing more. Not before the last call. */
void monitor_stop(Monitor *monitor);

/* Any thread; who is not subscribed has nothing to lose. */
void monitor_unsubscribe(Monitor *monitor, const MonitorPeer *peer);

/* How many there are. Any thread. */
unsigned monitor_subscribers(Monitor *monitor);
