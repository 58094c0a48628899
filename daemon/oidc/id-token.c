/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <cjose/cjose.h>
#include <string.h>

#include "daemon/oidc/encoding.h"
#include "daemon/oidc/id-token.h"
#include "daemon/oidc/strict-json.h"

#define HEADER_MAX 1024
#define AUDIENCES_MAX 64
#define HASH_MAX 128

typedef cjose_jws_t Jws;

static void jws_release(Jws *jws) {
        cjose_jws_release(jws);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Jws, jws_release)

/* Form */

/* Three segments between exactly two dots, each in its one spelling; the header's bytes, or NULL. */
static Secret *split(const char *text, size_t size) {
        const char *end = text + size, *first, *second;
        _cleanup_secret_ Secret *header = NULL, *payload = NULL, *signature = NULL;

        if (size > ID_TOKEN_MAX)
                return NULL;
        first = memchr(text, '.', size);
        second = first ? memchr(first + 1, '.', (size_t) (end - first - 1)) : NULL;
        if (!second || (size_t) (first - text) > HEADER_MAX)
                return NULL;
        header = encoding_base64url_decode(text, (size_t) (first - text));
        payload = encoding_base64url_decode(first + 1, (size_t) (second - first - 1));
        signature = encoding_base64url_decode(second + 1, (size_t) (end - second - 1));
        return header && payload && signature ? g_steal_pointer(&header) : NULL;
}

OidcReason id_token_header(const char *text, size_t size, IdTokenHeader *ret) {
        _cleanup_secret_ Secret *header = split(text, size);
        g_autoptr(Json) object = header ? strict_json_object(header->data, header->size) : NULL;
        JwksAlgorithm algorithm;
        const char *kid;

        /* "crit": there is something that we would have to know. "b64": the payload is not what it looks like. */
        if (!object || strict_json_has(object, "crit") || strict_json_has(object, "b64"))
                return OIDC_TOKEN_FORMAT;
        algorithm = jwks_algorithm_from_string(strict_json_string(object, "alg", HEADER_MAX));
        if (algorithm == JWKS_ALGORITHM_INVALID)
                return OIDC_ALGORITHM;
        kid = strict_json_string(object, "kid", JWKS_KID_MAX);
        if (!kid && strict_json_has(object, "kid"))
                return OIDC_TOKEN_FORMAT;
        *ret = (IdTokenHeader) { .algorithm = algorithm, .kid = g_strdup(kid) };
        return OIDC_GOOD;
}

/* Claims */

/* How many audiences there are, all of them strings; 0 when there are none, or something else. */
static size_t audiences(const Json *aud, const char *client_id, bool *ret_ours) {
        size_t n = json_is_string(aud) ? 1 : json_array_size(aud);

        if (n > AUDIENCES_MAX)
                return 0;
        for (size_t i = 0; i < n; i++) {
                const Json *one = json_is_string(aud) ? aud : json_array_get(aud, i);
                const char *text = json_string_value(one);

                if (!text || strlen(text) != json_string_length(one))
                        return 0;
                *ret_ours = *ret_ours || strcmp(text, client_id) == 0;
        }
        return n;
}

static OidcReason check_audience(const Json *object, const char *client_id) {
        bool ours = false;
        size_t n = audiences(json_object_get(object, "aud"), client_id, &ours);

        if (n == 0 || !ours)
                return OIDC_AUDIENCE;
        if ((n > 1 || strict_json_has(object, "azp")) &&
            g_strcmp0(strict_json_string(object, "azp", PROVIDER_TEXT_MAX), client_id) != 0)
                return OIDC_AZP;
        return OIDC_GOOD;
}

static OidcReason check_times(const Json *object, const IdTokenWanted *wanted) {
        int64_t exp, iat, nbf;

        if (!strict_json_integer(object, "exp", &exp) || !strict_json_integer(object, "iat", &iat))
                return OIDC_CLAIMS;
        if (exp <= wanted->now - ID_TOKEN_SKEW_S)
                return OIDC_TOKEN_EXPIRED;
        if (iat > wanted->now + ID_TOKEN_SKEW_S || iat < wanted->began - ID_TOKEN_SKEW_S)
                return OIDC_ISSUED;
        if (!strict_json_has(object, "nbf"))
                return OIDC_GOOD;
        if (!strict_json_integer(object, "nbf", &nbf))
                return OIDC_CLAIMS;
        return nbf > wanted->now + ID_TOKEN_SKEW_S ? OIDC_ISSUED : OIDC_GOOD;
}

