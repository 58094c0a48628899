/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#pragma once

/* What monitor.c (who is subscribed, what happens) and monitor-tell.c (who is told) share. */

#include <stdbool.h>

#include "daemon/bus/monitor.h"

/* Somebody's, or, where the uid is 0, root's. Dead once it is out of the table. */
typedef struct Subscriber {
        Monitor *monitor;
        GDBusConnection *connection; /* NULL once ended; the main loop's */
        char *name;                  /* NULL peer to peer */
        uid_t uid;
        char *user;
        MonitorGuard guard; /* of an administrator's; may NULL: it is none */
        bool everybodys;    /* an administrator's, to whom the guard has not yet said no; the main loop's */
        unsigned rounds;    /* batches that wait for the guard; the main loop's */
        gint outstanding;   /* atomic: signals that GDBus has and has not begun to write */
        unsigned left_out;  /* in a row; the main loop's, as what follows */
        guint watch, filter;
        gulong closed;
        bool gone; /* under the lock: out of the table */
} Subscriber;

struct Monitor {
        AuditSink sink; /* first, so that it is found again */
        const AuditSink *next;
        GMutex lock;
        GPtrArray *subscribers; /* a reference each */
        GQueue events;          /* MonitorItem *, a reference each */
        unsigned left_out;      /* since the last turn of the main loop */
        guint source;           /* of that turn, while one is due */
        GThreadPool *guards;    /* one thread, so that batches stay in their order; NULL: it has ended */
};

/* One event, on its way; counted by references. */
typedef struct MonitorItem {
        GVariant *body;
        char *user; /* NULL: of nobody's */
} MonitorItem;

MonitorItem *monitor_item_new(const AuditEvent *event);
void monitor_item_unref(gpointer item);

void subscriber_unref(gpointer subscriber);

/* A turn of the main loop: tells a batch of what has happened, and comes again while there is more. */
gboolean monitor_tell(gpointer monitor);

GThreadPool *monitor_guards_new(void);
