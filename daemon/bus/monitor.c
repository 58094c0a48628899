/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/wire.h"
#include "daemon/bus/monitor-private.h"
#include "daemon/core/core.h"

static void subscriber_clear(gpointer data) {
        Subscriber *subscriber = data;

        g_free(subscriber->name);
        g_free(subscriber->user);
}

void subscriber_unref(gpointer subscriber) {
        g_atomic_rc_box_release_full(subscriber, subscriber_clear);
}

/* Emitting */

static void emit(const AuditSink *sink, const AuditEvent *event) {
        Monitor *monitor = (Monitor *) sink; /* its first member */
        g_autoptr(GMutexLocker) locker = NULL;

        monitor->next->emit(monitor->next, event);
        locker = g_mutex_locker_new(&monitor->lock);
        if (monitor->subscribers->len == 0)
                return;
        if (monitor->events.length >= MONITOR_QUEUE_MAX)
                monitor->left_out++;
        else
                g_queue_push_tail(&monitor->events, monitor_item_new(event));
        if (monitor->source == 0)
                monitor->source = g_idle_add_full(G_PRIORITY_DEFAULT, monitor_tell, monitor, NULL);
}

/* Subscribers: their begin and end on the connection are the main loop's */

static bool is_of(const Subscriber *subscriber, const MonitorPeer *peer) {
        return subscriber->connection == peer->connection && g_strcmp0(subscriber->name, peer->name) == 0;
}

/* GDBus passes every message by here, on its own thread, just before it is written. */
static GDBusMessage *on_message(GDBusConnection *connection, GDBusMessage *message, gboolean incoming,
                                gpointer data) {
        Subscriber *subscriber = data;

        if (!incoming && g_dbus_message_get_message_type(message) == G_DBUS_MESSAGE_TYPE_SIGNAL &&
            g_strcmp0(g_dbus_message_get_destination(message), subscriber->name) == 0 &&
            g_strcmp0(g_dbus_message_get_interface(message), WIRE_INTERFACE_MONITOR) == 0)
                g_atomic_int_add(&subscriber->outstanding, -1);
        return message;
}

static void forget(Subscriber *subscriber);

static void on_vanished(GDBusConnection *connection, const char *name, gpointer data) {
        forget(data);
}

static void on_closed(GDBusConnection *connection, gboolean remote, GError *error, gpointer data) {
        forget(data);
}

static gboolean end(gpointer data) {
        g_autoptr(GDBusConnection) connection = NULL;
        Subscriber *subscriber = data;

        connection = g_steal_pointer(&subscriber->connection);
        if (!connection)
                return G_SOURCE_REMOVE;
        g_clear_handle_id(&subscriber->watch, g_bus_unwatch_name);
        g_clear_signal_handler(&subscriber->closed, connection);
        if (subscriber->filter > 0)
                g_dbus_connection_remove_filter(connection, subscriber->filter);
        subscriber->filter = 0;
        return G_SOURCE_REMOVE;
}

/* Takes it out of the table, if it is there; what is on the connection goes in the main loop's next turn. */
static void take_out(Monitor *monitor, Subscriber *subscriber) {
        if (subscriber->gone)
                return;
        subscriber->gone = true;
        (void) g_idle_add_full(G_PRIORITY_DEFAULT, end, g_atomic_rc_box_acquire(subscriber), subscriber_unref);
        (void) g_ptr_array_remove_fast(monitor->subscribers, subscriber);
}

static void forget(Subscriber *subscriber) {
        Monitor *monitor = subscriber->monitor;
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&monitor->lock);

        take_out(monitor, subscriber);
}

static gboolean begin(gpointer data) {
        Subscriber *subscriber = data;
        GDBusConnection *connection = subscriber->connection;

        if (!connection)
                return G_SOURCE_REMOVE;
        subscriber->closed = g_signal_connect(connection, "closed", G_CALLBACK(on_closed), subscriber);
        /* Tells also of a name that has vanished before. */
        if (subscriber->name)
                subscriber->watch = g_bus_watch_name_on_connection(connection, subscriber->name,
                                                                   G_BUS_NAME_WATCHER_FLAGS_NONE, NULL, on_vanished,
                                                                   subscriber, NULL);
        if (g_dbus_connection_is_closed(connection))
                forget(subscriber);
        return G_SOURCE_REMOVE;
}

