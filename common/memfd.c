/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/memfd.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Writing beyond the limit would raise SIGXFSZ, and that would be the end of whoever loaded us. */
static bool fits(size_t size) {
        struct rlimit limit;

        return getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur;
}

int memfd_new_sealed(const void *data, size_t size, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        size_t done = 0;

        if (!fits(size))
                return -EFBIG;
        fd = memfd_create("tessera", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        while (done < size) {
                ssize_t n = pwrite(fd, (const uint8_t *) data + done, size - done, (off_t) done);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                done += (size_t) n;
        }
        if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
                return -errno;
        *ret_fd = steal_fd(&fd);
        return 0;
}

int memfd_check(int fd, size_t max, size_t *ret_size) {
        struct stat st;
        int seals;

        /* Only memfds (and shmem files made like them) have seals: on anything else this fails. */
        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0 || (seals & SEALS) != SEALS)
                return -EINVAL;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size < 0)
                return -EINVAL;
        if ((uint64_t) st.st_size > max)
                return -E2BIG;
        *ret_size = (size_t) st.st_size;
        return 0;
}

int memfd_read(int fd, void *buffer, size_t size) {
        size_t done = 0;

        while (done < size) {
                ssize_t n = pread(fd, (uint8_t *) buffer + done, size - done, (off_t) done);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        return -EIO;
                done += (size_t) n;
        }
        return 0;
}
