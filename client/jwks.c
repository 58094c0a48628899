/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/jwks.h"
#include "common/wire.h"

#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define KID_MAX 64
#define COORDINATE_LENGTH 43 /* 32 bytes; the last character has two bits that are 0 */
#define COORDINATE_LAST "AEIMQUYcgkosw048"

static const char *text_of(const json_t *key, const char *member) {
        return json_string_value(json_object_get(key, member)) ?: "";
}

static bool is_kid(const char *kid) {
        return kid[0] && strlen(kid) <= KID_MAX && kid[strspn(kid, BASE64URL)] == '\0';
}

static bool is_coordinate(const char *text) {
        return strlen(text) == COORDINATE_LENGTH && text[strspn(text, BASE64URL)] == '\0' &&
               strchr(COORDINATE_LAST, text[COORDINATE_LENGTH - 1]);
}

/* Absent, or this. */
static bool may_be(const json_t *key, const char *member, const char *value) {
        return !json_object_get(key, member) || strcmp(text_of(key, member), value) == 0;
}

/* RFC 7518's members of private and symmetric keys. */
static const char *find_private(const json_t *key) {
        static const char *const members[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k", NULL };
        const char *const *member = members;

        while (*member && !json_object_get(key, *member))
                member++;
        return *member;
}

static char *check_key(const json_t *key, size_t number) {
        const char *private = find_private(key);

        if (!json_is_object(key))
                return g_strdup_printf("key %zu is no object", number);
        if (private)
                return g_strdup_printf("key %zu has the member \"%s\": it is a secret, and must not leave its host",
                                       number, private);
        if (!is_kid(text_of(key, "kid")))
                return g_strdup_printf("key %zu has no \"kid\" of 1 to %d letters, digits, \"-\" and \"_\"", number,
                                       KID_MAX);
        if (strcmp(text_of(key, "kty"), "EC") != 0 || strcmp(text_of(key, "crv"), "P-256") != 0 ||
            !may_be(key, "alg", "ES256") || !may_be(key, "use", "sig"))
                return g_strdup_printf("key \"%s\" is none for ES256 signatures", text_of(key, "kid"));
        if (!is_coordinate(text_of(key, "x")) || !is_coordinate(text_of(key, "y")))
                return g_strdup_printf("key \"%s\" needs \"x\" and \"y\" of %d characters of base64url each",
                                       text_of(key, "kid"), COORDINATE_LENGTH);
        return NULL;
}

static const json_t *find_key(const json_t *jwks, const char *kid) {
        const json_t *key;
        size_t i;

        json_array_foreach(json_object_get(jwks, "keys"), i, key)
                if (strcmp(text_of(key, "kid"), kid) == 0)
                        return key;
        return NULL;
}

static void add_key(json_t *jwks, const json_t *key) {
        json_t *plain = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kid", text_of(key, "kid"), "kty", "EC",
                                  "crv", "P-256", "x", text_of(key, "x"), "y", text_of(key, "y"), "alg", "ES256",
                                  "use", "sig");

        (void) json_array_append_new(json_object_get(jwks, "keys"), plain);
}

json_t *jwks_read(const char *text, size_t size, char **ret_problem) {
        json_auto_t *read = size <= WIRE_JWKS_MAX ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
        json_auto_t *jwks = json_pack("{s:[]}", "keys");
        const json_t *keys = json_object_get(read, "keys"), *key;
        size_t i;

        if (!json_is_array(keys)) {
                *ret_problem = g_strdup("this is no JWKS: {\"keys\":[...]}");
                return NULL;
        }
        if (json_array_size(keys) == 0 || json_array_size(keys) > JWKS_KEYS_MAX) {
                *ret_problem = g_strdup_printf("a JWKS here has 1 to %d keys, and this one %zu", JWKS_KEYS_MAX,
                                               json_array_size(keys));
                return NULL;
        }
        json_array_foreach(keys, i, key) {
                char *problem = check_key(key, i + 1);
                if (!problem && find_key(jwks, text_of(key, "kid")))
                        problem = g_strdup_printf("two keys have the kid \"%s\"", text_of(key, "kid"));
                if (problem) {
                        *ret_problem = problem;
                        return NULL;
                }
                add_key(jwks, key);
        }
        return json_incref(jwks);
}

char *jwks_format(const json_t *jwks) {
        char *dumped = json_dumps(jwks, JSON_COMPACT | JSON_ENSURE_ASCII);
        char *line = g_strdup(dumped);

        free(dumped);
        return line;
}

json_t *jwks_kids(const json_t *jwks) {
        json_t *kids = json_array();
        const json_t *key;
        size_t i;

        json_array_foreach(json_object_get(jwks, "keys"), i, key)
                (void) json_array_append(kids, json_object_get(key, "kid"));
        return kids;
}

const char *jwks_conflict(const json_t *old, const json_t *new) {
        const json_t *key;
        size_t i;

        json_array_foreach(json_object_get(new, "keys"), i, key) {
                const json_t *before = find_key(old, text_of(key, "kid"));
                if (before && (strcmp(text_of(before, "x"), text_of(key, "x")) != 0 ||
                               strcmp(text_of(before, "y"), text_of(key, "y")) != 0))
                        return text_of(key, "kid");
        }
        return NULL;
}
