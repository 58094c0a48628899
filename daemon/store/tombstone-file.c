/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "daemon/store/tombstone-file.h"
#include "daemon/store/tombstones.h"

#define READ_MAX (1024 * 1024 * 1024) /* a million sessions are a tenth of it; who writes it is this daemon */

static int open_end(TombstoneFile *file) {
        struct stat st;
        int fd = openat(file->folder, TOMBSTONES_FILE, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

        if (fd < 0)
                return error_trace(-errno);
        file->fd = safe_close(file->fd);
        file->fd = fd;
        if (fstat(fd, &st) < 0)
                return error_trace(-errno);
        file->size = st.st_size;
        return 0;
}

static int read_lines(TombstoneFile *file, int (*line)(const char *text, void *data), void *data) {
        _cleanup_free_ char *text = NULL;
        char *start, *end;
        size_t size = 0;
        struct stat st;
        int r;

        if (fstatat(file->folder, TOMBSTONES_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        /* What it may be, and no more than it is: so much is allocated. */
        r = file_read_trusted(file->folder, TOMBSTONES_FILE, (size_t) CLAMP(st.st_size, 1, READ_MAX), geteuid(),
                              /* secret= */ 0, &text, &size);
        if (r < 0)
                return r;
        for (start = text; r == 0 && (end = memchr(start, '\n', size - (size_t) (start - text))); start = end + 1) {
                *end = '\0';
                r = strlen(start) == (size_t) (end - start) ? line(start, data) : -EUCLEAN;
                file->lines++;
        }
        file->size = start - text;
        return r;
}

/* What stands behind the last end of a line was never told to be on disk. */
static int cut_off(TombstoneFile *file) {
        off_t whole = file->size;
        int r;

        r = open_end(file);
        if (r == 0 && file->size > whole)
                r = ftruncate(file->fd, whole) < 0 ? -errno : 0;
        if (r == 0 && fsync(file->folder) < 0)
                r = -errno;
        file->size = whole;
        return error_trace(r);
}

int tombstone_file_open(const char *folder, int (*line)(const char *text, void *data), void *data, TombstoneFile *ret) {
        TombstoneFile file = { .fd = -1, .folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
        int r;

        r = file.folder < 0 ? error_trace(-errno) : 0;
        if (r == 0) {
                file_remove_unfinished(file.folder, TOMBSTONES_FILE);
                r = read_lines(&file, line, data);
        }
        if (r == 0)
                r = cut_off(&file);
        if (r < 0) {
                tombstone_file_close(&file);
                return error_trace(r);
        }
        *ret = file;
        return 0;
}

void tombstone_file_close(TombstoneFile *file) {
        file->fd = safe_close(file->fd);
        file->folder = safe_close(file->folder);
}

static int write_all(int fd, const GString *text) {
        size_t done = 0;

        while (done < text->len) {
                ssize_t n = write(fd, text->str + done, text->len - done);

                if (n < 0 && errno != EINTR)
                        return -errno;
                done += n > 0 ? (size_t) n : 0;
        }
        return fdatasync(fd) < 0 ? -errno : 0;
}

int tombstone_file_append(TombstoneFile *file, const GString *text, unsigned n) {
        int r;

        r = write_all(file->fd, text);
        if (r < 0) {
                file->unsaved = true; /* a half of a line, too, is gone when all is written anew */
                return error_trace(ftruncate(file->fd, file->size) < 0 ? -errno : r);
        }
        file->size += (off_t) text->len;
        file->lines += n;
        return 0;
}

int tombstone_file_replace(TombstoneFile *file, const GString *text, unsigned n) {
        int r;

        r = file_write_atomic(file->folder, TOMBSTONES_FILE, text->str, text->len, 0600);
        if (r == 0)
                r = open_end(file);
        file->unsaved = r < 0;
        if (r == 0)
                file->lines = n;
        return error_trace(r);
}
