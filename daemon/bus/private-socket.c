/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <gio/gunixconnection.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "daemon/bus/caller.h"
#include "daemon/bus/handshake.h"
#include "daemon/bus/private-socket.h"

#define CONNECTIONS_MAX 1024
/*
 * Of one user's sudo and su together. Their real uid is the user's, who may so stop them in the
 * middle of a call for as long as he likes; and the waiting of that many stands in nobody's way.
 */
#define CONNECTIONS_PER_INVOKER 32
#define CONNECTIONS_FEW (CONNECTIONS_PER_INVOKER / 2)
#define AUTHENTICATE_WITHIN_S 5
#define ACCEPT_AGAIN_MS 100

struct PrivateSocket {
        Edge *edge;
        int fd;
        guint source;         /* of @fd, or the timer that waits to accept again */
        char *guid;
        GDBusAuthObserver *observer;
        GHashTable *peers;    /* set of Peer * */
        bool stopped;
};

typedef struct Peer {
        PrivateSocket *socket;
        GDBusConnection *connection; /* NULL until authenticated */
        GSocket *end;                /* until then */
        GCancellable *cancellable;   /* of the authentication */
        guint timer, readable;
        pid_t pid;
        uid_t invoker; /* the process's real uid, once it was looked up */
        bool looked_up;
} Peer;

static void listen_again(PrivateSocket *socket);

/* Connections */

static void peer_free(gpointer data) {
        Peer *peer = data;

        g_clear_handle_id(&peer->timer, g_source_remove);
        g_clear_handle_id(&peer->readable, g_source_remove);
        g_clear_object(&peer->end);
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
        PrivateSocket *socket = peer->socket;

        g_hash_table_remove(socket->peers, peer);
        if (!socket->stopped && socket->source == 0)
                listen_again(socket);
}

static void on_closed(GDBusConnection *connection, gboolean remote, GError *error, gpointer data) {
        drop(data);
}

static gboolean on_late(gpointer data) {
        Peer *peer = data;

        peer->timer = 0;
        g_info("a connection to the private socket (pid %d) said nothing", (int) peer->pid);
        drop(peer);
        return G_SOURCE_REMOVE;
}

/*
 * A bus passes none on that has no number. GDBus would take it and could not answer it, which it
 * calls our mistake.
 */
static GDBusMessage *refuse_unnumbered(GDBusConnection *connection, GDBusMessage *message, gboolean incoming,
                                       gpointer data) {
        if (!incoming || g_dbus_message_get_serial(message) != 0)
                return message;
        g_object_unref(message);
        g_dbus_connection_close(connection, /* cancellable= */ NULL, /* callback= */ NULL, NULL);
        return NULL;
}

/* Takes @connection over: NULL where it came to nothing because of @why. */
static void begin(Peer *peer, GDBusConnection *connection, const GError *why) {
        g_autoptr(GDBusConnection) owned = connection;
        g_autoptr(GError) error = NULL;

        if (!connection || !edge_export(peer->socket->edge, connection, &(EdgePeer) { .pid = peer->pid }, &error)) {
                g_info("a connection to the private socket came to nothing: %s", error ? error->message : why->message);
                drop(peer);
                return;
        }
        g_clear_handle_id(&peer->timer, g_source_remove);
        g_clear_object(&peer->end);
        peer->connection = g_steal_pointer(&owned);
        g_dbus_connection_set_exit_on_close(peer->connection, FALSE);
        g_signal_connect(peer->connection, "closed", G_CALLBACK(on_closed), peer);
        if (g_dbus_connection_is_closed(peer->connection)) { /* perhaps before there was anybody to be told */
                drop(peer);
                return;
        }
        (void) g_dbus_connection_add_filter(peer->connection, refuse_unnumbered, NULL, NULL);
        g_dbus_connection_start_message_processing(peer->connection);
}

static void on_authenticated(GObject *source, GAsyncResult *result, gpointer data) {
        g_autoptr(GDBusConnection) connection = NULL;
        g_autoptr(GError) error = NULL;

        connection = g_dbus_connection_new_finish(result, &error);
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return; /* the peer is gone */
        begin(data, g_steal_pointer(&connection), error);
}

/* The other mechanisms look for cookies in home folders, or for nothing at all. */
static gboolean on_mechanism(GDBusAuthObserver *observer, const char *mechanism, gpointer data) {
        return g_str_equal(mechanism, "EXTERNAL");
}

/* GDBus shakes hands on a thread, and there are few of them: who says nothing gets none. */
static void shake_hands(Peer *peer) {
        g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(peer->end);

        g_dbus_connection_new(G_IO_STREAM(stream), peer->socket->guid,
                              G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                                      G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                              peer->socket->observer, peer->cancellable, on_authenticated, peer);
}

/* Where nothing has to be waited for, no thread is needed either. */
static void shake_hands_now(Peer *peer) {
        g_autoptr(GDBusConnection) connection = NULL;
        g_autoptr(GError) error = NULL;

        connection = handshake_run(peer->end, peer->socket->guid, peer->socket->observer, &error);
        begin(peer, g_steal_pointer(&connection), error);
}

static gboolean on_readable(int fd, GIOCondition condition, gpointer data) {
        Peer *peer = data;

        peer->readable = 0;
        if (handshake_is_there(fd))
                shake_hands_now(peer);
        else
                shake_hands(peer);
        return G_SOURCE_REMOVE;
}

