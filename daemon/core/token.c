/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Tokens are signed and verified by libjwt 1.x (jws.c), and libjwt is trusted with nothing: what goes
 * in has passed the gate and carries our MAC already, what comes out is compared with what was meant.
 * docs/tokens.md lists what libjwt forgives and which step makes it impossible.
 */

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "common/error.h"
#include "daemon/core/jws.h"
#include "daemon/core/token-claims.h"
#include "daemon/core/token-gate.h"
#include "daemon/core/token.h"

G_STATIC_ASSERT(KEY_HS256_SIZE == crypto_auth_hmacsha256_KEYBYTES);

/* One less than sudo reads: a token of exactly 511 characters is one that was cut. */
#define TOKEN_SIZE_MAX (WIRE_ACCESS_TOKEN_MAX - 1)

const char *token_reason_to_string(TokenReason reason) {
        static const char *const words[_TOKEN_REASON_MAX] = {
                [TOKEN_VALID] = "valid",
                [TOKEN_MISSING] = "missing",
                [TOKEN_EXPIRED] = "expired",
                [TOKEN_INVALID] = "invalid",
                [TOKEN_REVOKED] = "revoked",
                [TOKEN_WRONG_AUDIENCE] = "wrong-audience",
                [TOKEN_REPLAYED] = "replayed",
                [TOKEN_ROLE_MISSING] = "role-missing",
        };

        g_assert(reason >= 0 && reason < _TOKEN_REASON_MAX);
        return words[reason];
}

char *token_free(char *token) {
        if (!token)
                return NULL;
        sodium_memzero(token, strlen(token));
        free(token);
        return NULL;
}

/*
 * Is the MAC of @segments, which begin at @text, made with @key? In constant time. This stands
 * before libjwt: bytes of a stranger then never reach its parser, which runs before its own check
 * of the signature, nor its comparison, which was a strcmp() before CVE-2024-25189 was fixed.
 */
static bool mac_is_right(const Key *key, const char *text, const TokenSegments *segments) {
        unsigned char mac[crypto_auth_hmacsha256_BYTES];
        size_t size;
        bool right;

        if (!base64url_decode(segments->signature, segments->signature_size, mac, sizeof(mac), &size) ||
            size != sizeof(mac))
                return false;
        right = crypto_auth_hmacsha256_verify(mac, (const unsigned char *) text,
                                              (size_t) (segments->signature - 1 - text), key->secret) == 0;
        sodium_memzero(mac, sizeof(mac));
        return right;
}

static JwsKey jws_key(const Key *key) {
        return (JwsKey) { JWS_HS256, key->secret, KEY_HS256_SIZE };
}

/* A key that only waits for its turn has signed nothing; one that is over verifies nothing. */
static bool key_may_verify(const Key *key, int64_t now) {
        return key->state == KEY_SIGNING || (key->state == KEY_VERIFYING && now < key->until);
}

static TokenClaims *read_claims(const TokenSegments *segments) {
        char json[WIRE_ACCESS_TOKEN_MAX];
        size_t size;

        if (!base64url_decode(segments->payload, segments->payload_size, json, sizeof(json), &size))
                return NULL;
        return token_claims_from_json(json, size);
}

bool token_is_genuine(const KeyRing *keys, const char *text, size_t size) {
        TokenSegments segments;
        const Key *key;

        if (size > WIRE_ACCESS_TOKEN_MAX || !token_split(text, size, &segments))
                return false;
        key = key_ring_by_header(keys, KEY_TOKEN, segments.header, segments.header_size);
        return key && mac_is_right(key, text, &segments);
}

TokenReason token_verify(const KeyRing *keys, const char *issuer, const char *audience, int64_t now,
                         const char *text, size_t size, TokenClaims **ret) {
        g_autoptr(TokenClaims) claims = NULL;
        TokenSegments segments;
        const Key *key;
        JwsKey jws;

        if (size == 0)
                return TOKEN_MISSING;
        if (size > WIRE_ACCESS_TOKEN_MAX || !token_split(text, size, &segments))
                return TOKEN_INVALID;
        key = key_ring_by_header(keys, KEY_TOKEN, segments.header, segments.header_size);
        if (!key || !key_may_verify(key, now))
                return TOKEN_INVALID;
        jws = jws_key(key);
        if (!mac_is_right(key, text, &segments) || !jws_agrees(&jws, text, size))
                return TOKEN_INVALID;
        claims = read_claims(&segments);
        if (!claims || strcmp(claims->issuer, issuer) != 0 || claims->issued_at > now)
                return TOKEN_INVALID;
        if (strcmp(claims->audience, audience) != 0)
                return TOKEN_WRONG_AUDIENCE;
        if (claims->expires <= now)
                return TOKEN_EXPIRED;
        *ret = g_steal_pointer(&claims);
        return TOKEN_VALID;
}

/* The JSON of as many of @claims as fit into a token under @key. */
static int fit_claims(const Key *key, const TokenClaims *claims, char **ret_json) {
        TokenClaims shown = *claims; /* borrows */
        size_t fixed = strlen(key->header) + strlen("..") + base64url_length(crypto_auth_hmacsha256_BYTES);

        for (;;) {
                g_autofree char *json = token_claims_to_json(&shown);

                if (!json)
                        return -ENOMEM;
                if (fixed + base64url_length(strlen(json)) <= TOKEN_SIZE_MAX) {
                        *ret_json = g_steal_pointer(&json);
                        return 0;
                }
                if (shown.roles)
                        shown.roles = NULL; /* all or none: half a list would mislead */
                else if (shown.methods && *shown.methods)
                        shown.methods++;
                else
                        return -EOVERFLOW;
        }
}

/* What libjwt made must be this header, this payload and our MAC: alg none, say, must not get out. */
static bool is_as_meant(const Key *key, const char *json, const char *token) {
        char payload[WIRE_ACCESS_TOKEN_MAX + 1];
        TokenSegments segments;

        if (!token_split(token, strlen(token), &segments) || segments.header_size != strlen(key->header) ||
            memcmp(segments.header, key->header, segments.header_size) != 0)
                return false;
        base64url_encode(json, strlen(json), payload);
        return segments.payload_size == strlen(payload) &&
               memcmp(segments.payload, payload, segments.payload_size) == 0 &&
               mac_is_right(key, token, &segments);
}

int token_sign(const Key *key, const TokenClaims *claims, char **ret) {
        const JwsKey jws = jws_key(key);
        g_autofree char *json = NULL;
        char *token = NULL;
        int r;

        g_assert(key->use == KEY_TOKEN);
        if (!token_claims_are_sound(claims))
                return error_trace(-EINVAL);
        r = fit_claims(key, claims, &json);
        if (r == 0)
                r = jws_encode(&jws, key->kid, json, &token);
        if (r < 0)
                return error_trace(r);
        if (!is_as_meant(key, json, token)) {
                token = token_free(token);
                return error_trace(-EBADMSG);
        }
        *ret = token;
        return 0;
}
