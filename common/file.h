/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Files of trust: absolute path, no symlink, capped size, an owner that may be relied on. libc only. */

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads the regular file @path (or @name below @dirfd; AT_FDCWD for an absolute path) of at most
 * @max bytes. No symlink is followed in the last component; the file must belong to root or @owner
 * and must not be writable by group or others (-EPERM), nor readable by them where @secret.
 * Returns 0, and in @ret_data a NUL-terminated buffer that the caller frees, or a negative errno
 * (-ELOOP a symlink, -EFBIG larger than @max, -EISDIR no regular file).
 */
int file_read_trusted(int dirfd, const char *path, size_t max, uid_t owner, int secret,
                      char **ret_data, size_t *ret_size);

/*
 * Replaces @name below @dirfd by @size bytes of @data with @mode: temporary file, fsync, rename,
 * fsync of the folder. Returns 0 or a negative errno, and then the old file is as it was.
 */
int file_write_atomic(int dirfd, const char *name, const void *data, size_t size, mode_t mode);

/* The same for a file that is to belong to @uid and @gid ((uid_t) -1, (gid_t) -1: the caller). */
int file_write_atomic_as(int dirfd, const char *name, const void *data, size_t size, mode_t mode,
                         uid_t uid, gid_t gid);

/* Removes the temporary file of a write of @name that a crash cut off, if there is one. */
void file_remove_unfinished(int dirfd, const char *name);
