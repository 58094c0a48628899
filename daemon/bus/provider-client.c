/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <gio/gunixsocketaddress.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/memfd.h"
#include "common/name.h"
#include "common/oidc-wire.h"
#include "daemon/bus/provider-client.h"
#include "daemon/core/types.h"

#define GREETING_S 4      /* to connect and to be recognised: nothing of that asks a provider */
#define CODE_LIFETIME_S 600 /* of a code flow, in which the provider says nothing of it */
#define CANCEL_MAX_S 1
#define CANCEL_PAUSE (1 * G_TIME_SPAN_SECOND) /* after one that failed: the helper forgets by itself */
#define GROUPS_MAX 1024
#define REASON_MAX 64

struct ProviderClient {
        ProviderSource source;
        char *socket;
        GMutex lock;
        gint64 cancel_again; /* monotonic time before which no cancellation is tried */
};

static ProviderClient *client_of(const ProviderSource *source) {
        return (ProviderClient *) (void *) source;
}

/* Reading */

static bool is_plain(const char *text, size_t max) {
        char clean[PROVIDER_TEXT_MAX_BYTES + 1];
        size_t size = strlen(text);

        if (size == 0 || size > max || size >= sizeof(clean))
                return false;
        name_clean(text, clean, size + 1);
        return g_str_equal(clean, text);
}

/* True, with NULL, where there is none. False: there is something that is no such text. */
static bool take_text(GVariant *result, const char *key, char **ret) {
        g_autoptr(GVariant) value = g_variant_lookup_value(result, key, NULL);

        *ret = NULL;
        if (!value)
                return true;
        if (!g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) ||
            !is_plain(g_variant_get_string(value, NULL), PROVIDER_TEXT_MAX_BYTES))
                return false;
        *ret = g_variant_dup_string(value, NULL);
        return true;
}

/* The helper has looked closely; this is so that nothing else is ever shown as a link. */
static bool is_address(const char *text) {
        return g_str_has_prefix(text, "https://") || g_str_has_prefix(text, "http://127.") ||
               g_str_has_prefix(text, "http://[::1]");
}

static bool is_flow(const char *flow) {
        return strlen(flow) == PROVIDER_FLOW_SIZE - 1 &&
               strspn(flow, "0123456789abcdef") == PROVIDER_FLOW_SIZE - 1;
}

bool provider_client_read_device(const char *flow, GVariant *result, ProviderFlow *ret) {
        g_auto(ProviderFlow) read = { .expires_in = 0 };

        if (!is_flow(flow) || !take_text(result, "uri", &read.uri) ||
            !take_text(result, "uri_complete", &read.uri_complete) ||
            !take_text(result, "user_code", &read.user_code))
                return false;
        if (!read.uri || !read.user_code || !is_address(read.uri) ||
            (read.uri_complete && !is_address(read.uri_complete)))
                return false;
        if (!g_variant_lookup(result, "expires_in", "u", &read.expires_in) || read.expires_in == 0)
                return false;
        (void) g_strlcpy(read.id, flow, sizeof(read.id));
        *ret = read;
        read = (ProviderFlow) { .expires_in = 0 };
        return true;
}

bool provider_client_read_code(const char *flow, const char *url, ProviderFlow *ret) {
        if (!is_flow(flow) || !is_plain(url, PROVIDER_TEXT_MAX_BYTES) || !is_address(url))
                return false;
        *ret = (ProviderFlow) { .uri = g_strdup(url), .expires_in = CODE_LIFETIME_S };
        (void) g_strlcpy(ret->id, flow, sizeof(ret->id));
        return true;
}

static bool take_groups(GVariant *result, char ***ret) {
        g_autoptr(GVariant) value = g_variant_lookup_value(result, "groups", NULL);
        g_auto(GStrv) groups = NULL;

        if (!value) {
                *ret = g_new0(char *, 1);
                return true;
        }
        if (!g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY) || g_variant_n_children(value) > GROUPS_MAX)
                return false;
        groups = g_variant_dup_strv(value, NULL);
        for (size_t i = 0; groups[i]; i++)
                if (!is_plain(groups[i], PROVIDER_TEXT_MAX_BYTES))
                        return false;
        *ret = g_steal_pointer(&groups);
        return true;
}

static ProviderState fail(const char *reason, ProviderIdentity *ret) {
        *ret = (ProviderIdentity) { .reason = g_strdup(reason) };
        return PROVIDER_STATE_FAILED;
}

