/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The gate in front of every parser: what may be looked at as a token at all, decided on bytes
 * alone. Shared by tokens, tickets and what names their keys.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct TokenSegments {
        const char *header, *payload, *signature; /* inside the text, base64url */
        size_t header_size, payload_size, signature_size;
} TokenSegments;

/* Three segments, none empty, between exactly two dots, each in its one canonical spelling. */
bool token_split(const char *text, size_t size, TokenSegments *ret);

/*
 * Decodes unpadded base64url. True when @text is the one spelling of what it says: alphabet, no
 * padding, no white space, no bits left over. @ret_data has room for @max bytes and is undefined
 * on failure.
 */
bool base64url_decode(const char *text, size_t size, void *ret_data, size_t max, size_t *ret_size);

/* Characters that @size bytes take. */
static inline size_t base64url_length(size_t size) {
        return (size * 4 + 2) / 3;
}

/* Encodes into base64url_length(@size) characters and a NUL. */
void base64url_encode(const void *data, size_t size, char *ret_text);
