/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The other end of the floor: GDBus peer to peer on a 0600 socket, as little of it as there can be.
 * Every call is answered at once, from the main loop. Commit writes 4 KiB durably before.
 *
 *   echo-service SOCKET FILE
 */

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 512
#define PAGE 4096
#define FILE_PAGES 1024

#define CALL_XML(name, secret) \
        "<method name='" name "'><arg type='s' direction='in'/><arg type='s' direction='in'/>" \
        "<arg type='a{sv}' direction='in'/>" secret \
        "<arg type='s' direction='out'/><arg type='a{sv}' direction='out'/></method>"

static const char xml[] =
        "<node><interface name='bench.Echo'>"
        CALL_XML("Authenticate", "<arg type='h' direction='in'/>")
        CALL_XML("Ask", "")
        CALL_XML("Commit", "")
        "</interface></node>";

typedef struct Echo {
        GDBusInterfaceInfo *interface;
        char *guid;
        int fd; /* of the file that Commit writes to, over and over */
        unsigned page;
} Echo;

static void write_page(Echo *echo) {
        static const char page[PAGE] = "bench";
        off_t place = (off_t) (echo->page++ % FILE_PAGES) * PAGE;

        if (pwrite(echo->fd, page, PAGE, place) != PAGE)
                g_error("cannot write: %s", g_strerror(errno));
}

static void commit(Echo *echo) {
        write_page(echo);
        if (fdatasync(echo->fd) < 0)
                g_error("cannot commit: %s", g_strerror(errno));
}

/* The file has its size from the start: a commit is then one of data, with nothing about the file in it. */
static void open_file(Echo *echo, const char *path) {
        echo->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (echo->fd < 0)
                g_error("\"%s\": %s", path, g_strerror(errno));
        for (unsigned i = 0; i < FILE_PAGES; i++)
                write_page(echo);
        if (fsync(echo->fd) < 0)
                g_error("cannot commit: %s", g_strerror(errno));
}

static void on_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                    const char *method, GVariant *arguments, GDBusMethodInvocation *invocation, gpointer data) {
        GVariantBuilder result;

        if (g_str_equal(method, "Commit"))
                commit(data);
        g_variant_builder_init(&result, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&result, "{sv}", "session", g_variant_new_string("00000000000000000000000000000000"));
        g_dbus_method_invocation_return_value(invocation, g_variant_new("(sa{sv})", "allow", &result));
}

static void on_closed(GDBusConnection *connection, gboolean remote, GError *error, gpointer data) {
        g_object_unref(connection);
}

static void on_authenticated(GObject *source, GAsyncResult *result, gpointer data) {
        static const GDBusInterfaceVTable vtable = { .method_call = on_call };
        GDBusConnection *connection = g_dbus_connection_new_finish(result, NULL);
        Echo *echo = data;

        if (!connection)
                return;
        (void) g_dbus_connection_register_object(connection, "/bench", echo->interface, &vtable, echo, NULL, NULL);
        g_signal_connect(connection, "closed", G_CALLBACK(on_closed), NULL);
        g_dbus_connection_start_message_processing(connection);
}

static gboolean on_incoming(GSocketService *service, GSocketConnection *stream, GObject *source, gpointer data) {
        Echo *echo = data;

        g_dbus_connection_new(G_IO_STREAM(stream), echo->guid,
                              G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                                      G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                              /* observer= */ NULL, /* cancellable= */ NULL, on_authenticated, echo);
        return TRUE;
}

int main(int argc, char **argv) {
        g_autoptr(GSocketService) service = g_socket_service_new();
        g_autoptr(GSocketAddress) address = NULL;
        g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(xml, NULL);
        g_autoptr(GError) error = NULL;
        Echo echo = { .fd = -1 };

        if (argc != 3 || !node)
                return 2;
        (void) umask(077);
        echo.interface = node->interfaces[0];
        echo.guid = g_dbus_generate_guid();
        open_file(&echo, argv[2]);
        address = g_unix_socket_address_new(argv[1]);
        g_socket_listener_set_backlog(G_SOCKET_LISTENER(service), BACKLOG);
        if (!g_socket_listener_add_address(G_SOCKET_LISTENER(service), address, G_SOCKET_TYPE_STREAM,
                                           G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, &error))
                g_error("\"%s\": %s", argv[1], error->message);
        g_signal_connect(service, "incoming", G_CALLBACK(on_incoming), &echo);
        g_main_loop_run(g_main_loop_new(NULL, FALSE));
        return EXIT_SUCCESS;
}