/* Takes @end over. */
static void add_peer(PrivateSocket *socket, GSocket *end, const Peer *who) {
        Peer *peer = g_memdup2(who, sizeof(*who));
        int fd = g_socket_get_fd(end);

        peer->socket = socket;
        peer->end = end;
        peer->cancellable = g_cancellable_new();
        g_hash_table_add(socket->peers, peer);
        if (handshake_is_there(fd)) {
                shake_hands_now(peer);
                return;
        }
        peer->timer = g_timeout_add_seconds(AUTHENTICATE_WITHIN_S, on_late, peer);
        peer->readable = g_unix_fd_add(fd, G_IO_IN, on_readable, peer);
}

static uid_t invoker_of(const PrivateSocket *socket, Peer *peer) {
        if (!peer->looked_up)
                peer->invoker = caller_real_uid(edge_proc(socket->edge), peer->pid);
        peer->looked_up = true;
        return peer->invoker;
}

/*
 * As long as there are few connections nobody can have too many, and /proc is not read. Later is not
 * too late: sudo keeps its real uid while it is connected, and who is still there is who holds what.
 * But it is early enough for descriptors to be left to read it with.
 */
static bool has_room(PrivateSocket *socket, Peer *newcomer) {
        GHashTableIter iterator;
        unsigned n = 0;
        gpointer key;

        if (g_hash_table_size(socket->peers) < CONNECTIONS_FEW)
                return true;
        (void) invoker_of(socket, newcomer);
        g_hash_table_iter_init(&iterator, socket->peers);
        while (g_hash_table_iter_next(&iterator, &key, NULL))
                n += invoker_of(socket, key) == newcomer->invoker;
        return newcomer->invoker == 0 || n < CONNECTIONS_PER_INVOKER;
}

/* Takes @fd over. */
static void serve(PrivateSocket *socket, int fd) {
        _cleanup_close_ int owned = fd;
        g_autoptr(GSocket) end = NULL;
        struct ucred who = { .uid = UID_UNSET };
        socklen_t size = sizeof(who);
        Peer peer = { .connection = NULL };

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || who.uid != 0) {
                g_warning("uid %u was refused at the private socket", (unsigned) who.uid);
                return;
        }
        peer.pid = who.pid;
        if (!has_room(socket, &peer))
                return;
        end = g_socket_new_from_fd(fd, NULL);
        if (!end)
                return;
        (void) steal_fd(&owned);
        add_peer(socket, g_steal_pointer(&end), &peer);
}

static gboolean on_accept_again(gpointer data) {
        PrivateSocket *socket = data;

        socket->source = 0;
        listen_again(socket);
        return G_SOURCE_REMOVE;
}

static gboolean on_incoming(int listening, GIOCondition condition, gpointer data) {
        PrivateSocket *socket = data;
        int fd;

        while (g_hash_table_size(socket->peers) < CONNECTIONS_MAX) {
                fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
                if (fd >= 0) {
                        serve(socket, fd);
                        continue;
                }
                if (errno == EINTR || errno == ECONNABORTED)
                        continue;
                if (errno == EAGAIN)
                        return G_SOURCE_CONTINUE;
                /* Out of descriptors or memory: the others wait in the queue until some are given back. */
                g_warning("cannot accept on the private socket: %s, trying again", g_strerror(errno));
                socket->source = g_timeout_add(ACCEPT_AGAIN_MS, on_accept_again, socket);
                return G_SOURCE_REMOVE;
        }
        socket->source = 0; /* full: drop() listens again */
        return G_SOURCE_REMOVE;
}

static void listen_again(PrivateSocket *socket) {
        socket->source = g_unix_fd_add(socket->fd, G_IO_IN, on_incoming, socket);
}

PrivateSocket *private_socket_new(Edge *edge, int fd) {
        PrivateSocket *socket = g_new0(PrivateSocket, 1);

        socket->edge = edge;
        socket->fd = fd;
        socket->guid = g_dbus_generate_guid();
        socket->observer = g_dbus_auth_observer_new();
        g_signal_connect(socket->observer, "allow-mechanism", G_CALLBACK(on_mechanism), NULL);
        socket->peers = g_hash_table_new_full(NULL, NULL, peer_free, NULL);
        (void) g_unix_set_fd_nonblocking(fd, TRUE, NULL);
        listen_again(socket);
        return socket;
}

void private_socket_stop(PrivateSocket *socket) {
        socket->stopped = true;
        g_clear_handle_id(&socket->source, g_source_remove);
}

unsigned private_socket_flush(PrivateSocket *socket, GAsyncReadyCallback done, gpointer data) {
        GHashTableIter iterator;
        unsigned n = 0;
        gpointer key;

        g_hash_table_iter_init(&iterator, socket->peers);
        while (g_hash_table_iter_next(&iterator, &key, NULL)) {
                Peer *peer = key;

                if (!peer->connection)
                        continue;
                g_dbus_connection_flush(peer->connection, /* cancellable= */ NULL, done, data);
                n++;
        }
        return n;
}

PrivateSocket *private_socket_free(PrivateSocket *socket) {
        if (!socket)
                return NULL;
        private_socket_stop(socket);
        g_hash_table_unref(socket->peers);
        g_object_unref(socket->observer);
        g_free(socket->guid);
        (void) safe_close(socket->fd);
        g_free(socket);
        return NULL;
}
