/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <fcntl.h>
#include <unistd.h>

#include "common/wire.h"
#include "daemon/bus/gate.h"
#include "daemon/bus/system-bus.h"

#define RETRY_FIRST_S 1
#define RETRY_MAX_S 30
#define CALL_TIMEOUT_MS 10000

/* org.freedesktop.DBus.RequestName */
#define NAME_DO_NOT_QUEUE 4U
#define NAME_PRIMARY_OWNER 1U
#define NAME_ALREADY_OWNER 4U

struct SystemBus {
        Edge *edge;
        char *address;
        Gate *gate;
        Credentials *credentials;    /* of those who are there */
        GDBusConnection *connection; /* NULL while there is none */
        GCancellable *cancellable;   /* of whatever is being waited for */
        guint timer;
        unsigned delay; /* s, until the next attempt */
        bool owner;
};

static void connect_bus(SystemBus *bus);
static void request_name(SystemBus *bus);

static gboolean on_timer(gpointer data) {
        SystemBus *bus = data;

        bus->timer = 0;
        if (bus->connection)
                request_name(bus);
        else
                connect_bus(bus);
        return G_SOURCE_REMOVE;
}

static void retry_later(SystemBus *bus) {
        bus->timer = g_timeout_add_seconds(bus->delay, on_timer, bus);
        bus->delay = MIN(bus->delay * 2, RETRY_MAX_S);
}

static void forget_credentials(SystemBus *bus) {
        if (bus->credentials)
                credentials_close(bus->credentials);
        bus->credentials = credentials_unref(bus->credentials);
}

static void fail(SystemBus *bus, const char *why) {
        g_warning("cannot connect to the message bus \"%s\": %s", bus->address, why);
        bus->gate = gate_free(bus->gate);
        retry_later(bus);
}

static void on_closed(GDBusConnection *connection, gboolean remote, GError *error, gpointer data) {
        SystemBus *bus = data;

        g_warning("the connection to the message bus \"%s\" has ended, connecting again", bus->address);
        g_signal_handlers_disconnect_by_data(bus->connection, bus);
        g_clear_object(&bus->connection);
        forget_credentials(bus);
        bus->gate = gate_free(bus->gate);
        g_clear_handle_id(&bus->timer, g_source_remove);
        g_cancellable_cancel(bus->cancellable);
        g_object_unref(bus->cancellable);
        bus->cancellable = g_cancellable_new();
        bus->owner = false;
        bus->delay = RETRY_FIRST_S;
        retry_later(bus);
}

static void on_name(GObject *source, GAsyncResult *result, gpointer data) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        SystemBus *bus = data;
        guint32 answer = 0;

        reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return; /* @bus may be gone */
        if (reply)
                g_variant_get(reply, "(u)", &answer);
        if (answer == NAME_PRIMARY_OWNER || answer == NAME_ALREADY_OWNER) {
                g_info("serving \"%s\" on \"%s\"", WIRE_BUS_NAME, bus->address);
                bus->owner = true;
                bus->delay = RETRY_FIRST_S;
                return;
        }
        g_warning("cannot have the name \"%s\": %s", WIRE_BUS_NAME, error ? error->message : "somebody else has it");
        retry_later(bus);
}

static void request_name(SystemBus *bus) {
        g_dbus_connection_call(bus->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "RequestName",
                               g_variant_new("(su)", WIRE_BUS_NAME, NAME_DO_NOT_QUEUE), G_VARIANT_TYPE("(u)"),
                               G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_TIMEOUT_MS, bus->cancellable, on_name, bus);
}

