/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "common/error.h"
#include "daemon/store/redis-stream.h"

struct RedisStream {
        GCancellable *cancellable;
        GSocketConnection *connection;
        GIOStream *tls; /* over it; NULL: plain text */
};

RedisStream *redis_stream_new(void) {
        RedisStream *stream = g_new0(RedisStream, 1);

        stream->cancellable = g_cancellable_new();
        return stream;
}

RedisStream *redis_stream_free(RedisStream *stream) {
        if (!stream)
                return NULL;
        if (stream->connection)
                (void) g_socket_close(g_socket_connection_get_socket(stream->connection), NULL); /* ignoring */
        g_clear_object(&stream->tls);
        g_clear_object(&stream->connection);
        g_clear_object(&stream->cancellable);
        g_free(stream);
        return NULL;
}

void redis_stream_cancel(RedisStream *stream) {
        g_cancellable_cancel(stream->cancellable);
}

/* Errors */

static int errno_of_io(int code) {
        switch (code) {
        case G_IO_ERROR_CANCELLED:
                return -ECANCELED;
        case G_IO_ERROR_TIMED_OUT:
                return -ETIMEDOUT;
        case G_IO_ERROR_CONNECTION_REFUSED:
                return -ECONNREFUSED;
        case G_IO_ERROR_HOST_UNREACHABLE:
                return -EHOSTUNREACH;
        case G_IO_ERROR_NETWORK_UNREACHABLE:
                return -ENETUNREACH;
        case G_IO_ERROR_CONNECTION_CLOSED: /* and a broken pipe, which is the same to GIO */
                return -ECONNRESET;
        case G_IO_ERROR_PERMISSION_DENIED:
                return -EPERM; /* a packet filter; -EACCES is the server's no */
        case G_IO_ERROR_NOT_SUPPORTED:
                return -EAFNOSUPPORT;
        case G_IO_ERROR_TOO_MANY_OPEN_FILES:
                return -EMFILE;
        case G_IO_ERROR_NOT_FOUND:
                return -ENOENT;
        default:
                return -EIO;
        }
}

static int errno_of(const GError *error) {
        if (error->domain == G_TLS_ERROR)
                return -EKEYREJECTED;
        if (error->domain == G_IO_ERROR)
                return errno_of_io(error->code);
        if (error->domain == G_RESOLVER_ERROR)
                return -ENXIO;
        return -EIO;
}

static int fail(const GError *error, char **ret_problem) {
        *ret_problem = g_strdup(error->message);
        return error_trace(errno_of(error));
}

/* Connecting */

static void connected(GObject *source, GAsyncResult *result, gpointer data) {
        GAsyncResult **ret = data;

        *ret = g_object_ref(result);
}

/*
 * Asynchronously, since only then GIO tries a host's next address while the first one is silent; in a
 * context of its own, since the caller is one of many threads.
 */
static GSocketConnection *connect_to(const RedisLinkSettings *settings, GCancellable *cancellable, GError **error) {
        g_autoptr(GMainContext) context = g_main_context_new();
        g_autoptr(GSocketClient) client = NULL;
        g_autoptr(GSocketConnectable) address = NULL;
        g_autoptr(GAsyncResult) result = NULL;
        GSocketConnection *connection;

        g_main_context_push_thread_default(context);
        client = g_object_new(G_TYPE_SOCKET_CLIENT, "enable-proxy", FALSE, "protocol", G_SOCKET_PROTOCOL_TCP, NULL);
        address = g_network_address_new(settings->host, settings->port);
        g_socket_client_connect_async(client, address, cancellable, connected, &result);
        while (!result)
                (void) g_main_context_iteration(context, TRUE);
        connection = g_socket_client_connect_finish(client, result, error);
        g_main_context_pop_thread_default(context);
        return connection;
}

int redis_stream_connect(RedisStream *stream, const RedisLinkSettings *settings, char **ret_problem) {
        g_autoptr(GError) error = NULL;
        GSocket *socket;

        stream->connection = connect_to(settings, stream->cancellable, &error);
        if (!stream->connection)
                return fail(error, ret_problem);
        socket = g_socket_connection_get_socket(stream->connection);
        (void) g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL); /* slower without; ignoring */
        return 0;
}

/* TLS */

static const struct {
        GTlsCertificateFlags flag;
        const char *words;
} flaws[] = {
        { G_TLS_CERTIFICATE_UNKNOWN_CA, "no authority that is trusted here has signed it" },
        { G_TLS_CERTIFICATE_BAD_IDENTITY, "it is for another host" },
        { G_TLS_CERTIFICATE_NOT_ACTIVATED, "it is not valid yet" },
        { G_TLS_CERTIFICATE_EXPIRED, "it has expired" },
        { G_TLS_CERTIFICATE_REVOKED, "it is revoked" },
        { G_TLS_CERTIFICATE_INSECURE, "its algorithm or key is too weak" },
};

/* Always no: asked only about a certificate that has failed already. */
static gboolean note_flaws(GTlsConnection *tls, GTlsCertificate *certificate, GTlsCertificateFlags found,
                           gpointer data) {
        GString *words = data;

        for (unsigned i = 0; i < G_N_ELEMENTS(flaws); i++)
                if (found & flaws[i].flag)
                        g_string_append_printf(words, "%s%s", words->len > 0 ? "; " : "", flaws[i].words);
        if (words->len == 0)
                g_string_append(words, "no authority that is trusted here has signed it, or it is damaged");
        return FALSE;
}

