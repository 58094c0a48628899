/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/activation.h"
#include "common/cleanup.h"

#define BACKLOG 512
#define LISTEN_FD 3 /* sd_listen_fds(3): the first descriptor that systemd passes */

static int check_listening(int fd) {
        int domain, type, listening;
        socklen_t size = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0)
                return -errno;
        return domain == AF_UNIX && type == SOCK_STREAM && listening ? 0 : -EINVAL;
}

/* Is @text the one way to write @number? */
static bool is_number(const char *text, intmax_t number) {
        char written[32];

        (void) snprintf(written, sizeof(written), "%" PRIdMAX, number);
        return strcmp(text, written) == 0;
}

int activation_socket(int *ret_fd) {
        const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
        bool given = fds && pid && is_number(pid, getpid()); /* or meant for somebody else */
        bool one = given && is_number(fds, 1);
        int r;

        (void) unsetenv("LISTEN_FDS");
        (void) unsetenv("LISTEN_PID");
        (void) unsetenv("LISTEN_FDNAMES");
        *ret_fd = -1;
        if (!given)
                return 0;
        if (!one)
                return -EINVAL;
        r = check_listening(LISTEN_FD);
        if (r < 0)
                return r;
        if (fcntl(LISTEN_FD, F_SETFD, FD_CLOEXEC) < 0)
                return -errno;
        *ret_fd = LISTEN_FD;
        return 0;
}

int activation_bind(const char *path, int *ret_fd) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        struct stat st;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        (void) strcpy(address.sun_path, path);
        if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && unlink(path) < 0)
                return -errno;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        /* Before it has a name, so that it is 0600 from birth. */
        if (fchmod(fd, 0600) < 0)
                return -errno;
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0)
                return -errno;
        *ret_fd = steal_fd(&fd);
        return 0;
}
