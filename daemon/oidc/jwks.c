/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <cjose/cjose.h>
#include <string.h>

#include "daemon/oidc/encoding.h"
#include "daemon/oidc/jwks.h"
#include "daemon/oidc/strict-json.h"

#define MEMBER_MAX 2048
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192 /* more would be work for us, not for who made it */
#define EXPONENT_BYTES_MAX 8
#define COORDINATE_BYTES 32

struct JwksKey {
        char *kid; /* NULL: it has none */
        JwksAlgorithm algorithm;
        size_t signature_size;
        cjose_jwk_t *key;
};

struct Jwks {
        GPtrArray *keys;
};

static const char *const algorithm_names[JWKS_ALGORITHM_MAX] = {
        [JWKS_RS256] = "RS256",
        [JWKS_ES256] = "ES256",
};

JwksAlgorithm jwks_algorithm_from_string(const char *text) {
        for (int i = 0; text && i < JWKS_ALGORITHM_MAX; i++)
                if (strcmp(algorithm_names[i], text) == 0)
                        return (JwksAlgorithm) i;
        return JWKS_ALGORITHM_INVALID;
}

static void destroy_key(gpointer data) {
        JwksKey *key = data;

        g_free(key->kid);
        (void) cjose_jwk_release(key->key);
        g_free(key);
}

/* The member's number of bytes, in its one spelling; 0 when it is none. Whether a zero may stand in front is the caller's. */
static size_t number_bytes(const Json *object, const char *name, unsigned char *ret_first) {
        const char *text = strict_json_string(object, name, MEMBER_MAX);
        _cleanup_secret_ Secret *data = text ? encoding_base64url_decode(text, strlen(text)) : NULL;

        if (!data || data->size == 0)
                return 0;
        *ret_first = (unsigned char) data->data[0];
        return data->size;
}

static bool is_good_rsa(const Json *object) {
        unsigned char first = 0, unused;
        size_t size = number_bytes(object, "n", &first), exponent = number_bytes(object, "e", &unused);
        size_t bits = size * 8;

        for (unsigned char c = first; size > 0 && !(c & 0x80); c = (unsigned char) (c << 1)) {
                if (c == 0)
                        return false;
                bits--;
        }
        return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX && exponent >= 1 && exponent <= EXPONENT_BYTES_MAX;
}

static bool is_good_ec(const Json *object) {
        unsigned char unused;

        return g_strcmp0(strict_json_string(object, "crv", MEMBER_MAX), "P-256") == 0 &&
               number_bytes(object, "x", &unused) == COORDINATE_BYTES &&
               number_bytes(object, "y", &unused) == COORDINATE_BYTES;
}

static JwksAlgorithm algorithm_of(const Json *object) {
        const char *type = strict_json_string(object, "kty", MEMBER_MAX);

        if (g_strcmp0(type, "RSA") == 0 && is_good_rsa(object))
                return JWKS_RS256;
        if (g_strcmp0(type, "EC") == 0 && is_good_ec(object))
                return JWKS_ES256;
        return JWKS_ALGORITHM_INVALID;
}

/* Is @name absent, or exactly @wanted? */
static bool is_unset_or(const Json *object, const char *name, const char *wanted) {
        return !strict_json_has(object, name) || g_strcmp0(strict_json_string(object, name, MEMBER_MAX), wanted) == 0;
}

/* RSA's are as long as the modulus, ES256's are two numbers (RFC 7518, 3.3 and 3.4). */
static size_t signature_size(const Json *object, JwksAlgorithm algorithm) {
        unsigned char unused;

        return algorithm == JWKS_RS256 ? number_bytes(object, "n", &unused) : (size_t) 2 * COORDINATE_BYTES;
}

