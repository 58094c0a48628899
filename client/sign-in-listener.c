/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/sign-in-listener.h"
#include "client/sign-in-page.h"
#include "client/sign-in-request.h"
#include "common/cleanup.h"

#define CONNECTIONS_MAX 16
#define FAREWELL_S 1               /* for those who are answered, until they hang up */
#define FAREWELL_BYTES (64 * 1024) /* what they may still send: closing over unread bytes would take the answer back */

typedef struct Connection {
        int fd; /* -1: free */
        int64_t ends;
        bool answered;
        size_t size; /* of what came; once it is answered, of what was thrown away */
        char data[SIGN_IN_REQUEST_MAX + 1];
} Connection;

struct SignInListener {
        int fd;
        unsigned port;
        bool taken;      /* the one request was here */
        Connection *held; /* its connection, until it is answered */
        Connection connections[CONNECTIONS_MAX];
};

static void hang_up(SignInListener *listener, Connection *connection) {
        if (listener->held == connection)
                listener->held = NULL;
        explicit_bzero(connection->data, sizeof(connection->data)); /* a code was in it */
        connection->fd = safe_close(connection->fd);
}

int sign_in_listener_new(SignInListener **ret) {
        _cleanup_sign_in_listener_ SignInListener *listener = g_new0(SignInListener, 1);
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof(address);

        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                listener->connections[i].fd = -1;
        listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (listener->fd < 0 || bind(listener->fd, (struct sockaddr *) &address, size) < 0 ||
            listen(listener->fd, CONNECTIONS_MAX) < 0 ||
            getsockname(listener->fd, (struct sockaddr *) &address, &size) < 0)
                return -errno;
        listener->port = ntohs(address.sin_port);
        *ret = g_steal_pointer(&listener);
        return 0;
}

SignInListener *sign_in_listener_free(SignInListener *listener) {
        if (!listener)
                return NULL;
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                hang_up(listener, &listener->connections[i]);
        listener->fd = safe_close(listener->fd);
        g_free(listener);
        return NULL;
}

unsigned sign_in_listener_port(const SignInListener *listener) {
        return listener->port;
}

/* A free place; where there is none that of the oldest, who has had the most time. */
static Connection *make_room(SignInListener *listener) {
        Connection *oldest = NULL;

        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
                Connection *connection = &listener->connections[i];

                if (connection->fd < 0)
                        return connection;
                if (connection != listener->held && (!oldest || connection->ends < oldest->ends))
                        oldest = connection;
        }
        hang_up(listener, oldest);
        return oldest;
}

static void take_connection(SignInListener *listener) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        Connection *connection;

        if (fd < 0)
                return;
        connection = make_room(listener);
        connection->fd = fd;
        connection->ends = g_get_monotonic_time() + SIGN_IN_PATIENCE_S * G_USEC_PER_SEC;
        connection->answered = false;
        connection->size = 0;
}

/* A response fits into a socket's buffer. Who does not take it goes without. */
static void answer(Connection *connection, const char *response) {
        (void) send(connection->fd, response, strlen(response), MSG_NOSIGNAL);
        (void) shutdown(connection->fd, SHUT_WR);
        connection->answered = true;
        connection->size = 0;
        connection->ends = g_get_monotonic_time() + FAREWELL_S * G_USEC_PER_SEC;
}

static void answer_page(Connection *connection, SignInPageKind kind) {
        g_autofree char *response = sign_in_page(&(SignInPage) { .kind = kind });

        answer(connection, response);
}

/* What came is looked at; true when it is the one that we wait for. */
static bool judge(SignInListener *listener, Connection *connection, SecretInput *ret_query) {
        const char *query;
        size_t size;

        switch (sign_in_request_read(connection->data, connection->size, listener->port, &query, &size)) {
        case SIGN_IN_REQUEST_MORE:
                return false;
        case SIGN_IN_REQUEST_GOOD:
                if (!listener->taken) {
                        memcpy(ret_query->data, query, size);
                        ret_query->size = size;
                        listener->taken = true;
                        listener->held = connection;
                        return true;
                }
                answer_page(connection, SIGN_IN_PAGE_GONE);
                return false;
        case SIGN_IN_REQUEST_BAD:
        default:
                answer_page(connection, SIGN_IN_PAGE_BAD);
                return false;
        }
}

/* True when the one request is here. */
static bool read_some(SignInListener *listener, Connection *connection, SecretInput *ret_query) {
        size_t room = sizeof(connection->data) - (connection->answered ? 0 : connection->size);
        ssize_t n = read(connection->fd, connection->data + (connection->answered ? 0 : connection->size), room);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return false;
        if (n > 0)
                connection->size += (size_t) n;
        if (n <= 0 || (connection->answered && connection->size > FAREWELL_BYTES)) {
                hang_up(listener, connection);
                return false;
        }
        return !connection->answered && judge(listener, connection, ret_query);
}

/* Those who wait for us longer than they may are left; how long the rest can be waited for, until @deadline, in ms. */
static int sweep(SignInListener *listener, int64_t deadline) {
        int64_t now = g_get_monotonic_time();

        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
                Connection *connection = &listener->connections[i];

                if (connection->fd < 0 || connection == listener->held)
                        continue;
                if (connection->ends <= now)
                        hang_up(listener, connection);
                else
                        deadline = MIN(deadline, connection->ends);
        }
        return deadline <= now ? 0 : (int) MIN((deadline - now) / 1000 + 1, G_MAXINT);
}

/* Serves who has something: 1 when the one request came, 0, or a negative errno. */
static int serve(SignInListener *listener, int64_t deadline, SecretInput *ret_query) {
        struct pollfd fds[CONNECTIONS_MAX + 1] = { { .fd = listener->fd, .events = POLLIN } };
        int timeout = sweep(listener, deadline), found = 0;

        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
                Connection *connection = &listener->connections[i];

                fds[i + 1] = (struct pollfd) { .fd = connection == listener->held ? -1 : connection->fd, .events = POLLIN };
        }
        if (poll(fds, G_N_ELEMENTS(fds), timeout) < 0)
                return errno == EINTR ? 0 : -errno;
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (fds[i + 1].revents && read_some(listener, &listener->connections[i], ret_query))
                        found = 1;
        if (fds[0].revents)
                take_connection(listener);
        return found;
}

int sign_in_listener_wait(SignInListener *listener, int64_t deadline, SecretInput *ret_query) {
        while (g_get_monotonic_time() < deadline) {
                int r = serve(listener, deadline, ret_query);

                if (r != 0)
                        return r < 0 ? r : 0;
        }
        return -ETIMEDOUT;
}

static bool is_anybody_here(const SignInListener *listener) {
        struct pollfd next = { .fd = listener->fd, .events = POLLIN };

        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
                if (listener->connections[i].fd >= 0)
                        return true;
        return poll(&next, 1, 0) > 0;
}

void sign_in_listener_answer(SignInListener *listener, const char *response) {
        int64_t deadline = g_get_monotonic_time() + FAREWELL_S * G_USEC_PER_SEC;
        _cleanup_secret_input_ SecretInput ignored = { 0 };

        if (listener->held)
                answer(listener->held, response);
        listener->held = NULL;
        while (is_anybody_here(listener) && g_get_monotonic_time() < deadline)
                if (serve(listener, deadline, &ignored) < 0)
                        return;
}
