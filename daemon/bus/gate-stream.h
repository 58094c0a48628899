/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Reading and writing a stream with the descriptors that come along. For the gate's threads: all of it blocks. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FDS_MAX 253 /* SCM_MAX_FD: more the kernel does not pass at once */

/* Descriptors on their way, owned. */
typedef struct Fds {
        int fds[FDS_MAX];
        size_t n;
} Fds;

void fds_close(Fds *fds);

#define _cleanup_fds_ __attribute__((__cleanup__(fds_close)))

/* Reads up to @size bytes; 0 is the end, -1 an error. Descriptors are added to @fds. */
ssize_t stream_receive(int fd, void *buffer, size_t size, Fds *fds);

/* Reads @size bytes; false where the stream ends before. */
bool stream_receive_all(int fd, void *buffer, size_t size, Fds *fds);

/* Sends all; @fds go with the first byte and are closed. */
bool stream_send_all(int fd, const void *buffer, size_t size, Fds *fds);