/* cjose sees what we have looked at, and no more. */
static cjose_jwk_t *import(const Json *object, JwksAlgorithm algorithm) {
        static const char *const members[JWKS_ALGORITHM_MAX][5] = {
                [JWKS_RS256] = { "kty", "n", "e", NULL },
                [JWKS_ES256] = { "kty", "crv", "x", "y", NULL },
        };
        g_autoptr(Json) plain = json_object();
        g_autofree char *text = NULL;
        cjose_err error;

        for (const char *const *name = members[algorithm]; *name; name++)
                if (json_object_set(plain, *name, json_object_get(object, *name)) < 0)
                        return NULL;
        text = json_dumps(plain, JSON_COMPACT);
        return text ? cjose_jwk_import(text, strlen(text), &error) : NULL;
}

/* NULL: one that we do not use. */
static JwksKey *read_key(const Json *object) {
        JwksAlgorithm algorithm = algorithm_of(object);
        cjose_jwk_t *imported;
        JwksKey *key;

        if (algorithm == JWKS_ALGORITHM_INVALID || strict_json_has(object, "d") || !is_unset_or(object, "use", "sig") ||
            !is_unset_or(object, "alg", algorithm_names[algorithm]) ||
            (strict_json_has(object, "kid") && !strict_json_string(object, "kid", JWKS_KID_MAX)))
                return NULL;
        imported = import(object, algorithm);
        if (!imported)
                return NULL;
        key = g_new(JwksKey, 1);
        *key = (JwksKey) {
                .kid = g_strdup(strict_json_string(object, "kid", JWKS_KID_MAX)),
                .algorithm = algorithm,
                .signature_size = signature_size(object, algorithm),
                .key = imported,
        };
        return key;
}

static bool add_key(Jwks *jwks, const Json *object) {
        JwksKey *key = read_key(object);

        if (!key)
                return true;
        for (guint i = 0; key->kid && i < jwks->keys->len; i++)
                if (g_strcmp0(((JwksKey *) jwks->keys->pdata[i])->kid, key->kid) == 0) {
                        destroy_key(key);
                        return false;
                }
        g_ptr_array_add(jwks->keys, key);
        return true;
}

Jwks *jwks_free(Jwks *jwks) {
        if (!jwks)
                return NULL;
        g_ptr_array_unref(jwks->keys);
        g_free(jwks);
        return NULL;
}

OidcReason jwks_parse(const char *text, size_t size, Jwks **ret) {
        g_autoptr(Json) object = strict_json_object(text, size);
        g_autoptr(Jwks) jwks = NULL;
        const Json *keys;

        if (!object)
                return OIDC_NOT_JSON;
        keys = json_object_get(object, "keys");
        if (!json_is_array(keys) || json_array_size(keys) > JWKS_KEYS_MAX)
                return OIDC_KEYS;
        jwks = g_new(Jwks, 1);
        jwks->keys = g_ptr_array_new_with_free_func(destroy_key);
        for (size_t i = 0; i < json_array_size(keys); i++)
                if (!add_key(jwks, json_array_get(keys, i)))
                        return OIDC_KEYS;
        *ret = g_steal_pointer(&jwks);
        return OIDC_GOOD;
}

guint jwks_size(const Jwks *jwks) {
        return jwks->keys->len;
}

bool jwks_key_is(const JwksKey *key, JwksAlgorithm algorithm, const char *kid) {
        return key->algorithm == algorithm && (!kid || g_strcmp0(key->kid, kid) == 0);
}

const JwksKey *jwks_find(const Jwks *jwks, JwksAlgorithm algorithm, const char *kid) {
        const JwksKey *found = NULL;

        for (guint i = 0; i < jwks->keys->len; i++) {
                const JwksKey *key = jwks->keys->pdata[i];

                if (!jwks_key_is(key, algorithm, kid))
                        continue;
                if (found)
                        return NULL; /* which of them is nobody's to guess */
                found = key;
        }
        return found;
}

size_t jwks_key_signature_size(const JwksKey *key) {
        return key->signature_size;
}

struct _cjose_jwk_int *jwks_key_cjose(const JwksKey *key) {
        return key->key;
}