static void on_authenticated(GObject *source, GAsyncResult *result, gpointer data) {
        g_autoptr(GDBusConnection) connection = NULL;
        g_autoptr(GError) error = NULL;
        SystemBus *bus = data;

        connection = g_dbus_connection_new_finish(result, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return; /* @bus may be gone */
        if (!connection) {
                fail(bus, error->message);
                return;
        }
        /* The object first, the name second: who finds the name finds the object. */
        bus->credentials = credentials_new(connection);
        if (!edge_export(bus->edge, connection, &(EdgePeer) { .credentials = bus->credentials }, &error)) {
                forget_credentials(bus);
                fail(bus, error->message);
                return;
        }
        bus->connection = g_steal_pointer(&connection);
        bus->delay = RETRY_FIRST_S;
        g_dbus_connection_set_exit_on_close(bus->connection, FALSE);
        g_signal_connect(bus->connection, "closed", G_CALLBACK(on_closed), bus);
        request_name(bus);
}

/* Puts the gate between @stream and what GDBus gets to see. */
static GSocketConnection *open_gate(SystemBus *bus, GIOStream *stream) {
        g_autoptr(GSocket) end = NULL;
        int fd, inner, r;

        if (!G_IS_SOCKET_CONNECTION(stream))
                return NULL;
        fd = fcntl(g_socket_get_fd(g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream))), F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return NULL;
        r = gate_new(fd, &bus->gate, &inner);
        if (r < 0)
                return NULL;
        end = g_socket_new_from_fd(inner, NULL);
        if (!end) {
                (void) close(inner);
                return NULL;
        }
        return g_socket_connection_factory_create_connection(end);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer data) {
        g_autoptr(GSocketConnection) gated = NULL;
        g_autoptr(GIOStream) stream = NULL;
        g_autoptr(GError) error = NULL;
        SystemBus *bus = data;

        stream = g_dbus_address_get_stream_finish(result, /* guid= */ NULL, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return; /* @bus may be gone */
        if (!stream) {
                fail(bus, error->message);
                return;
        }
        gated = open_gate(bus, stream);
        if (!gated) {
                fail(bus, "no gate could be put in front of it");
                return;
        }
        g_dbus_connection_new(G_IO_STREAM(gated), /* guid= */ NULL,
                              G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                      G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                              /* observer= */ NULL, bus->cancellable, on_authenticated, bus);
}

static void connect_bus(SystemBus *bus) {
        g_dbus_address_get_stream(bus->address, bus->cancellable, on_connected, bus);
}

SystemBus *system_bus_new(Edge *edge, const char *address) {
        SystemBus *bus = g_new0(SystemBus, 1);

        bus->edge = edge;
        bus->address = g_strdup(address);
        bus->cancellable = g_cancellable_new();
        bus->delay = RETRY_FIRST_S;
        connect_bus(bus);
        return bus;
}

void system_bus_release(SystemBus *bus) {
        g_cancellable_cancel(bus->cancellable);
        g_clear_handle_id(&bus->timer, g_source_remove);
        if (!bus->connection)
                return;
        g_signal_handlers_disconnect_by_data(bus->connection, bus);
        if (bus->owner)
                g_dbus_connection_call(bus->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                       "org.freedesktop.DBus", "ReleaseName", g_variant_new("(s)", WIRE_BUS_NAME),
                                       /* reply_type= */ NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_TIMEOUT_MS,
                                       /* cancellable= */ NULL, /* callback= */ NULL, NULL);
        bus->owner = false;
}

unsigned system_bus_flush(SystemBus *bus, GAsyncReadyCallback done, gpointer data) {
        if (!bus->connection)
                return 0;
        g_dbus_connection_flush(bus->connection, /* cancellable= */ NULL, done, data);
        return 1;
}

SystemBus *system_bus_free(SystemBus *bus) {
        if (!bus)
                return NULL;
        system_bus_release(bus);
        if (bus->connection)
                g_dbus_connection_close(bus->connection, /* cancellable= */ NULL, /* callback= */ NULL, NULL);
        g_clear_object(&bus->connection);
        forget_credentials(bus);
        (void) gate_free(bus->gate);
        g_object_unref(bus->cancellable);
        g_free(bus->address);
        g_free(bus);
        return NULL;
}
