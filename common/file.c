/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/file.h"

#define UNFINISHED ".new" /* behind the name of a file that is being written */

static int check_trust(const struct stat *st, size_t max, uid_t owner, int secret) {
        if (!S_ISREG(st->st_mode))
                return -EISDIR;
        if (st->st_uid != 0 && st->st_uid != owner)
                return -EPERM;
        if (st->st_mode & (secret ? 0077 : 0022))
                return -EPERM;
        if (st->st_size < 0 || (uint64_t) st->st_size > max)
                return -EFBIG;
        return 0;
}

int file_read_trusted(int dirfd, const char *path, size_t max, uid_t owner, int secret,
                      char **ret_data, size_t *ret_size) {
        _cleanup_close_ int fd = -1;
        _cleanup_free_ char *data = NULL;
        struct stat st;
        size_t done = 0;
        int r;

        /* O_NONBLOCK: a fifo in the file's place must not hold us up. */
        fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        r = check_trust(&st, max, owner, secret);
        if (r < 0)
                return r;
        data = malloc(max + 1);
        if (!data)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(fd, data + done, max + 1 - done);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (n == 0)
                        break;
                done += (size_t) n;
                if (done > max) /* it grew while we read */
                        return -EFBIG;
        }
        data[done] = '\0';
        *ret_data = data;
        *ret_size = done;
        data = NULL;
        return 0;
}

static int write_all(int fd, const void *data, size_t size) {
        size_t done = 0;

        while (done < size) {
                ssize_t n = write(fd, (const uint8_t *) data + done, size - done);
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                done += (size_t) n;
        }
        return 0;
}

/* The owner before the mode, which the umask does not decide. A sandbox may forbid chown altogether. */
static int give(int fd, mode_t mode, uid_t uid, gid_t gid) {
        if ((uid != (uid_t) -1 || gid != (gid_t) -1) && fchown(fd, uid, gid) < 0)
                return -errno;
        return fchmod(fd, mode) < 0 ? -errno : 0;
}

int file_write_atomic(int dirfd, const char *name, const void *data, size_t size, mode_t mode) {
        return file_write_atomic_as(dirfd, name, data, size, mode, (uid_t) -1, (gid_t) -1);
}

int file_write_atomic_as(int dirfd, const char *name, const void *data, size_t size, mode_t mode,
                         uid_t uid, gid_t gid) {
        _cleanup_close_ int fd = -1, folder = -1;
        _cleanup_free_ char *temporary = NULL, *parent = NULL;
        const char *slash = strrchr(name, '/');
        int r;

        if (asprintf(&temporary, "%s" UNFINISHED, name) < 0)
                return -ENOMEM;
        parent = slash ? strndup(name, (size_t) (slash - name) + 1) : strdup(".");
        if (!parent)
                return -ENOMEM;
        /* What a crash left behind is replaced; nothing is ever written through it. */
        if (unlinkat(dirfd, temporary, 0) < 0 && errno != ENOENT)
                return -errno;
        fd = openat(dirfd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode & 0700);
        if (fd < 0)
                return -errno;
        r = give(fd, mode, uid, gid);
        if (r == 0)
                r = write_all(fd, data, size);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        if (r == 0 && renameat(dirfd, temporary, dirfd, name) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(dirfd, temporary, 0);
                return r;
        }
        folder = openat(dirfd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0 || fsync(folder) < 0)
                return -errno;
        return 0;
}

void file_remove_unfinished(int dirfd, const char *name) {
        _cleanup_free_ char *temporary = NULL;

        if (asprintf(&temporary, "%s" UNFINISHED, name) < 0) {
                temporary = NULL;
                return;
        }
        (void) unlinkat(dirfd, temporary, 0);
}
