/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/core/jws.h"
#include "daemon/core/ticket-claims.h"
#include "daemon/core/token-gate.h"

G_STATIC_ASSERT(TICKET_SIZE_MAX == WIRE_TICKET_MAX - 1); /* one of exactly 1023 was cut by ssh */

/* More digests than fit whatever else a ticket says: each takes 7 characters. */
#define DIGESTS_MAX (TICKET_SIZE_MAX / 7)

/* Verifying */

/*
 * Is it @key that signed @segments, which begin at @text? This stands before libjwt, as with tokens
 * (token.c), and takes the key as it was parsed once.
 */
static bool signature_is_right(const Es256 *key, const char *text, const TokenSegments *segments) {
        unsigned char signature[ES256_SIGNATURE_SIZE];
        size_t size;

        if (!base64url_decode(segments->signature, segments->signature_size, signature, sizeof(signature), &size) ||
            size != sizeof(signature))
                return false;
        return es256_verify(key, text, (size_t) (segments->signature - 1 - text), signature);
}

static bool is_header(const TrustKey *key, const char *header, size_t size) {
        return strlen(key->header) == size && memcmp(key->header, header, size) == 0;
}

static TicketClaims *read_claims(const TokenSegments *segments) {
        char json[TICKET_SIZE_MAX];
        size_t size;

        if (!base64url_decode(segments->payload, segments->payload_size, json, sizeof(json), &size))
                return NULL;
        return ticket_claims_from_json(json, size);
}

/* The claims, where this key of this host made them and they say so. */
static TicketClaims *open_ticket(const TrustHost *host, const TrustKey *key, const char *text, size_t size,
                                 const TokenSegments *segments) {
        const JwsKey jws = { JWS_ES256, key->pem, strlen(key->pem) };
        g_autoptr(TicketClaims) claims = NULL;

        if (!is_header(key, segments->header, segments->header_size) ||
            !signature_is_right(key->key, text, segments) || !jws_agrees(&jws, text, size))
                return NULL;
        claims = read_claims(segments);
        return claims && strcmp(claims->issuer, host->file->name) == 0 ? g_steal_pointer(&claims) : NULL;
}

/* Two hosts may have keys of one kid, so each key of that header is asked; what they verify does not mix. */
static TicketClaims *find_maker(const Trust *trust, const char *text, size_t size, const TokenSegments *segments,
                                const TrustHost **ret_host) {
        const TrustHost *host;

        for (size_t i = 0; (host = trust_at(trust, i)); i++)
                for (guint j = 0; j < host->keys->len; j++) {
                        TicketClaims *claims = open_ticket(host, host->keys->pdata[j], text, size, segments);

                        if (claims) {
                                *ret_host = host;
                                return claims;
                        }
                }
        return NULL;
}

bool ticket_is_like(const Trust *trust, const char *text, size_t size) {
        const char *dot = memchr(text, '.', MIN(size, TICKET_SIZE_MAX));
        const TrustHost *host;

        for (size_t i = 0; dot && (host = trust_at(trust, i)); i++)
                for (guint j = 0; j < host->keys->len; j++)
                        if (is_header(host->keys->pdata[j], text, (size_t) (dot - text)))
                                return true;
        return false;
}

bool ticket_is_genuine(const Trust *trust, const char *text, size_t size) {
        TokenSegments segments;
        const TrustHost *host;

        if (size > TICKET_SIZE_MAX || !token_split(text, size, &segments))
                return false;
        for (size_t i = 0; (host = trust_at(trust, i)); i++)
                for (guint j = 0; j < host->keys->len; j++) {
                        const TrustKey *key = host->keys->pdata[j];

                        if (is_header(key, segments.header, segments.header_size) &&
                            signature_is_right(key->key, text, &segments))
                                return true;
                }
        return false;
}

TokenReason ticket_verify(const Trust *trust, const char *audience, int64_t now, const char *text, size_t size,
                          TicketClaims **ret, const TrustHost **ret_host) {
        g_autoptr(TicketClaims) claims = NULL;
        const TrustHost *host = NULL;
        TokenSegments segments;

        if (size == 0)
                return TOKEN_MISSING;
        if (size > TICKET_SIZE_MAX || !token_split(text, size, &segments))
                return TOKEN_INVALID;
        claims = find_maker(trust, text, size, &segments, &host);
        if (!claims || claims->issued_at > now + TICKET_LEEWAY)
                return TOKEN_INVALID;
        if (strcmp(claims->audience, audience) != 0)
                return TOKEN_WRONG_AUDIENCE;
        if (claims->expires + TICKET_LEEWAY <= now)
                return TOKEN_EXPIRED;
        *ret = g_steal_pointer(&claims);
        *ret_host = host;
        return TOKEN_VALID;
}

