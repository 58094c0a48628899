/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <gio/gunixconnection.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/bus/handshake.h"

static const char script[] = "\0AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";

#define SCRIPT_SIZE (sizeof(script) - 1)

/* A connection whose streams lie in memory until the handshake is over. */
typedef struct Rehearsal {
        GUnixConnection parent;
        GInputStream *heard;
        GOutputStream *said;
} Rehearsal;

typedef GUnixConnectionClass RehearsalClass;

static GType rehearsal_get_type(void);
G_DEFINE_TYPE(Rehearsal, rehearsal, G_TYPE_UNIX_CONNECTION)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rehearsal, g_object_unref)

static GInputStream *rehearsal_get_input_stream(GIOStream *stream) {
        Rehearsal *rehearsal = (Rehearsal *) stream;

        return rehearsal->heard ? rehearsal->heard :
                                  G_IO_STREAM_CLASS(rehearsal_parent_class)->get_input_stream(stream);
}

static GOutputStream *rehearsal_get_output_stream(GIOStream *stream) {
        Rehearsal *rehearsal = (Rehearsal *) stream;

        return rehearsal->said ? rehearsal->said :
                                 G_IO_STREAM_CLASS(rehearsal_parent_class)->get_output_stream(stream);
}

static void rehearsal_end(Rehearsal *rehearsal) {
        g_clear_object(&rehearsal->heard);
        g_clear_object(&rehearsal->said);
}

static void rehearsal_dispose(GObject *object) {
        rehearsal_end((Rehearsal *) object);
        G_OBJECT_CLASS(rehearsal_parent_class)->dispose(object);
}

static void rehearsal_class_init(RehearsalClass *class) {
        G_OBJECT_CLASS(class)->dispose = rehearsal_dispose;
        G_IO_STREAM_CLASS(class)->get_input_stream = rehearsal_get_input_stream;
        G_IO_STREAM_CLASS(class)->get_output_stream = rehearsal_get_output_stream;
}

static void rehearsal_init(Rehearsal *rehearsal) {
        rehearsal->heard = g_memory_input_stream_new_from_data(script, SCRIPT_SIZE, NULL);
        rehearsal->said = g_memory_output_stream_new_resizable();
}

bool handshake_is_there(int fd) {
        char said[SCRIPT_SIZE];

        return recv(fd, said, SCRIPT_SIZE, MSG_PEEK | MSG_DONTWAIT) == SCRIPT_SIZE &&
               memcmp(said, script, SCRIPT_SIZE) == 0;
}

/*
 * Few bytes, which are all there, or nothing was sent before: neither is done by half, or waited for. The
 * socket never has a timeout: GDBus's thread reads from it before we are done, and would take it over.
 */
static bool is_whole(gssize n, gsize size, GError **error) {
        if (n >= 0 && (gsize) n != size)
                g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE, "the handshake broke off");
        return n >= 0 && (gsize) n == size;
}

/* Before GDBus has the socket: its thread takes all that comes for messages. */
static bool hear(GSocket *end, GError **error) {
        char heard[SCRIPT_SIZE];

        return is_whole(g_socket_receive_with_blocking(end, heard, SCRIPT_SIZE, /* blocking= */ FALSE,
                                                       /* cancellable= */ NULL, error),
                        SCRIPT_SIZE, error);
}

static bool say(GSocket *end, GOutputStream *said, GError **error) {
        GMemoryOutputStream *memory = G_MEMORY_OUTPUT_STREAM(said);
        gsize size = g_memory_output_stream_get_data_size(memory);
        gpointer data = g_memory_output_stream_get_data(memory);

        return is_whole(g_socket_send_with_blocking(end, data, size, /* blocking= */ FALSE, /* cancellable= */ NULL,
                                                    error),
                        size, error);
}

GDBusConnection *handshake_run(GSocket *end, const char *guid, GDBusAuthObserver *observer, GError **error) {
        g_autoptr(GDBusConnection) connection = NULL;
        g_autoptr(Rehearsal) rehearsal = NULL;
        bool good;

        if (!hear(end, error))
                return NULL;
        rehearsal = g_object_new(rehearsal_get_type(), "socket", end, NULL);
        connection = g_dbus_connection_new_sync(G_IO_STREAM(rehearsal), guid,
                                                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                                                        G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                                                observer, /* cancellable= */ NULL, error);
        good = connection && say(end, rehearsal->said, error);
        rehearsal_end(rehearsal);
        return good ? g_steal_pointer(&connection) : NULL;
}