static GTlsDatabase *authorities(const char *ca_file, GError **error) {
        if (!ca_file)
                return g_tls_backend_get_default_database(g_tls_backend_get_default());
        return g_tls_file_database_new(ca_file, error);
}

/*
 * The connection as a stream that tells no address. GIO would keep the session under it, for the whole
 * process, and resume it; then GnuTLS shows no certificate, and nobody looks at the authorities again.
 */
static GIOStream *nameless(GSocketConnection *connection) {
        return g_simple_io_stream_new(g_io_stream_get_input_stream(G_IO_STREAM(connection)),
                                      g_io_stream_get_output_stream(G_IO_STREAM(connection)));
}

static GTlsConnection *new_tls(RedisStream *stream, const RedisLinkSettings *settings, GError **error) {
        g_autoptr(GSocketConnectable) identity = g_network_address_new(settings->host, settings->port);
        g_autoptr(GTlsDatabase) database = NULL;
        g_autoptr(GTlsCertificate) certificate = NULL;
        g_autoptr(GIOStream) base = nameless(stream->connection), tls = NULL;

        database = authorities(settings->ca_file, error);
        if (!database)
                return NULL;
        if (settings->client_cert) {
                certificate = g_tls_certificate_new_from_files(settings->client_cert, settings->client_key, error);
                if (!certificate)
                        return NULL;
        }
        tls = g_tls_client_connection_new(base, identity, error);
        if (!tls)
                return NULL;
        g_tls_connection_set_database(G_TLS_CONNECTION(tls), database);
        if (certificate)
                g_tls_connection_set_certificate(G_TLS_CONNECTION(tls), certificate);
        g_tls_connection_set_require_close_notify(G_TLS_CONNECTION(tls), FALSE); /* replies tell their own length */
        return G_TLS_CONNECTION(g_steal_pointer(&tls));
}

/* The files that the settings name: whatever is wrong with them, it is neither the server nor a disk. */
static int fail_setup(const GError *error, char **ret_problem) {
        *ret_problem = g_strdup_printf("TLS cannot be set up: %s", error->message);
        return error_trace(-EKEYREJECTED);
}

static int fail_handshake(const GError *error, const GString *flaw, char **ret_problem) {
        bool ours = error->domain == G_IO_ERROR && error->code == G_IO_ERROR_CANCELLED;

        if (flaw->len > 0)
                *ret_problem = g_strdup_printf("the server's certificate is refused: %s", flaw->str);
        else
                *ret_problem = g_strdup_printf("no TLS with this server: %s", error->message);
        return error_trace(ours ? -ECANCELED : -EKEYREJECTED);
}

int redis_stream_secure(RedisStream *stream, const RedisLinkSettings *settings, char **ret_problem) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GString) flaw = g_string_new(NULL);
        g_autoptr(GTlsConnection) tls = NULL;
        gulong handler;
        bool good;

        if (!g_tls_backend_supports_tls(g_tls_backend_get_default())) {
                *ret_problem = g_strdup("TLS needs the package glib-networking, which is not installed");
                return error_trace(-EKEYREJECTED);
        }
        tls = new_tls(stream, settings, &error);
        if (!tls)
                return fail_setup(error, ret_problem);
        handler = g_signal_connect(tls, "accept-certificate", G_CALLBACK(note_flaws), flaw);
        good = g_tls_connection_handshake(tls, stream->cancellable, &error);
        g_signal_handler_disconnect(tls, handler);
        if (!good)
                return fail_handshake(error, flaw, ret_problem);
        if (g_tls_connection_get_protocol_version(tls) < G_TLS_PROTOCOL_VERSION_TLS_1_2) {
                *ret_problem = g_strdup("the server speaks no TLS from 1.2 on");
                return error_trace(-EKEYREJECTED);
        }
        stream->tls = G_IO_STREAM(g_steal_pointer(&tls));
        return 0;
}

/* Bytes */

static GIOStream *io_of(RedisStream *stream) {
        return stream->tls ?: G_IO_STREAM(stream->connection);
}

int redis_stream_write(RedisStream *stream, const void *data, size_t size, char **ret_problem) {
        g_autoptr(GError) error = NULL;
        size_t n;

        if (!g_output_stream_write_all(g_io_stream_get_output_stream(io_of(stream)), data, size, &n,
                                       stream->cancellable, &error))
                return fail(error, ret_problem);
        return 0;
}

int redis_stream_read(RedisStream *stream, void *buffer, size_t size, size_t *ret_n, char **ret_problem) {
        g_autoptr(GError) error = NULL;
        gssize n;

        n = g_input_stream_read(g_io_stream_get_input_stream(io_of(stream)), buffer, size, stream->cancellable,
                                &error);
        if (n < 0)
                return fail(error, ret_problem);
        if (n == 0) {
                *ret_problem = g_strdup("the server closed the connection");
                return error_trace(-ECONNRESET);
        }
        *ret_n = (size_t) n;
        return 0;
}

bool redis_stream_is_quiet(RedisStream *stream) {
        return g_socket_condition_check(g_socket_connection_get_socket(stream->connection),
                                        G_IO_IN | G_IO_HUP | G_IO_ERR) == 0;
}