static int compare_digests(const void *a, const void *b) {
        const uint32_t first = *(const uint32_t *) a, second = *(const uint32_t *) b;

        return first < second ? -1 : first > second;
}

bool ticket_allows_role(const TicketClaims *claims, const char *role) {
        const uint32_t digest = ticket_role_digest(role);

        if (claims->roles)
                return g_strv_contains((const char *const *) claims->roles, role);
        return claims->n_digests > 0 &&
               bsearch(&digest, claims->digests, claims->n_digests, sizeof(digest), compare_digests);
}

/* Signing */

/* Sorted, each once. */
static uint32_t *make_digests(char *const *roles, size_t *ret_n) {
        size_t n = g_strv_length((char **) roles), kept = 0;
        uint32_t *digests = g_new(uint32_t, n + 1);

        for (size_t i = 0; i < n; i++)
                digests[i] = ticket_role_digest(roles[i]);
        qsort(digests, n, sizeof(*digests), compare_digests);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || digests[i] != digests[kept - 1])
                        digests[kept++] = digests[i];
        *ret_n = MIN(kept, DIGESTS_MAX);
        return digests;
}

/* The JSON of as much of @claims as fits into a ticket under @key. */
static int fit_claims(const Key *key, const TicketClaims *claims, char **ret_json) {
        size_t fixed = strlen(key->header) + strlen("..") + base64url_length(ES256_SIGNATURE_SIZE);
        g_autofree uint32_t *digests = NULL;
        TicketClaims shown = *claims; /* borrows */

        for (;;) {
                g_autofree char *json = ticket_claims_to_json(&shown);

                if (!json)
                        return -ENOMEM;
                if (fixed + base64url_length(strlen(json)) <= TICKET_SIZE_MAX) {
                        *ret_json = g_steal_pointer(&json);
                        return 0;
                }
                if (shown.roles) {
                        digests = make_digests(shown.roles, &shown.n_digests);
                        shown.digests = digests;
                        shown.roles = NULL;
                } else if (shown.methods && shown.methods[0] && shown.methods[1])
                        shown.methods++; /* the latest is what decisions look at */
                else if (shown.n_digests > 0)
                        shown.n_digests--;
                else
                        return -EOVERFLOW;
        }
}

/* What libjwt made must be this header, this payload and our signature. */
static bool is_as_meant(const Key *key, const char *json, const char *ticket) {
        char payload[WIRE_TICKET_MAX + 1];
        TokenSegments segments;

        if (!token_split(ticket, strlen(ticket), &segments) || segments.header_size != strlen(key->header) ||
            memcmp(segments.header, key->header, segments.header_size) != 0)
                return false;
        base64url_encode(json, strlen(json), payload);
        return segments.payload_size == strlen(payload) &&
               memcmp(segments.payload, payload, segments.payload_size) == 0 &&
               signature_is_right(key->pair, ticket, &segments);
}

static int encode(const Key *key, const char *json, char **ret) {
        char *pem = es256_pem(key->pair);
        int r = -ENOMEM;

        if (pem)
                r = jws_encode(&(JwsKey) { JWS_ES256, pem, strlen(pem) }, key->kid, json, ret);
        (void) es256_pem_free(pem);
        return r;
}

int ticket_sign(const Key *key, const TicketClaims *claims, char **ret) {
        g_autofree char *json = NULL;
        char *ticket = NULL;
        int r;

        g_assert(key->use == KEY_TICKET);
        if (!ticket_claims_are_sound(claims))
                return error_trace(-EINVAL);
        r = fit_claims(key, claims, &json);
        if (r == 0)
                r = encode(key, json, &ticket);
        if (r < 0)
                return error_trace(r);
        if (!is_as_meant(key, json, ticket)) {
                ticket = token_free(ticket);
                return error_trace(-EBADMSG);
        }
        *ret = ticket;
        return 0;
}