static ProviderState read_approved(GVariant *result, ProviderIdentity *ret) {
        g_auto(ProviderIdentity) identity = { .issuer = NULL };

        if (!take_text(result, "issuer", &identity.issuer) || !take_text(result, "subject", &identity.subject) ||
            !take_text(result, "user", &identity.user) || !take_groups(result, &identity.groups) ||
            !identity.issuer || !identity.subject)
                return fail("not-understood", ret);
        *ret = identity;
        identity = (ProviderIdentity) { .issuer = NULL };
        return PROVIDER_STATE_APPROVED;
}

static char *read_reason(GVariant *result) {
        g_autofree char *reason = NULL;

        if (!take_text(result, "reason", &reason) || !reason || strlen(reason) > REASON_MAX || !name_is_word(reason))
                return g_strdup("unknown");
        return g_steal_pointer(&reason);
}

ProviderState provider_client_read_end(const char *state, GVariant *result, ProviderIdentity *ret) {
        static const struct {
                const char *word;
                ProviderState state;
        } words[] = {
                { "pending",  PROVIDER_STATE_PENDING  },
                { "denied",   PROVIDER_STATE_DENIED   },
                { "expired",  PROVIDER_STATE_EXPIRED  },
        };

        if (g_str_equal(state, "approved"))
                return read_approved(result, ret);
        *ret = (ProviderIdentity) { .reason = NULL };
        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                if (g_str_equal(state, words[i].word)) {
                        if (words[i].state != PROVIDER_STATE_PENDING)
                                ret->reason = read_reason(result);
                        return words[i].state;
                }
        ret->reason = read_reason(result);
        return PROVIDER_STATE_FAILED;
}

/* Connecting */

/* 0, with UID_UNSET where there is no such user, or a negative errno. */
static int find_helper_uid(uid_t *ret) {
        struct passwd entry, *found = NULL;
        char buffer[4096];
        int r;

        r = getpwnam_r(PROVIDER_CLIENT_USER, &entry, buffer, sizeof(buffer), &found);
        if (r != 0)
                return -r;
        *ret = found ? found->pw_uid : UID_UNSET;
        return 0;
}

static bool is_helper(uid_t uid) {
        uid_t helper = UID_UNSET;

        if (uid == 0) /* systemd, which listens for it */
                return true;
        return find_helper_uid(&helper) == 0 && helper != UID_UNSET && uid == helper;
}

/* The socket itself belongs to us, whom alone it is for; who listens there does not. */
static bool is_believed(const char *path, GSocket *socket) {
        struct ucred who = { .uid = UID_UNSET };
        socklen_t size = sizeof(who);
        struct stat st;

        if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode) || (st.st_uid != geteuid() && !is_helper(st.st_uid)))
                return false;
        return getsockopt(g_socket_get_fd(socket), SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
               size == sizeof(who) && who.uid != UID_UNSET && is_helper(who.uid);
}

static int result_of(const GError *error) {
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
            g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) ||
            g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
                return -ECONNREFUSED;
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
            g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY))
                return -ETIMEDOUT;
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) ||
            g_error_matches(error, G_IO_ERROR, G_IO_ERROR_BUSY))
                return -EBUSY;
        return -EPROTO;
}

static int open_connection(const ProviderClient *client, unsigned timeout_s, GDBusConnection **ret) {
        g_autoptr(GSocketAddress) address = g_unix_socket_address_new(client->socket);
        g_autoptr(GSocketClient) connector = g_socket_client_new();
        g_autoptr(GSocketConnection) stream = NULL;
        g_autoptr(GError) error = NULL;

        g_socket_client_set_timeout(connector, timeout_s);
        g_socket_client_set_enable_proxy(connector, FALSE);
        stream = g_socket_client_connect(connector, G_SOCKET_CONNECTABLE(address), /* cancellable= */ NULL, &error);
        if (!stream)
                return result_of(error);
        if (!is_believed(client->socket, g_socket_connection_get_socket(stream))) {
                g_warning("\"%s\" is not tessera-oidc's: nobody is asked there", client->socket);
                return -ECONNREFUSED;
        }
        *ret = g_dbus_connection_new_sync(G_IO_STREAM(stream), /* guid= */ NULL,
                                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, /* observer= */ NULL,
                                          /* cancellable= */ NULL, &error);
        if (!*ret)
                return result_of(error);
        g_socket_set_timeout(g_socket_connection_get_socket(stream), 0); /* from here each call has its own */
        return 0;
}

