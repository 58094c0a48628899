/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sodium.h>
#include <string.h>

#include "common/refresh-token.h"

#define PREFIX_LENGTH (sizeof(REFRESH_TOKEN_PREFIX) - 1)
#define BODY_SIZE (REFRESH_DEVICE_SIZE + 4 + REFRESH_SIGNATURE_SIZE)
#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* What is signed begins with this and its NUL, and nothing else that such a key signs does. */
static const char context[] = "tessera-ts1";

#define MESSAGE_MAX (sizeof(context) + REFRESH_DEVICE_SIZE + 4 + 2 + REFRESH_AUDIENCE_MAX)

_Static_assert(REFRESH_SEED_SIZE == crypto_sign_SEEDBYTES, "Ed25519");
_Static_assert(REFRESH_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "Ed25519");
_Static_assert(REFRESH_SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519");
_Static_assert(PREFIX_LENGTH + (BODY_SIZE * 4 + 2) / 3 == REFRESH_TOKEN_LENGTH, "base64url");
_Static_assert((REFRESH_PUBLIC_SIZE * 4 + 2) / 3 == REFRESH_PUBLIC_LENGTH, "base64url");

/* Decodes exactly @size bytes from the one spelling that they have. */
static bool decode(const char *text, size_t length, unsigned char *ret, size_t size) {
        char again[REFRESH_TOKEN_LENGTH + 1];
        size_t decoded;
        bool same;

        if (sodium_base642bin(ret, size, text, length, /* ignore= */ NULL, &decoded, /* b64_end= */ NULL,
                              BASE64URL) < 0 || decoded != size)
                return false;
        /* Encoding it again settles what a decoder may have forgiven, whatever that was. */
        (void) sodium_bin2base64(again, sizeof(again), ret, size, BASE64URL);
        same = strlen(again) == length && memcmp(again, text, length) == 0;
        sodium_memzero(again, sizeof(again));
        return same;
}

static void put_counter(unsigned char *to, uint32_t counter) {
        for (int i = 0; i < 4; i++)
                to[i] = (unsigned char) (counter >> (24 - 8 * i));
}

/* Writes what is signed; 0 for an audience that cannot be. Every part has a length that is known: no two differ and look alike. */
static size_t make_message(const unsigned char *device, uint32_t counter, const char *audience,
                           unsigned char ret[MESSAGE_MAX]) {
        size_t length = strnlen(audience, REFRESH_AUDIENCE_MAX + 1);
        unsigned char *to = ret;

        if (length == 0 || length > REFRESH_AUDIENCE_MAX)
                return 0;
        memcpy(to, context, sizeof(context));
        to += sizeof(context);
        memcpy(to, device, REFRESH_DEVICE_SIZE);
        to += REFRESH_DEVICE_SIZE;
        put_counter(to, counter);
        to += 4;
        *to++ = (unsigned char) (length >> 8);
        *to++ = (unsigned char) length;
        memcpy(to, audience, length);
        return (size_t) (to - ret) + length;
}

/* Keys and ids */

void refresh_key_new(unsigned char ret_seed[REFRESH_SEED_SIZE], unsigned char ret_public[REFRESH_PUBLIC_SIZE]) {
        randombytes_buf(ret_seed, REFRESH_SEED_SIZE);
        refresh_key_public(ret_seed, ret_public);
}

void refresh_key_public(const unsigned char seed[REFRESH_SEED_SIZE], unsigned char ret_public[REFRESH_PUBLIC_SIZE]) {
        unsigned char secret[crypto_sign_SECRETKEYBYTES];

        (void) crypto_sign_seed_keypair(ret_public, secret, seed);
        sodium_memzero(secret, sizeof(secret));
}

void refresh_key_to_text(const unsigned char key[REFRESH_PUBLIC_SIZE], char ret_text[REFRESH_PUBLIC_LENGTH + 1]) {
        (void) sodium_bin2base64(ret_text, REFRESH_PUBLIC_LENGTH + 1, key, REFRESH_PUBLIC_SIZE, BASE64URL);
}

bool refresh_key_from_text(const char *text, unsigned char ret_key[REFRESH_PUBLIC_SIZE]) {
        unsigned char key[REFRESH_PUBLIC_SIZE];
        bool good;

        good = strnlen(text, REFRESH_PUBLIC_LENGTH + 1) == REFRESH_PUBLIC_LENGTH &&
               decode(text, REFRESH_PUBLIC_LENGTH, key, sizeof(key));
        if (good)
                memcpy(ret_key, key, sizeof(key));
        sodium_memzero(key, sizeof(key));
        return good;
}

void refresh_device_to_text(const unsigned char device[REFRESH_DEVICE_SIZE], char ret_text[2 * REFRESH_DEVICE_SIZE + 1]) {
        (void) sodium_bin2hex(ret_text, 2 * REFRESH_DEVICE_SIZE + 1, device, REFRESH_DEVICE_SIZE);
}

bool refresh_device_from_text(const char *text, unsigned char ret_device[REFRESH_DEVICE_SIZE]) {
        size_t length = strnlen(text, 2 * REFRESH_DEVICE_SIZE + 1), size;

        if (length != 2 * REFRESH_DEVICE_SIZE || strspn(text, "0123456789abcdef") != length)
                return false;
        return sodium_hex2bin(ret_device, REFRESH_DEVICE_SIZE, text, length, NULL, &size, NULL) == 0;
}

/* Tokens */

bool refresh_token_make(const unsigned char device[REFRESH_DEVICE_SIZE], uint32_t counter, const char *audience,
                        const unsigned char seed[REFRESH_SEED_SIZE], char ret_text[REFRESH_TOKEN_LENGTH + 1]) {
        unsigned char public_key[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
        unsigned char message[MESSAGE_MAX], body[BODY_SIZE];
        size_t size = make_message(device, counter, audience, message);

        if (counter == 0 || size == 0)
                return false;
        memcpy(body, device, REFRESH_DEVICE_SIZE);
        put_counter(body + REFRESH_DEVICE_SIZE, counter);
        /* From the seed each time: a public half that did not belong to it would give the private one away. */
        (void) crypto_sign_seed_keypair(public_key, secret, seed);
        (void) crypto_sign_detached(body + REFRESH_DEVICE_SIZE + 4, NULL, message, size, secret);
        sodium_memzero(secret, sizeof(secret));
        memcpy(ret_text, REFRESH_TOKEN_PREFIX, PREFIX_LENGTH);
        (void) sodium_bin2base64(ret_text + PREFIX_LENGTH, REFRESH_TOKEN_LENGTH + 1 - PREFIX_LENGTH, body,
                                 sizeof(body), BASE64URL);
        sodium_memzero(body, sizeof(body));
        return true;
}

bool refresh_token_is_like(const char *text, size_t size) {
        return size >= PREFIX_LENGTH && memcmp(text, REFRESH_TOKEN_PREFIX, PREFIX_LENGTH) == 0;
}

bool refresh_token_parse(const char *text, size_t size, RefreshToken *ret) {
        unsigned char body[BODY_SIZE];
        RefreshToken token;
        bool good;

        if (size != REFRESH_TOKEN_LENGTH || !refresh_token_is_like(text, size))
                return false;
        good = decode(text + PREFIX_LENGTH, size - PREFIX_LENGTH, body, sizeof(body));
        if (good) {
                const unsigned char *counter = body + REFRESH_DEVICE_SIZE;

                memcpy(token.device, body, REFRESH_DEVICE_SIZE);
                token.counter = (uint32_t) counter[0] << 24 | (uint32_t) counter[1] << 16 |
                                (uint32_t) counter[2] << 8 | counter[3];
                memcpy(token.signature, counter + 4, REFRESH_SIGNATURE_SIZE);
                good = token.counter > 0;
        }
        if (good)
                *ret = token;
        sodium_memzero(&token, sizeof(token));
        sodium_memzero(body, sizeof(body));
        return good;
}

bool refresh_token_verify(const RefreshToken *token, const char *audience,
                          const unsigned char public_key[REFRESH_PUBLIC_SIZE]) {
        unsigned char message[MESSAGE_MAX];
        size_t size = make_message(token->device, token->counter, audience, message);

        if (token->counter == 0 || size == 0)
                return false;
        return crypto_sign_verify_detached(token->signature, message, size, public_key) == 0;
}
