/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Sealed memory files: how passwords and tokens cross the bus. A monitor prints message bodies; it
 * does not print what a descriptor holds. The reader insists on all four seals, so the sender
 * cannot change or shrink the file under it. libc only.
 */

#include <stddef.h>

/*
 * Makes a memfd that holds @size bytes of @data, with all four seals set and O_CLOEXEC.
 * Returns 0 and the descriptor in @ret_fd (the caller closes it), or a negative errno: -EFBIG where
 * the process may not write a file of that size.
 */
int memfd_new_sealed(const void *data, size_t size, int *ret_fd);

/*
 * Checks that @fd is a memfd with all four seals and at most @max bytes. Returns 0 and its size in
 * @ret_size; -EINVAL when it is anything else, -E2BIG when it is larger.
 */
int memfd_check(int fd, size_t max, size_t *ret_size);

/* Reads exactly @size bytes into @buffer with pread. Returns 0 or a negative errno. */
int memfd_read(int fd, void *buffer, size_t size);
