/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Cleanup by attribute, ownership handed over by one explicit steal. libc only. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((__cleanup__(f)))

/* Closes unless negative; keeps errno; returns -1 so that `fd = safe_close(fd)` reads well. */
static inline int safe_close(int fd) {
        if (fd >= 0) {
                int saved = errno;
                (void) close(fd);
                errno = saved;
        }
        return -1;
}

static inline void cleanup_close(int *fd) {
        *fd = safe_close(*fd);
}

static inline void cleanup_free(void *p) {
        free(*(void **) p);
}

static inline void cleanup_fclose(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)

static inline int steal_fd(int *fd) {
        int stolen = *fd;
        *fd = -1;
        return stolen;
}
