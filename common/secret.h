/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A secret in the daemon's memory: locked, kept out of core dumps, guarded, wiped when freed
 * (sodium_malloc). The module, which links no libsodium, and the CLI hold theirs in bounded buffers
 * that they wipe with explicit_bzero.
 */

#include <stddef.h>

typedef struct Secret {
        size_t size; /* bytes used, without the terminator */
        char *data;  /* NUL-terminated; may hold NULs before its end: then it is no password or token */
} Secret;

/* A buffer of @size bytes, zeroed. Returns NULL when memory cannot be had or locked. */
Secret *secret_new(size_t size);

/* Wipes and frees; accepts NULL, returns NULL. */
Secret *secret_free(Secret *secret);

static inline void cleanup_secret(Secret **secret) {
        *secret = secret_free(*secret);
}

#define _cleanup_secret_ __attribute__((__cleanup__(cleanup_secret)))