/* Calling */

typedef struct Question {
        const char *method;
        GVariant *arguments; /* taken over */
        const char *type;    /* of the reply */
        int timeout_ms;
        GUnixFDList *fds;    /* NULL: none */
} Question;

/* 0 and the reply, or a negative errno with what the helper said, if it did, in @ret_error. */
static int call(const ProviderClient *client, const Question *question, GVariant **ret, GError **ret_error) {
        g_autoptr(GVariant) arguments = g_variant_ref_sink(question->arguments);
        gint64 deadline = g_get_monotonic_time() + question->timeout_ms * (gint64) 1000, left;
        g_autoptr(GDBusConnection) connection = NULL;
        int r;

        r = open_connection(client, GREETING_S, &connection);
        if (r < 0)
                return r;
        left = (deadline - g_get_monotonic_time()) / 1000;
        if (left <= 0)
                return -ETIMEDOUT;
        *ret = g_dbus_connection_call_with_unix_fd_list_sync(
                connection, /* bus_name= */ NULL, OIDC_OBJECT_PATH, OIDC_INTERFACE, question->method, arguments,
                G_VARIANT_TYPE(question->type), G_DBUS_CALL_FLAGS_NO_AUTO_START, (int) left, question->fds,
                /* out_fd_list= */ NULL, /* cancellable= */ NULL, ret_error);
        return *ret ? 0 : result_of(*ret_error);
}

static bool is_error(const GError *error, const char *name) {
        g_autofree char *remote = error ? g_dbus_error_get_remote_error(error) : NULL;

        return g_strcmp0(remote, name) == 0;
}

/* What the helper said of it, for whoever reads the journal; g_free. */
static char *what_it_said(const GError *error) {
        g_autoptr(GError) copy = g_error_copy(error);
        char clean[256];

        (void) g_dbus_error_strip_remote_error(copy);
        name_clean(copy->message, clean, sizeof(clean));
        return g_strdup(clean);
}

static int begin_failed(const char *provider, int r, const GError *error) {
        g_autofree char *said = NULL;

        if (!error)
                return r;
        said = what_it_said(error);
        g_warning("no sign-in can begin at the provider \"%s\": %s", provider, said);
        return is_error(error, OIDC_ERROR_BUSY) ? -EBUSY : r;
}

static int begin_device(const ProviderClient *client, const char *provider, ProviderFlow *ret) {
        g_autoptr(GVariant) reply = NULL, result = NULL;
        g_autoptr(GError) error = NULL;
        const char *flow;
        int r;

        r = call(client, &(Question) { .method = "StartDevice", .arguments = g_variant_new("(s)", provider),
                                       .type = "(sa{sv})", .timeout_ms = PROVIDER_CALL_MAX_MS }, &reply, &error);
        if (r < 0)
                return begin_failed(provider, r, error);
        g_variant_get(reply, "(&s@a{sv})", &flow, &result);
        return provider_client_read_device(flow, result, ret) ? 0 : error_trace(-EPROTO);
}

static int begin_code(const ProviderClient *client, const char *provider, const char *redirect_uri, ProviderFlow *ret) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        const char *flow, *url;
        int r;

        r = call(client, &(Question) { .method = "StartCode", .arguments = g_variant_new("(ss)", provider, redirect_uri),
                                       .type = "(ss)", .timeout_ms = PROVIDER_CALL_MAX_MS }, &reply, &error);
        if (r < 0 && is_error(error, OIDC_ERROR_INVALID))
                return -EINVAL;
        if (r < 0)
                return begin_failed(provider, r, error);
        g_variant_get(reply, "(&s&s)", &flow, &url);
        return provider_client_read_code(flow, url, ret) ? 0 : error_trace(-EPROTO);
}

static int client_begin(const ProviderSource *source, const char *provider, const char *redirect_uri,
                        ProviderFlow *ret) {
        return redirect_uri ? begin_code(client_of(source), provider, redirect_uri, ret)
                            : begin_device(client_of(source), provider, ret);
}