static bool has_room(const Monitor *monitor, uid_t uid) {
        unsigned own = 0, others = 0;

        for (guint i = 0; i < monitor->subscribers->len; i++) {
                const Subscriber *subscriber = monitor->subscribers->pdata[i];

                own += subscriber->uid == uid;
                others += subscriber->uid != 0;
        }
        return own < MONITOR_PER_UID && (uid == 0 || others < MONITOR_MAX - MONITOR_PER_UID);
}

static Subscriber *find(const Monitor *monitor, const MonitorPeer *peer) {
        for (guint i = 0; i < monitor->subscribers->len; i++)
                if (is_of(monitor->subscribers->pdata[i], peer))
                        return monitor->subscribers->pdata[i];
        return NULL;
}

static Subscriber *subscriber_new(Monitor *monitor, const MonitorPeer *peer, uid_t uid, const char *user,
                                  const MonitorGuard *guard) {
        Subscriber *subscriber = g_atomic_rc_box_new0(Subscriber);

        subscriber->monitor = monitor;
        subscriber->connection = g_object_ref(peer->connection);
        subscriber->name = g_strdup(peer->name);
        subscriber->uid = uid;
        subscriber->user = g_strdup(user);
        if (guard)
                subscriber->guard = *guard;
        subscriber->everybodys = guard != NULL;
        /* Before the first signal, so that each is counted down as well as up. */
        subscriber->filter = g_dbus_connection_add_filter(peer->connection, on_message,
                                                          g_atomic_rc_box_acquire(subscriber), subscriber_unref);
        return subscriber;
}

static int subscribe(Monitor *monitor, const MonitorPeer *peer, uid_t uid, const char *user,
                     const MonitorGuard *guard, bool *ret_new) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&monitor->lock);
        Subscriber *subscriber;

        *ret_new = false;
        if (find(monitor, peer))
                return 0;
        if (!has_room(monitor, uid))
                return CORE_E_BUSY;
        subscriber = subscriber_new(monitor, peer, uid, user, guard);
        g_ptr_array_add(monitor->subscribers, subscriber);
        (void) g_idle_add_full(G_PRIORITY_DEFAULT, begin, g_atomic_rc_box_acquire(subscriber), subscriber_unref);
        *ret_new = true;
        return 0;
}

int monitor_subscribe(Monitor *monitor, const MonitorPeer *peer, uid_t uid, const char *user) {
        bool is_new;

        return subscribe(monitor, peer, uid, user, /* guard= */ NULL, &is_new);
}

int monitor_subscribe_administrator(Monitor *monitor, const MonitorPeer *peer, const char *user,
                                    const MonitorGuard *guard) {
        g_autofree char *message = g_strdup_printf("%s is told of everybody's events", user);
        bool is_new;
        int r;

        r = subscribe(monitor, peer, guard->caller.uid, user, guard, &is_new);
        if (is_new) /* once, however often he asks for it */
                monitor->sink.emit(&monitor->sink, &(AuditEvent) {
                        .event = "monitor-opened",
                        .message = message,
                        .by = user,
                });
        return r;
}

void monitor_unsubscribe(Monitor *monitor, const MonitorPeer *peer) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&monitor->lock);
        Subscriber *subscriber = find(monitor, peer);

        if (subscriber)
                take_out(monitor, subscriber);
}

unsigned monitor_subscribers(Monitor *monitor) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&monitor->lock);

        return monitor->subscribers->len;
}

const AuditSink *monitor_sink(const Monitor *monitor) {
        return &monitor->sink;
}

Monitor *monitor_new(const AuditSink *next) {
        Monitor *monitor = g_new0(Monitor, 1);

        monitor->sink.emit = emit;
        monitor->next = next;
        g_mutex_init(&monitor->lock);
        monitor->subscribers = g_ptr_array_new_with_free_func(subscriber_unref);
        g_queue_init(&monitor->events);
        monitor->guards = monitor_guards_new();
        return monitor;
}

void monitor_stop(Monitor *monitor) {
        GThreadPool *guards = g_steal_pointer(&monitor->guards);

        if (guards)
                g_thread_pool_free(guards, /* immediate= */ TRUE, /* wait= */ TRUE);
}

Monitor *monitor_free(Monitor *monitor) {
        if (!monitor)
                return NULL;
        monitor_stop(monitor);
        g_clear_handle_id(&monitor->source, g_source_remove);
        g_queue_clear_full(&monitor->events, monitor_item_unref);
        for (guint i = 0; i < monitor->subscribers->len; i++)
                (void) end(monitor->subscribers->pdata[i]);
        g_ptr_array_unref(monitor->subscribers);
        g_mutex_clear(&monitor->lock);
        g_free(monitor);
        return NULL;
}
