/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/lib/call.h"
#include "client/lib/client-private.h"
#include "common/cleanup.h"
#include "common/wire.h"

#define BUS_DRIVER "org.freedesktop.DBus"
#define BUS_DRIVER_PATH "/org/freedesktop/DBus"
#define RETRY_MS_MIN 2
#define RETRY_MS_MAX 50

const char *client_strerror(int r) {
        static const char *const text[_CLIENT_E_MAX] = {
                [_CLIENT_E_SUCCESS] = "success",
                [CLIENT_E_UNREACHABLE] = "the tessera daemon cannot be reached",
                [CLIENT_E_TIMEOUT] = "the tessera daemon did not answer in time",
                [CLIENT_E_IMPOSTOR] = "who answers for tessera is not its daemon",
                [CLIENT_E_VERSION] = "the tessera daemon is of another version",
                [CLIENT_E_REMOTE] = "the tessera daemon reported an error",
                [CLIENT_E_NOT_FOUND] = "not found",
        };
        const char *name;

        if (r >= 0 && r < _CLIENT_E_MAX)
                return text[r];
        name = r < 0 ? strerrordesc_np(-r) : NULL;
        return name ? name : "unknown error";
}

static uint64_t now_usec(void) {
        struct timespec ts = { 0 };

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

uint64_t client_deadline(unsigned seconds) {
        return client_deadline_in((uint64_t) seconds * 1000000);
}

uint64_t client_deadline_in(uint64_t usec) {
        return now_usec() + usec;
}

uint64_t client_left(uint64_t deadline) {
        uint64_t now = now_usec();

        return now < deadline ? deadline - now : 0;
}

/*
 * Connects to the socket at @path. A full backlog is EAGAIN at once on a non-blocking socket: that
 * is a busy daemon and worth another try as long as there is time.
 */
static int connect_socket(const char *path, uint64_t deadline, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int wait_ms = RETRY_MS_MIN;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        while (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
                if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (client_left(deadline) == 0)
                        return -ETIMEDOUT;
                (void) poll(NULL, 0, wait_ms);
                wait_ms = wait_ms * 2 < RETRY_MS_MAX ? wait_ms * 2 : RETRY_MS_MAX;
        }
        *ret_fd = steal_fd(&fd);
        return 0;
}

/* May an owner with this uid speak for the daemon? Root is not looked up: it is the usual case. */
static int check_daemon_uid(uid_t uid) {
        char buffer[4096];
        struct passwd entry, *found = NULL;
        int r;

        if (uid == 0)
                return 0;
        r = getpwnam_r(WIRE_DAEMON_USER, &entry, buffer, sizeof(buffer), &found);
        if (r != 0)
                return -r;
        return found && found->pw_uid == uid ? 0 : CLIENT_E_IMPOSTOR;
}

static int check_root_uid(uid_t uid) {
        return uid == 0 ? 0 : CLIENT_E_IMPOSTOR;
}

int client_run(Client *client, int (*done)(Client *client, void *userdata), void *userdata) {
        int r;

        for (;;) {
                uint64_t left;

                r = done(client, userdata);
                if (r != 0)
                        return r < 0 ? r : 0;
                /* Looked at in every round: a peer that never stops talking must not hold us either. */
                left = client_left(client->deadline);
                if (left == 0)
                        return -ETIMEDOUT;
                r = sd_bus_process(client->bus, NULL);
                if (r < 0)
                        return r;
                if (r > 0)
                        continue;
                r = sd_bus_wait(client->bus, left);
                if (r < 0 && r != -EINTR)
                        return r;
        }
}

static int is_ready(Client *client, void *userdata) {
        return sd_bus_is_ready(client->bus);
}

/* Makes a bus connection of the connected socket, which is taken over, and waits until it may be used. */
static int start(int fd, bool is_bus, uint64_t deadline, Client **ret) {
        _cleanup_client_ Client *client = NULL;
        _cleanup_close_ int socket_fd = fd;
        int r;

        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;
        client->deadline = deadline;
        r = sd_bus_new(&client->bus);
        if (r >= 0)
                r = sd_bus_set_bus_client(client->bus, is_bus);
        if (r >= 0)
                r = sd_bus_negotiate_fds(client->bus, true);
        if (r >= 0)
                r = sd_bus_set_fd(client->bus, socket_fd, socket_fd);
        if (r < 0)
                return r;
        (void) steal_fd(&socket_fd);
        r = sd_bus_start(client->bus);
        if (r >= 0)
                r = client_run(client, is_ready, NULL);
        if (r < 0)
                return r;
        *ret = client;
        client = NULL;
        return 0;
}

/* Peer to peer on the private socket @fd, which is taken over. */
static int start_private(int fd, uint64_t deadline, Client **ret) {
        _cleanup_close_ int socket_fd = fd;
        struct ucred peer = { .uid = (uid_t) -1 };
        socklen_t size = sizeof(peer);
        int r;

        /* Who listens: systemd, which is root, when it made the socket, else the daemon itself. */
        if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return -errno;
        r = check_daemon_uid(peer.uid);
        if (r != 0)
                return r;
        return start(steal_fd(&socket_fd), /* is_bus= */ false, deadline, ret);
}

/* A call to the bus itself about @name. */
static int ask_bus(Client *bus, const char *method, const char *name, ClientMessage **ret, ClientError *error) {
        _cleanup_client_message_ ClientMessage *call = NULL;
        int r;

        r = client_message_new(bus, BUS_DRIVER, BUS_DRIVER_PATH, BUS_DRIVER, method, &call);
        if (r == 0)
                r = client_message_add_string(call, name);
        if (r == 0)
                r = client_message_call(bus, call, ret, error);
        return r;
}

static int start_service(Client *bus, const char *name) {
        _cleanup_client_message_ ClientMessage *call = NULL, *reply = NULL;
        int r;

        r = client_message_new(bus, BUS_DRIVER, BUS_DRIVER_PATH, BUS_DRIVER, "StartServiceByName", &call);
        if (r == 0)
                r = client_message_add_string(call, name);
        if (r == 0)
                r = client_message_add_uint32(call, /* flags= */ 0);
        if (r == 0)
                r = client_message_call(bus, call, &reply, NULL);
        return r;
}

static int get_owner(Client *bus, const char *name, ClientMessage **ret) {
        ClientError error;
        int r;

        r = ask_bus(bus, "GetNameOwner", name, ret, &error);
        if (r != CLIENT_E_UNREACHABLE || strcmp(error.name, BUS_DRIVER ".Error.NameHasNoOwner") != 0)
                return r;
        r = start_service(bus, name);
        return r == 0 ? ask_bus(bus, "GetNameOwner", name, ret, NULL) : r;
}

/*
 * Calls go to the unique name of the owner whose uid was checked: whoever takes the well-known name
 * afterwards gets nothing.
 */
static int bind_owner(Client *bus, const char *name, int (*check_uid)(uid_t uid)) {
        _cleanup_client_message_ ClientMessage *owner = NULL, *user = NULL;
        const char *unique;
        uint32_t uid;
        int r;

        r = get_owner(bus, name, &owner);
        if (r == 0)
                r = client_message_read_string(owner, SD_BUS_MAXIMUM_NAME_LENGTH, &unique);
        if (r == 0)
                r = ask_bus(bus, "GetConnectionUnixUser", unique, &user, NULL);
        if (r == 0)
                r = client_message_read_uint32(user, &uid);
        if (r == 0)
                r = check_uid((uid_t) uid);
        if (r != 0)
                return r;
        bus->peer = strdup(unique);
        return bus->peer ? 0 : -ENOMEM;
}

static int connect_bus(const char *name, int (*check_uid)(uid_t uid), uint64_t deadline, Client **ret) {
        _cleanup_client_ Client *client = NULL;
        const char *path = strchr(WIRE_SYSTEM_BUS, '/');
        int fd = -1, r;

        r = connect_socket(path, deadline, &fd);
        if (r == 0)
                r = start(fd, /* is_bus= */ true, deadline, &client);
        if (r == 0)
                r = bind_owner(client, name, check_uid);
        if (r != 0)
                return r;
        *ret = client;
        client = NULL;
        return 0;
}

/* What failed on the way to the other side is "unreachable"; what failed on our side keeps its errno. */
static int fold(int r) {
        switch (r) {
        case -ENOMEM:
        case -EMFILE:
        case -ENFILE:
                return r;
        case -ETIMEDOUT:
                return CLIENT_E_TIMEOUT;
        default:
                return r < 0 ? CLIENT_E_UNREACHABLE : r;
        }
}

int client_connect(uint64_t deadline, Client **ret) {
        int fd = -1, r;

        if (geteuid() == 0) {
                r = connect_socket(WIRE_PRIVATE_SOCKET, deadline, &fd);
                if (r == 0)
                        return fold(start_private(fd, deadline, ret));
                /* Only a socket that is not there, or that nobody listens on, sends us to the bus. */
                if (r != -ENOENT && r != -ECONNREFUSED)
                        return fold(r);
        }
        return client_connect_bus(deadline, ret);
}

int client_connect_private(uint64_t deadline, Client **ret) {
        int fd = -1, r;

        r = connect_socket(WIRE_PRIVATE_SOCKET, deadline, &fd);
        return fold(r == 0 ? start_private(fd, deadline, ret) : r);
}

int client_connect_bus(uint64_t deadline, Client **ret) {
        return fold(connect_bus(WIRE_BUS_NAME, check_daemon_uid, deadline, ret));
}

int client_connect_root(const char *name, uint64_t deadline, Client **ret) {
        return fold(connect_bus(name, check_root_uid, deadline, ret));
}

Client *client_close(Client *client) {
        int saved = errno;

        if (!client)
                return NULL;
        /* Never the flushing kind: it waits for as long as the peer likes. */
        if (client->bus)
                (void) sd_bus_close_unref(client->bus);
        free(client->peer);
        free(client);
        errno = saved;
        return NULL;
}
