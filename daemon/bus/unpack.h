/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Arguments, checked. Lengths and shapes are looked at before anything parses a value; what a
 * method does not know is refused. Every function returns 0, or CORE_E_INVALID with a detail.
 *
 * Strings are borrowed from the request's arguments.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/secret.h"
#include "daemon/bus/request.h"

/* The @index-th argument, a string of at most @max bytes without control characters. */
int unpack_text(Request *request, unsigned index, const char *what, size_t max, const char **ret);

typedef enum UnpackType {
        UNPACK_TEXT,  /* const char *: no control characters; an empty one is left unset */
        UNPACK_LINES, /* const char *: newlines and tabs may stand in it */
        UNPACK_BOOL,  /* bool */
        UNPACK_INT64, /* int64_t, not negative */
        UNPACK_WORDS, /* const char **: at most @max strings of WIRE_NAME_MAX; freed with g_free */
        _UNPACK_TYPE_MAX,
} UnpackType;

typedef struct UnpackKey {
        const char *key;
        UnpackType type;
        size_t max;    /* bytes of a text, items of a list */
        size_t offset; /* of the member in the target */
} UnpackKey;

/*
 * The @index-th argument, an a{sv}, into @target by the table @keys (ended by a NULL key; NULL: no
 * key is known). A key that is unknown, doubled or of another type is refused.
 */
int unpack_dict(Request *request, unsigned index, const UnpackKey *keys, void *target);

/*
 * The descriptor that the @index-th argument names, which must be a sealed memfd of at most @max
 * bytes, read once into locked memory. Also a negative errno. The message keeps the descriptor.
 */
int unpack_secret(Request *request, unsigned index, const char *what, size_t max, Secret **ret);
