/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sodium.h>
#include <string.h>

#include "daemon/oidc/encoding.h"

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define QUERY_NAMES_MAX 32

Secret *encoding_base64url(const void *data, size_t size) {
        size_t room = sodium_base64_encoded_len(size, BASE64URL); /* with its NUL */
        Secret *text = secret_new(room - 1);

        if (text)
                (void) sodium_bin2base64(text->data, room, data, size, BASE64URL);
        return text;
}

Secret *encoding_base64url_decode(const char *text, size_t size) {
        _cleanup_secret_ Secret *data = secret_new(size), *again = NULL;
        size_t decoded;

        if (size == 0 || !data)
                return NULL;
        if (sodium_base642bin((unsigned char *) data->data, size, text, size, /* ignore= */ NULL, &decoded,
                              /* b64_end= */ NULL, BASE64URL) < 0)
                return NULL;
        /* Encoding it again settles what a decoder may have forgiven, whatever that was. */
        again = encoding_base64url(data->data, decoded);
        if (!again || again->size != size || memcmp(again->data, text, size) != 0)
                return NULL;
        data->size = decoded;
        data->data[decoded] = '\0';
        return g_steal_pointer(&data);
}

Secret *encoding_random(size_t bytes) {
        _cleanup_secret_ Secret *random = secret_new(bytes);

        if (!random)
                return NULL;
        randombytes_buf(random->data, bytes);
        return encoding_base64url(random->data, bytes);
}

Secret *encoding_sha256(const char *text, size_t size, bool half) {
        unsigned char hash[crypto_hash_sha256_BYTES];

        (void) crypto_hash_sha256(hash, (const unsigned char *) text, size);
        return encoding_base64url(hash, half ? sizeof(hash) / 2 : sizeof(hash));
}

bool encoding_same(const char *a, size_t a_size, const char *b, size_t b_size) {
        return a_size == b_size && sodium_memcmp(a, b, a_size) == 0;
}

/* Forms */

Form *form_new(void) {
        return g_string_new(NULL);
}

void form_add(Form *form, const char *name, const char *value) {
        if (!value)
                return;
        if (form->len > 0)
                g_string_append_c(form, '&');
        g_string_append_uri_escaped(form, name, /* reserved_chars_allowed= */ NULL, FALSE);
        g_string_append_c(form, '=');
        g_string_append_uri_escaped(form, value, /* reserved_chars_allowed= */ NULL, FALSE);
}

static void form_free(Form *form) {
        sodium_memzero(form->str, form->len);
        (void) g_string_free(form, TRUE);
}

Secret *form_finish(Form *form) {
        Secret *text = secret_new(form->len);

        if (text)
                memcpy(text->data, form->str, form->len);
        form_free(form);
        return text;
}

char *form_finish_url(Form *form, const char *url) {
        char *whole = g_strconcat(url, strchr(url, '?') ? "&" : "?", form->str, NULL);

        form_free(form);
        return whole;
}

Secret *encoding_basic(const char *id, const char *secret) {
        Form *pair = form_new();
        _cleanup_secret_ Secret *plain = NULL, *header = NULL;
        size_t room;

        g_string_append_uri_escaped(pair, id, NULL, FALSE);
        g_string_append_c(pair, ':');
        g_string_append_uri_escaped(pair, secret, NULL, FALSE);
        plain = form_finish(pair);
        if (!plain)
                return NULL;
        room = sodium_base64_encoded_len(plain->size, sodium_base64_VARIANT_ORIGINAL);
        header = secret_new(strlen("Basic ") + room - 1);
        if (!header)
                return NULL;
        (void) strcpy(header->data, "Basic ");
        (void) sodium_bin2base64(header->data + strlen("Basic "), room, (const unsigned char *) plain->data, plain->size,
                                 sodium_base64_VARIANT_ORIGINAL);
        return g_steal_pointer(&header);
}

/* Queries */

/* Decodes in place. False when an escape is broken, or what comes out is no text. */
static bool decode(char *text) {
        char *to = text;

        for (const char *from = text; *from; from++) {
                if (*from == '%') {
                        int high = g_ascii_xdigit_value(from[1]), low = high < 0 ? -1 : g_ascii_xdigit_value(from[2]);

                        if (low < 0 || (high == 0 && low == 0))
                                return false;
                        *to++ = (char) (high << 4 | low);
                        from += 2;
                } else {
                        *to++ = *from == '+' ? ' ' : *from;
                }
        }
        *to = '\0';
        return g_utf8_validate(text, -1, NULL);
}

static bool take_pair(char *pair, GHashTable *seen, QueryEach each, gpointer data) {
        char *value = strchr(pair, '=');

        if (!value)
                return false;
        *value++ = '\0';
        if (!decode(pair) || !decode(value))
                return false;
        if (g_hash_table_size(seen) >= QUERY_NAMES_MAX || !g_hash_table_add(seen, pair))
                return false;
        return each(pair, value, data);
}

bool encoding_query(const char *text, size_t size, QueryEach each, gpointer data) {
        _cleanup_secret_ Secret *copy = secret_new(size);
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        if (!copy || size == 0 || memchr(text, '\0', size))
                return false;
        memcpy(copy->data, text, size);
        for (char *pair = copy->data, *next; pair; pair = next) {
                next = strchr(pair, '&');
                if (next)
                        *next++ = '\0';
                if (!take_pair(pair, seen, each, data))
                        return false;
        }
        return true;
}
