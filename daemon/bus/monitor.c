/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdbool.h>
#include <string.h>

#include "common/name.h"
#include "common/wire.h"
#include "daemon/bus/monitor.h"
#include "daemon/bus/pack.h"
#include "daemon/core/core.h"

/* As in the journal. */
#define TEXT_SIZE 256
#define MESSAGE_SIZE 1024
/* Events told in one turn of the main loop, which has calls to look after as well. */
#define BATCH 64

#define EVENT "Event"

/* Somebody's, or, where the uid is 0, root's. Dead once it is out of the table. */
typedef struct Subscriber {
        Monitor *monitor;
        GDBusConnection *connection; /* NULL once ended; the main loop's */
        char *name;                  /* NULL peer to peer */
        uid_t uid;
        char *user;
        gint outstanding;  /* atomic: signals that GDBus has and has not begun to write */
        unsigned left_out; /* in a row; the main loop's, as what follows */
        guint watch, filter;
        gulong closed;
        bool gone; /* under the lock: out of the table */
} Subscriber;

struct Monitor {
        AuditSink sink; /* first, so that it is found again */
        const AuditSink *next;
        GMutex lock;
        GPtrArray *subscribers; /* a reference each */
        GQueue events;          /* Item * */
        unsigned left_out;      /* since the last turn of the main loop */
        guint source;           /* of that turn, while one is due */
};

typedef struct Item {
        GVariant *body;
        char *user; /* NULL: root's alone to see */
} Item;

static void item_free(gpointer data) {
        Item *item = data;

        g_variant_unref(item->body);
        g_free(item->user);
        g_free(item);
}

static void subscriber_clear(gpointer data) {
        Subscriber *subscriber = data;

        g_free(subscriber->name);
        g_free(subscriber->user);
}

static void subscriber_unref(gpointer subscriber) {
        g_atomic_rc_box_release_full(subscriber, subscriber_clear);
}

/* Emitting */

static void pack_cut(GVariantBuilder *dict, const char *key, const char *text, size_t size) {
        char clean[MESSAGE_SIZE];

        name_clean(text ? text : "", clean, size);
        pack_text(dict, key, clean);
}

static Item *item_new(const AuditEvent *event) {
        Item *item = g_new0(Item, 1);
        GVariantBuilder dict;

        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_time(&dict, "time", g_get_real_time() / G_USEC_PER_SEC);
        pack_cut(&dict, "event", event->event, TEXT_SIZE);
        pack_cut(&dict, "user", event->user, TEXT_SIZE);
        pack_cut(&dict, "session", event->session, TEXT_SIZE);
        pack_cut(&dict, "device", event->device, TEXT_SIZE);
        pack_cut(&dict, "service", event->service, TEXT_SIZE);
        pack_cut(&dict, "from", event->rhost, TEXT_SIZE);
        pack_cut(&dict, "reason", event->reason, TEXT_SIZE);
        pack_cut(&dict, "message", event->message, MESSAGE_SIZE);
        item->body = g_variant_ref_sink(g_variant_new("(a{sv})", &dict));
        item->user = g_strdup(event->user);
        return item;
}

static gboolean tell(gpointer data);

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
                g_queue_push_tail(&monitor->events, item_new(event));
        if (monitor->source == 0)
                monitor->source = g_idle_add_full(G_PRIORITY_DEFAULT, tell, monitor, NULL);
}

/* Telling: the main loop's */

static bool may_see(const Subscriber *subscriber, const Item *item) {
        return subscriber->uid == 0 || (item->user && g_str_equal(item->user, subscriber->user));
}

/* Returns false when the subscriber has taken nothing for too long. */
static bool send_to(Subscriber *subscriber, const Item *item) {
        if (g_atomic_int_get(&subscriber->outstanding) >= MONITOR_OUTSTANDING_MAX)
                return false;
        g_atomic_int_inc(&subscriber->outstanding);
        if (!g_dbus_connection_emit_signal(subscriber->connection, subscriber->name, WIRE_OBJECT_PATH,
                                           WIRE_INTERFACE_MONITOR, EVENT, item->body, /* error= */ NULL))
                g_atomic_int_add(&subscriber->outstanding, -1); /* closed: we are about to be told */
        return true;
}

