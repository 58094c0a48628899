/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Every block of the heap is wiped when it is freed, in every program that has this file.
 *
 * We wipe what is ours. But libjwt copies the token it decodes and the signature it makes into
 * blocks that it frees as they are, and offers no hook; jansson and GLib do likewise with what
 * passes through them. A core of the daemon would then hold live tokens for as long as nobody
 * needs those blocks again. glibc supports programs that bring their own malloc; this one brings
 * half of it and leaves the other half to glibc. (glibc's own M_PERTURB spares the blocks in its
 * per-thread cache, which are the ones in question.)
 */

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* glibc's own names for what is replaced here; exported since 2.2.5. */
extern void __libc_free(void *block);

__attribute__((visibility("default"))) void free(void *block) {
        int saved = errno; /* free() keeps it, says POSIX */

        if (!block)
                return;
        explicit_bzero(block, malloc_usable_size(block));
        __libc_free(block);
        errno = saved;
}

/* Always moves: glibc's own would free the old block behind our back. */
__attribute__((visibility("default"))) void *realloc(void *block, size_t size) {
        size_t old = block ? malloc_usable_size(block) : 0;
        void *moved;

        if (block && size == 0) {
                free(block);
                return NULL;
        }
        moved = malloc(size);
        if (!moved)
                return NULL;
        if (block)
                memcpy(moved, block, old < size ? old : size);
        free(block);
        return moved;
}
