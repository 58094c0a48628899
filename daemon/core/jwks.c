/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <jansson.h>
#include <string.h>

#include "daemon/core/jwks.h"
#include "daemon/core/token-gate.h"
#include "policy/conf.h"

#define EXPORT "put there what \"tessera key export\" prints on that host"
#define KID_MAX 64
#define COORDINATE_SIZE (ES256_POINT_SIZE / 2)

typedef json_t Json;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_decref)

/* What is being read, and where mistakes go. */
typedef struct Jwks {
        const TrustFile *file;
        GPtrArray *mistakes;
        GPtrArray *keys; /* TrustKey * */
} Jwks;

static void destroy_key(gpointer p) {
        TrustKey *key = p;

        g_free(key->kid);
        g_free(key->header);
        es256_free(key->key);
        es256_pem_free(key->pem);
        g_free(key);
}

#define mistake(jwks, offset, remedy, ...)                                                                      \
        (g_ptr_array_add((jwks)->mistakes, conf_mistake_new((jwks)->file->file, (jwks)->file->keys_line,        \
                                                            (jwks)->file->keys_column + (unsigned) (offset),    \
                                                            (remedy), __VA_ARGS__)),                            \
         false)

static bool is_kid(const char *kid) {
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        size_t size = strlen(kid);

        return size >= 1 && size <= KID_MAX && strspn(kid, alphabet) == size;
}

/* The string @name of @object, without NULs inside; NULL where it is absent or something else. */
static const char *get_string(const Json *object, const char *name) {
        const Json *value = json_object_get(object, name);
        const char *text = json_string_value(value);

        return text && strlen(text) == json_string_length(value) ? text : NULL;
}

/* Is @name absent, or exactly @wanted? */
static bool is_unset_or(const Json *object, const char *name, const char *wanted) {
        return !json_object_get(object, name) || g_strcmp0(get_string(object, name), wanted) == 0;
}

static bool get_coordinate(const Json *object, const char *name, unsigned char *ret) {
        const char *text = get_string(object, name);
        size_t size;

        return text && base64url_decode(text, strlen(text), ret, COORDINATE_SIZE, &size) && size == COORDINATE_SIZE;
}

/* Whether it is a key that we would use, in the order in which a reader would look. */
static bool check_members(Jwks *jwks, const Json *object, size_t number) {
        const char *kid = get_string(object, "kid");

        if (json_object_get(object, "d"))
                return mistake(jwks, 0, "take it away from here, and rotate it where it came from: it is known now",
                               "key %zu is a private key", number);
        if (g_strcmp0(get_string(object, "kty"), "EC") != 0 || g_strcmp0(get_string(object, "crv"), "P-256") != 0)
                return mistake(jwks, 0, "remove it, or " EXPORT, "key %zu is not of kty \"EC\" and crv \"P-256\"", number);
        if (!is_unset_or(object, "alg", "ES256"))
                return mistake(jwks, 0, "remove it, or " EXPORT, "key %zu has an alg other than \"ES256\"", number);
        if (!is_unset_or(object, "use", "sig"))
                return mistake(jwks, 0, "remove it, or " EXPORT, "key %zu has a use other than \"sig\"", number);
        if (!kid || !is_kid(kid))
                return mistake(jwks, 0, EXPORT, "key %zu has no kid of 1 to 64 letters, digits, \"-\" and \"_\"", number);
        return true;
}

static char *make_header(const char *kid) {
        g_autofree char *json = g_strdup_printf("{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", kid);
        char *header = g_malloc(base64url_length(strlen(json)) + 1);

        base64url_encode(json, strlen(json), header);
        return header;
}

static bool check_alone(Jwks *jwks, const char *kid, const unsigned char point[ES256_POINT_SIZE]) {
        for (guint i = 0; i < jwks->keys->len; i++) {
                const TrustKey *other = jwks->keys->pdata[i];
                unsigned char known[ES256_POINT_SIZE];

                if (strcmp(other->kid, kid) == 0)
                        return mistake(jwks, 0, "keep one of the two", "two keys have the kid \"%s\"", kid);
                if (!es256_point(other->key, known) || memcmp(known, point, sizeof(known)) == 0)
                        return mistake(jwks, 0, "keep one of the two", "keys \"%s\" and \"%s\" are the same", other->kid,
                                       kid);
        }
        return true;
}

static bool add_key(Jwks *jwks, const Json *object, size_t number) {
        unsigned char point[ES256_POINT_SIZE];
        g_autoptr(Es256) key = NULL;
        const char *kid;
        TrustKey *added;

        if (!json_is_object(object))
                return mistake(jwks, 0, EXPORT, "key %zu is no object", number);
        if (!check_members(jwks, object, number))
                return false;
        kid = get_string(object, "kid");
        if (!get_coordinate(object, "x", point) || !get_coordinate(object, "y", point + COORDINATE_SIZE))
                return mistake(jwks, 0, EXPORT, "key \"%s\" has no x and y of 43 characters of base64url each", kid);
        if (!check_alone(jwks, kid, point))
                return false;
        key = es256_from_point(point);
        if (!key)
                return mistake(jwks, 0, EXPORT, "key \"%s\" is no point of P-256: it was damaged on the way", kid);
        added = g_new0(TrustKey, 1);
        added->kid = g_strdup(kid);
        added->header = make_header(kid);
        added->pem = es256_pem(key);
        added->key = g_steal_pointer(&key);
        g_ptr_array_add(jwks->keys, added);
        return added->pem || mistake(jwks, 0, NULL, "key \"%s\" cannot be used: no memory", added->kid);
}

static bool add_keys(Jwks *jwks) {
        const char *text = jwks->file->keys;
        json_error_t error;
        g_autoptr(Json) object = json_loadb(text, strlen(text), JSON_REJECT_DUPLICATES, &error);
        const Json *keys = object ? json_object_get(object, "keys") : NULL;
        bool good = true;

        if (!object)
                return mistake(jwks, MAX(error.position, 1) - 1, EXPORT, "\"keys\" of [host:%s] is no JSON: %s",
                               jwks->file->name, error.text);
        if (!json_is_array(keys))
                return mistake(jwks, 0, EXPORT, "\"keys\" of [host:%s] is no JWKS: it has no list \"keys\"",
                               jwks->file->name);
        if (json_array_size(keys) < 1 || json_array_size(keys) > TRUST_KEYS_MAX)
                return mistake(jwks, 0, "keep the ones that the host still uses",
                               "\"keys\" of [host:%s] holds %zu keys and not 1 to %d", jwks->file->name,
                               json_array_size(keys), TRUST_KEYS_MAX);
        for (size_t i = 0; i < json_array_size(keys); i++)
                good = add_key(jwks, json_array_get(keys, i), i + 1) && good;
        return good;
}

GPtrArray *jwks_parse(const TrustFile *file, GPtrArray *mistakes) {
        g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(destroy_key);
        Jwks jwks = { .file = file, .mistakes = mistakes, .keys = keys };

        return add_keys(&jwks) ? g_steal_pointer(&keys) : NULL;
}