static OidcReason check_nonce(const Json *object, const IdTokenWanted *wanted) {
        const char *nonce = strict_json_string(object, "nonce", PROVIDER_TEXT_MAX);

        if (!wanted->nonce)
                return strict_json_has(object, "nonce") ? OIDC_NONCE : OIDC_GOOD;
        return nonce && encoding_same(nonce, strlen(nonce), wanted->nonce, wanted->nonce_size) ? OIDC_GOOD : OIDC_NONCE;
}

/* Both algorithms hash with SHA-256, and so does at_hash (3.1.3.6). */
static OidcReason check_at_hash(const Json *object, const IdTokenWanted *wanted) {
        const char *claimed = strict_json_string(object, "at_hash", HASH_MAX);
        _cleanup_secret_ Secret *hash = NULL;

        if (!strict_json_has(object, "at_hash"))
                return OIDC_GOOD;
        if (!claimed || !wanted->access_token)
                return OIDC_AT_HASH;
        hash = encoding_sha256(wanted->access_token, wanted->access_token_size, /* half= */ true);
        return hash && encoding_same(claimed, strlen(claimed), hash->data, hash->size) ? OIDC_GOOD : OIDC_AT_HASH;
}

static OidcReason check_claims(const Json *object, const IdTokenWanted *wanted) {
        const char *issuer = strict_json_string(object, "iss", PROVIDER_URL_MAX);
        OidcReason reason;

        if (g_strcmp0(issuer, wanted->provider->urls[PROVIDER_ISSUER]) != 0)
                return OIDC_ISSUER;
        reason = check_audience(object, wanted->provider->client_id);
        if (reason == OIDC_GOOD)
                reason = check_times(object, wanted);
        if (reason == OIDC_GOOD)
                reason = check_nonce(object, wanted);
        if (reason == OIDC_GOOD)
                reason = check_at_hash(object, wanted);
        return reason;
}

OidcReason id_token_claims(const char *json, size_t size, const IdTokenWanted *wanted, Identity **ret) {
        g_autoptr(Json) object = strict_json_object(json, size);
        OidcReason reason;

        if (!object)
                return OIDC_NOT_JSON;
        reason = check_claims(object, wanted);
        return reason == OIDC_GOOD ? identity_from_claims(wanted->provider, object, ret) : reason;
}

/* Signature */

/* cjose lets bytes behind an ES256 signature pass, and there would be many spellings of one token. */
static bool is_as_long_as_it_must(const char *text, size_t size, const JwksKey *key) {
        const char *signature = (const char *) memrchr(text, '.', size) + 1;
        size_t characters = (size_t) (text + size - signature);

        return characters * 3 / 4 == jwks_key_signature_size(key);
}

OidcReason id_token_verify(const char *text, size_t size, const JwksKey *key, const IdTokenWanted *wanted,
                           Identity **ret) {
        IdTokenHeader header = { .algorithm = JWKS_ALGORITHM_INVALID };
        g_autofree char *kid = NULL;
        g_autoptr(Jws) jws = NULL;
        uint8_t *payload;
        size_t payload_size;
        OidcReason reason;
        cjose_err error;

        reason = id_token_header(text, size, &header);
        if (reason != OIDC_GOOD)
                return reason;
        kid = header.kid;
        /* The header may say what it likes: the key says which algorithm it is for. */
        if (!jwks_key_is(key, header.algorithm, kid))
                return OIDC_KID;
        if (!is_as_long_as_it_must(text, size, key))
                return OIDC_SIGNATURE;
        jws = cjose_jws_import(text, size, &error);
        if (!jws || !cjose_jws_verify(jws, jwks_key_cjose(key), &error) ||
            !cjose_jws_get_plaintext(jws, &payload, &payload_size, &error))
                return OIDC_SIGNATURE;
        return id_token_claims((const char *) payload, payload_size, wanted, ret);
}
