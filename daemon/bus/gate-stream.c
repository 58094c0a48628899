/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/bus/gate-stream.h"

void fds_close(Fds *fds) {
        for (size_t i = 0; i < fds->n; i++)
                (void) close(fds->fds[i]);
        fds->n = 0;
}

static void fds_take(Fds *fds, struct msghdr *message) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                for (size_t i = 0; i < n; i++) {
                        int fd;

                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (fds->n < FDS_MAX)
                                fds->fds[fds->n++] = fd;
                        else
                                (void) close(fd);
                }
        }
}

ssize_t stream_receive(int fd, void *buffer, size_t size, Fds *fds) {
        union {
                struct cmsghdr align;
                unsigned char space[CMSG_SPACE(sizeof(int) * FDS_MAX)];
        } control;
        struct iovec part = { .iov_base = buffer, .iov_len = size };
        struct msghdr message = {
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t n;

        do
                n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n > 0)
                fds_take(fds, &message);
        return n;
}

bool stream_receive_all(int fd, void *buffer, size_t size, Fds *fds) {
        for (size_t done = 0; done < size;) {
                ssize_t n = stream_receive(fd, (uint8_t *) buffer + done, size - done, fds);
                if (n <= 0)
                        return false;
                done += (size_t) n;
        }
        return true;
}

bool stream_send_all(int fd, const void *buffer, size_t size, Fds *fds) {
        union {
                struct cmsghdr align;
                unsigned char space[CMSG_SPACE(sizeof(int) * FDS_MAX)];
        } control;
        size_t done = 0;

        while (done < size) {
                struct iovec part = { .iov_base = (uint8_t *) buffer + done, .iov_len = size - done };
                struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
                ssize_t n;

                if (fds->n > 0) {
                        message.msg_control = &control;
                        message.msg_controllen = CMSG_SPACE(sizeof(int) * fds->n);
                        control.align = (struct cmsghdr) {
                                .cmsg_level = SOL_SOCKET,
                                .cmsg_type = SCM_RIGHTS,
                                .cmsg_len = CMSG_LEN(sizeof(int) * fds->n),
                        };
                        memcpy(CMSG_DATA(&control.align), fds->fds, sizeof(int) * fds->n);
                }
                n = sendmsg(fd, &message, MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return false;
                fds_close(fds);
                done += (size_t) n;
        }
        return true;
}