/* On the bus the bus itself is stuck, and it will be told when that ends; peer to peer it is this one alone. */
static void give_up(Subscriber *subscriber) {
        if (subscriber->left_out++ > 0)
                return;
        if (subscriber->name) {
                g_warning("the message bus does not take events for uid %u, leaving them out",
                          (unsigned) subscriber->uid);
                return;
        }
        g_warning("a monitor on the private socket does not read, hanging up");
        g_dbus_connection_close(subscriber->connection, /* cancellable= */ NULL, /* callback= */ NULL, NULL);
}

static void tell_all(const GPtrArray *subscribers, const Item *item) {
        for (guint i = 0; i < subscribers->len; i++) {
                Subscriber *subscriber = subscribers->pdata[i];

                if (!may_see(subscriber, item))
                        continue;
                if (!send_to(subscriber, item))
                        give_up(subscriber);
                else
                        subscriber->left_out = 0;
        }
}

static gpointer copy_subscriber(gconstpointer subscriber, gpointer data) {
        return g_atomic_rc_box_acquire((gpointer) subscriber);
}

/* Who emits must not wait for what GDBus does: it is done without the lock. Returns whether there is more. */
static bool take_batch(Monitor *monitor, GQueue *ret_batch, GPtrArray **ret_subscribers, unsigned *ret_left_out) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&monitor->lock);
        Item *item;

        while (ret_batch->length < BATCH && (item = g_queue_pop_head(&monitor->events)))
                g_queue_push_tail(ret_batch, item);
        *ret_subscribers = g_ptr_array_copy(monitor->subscribers, copy_subscriber, NULL);
        if (!g_queue_is_empty(&monitor->events))
                return true;
        *ret_left_out = monitor->left_out;
        monitor->left_out = 0;
        monitor->source = 0;
        return false;
}

static gboolean tell(gpointer data) {
        g_autoptr(GPtrArray) subscribers = NULL;
        GQueue batch = G_QUEUE_INIT;
        unsigned left_out = 0;
        Item *item;
        bool more;

        more = take_batch(data, &batch, &subscribers, &left_out);
        while ((item = g_queue_pop_head(&batch))) {
                tell_all(subscribers, item);
                item_free(item);
        }
        if (left_out > 0)
                g_warning("more happened than could be told: monitors have missed %u events", left_out);
        return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
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

int monitor_subscribe(Monitor *monitor, const MonitorPeer *peer, uid_t uid, const char *user) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&monitor->lock);
        Subscriber *subscriber;

        if (find(monitor, peer))
                return 0;
        if (!has_room(monitor, uid))
                return CORE_E_BUSY;
        subscriber = g_atomic_rc_box_new0(Subscriber);
        subscriber->monitor = monitor;
        subscriber->connection = g_object_ref(peer->connection);
        subscriber->name = g_strdup(peer->name);
        subscriber->uid = uid;
        subscriber->user = g_strdup(user);
        /* Before the first signal, so that each is counted down as well as up. */
        subscriber->filter = g_dbus_connection_add_filter(peer->connection, on_message,
                                                          g_atomic_rc_box_acquire(subscriber), subscriber_unref);
        g_ptr_array_add(monitor->subscribers, subscriber);
        (void) g_idle_add_full(G_PRIORITY_DEFAULT, begin, g_atomic_rc_box_acquire(subscriber), subscriber_unref);
        return 0;
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
        return monitor;
}

Monitor *monitor_free(Monitor *monitor) {
        if (!monitor)
                return NULL;
        g_clear_handle_id(&monitor->source, g_source_remove);
        g_queue_clear_full(&monitor->events, item_free);
        for (guint i = 0; i < monitor->subscribers->len; i++)
                (void) end(monitor->subscribers->pdata[i]);
        g_ptr_array_unref(monitor->subscribers);
        g_mutex_clear(&monitor->lock);
        g_free(monitor);
        return NULL;
}
