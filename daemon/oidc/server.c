/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <gio/gunixconnection.h>
#include <glib-unix.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "daemon/oidc/server.h"

#define AUTHENTICATE_WITHIN_S 5
#define ACCEPT_AGAIN_MS 100

struct Server {
        Object *object;
        int fd;
        uid_t uid;
        void (*changed)(gpointer data);
        gpointer data;
        guint source; /* of @fd, or the timer that waits to accept again; 0 while there are too many connections */
        char *guid;
        GDBusAuthObserver *observer;
        GHashTable *peers; /* set of Peer * */
};

typedef struct Peer {
        Server *server;
        GDBusConnection *connection; /* NULL until authenticated */
        GCancellable *cancellable;   /* of the authentication */
        guint timer;
} Peer;

static void listen_again(Server *server);

static void peer_free(gpointer data) {
        Peer *peer = data;

        g_clear_handle_id(&peer->timer, g_source_remove);
        g_cancellable_cancel(peer->cancellable);
        g_object_unref(peer->cancellable);
        if (peer->connection) {
                g_signal_handlers_disconnect_by_data(peer->connection, peer);
                /* To close what the other end has closed would cost a thread. */
                if (!g_dbus_connection_is_closed(peer->connection))
                        g_dbus_connection_close(peer->connection, /* cancellable= */ NULL, /* callback= */ NULL, NULL);
                g_object_unref(peer->connection);
        }
        g_free(peer);
}

static void drop(Peer *peer) {
        Server *server = peer->server;

        (void) g_hash_table_remove(server->peers, peer);
        if (server->source == 0)
                listen_again(server);
        server->changed(server->data);
}

static void on_closed(GDBusConnection *connection, gboolean remote, GError *error, gpointer data) {
        drop(data);
}

static gboolean on_late(gpointer data) {
        Peer *peer = data;

        peer->timer = 0;
        drop(peer);
        return G_SOURCE_REMOVE;
}

static void on_authenticated(GObject *source, GAsyncResult *result, gpointer data) {
        g_autoptr(GDBusConnection) connection = NULL;
        g_autoptr(GError) error = NULL;
        Peer *peer = data;

        connection = g_dbus_connection_new_finish(result, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return; /* the peer is gone */
        if (!connection || !object_export(peer->server->object, connection, &error)) {
                g_info("a connection came to nothing: %s", error->message);
                drop(peer);
                return;
        }
        g_clear_handle_id(&peer->timer, g_source_remove);
        peer->connection = g_steal_pointer(&connection);
        g_dbus_connection_set_exit_on_close(peer->connection, FALSE);
        g_signal_connect(peer->connection, "closed", G_CALLBACK(on_closed), peer);
        if (g_dbus_connection_is_closed(peer->connection)) { /* perhaps before there was anybody to be told */
                drop(peer);
                return;
        }
        g_dbus_connection_start_message_processing(peer->connection);
}

/* The other mechanisms look for cookies in home folders, or for nothing at all. */
static gboolean on_mechanism(GDBusAuthObserver *observer, const char *mechanism, gpointer data) {
        return g_str_equal(mechanism, "EXTERNAL");
}

/* Takes @fd over. */
static void serve(Server *server, int fd) {
        _cleanup_close_ int owned = fd;
        g_autoptr(GSocketConnection) stream = NULL;
        g_autoptr(GSocket) end = NULL;
        struct ucred who = { .uid = (uid_t) -1 };
        socklen_t size = sizeof(who);
        Peer *peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || who.uid != server->uid) {
                g_warning("uid %u was refused: only uid %u is served", (unsigned) who.uid, (unsigned) server->uid);
                return;
        }
        end = g_socket_new_from_fd(fd, NULL);
        if (!end)
                return;
        (void) steal_fd(&owned);
        stream = g_socket_connection_factory_create_connection(end);
        peer = g_new(Peer, 1);
        *peer = (Peer) { .server = server, .cancellable = g_cancellable_new() };
        g_hash_table_add(server->peers, peer);
        peer->timer = g_timeout_add_seconds(AUTHENTICATE_WITHIN_S, on_late, peer);
        g_dbus_connection_new(G_IO_STREAM(stream), server->guid,
                              G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                                      G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                              server->observer, peer->cancellable, on_authenticated, peer);
        server->changed(server->data);
}

static gboolean on_accept_again(gpointer data) {
        listen_again(data);
        return G_SOURCE_REMOVE;
}

static gboolean on_incoming(int listening, GIOCondition condition, gpointer data) {
        Server *server = data;
        int fd;

        if (g_hash_table_size(server->peers) >= SERVER_CONNECTIONS_MAX) {
                server->source = 0; /* drop() listens again */
                return G_SOURCE_REMOVE;
        }
        fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
                serve(server, fd);
                return G_SOURCE_CONTINUE;
        }
        if (errno == EINTR || errno == ECONNABORTED || errno == EAGAIN)
                return G_SOURCE_CONTINUE;
        /* Out of descriptors or memory: the others wait in the queue until some are given back. */
        g_warning("cannot accept a connection: %s, trying again", g_strerror(errno));
        server->source = g_timeout_add(ACCEPT_AGAIN_MS, on_accept_again, server);
        return G_SOURCE_REMOVE;
}

static void listen_again(Server *server) {
        server->source = g_unix_fd_add(server->fd, G_IO_IN, on_incoming, server);
}

Server *server_new(Object *object, int fd, uid_t uid, void (*changed)(gpointer data), gpointer data) {
        Server *server = g_new0(Server, 1);

        *server = (Server) {
                .object = object,
                .fd = fd,
                .uid = uid,
                .changed = changed,
                .data = data,
                .guid = g_dbus_generate_guid(),
                .observer = g_dbus_auth_observer_new(),
                .peers = g_hash_table_new_full(NULL, NULL, peer_free, NULL),
        };
        g_signal_connect(server->observer, "allow-mechanism", G_CALLBACK(on_mechanism), NULL);
        (void) g_unix_set_fd_nonblocking(fd, TRUE, NULL);
        listen_again(server);
        return server;
}

Server *server_free(Server *server) {
        if (!server)
                return NULL;
        g_clear_handle_id(&server->source, g_source_remove);
        g_hash_table_unref(server->peers);
        g_object_unref(server->observer);
        g_free(server->guid);
        (void) safe_close(server->fd);
        g_free(server);
        return NULL;
}

guint server_connections(const Server *server) {
        return g_hash_table_size(server->peers);
}
