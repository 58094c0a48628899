/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/name.h"
#include "common/wire.h"
#include "daemon/bus/monitor-private.h"
#include "daemon/bus/pack.h"

/* As in the journal. */
#define TEXT_SIZE 256
#define MESSAGE_SIZE 1024
/* Events told in one turn of the main loop, which has calls to look after as well. */
#define BATCH 64
/* Batches that wait for the guard of one subscriber. */
#define ROUNDS_MAX (MONITOR_QUEUE_MAX / BATCH)

#define EVENT "Event"

/* Items */

static void item_clear(gpointer data) {
        MonitorItem *item = data;

        g_variant_unref(item->body);
        g_free(item->user);
}

void monitor_item_unref(gpointer item) {
        g_atomic_rc_box_release_full(item, item_clear);
}

static void pack_cut(GVariantBuilder *dict, const char *key, const char *text, size_t size) {
        char clean[MESSAGE_SIZE];

        name_clean(text ? text : "", clean, size);
        pack_text(dict, key, clean);
}

MonitorItem *monitor_item_new(const AuditEvent *event) {
        MonitorItem *item = g_atomic_rc_box_new0(MonitorItem);
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
        pack_cut(&dict, "by", event->by, TEXT_SIZE);
        pack_cut(&dict, "message", event->message, MESSAGE_SIZE);
        item->body = g_variant_ref_sink(g_variant_new("(a{sv})", &dict));
        item->user = g_strdup(event->user);
        return item;
}

/* Telling: the main loop's */

static bool may_see(const Subscriber *subscriber, const MonitorItem *item) {
        return subscriber->uid == 0 || subscriber->everybodys ||
               (item->user && g_str_equal(item->user, subscriber->user));
}

/* Returns false when the subscriber has taken nothing for too long. */
static bool send_to(Subscriber *subscriber, const MonitorItem *item) {
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

static void tell_one(Subscriber *subscriber, const GPtrArray *items) {
        for (guint i = 0; i < items->len; i++) {
                if (!may_see(subscriber, items->pdata[i]))
                        continue;
                if (!send_to(subscriber, items->pdata[i]))
                        give_up(subscriber);
                else
                        subscriber->left_out = 0;
        }
}

/* Administrators: each batch goes by their guard, which may block, before it is told */

typedef struct Round {
        Subscriber *subscriber;
        GPtrArray *items;
        bool may;
} Round;

static void round_free(gpointer data) {
        Round *round = data;

        subscriber_unref(round->subscriber);
        g_ptr_array_unref(round->items);
        g_free(round);
}

/* From now on it is told what is about its own user, and first of all that it is so. */
static void narrow(Subscriber *subscriber) {
        const AuditSink *sink = &subscriber->monitor->sink;
        g_autofree char *message = NULL;

        subscriber->everybodys = false;
        message = g_strdup_printf("%s is no longer told of everybody's events", subscriber->user);
        sink->emit(sink, &(AuditEvent) {
                .event = "monitor-narrowed",
                .user = subscriber->user,
                .reason = "not-allowed",
                .message = message,
        });
}

static gboolean end_round(gpointer data) {
        Round *round = data;
        Subscriber *subscriber = round->subscriber;

        subscriber->rounds--;
        if (!subscriber->connection) /* ended; so may have the monitor */
                return G_SOURCE_REMOVE;
        if (!round->may && subscriber->everybodys)
                narrow(subscriber);
        tell_one(subscriber, round->items);
        return G_SOURCE_REMOVE;
}

static void ask_guard(gpointer data, gpointer user_data) {
        Round *round = data;
        const MonitorGuard *guard = &round->subscriber->guard;

        round->may = guard->may(guard->data, &guard->caller);
        (void) g_idle_add_full(G_PRIORITY_DEFAULT, end_round, round, round_free);
}

GThreadPool *monitor_guards_new(void) {
        return g_thread_pool_new_full(ask_guard, NULL, round_free, 1, /* exclusive= */ FALSE, NULL);
}

static void tell_guarded(Subscriber *subscriber, GPtrArray *items) {
        GThreadPool *guards = subscriber->monitor->guards;
        Round *round;

        if (!guards || items->len == 0)
                return;
        if (subscriber->rounds >= ROUNDS_MAX) {
                g_warning("whether uid %u may be told takes too long to find out, leaving %u events out",
                          (unsigned) subscriber->uid, items->len);
                return;
        }
        subscriber->rounds++;
        round = g_new(Round, 1);
        *round = (Round) { g_atomic_rc_box_acquire(subscriber), g_ptr_array_ref(items), false };
        /* Where no new thread can be had it waits for one. */
        (void) g_thread_pool_push(guards, round, NULL);
}

static gpointer copy_subscriber(gconstpointer subscriber, gpointer data) {
        return g_atomic_rc_box_acquire((gpointer) subscriber);
}

/* Who emits must not wait for what GDBus does: it is done without the lock. Returns whether there is more. */
static bool take_batch(Monitor *monitor, GPtrArray *batch, GPtrArray **ret_subscribers, unsigned *ret_left_out) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&monitor->lock);
        MonitorItem *item;

        while (batch->len < BATCH && (item = g_queue_pop_head(&monitor->events)))
                g_ptr_array_add(batch, item);
        *ret_subscribers = g_ptr_array_copy(monitor->subscribers, copy_subscriber, NULL);
        if (!g_queue_is_empty(&monitor->events))
                return true;
        *ret_left_out = monitor->left_out;
        monitor->left_out = 0;
        monitor->source = 0;
        return false;
}

gboolean monitor_tell(gpointer data) {
        g_autoptr(GPtrArray) batch = g_ptr_array_new_with_free_func(monitor_item_unref);
        g_autoptr(GPtrArray) subscribers = NULL;
        unsigned left_out = 0;
        bool more;

        more = take_batch(data, batch, &subscribers, &left_out);
        for (guint i = 0; i < subscribers->len; i++) {
                Subscriber *subscriber = subscribers->pdata[i];

                if (subscriber->everybodys)
                        tell_guarded(subscriber, batch);
                else if (subscriber->connection)
                        tell_one(subscriber, batch);
        }
        if (left_out > 0)
                g_warning("more happened than could be told: monitors have missed %u events", left_out);
        return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}
