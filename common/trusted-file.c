/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/trusted-file.h"

/* root's 0640 with our group, or stricter. */
static bool is_private(const struct stat *st) {
        if (!S_ISREG(st->st_mode) || st->st_uid != 0 || (st->st_mode & 0037) != 0)
                return false;
        return !(st->st_mode & 0040) || st->st_gid == getegid() || st->st_gid == 0;
}

static bool is_secret(const struct stat *st) {
        return is_private(st) && st->st_size >= 1 && st->st_size <= TRUSTED_SECRET_MAX + 1;
}

/* One line, whose end is taken away. */
static bool trim(Secret *secret) {
        if (secret->size > 0 && secret->data[secret->size - 1] == '\n')
                secret->data[--secret->size] = '\0';
        for (size_t i = 0; i < secret->size; i++)
                if (secret->data[i] < 0x20 || secret->data[i] > 0x7e)
                        return false;
        return secret->size >= 1;
}

Secret *trusted_file_secret(const char *path) {
        _cleanup_secret_ Secret *secret = NULL;
        Secret *whole;
        _cleanup_close_ int fd = -1;
        struct stat st;
        ssize_t n;

        /* O_NONBLOCK: a fifo in the file's place must not hold us up. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0 || !is_secret(&st))
                return NULL;
        secret = secret_new((size_t) st.st_size);
        if (!secret)
                return NULL;
        do
                n = pread(fd, secret->data, secret->size, 0);
        while (n < 0 && errno == EINTR);
        if (n != st.st_size || !trim(secret))
                return NULL;
        whole = secret;
        secret = NULL;
        return whole;
}

bool trusted_file_is_private(const char *path) {
        struct stat st;

        return lstat(path, &st) == 0 && is_private(&st);
}

bool trusted_file_is(const char *path) {
        struct stat st;

        return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && (st.st_mode & 0022) == 0;
}