static int ask_for_end(const ProviderClient *client, const Question *question, ProviderState *ret,
                       ProviderIdentity *ret_identity) {
        g_autoptr(GVariant) reply = NULL, result = NULL;
        g_autoptr(GError) error = NULL;
        const char *state;
        int r;

        r = call(client, question, &reply, &error);
        if (r < 0 && is_error(error, OIDC_ERROR_NOT_FOUND)) { /* it has begun anew, or the end was told */
                *ret = fail("no-such-flow", ret_identity);
                return 0;
        }
        if (r < 0)
                return r;
        g_variant_get(reply, "(&s@a{sv})", &state, &result);
        *ret = provider_client_read_end(state, result, ret_identity);
        return 0;
}

static int client_look(const ProviderSource *source, const char *flow, ProviderState *ret,
                       ProviderIdentity *ret_identity) {
        return ask_for_end(client_of(source), &(Question) {
                .method = "Wait",
                .arguments = g_variant_new("(su)", flow, 0),
                .type = "(sa{sv})",
                .timeout_ms = PROVIDER_CALL_MAX_MS,
        }, ret, ret_identity);
}

static int client_redirect(const ProviderSource *source, const char *flow, const char *query, size_t size,
                           ProviderState *ret, ProviderIdentity *ret_identity) {
        g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
        _cleanup_close_ int fd = -1;
        int r;

        r = memfd_new_sealed(query, size, &fd);
        if (r < 0)
                return error_trace(r);
        if (g_unix_fd_list_append(fds, fd, NULL) < 0)
                return error_trace(-EMFILE);
        return ask_for_end(client_of(source), &(Question) {
                .method = "Redirect",
                .arguments = g_variant_new("(sh)", flow, 0),
                .type = "(sa{sv})",
                .timeout_ms = PROVIDER_CALL_MAX_MS,
                .fds = fds,
        }, ret, ret_identity);
}

/*
 * It is over when the helper says so: a connection that is closed right behind the call may take the call along,
 * and the helper would go on asking the provider. One that hangs is not waited for again and again.
 */
static void client_cancel(const ProviderSource *source, const char *flow) {
        ProviderClient *client = client_of(source);
        g_autoptr(GDBusConnection) connection = NULL;
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        bool pause;

        g_mutex_lock(&client->lock);
        pause = g_get_monotonic_time() < client->cancel_again;
        g_mutex_unlock(&client->lock);
        if (pause)
                return;
        if (open_connection(client, CANCEL_MAX_S, &connection) == 0)
                reply = g_dbus_connection_call_sync(connection, /* bus_name= */ NULL, OIDC_OBJECT_PATH, OIDC_INTERFACE,
                                                    "Cancel", g_variant_new("(s)", flow), /* reply_type= */ NULL,
                                                    G_DBUS_CALL_FLAGS_NO_AUTO_START, CANCEL_MAX_S * 1000,
                                                    /* cancellable= */ NULL, &error);
        if (reply || (error && g_dbus_error_is_remote_error(error) && result_of(error) != -ETIMEDOUT))
                return;
        g_mutex_lock(&client->lock);
        client->cancel_again = g_get_monotonic_time() + CANCEL_PAUSE;
        g_mutex_unlock(&client->lock);
}

static int client_check(const ProviderSource *source, const char *provider, char **ret_problem) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        char clean[256];
        gboolean works;
        const char *text;
        int r;

        r = call(client_of(source), &(Question) { .method = "Check", .arguments = g_variant_new("(s)", provider),
                                                  .type = "(bs)", .timeout_ms = PROVIDER_CHECK_MAX_MS }, &reply, &error);
        if (r < 0 && error && g_dbus_error_is_remote_error(error) && r != -ETIMEDOUT) {
                *ret_problem = what_it_said(error);
                return 0;
        }
        if (r < 0)
                return r;
        g_variant_get(reply, "(b&s)", &works, &text);
        name_clean(text, clean, sizeof(clean));
        *ret_problem = works ? NULL : g_strdup(clean[0] ? clean : "it does not work");
        return 0;
}

ProviderClient *provider_client_new(const char *socket) {
        ProviderClient *client = g_new0(ProviderClient, 1);

        client->source = (ProviderSource) { client_begin, client_look, client_redirect, client_cancel, client_check };
        client->socket = g_strdup(socket);
        g_mutex_init(&client->lock);
        return client;
}

ProviderClient *provider_client_free(ProviderClient *client) {
        if (!client)
                return NULL;
        g_mutex_clear(&client->lock);
        g_free(client->socket);
        g_free(client);
        return NULL;
}

const ProviderSource *provider_client_source(const ProviderClient *client) {
        return &client->source;
}
