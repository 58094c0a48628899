/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Tokens: whatever is presented, "valid" is said of nothing but what token_sign() makes of the
 * claims that come out, byte for byte. The first byte of an input says what the rest is:
 *
 *         0  a text as it came over the wire
 *         1  a payload under our header, with the right MAC: what stands behind the signature
 *         2  a header, a line break and a payload, with the right MAC: what stands behind the header
 *         3  numbers that choose claims, which are signed; then changes to the token
 */

#undef NDEBUG
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/test-fault.h"
#include "daemon/core/test-forge.h"
#include "daemon/core/token.h"

#define NOW 1700000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A key that every run has, so that inputs keep their meaning. It is no secret. */
static KeyRing *fixed_key_ring(void) {
        static const char text[] = "tessera-key 1\nuse=token\nalg=HS256\nstate=signing\ncreated=1\n"
                                   "secret=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n";
        char path[] = "/tmp/fuzz-key-XXXXXX";
        g_autofree char *file = NULL, *message = NULL;
        KeyRing *ring = NULL;

        assert(mkdtemp(path));
        file = g_build_filename(path, "k1", NULL);
        assert(g_file_set_contents_full(file, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
        assert(key_ring_open(path, /* create= */ true, NOW, &ring, &message) == 0);
        forge_forget(ring, path);
        return ring;
}

/* Says what token_verify() says, and insists on the one spelling where that is "valid". */
static TokenReason look(const KeyRing *keys, const char *text, size_t size, size_t *ret_failed) {
        g_autofree char *exact = g_memdup2(text, size); /* a sanitizer sees a read past the end */
        g_autoptr(TokenClaims) claims = NULL;
        TokenReason reason;
        char *again = NULL;

        reason = token_verify(keys, "web1", "web1", NOW, exact, size, &claims);
        (void) fault_end(ret_failed);
        assert((reason == TOKEN_VALID) == (claims != NULL));
        if (!claims)
                return reason;
        assert(token_sign(key_ring_signing(keys, KEY_TOKEN), claims, &again) == 0);
        assert(strlen(again) == size && memcmp(again, text, size) == 0);
        again = token_free(again);
        return reason;
}

/* The verdict; and whatever fails on the way there, it is that one or a refusal. */
static TokenReason check(const KeyRing *keys, const char *text, size_t size) {
        TokenReason first, reason;
        size_t failed;

        fault_seldom(fault_seed_of(text, size));
        first = look(keys, text, size, &failed);
        if (failed == 0)
                return first;
        reason = look(keys, text, size, &failed);
        assert(first == reason || first == TOKEN_INVALID);
        return reason;
}

/* The token that says @claims, or NULL; whatever fails on the way, none comes out that is not whole. */
static char *sign(const KeyRing *keys, const TokenClaims *claims, uint64_t seed) {
        const Key *key = key_ring_signing(keys, KEY_TOKEN);
        char *first = NULL, *token = NULL;
        size_t failed;
        int r;

        fault_seldom(seed);
        r = token_sign(key, claims, &first);
        (void) fault_end(&failed);
        assert((r == 0) == (first != NULL));
        if (failed == 0)
                return first;
        r = token_sign(key, claims, &token);
        assert(!first || (r == 0 && strcmp(first, token) == 0));
        (void) token_free(first);
        return token;
}

static void check_signed(const KeyRing *keys, const void *header, size_t header_size, const void *payload,
                         size_t payload_size) {
        g_autofree char *first = forge_base64url(header, header_size), *second = forge_base64url(payload, payload_size);
        g_autofree char *head = g_strconcat(first, ".", second, NULL);
        g_autofree char *token = forge_mac(key_ring_signing(keys, KEY_TOKEN)->secret, head);

        (void) check(keys, token, strlen(token));
}

static void check_payload(const KeyRing *keys, const uint8_t *data, size_t size) {
        static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}";

        check_signed(keys, header, strlen(header), data, size);
}

static void check_header(const KeyRing *keys, const uint8_t *data, size_t size) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t header_size = end ? (size_t) (end - data) : size;

        check_signed(keys, data, header_size, end ? end + 1 : data, end ? size - header_size - 1 : 0);
}

static unsigned take(const uint8_t **data, size_t *size) {
        if (*size == 0)
                return 0;
        (*size)--;
        return *(*data)++;
}

static char **take_words(const uint8_t **data, size_t *size) {
        static const char *const words[] = { "pwd", "tok", "pop", "oidc:corp", "admin", "operator", "a\"b", "" };
        g_autoptr(GStrvBuilder) list = g_strv_builder_new();

        for (unsigned n = take(data, size) % 40; n > 0; n--)
                g_strv_builder_add(list, words[take(data, size) % G_N_ELEMENTS(words)]);
        return g_strv_builder_end(list);
}

/* Changes of a signed token: none of them may leave it valid, but the one that changes nothing. */
static void check_changes(const KeyRing *keys, const char *token, const uint8_t *data, size_t size) {
        g_autofree char *changed = g_strdup(token);
        size_t length = strlen(token);

        while (size > 0) {
                size_t high = take(&data, &size), at = (high * 256 + take(&data, &size)) % length;
                changed[at] = (char) (changed[at] ^ (int) take(&data, &size));
        }
        if (memcmp(changed, token, length) != 0)
                assert(check(keys, changed, length) != TOKEN_VALID);
        assert(check(keys, token, length - 1) != TOKEN_VALID);
}

static void check_claims(const KeyRing *keys, const uint8_t *data, size_t size) {
        g_autofree char *subject = g_strnfill(take(&data, &size) % 35, 'u');
        g_auto(GStrv) methods = take_words(&data, &size), roles = take_words(&data, &size);
        TokenClaims claims = {
                .issuer = (char *) "web1",
                .subject = subject,
                .audience = (char *) "web1",
                .jti = "AAECAwQF",
                .session = "000102030405060708090a0b0c0d0e0f",
                .methods = methods,
                .roles = roles,
        };
        uint64_t seed = fault_seed_of(data, size);
        char *token;

        claims.issued_at = NOW - (int64_t) take(&data, &size) * 4;
        claims.expires = claims.issued_at + (int64_t) take(&data, &size) * 4;
        claims.auth_time = claims.issued_at - (int64_t) take(&data, &size) + 1;
        token = sign(keys, &claims, seed);
        if (!token)
                return;
        assert(strlen(token) < WIRE_ACCESS_TOKEN_MAX);
        assert(check(keys, token, strlen(token)) == (claims.expires > NOW ? TOKEN_VALID : TOKEN_EXPIRED));
        check_changes(keys, token, data, size);
        token = token_free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static KeyRing *keys;

        if (!keys) {
                fault_install();
                keys = fixed_key_ring();
        }
        switch (take(&data, &size) % 4) {
        case 0:
                (void) check(keys, (const char *) data, size);
                break;
        case 1:
                check_payload(keys, data, size);
                break;
        case 2:
                check_header(keys, data, size);
                break;
        default:
                check_claims(keys, data, size);
        }
        return 0;
}
