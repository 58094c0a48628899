/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sodium.h>
#include <string.h>

#include "common/wire.h"
#include "daemon/core/token-gate.h"

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING

void base64url_encode(const void *data, size_t size, char *ret_text) {
        (void) sodium_bin2base64(ret_text, base64url_length(size) + 1, data, size, BASE64URL);
}

bool base64url_decode(const char *text, size_t size, void *ret_data, size_t max, size_t *ret_size) {
        char again[WIRE_TICKET_MAX + 1];
        size_t decoded;
        bool same;

        if (size == 0 || size > WIRE_TICKET_MAX)
                return false;
        if (sodium_base642bin(ret_data, max, text, size, /* ignore= */ NULL, &decoded, /* b64_end= */ NULL,
                              BASE64URL) < 0)
                return false;
        /* Encoding it again settles what a decoder may have forgiven, whatever that was. */
        base64url_encode(ret_data, decoded, again);
        same = base64url_length(decoded) == size && memcmp(again, text, size) == 0;
        sodium_memzero(again, sizeof(again)); /* it may have been a signature */
        if (same)
                *ret_size = decoded;
        return same;
}

static bool is_canonical(const char *text, size_t size) {
        unsigned char data[WIRE_TICKET_MAX];
        size_t decoded;
        bool canonical;

        canonical = base64url_decode(text, size, data, sizeof(data), &decoded);
        sodium_memzero(data, sizeof(data));
        return canonical;
}

bool token_split(const char *text, size_t size, TokenSegments *ret) {
        const char *end = text + size, *first, *second;
        TokenSegments segments;

        if (size > WIRE_TICKET_MAX)
                return false;
        first = memchr(text, '.', size);
        second = first ? memchr(first + 1, '.', (size_t) (end - first - 1)) : NULL;
        if (!second)
                return false;
        segments = (TokenSegments) {
                .header = text,
                .header_size = (size_t) (first - text),
                .payload = first + 1,
                .payload_size = (size_t) (second - first - 1),
                .signature = second + 1,
                .signature_size = (size_t) (end - second - 1), /* a third dot is not in the alphabet */
        };
        if (!is_canonical(segments.header, segments.header_size) ||
            !is_canonical(segments.payload, segments.payload_size) ||
            !is_canonical(segments.signature, segments.signature_size))
                return false;
        *ret = segments;
        return true;
}
