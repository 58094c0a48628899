/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "common/name.h"
#include "daemon/core/token-claims.h"
#include "daemon/core/token-gate.h"

#define SESSION_ID_BYTES 16
#define SESSION_ID_TEXT_SIZE 23 /* 22 characters of base64url and the end */
#define JTI_BYTES 6

typedef json_t Json;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_decref)

TokenClaims *token_claims_free(TokenClaims *claims) {
        if (!claims)
                return NULL;
        g_free(claims->issuer);
        g_free(claims->subject);
        g_free(claims->audience);
        g_strfreev(claims->methods);
        g_strfreev(claims->roles);
        g_free(claims);
        return NULL;
}

void token_new_id(const Clock *clock, char ret_jti[TOKEN_ID_SIZE]) {
        unsigned char random[JTI_BYTES];

        clock->random(clock, random, sizeof(random));
        base64url_encode(random, sizeof(random), ret_jti);
}

static bool is_session_id(const char id[SESSION_ID_SIZE]) {
        return strnlen(id, SESSION_ID_SIZE) == SESSION_ID_SIZE - 1 &&
               strspn(id, "0123456789abcdef") == SESSION_ID_SIZE - 1;
}

static bool is_jti(const char jti[TOKEN_ID_SIZE]) {
        unsigned char bytes[JTI_BYTES];
        size_t size;

        return strnlen(jti, TOKEN_ID_SIZE) == TOKEN_ID_SIZE - 1 &&
               base64url_decode(jti, TOKEN_ID_SIZE - 1, bytes, sizeof(bytes), &size);
}

/* "pwd", or "oidc:" and the name of a provider. */
static bool is_method(const char *text) {
        const char *provider = g_str_has_prefix(text, "oidc:") ? text + strlen("oidc:") : text;

        return name_is_word(provider);
}

static bool all_are(char *const *list, bool (*is)(const char *)) {
        for (; list && *list; list++)
                if (!is(*list))
                        return false;
        return true;
}

bool token_claims_are_sound(const TokenClaims *claims) {
        if (!name_is_host(claims->issuer) || !name_is_host(claims->audience) || !name_is_user(claims->subject))
                return false;
        if (!is_session_id(claims->session) || !is_jti(claims->jti))
                return false;
        if (claims->issued_at < 1 || claims->expires <= claims->issued_at ||
            claims->expires - claims->issued_at > TOKEN_LIFETIME_MAX)
                return false;
        if (claims->auth_time < 0 || claims->auth_time > claims->issued_at)
                return false;
        return all_are(claims->methods, is_method) && all_are(claims->roles, name_is_word);
}

static bool list_to_json(Json *object, const char *name, char *const *list) {
        g_autoptr(Json) array = json_array();

        if (!list || !*list)
                return true;
        for (; *list; list++)
                if (json_array_append_new(array, json_string(*list)) < 0)
                        return false;
        return json_object_set(object, name, array) == 0;
}

char *token_claims_to_json(const TokenClaims *claims) {
        unsigned char session[SESSION_ID_BYTES];
        char sid[SESSION_ID_TEXT_SIZE];
        g_autoptr(Json) object = NULL;
        char *text, *json;

        if (sodium_hex2bin(session, sizeof(session), claims->session, SESSION_ID_SIZE - 1, NULL, NULL, NULL) < 0)
                return NULL;
        base64url_encode(session, sizeof(session), sid);
        object = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s}",
                           "iss", claims->issuer, "sub", claims->subject, "aud", claims->audience,
                           "iat", (json_int_t) claims->issued_at, "exp", (json_int_t) claims->expires,
                           "jti", claims->jti, "sid", sid);
        if (!object || !list_to_json(object, "amr", claims->methods) || !list_to_json(object, "roles", claims->roles))
                return NULL;
        if (claims->auth_time > 0 &&
            json_object_set_new(object, "auth_time", json_integer((json_int_t) claims->auth_time)) < 0)
                return NULL;
        text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
        json = g_strdup(text);
        free(text);
        return json;
}

/* NULL in @ret for a member that is absent. */
static bool list_from_json(const Json *array, char ***ret) {
        g_autoptr(GStrvBuilder) list = g_strv_builder_new();

        if (!array)
                return true;
        if (!json_is_array(array))
                return false;
        for (size_t i = 0; i < json_array_size(array); i++) {
                const char *item = json_string_value(json_array_get(array, i));
                if (!item)
                        return false;
                g_strv_builder_add(list, item);
        }
        *ret = g_strv_builder_end(list);
        return true;
}

static bool session_from_sid(const char *sid, char ret_session[SESSION_ID_SIZE]) {
        unsigned char session[SESSION_ID_BYTES];
        size_t size;

        if (!base64url_decode(sid, strlen(sid), session, sizeof(session), &size) || size != sizeof(session))
                return false;
        (void) sodium_bin2hex(ret_session, SESSION_ID_SIZE, session, sizeof(session));
        return true;
}

/* Types and the set of members are settled here, what they say by token_claims_are_sound(). */
static TokenClaims *parse(const char *text, size_t size) {
        g_autoptr(Json) object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        g_autoptr(TokenClaims) claims = g_new0(TokenClaims, 1);
        const char *issuer, *subject, *audience, *jti, *sid;
        json_int_t issued_at, expires, auth_time = 0;
        Json *methods = NULL, *roles = NULL;

        if (!object ||
            json_unpack_ex(object, NULL, JSON_STRICT, "{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s?I, s?o, s?o}",
                           "iss", &issuer, "sub", &subject, "aud", &audience, "iat", &issued_at,
                           "exp", &expires, "jti", &jti, "sid", &sid, "auth_time", &auth_time,
                           "amr", &methods, "roles", &roles) < 0)
                return NULL;
        if (!list_from_json(methods, &claims->methods) || !list_from_json(roles, &claims->roles) ||
            !session_from_sid(sid, claims->session) ||
            g_strlcpy(claims->jti, jti, sizeof(claims->jti)) >= sizeof(claims->jti))
                return NULL;
        claims->issuer = g_strdup(issuer);
        claims->subject = g_strdup(subject);
        claims->audience = g_strdup(audience);
        claims->issued_at = issued_at;
        claims->expires = expires;
        claims->auth_time = auth_time;
        return g_steal_pointer(&claims);
}

TokenClaims *token_claims_from_json(const char *json, size_t size) {
        g_autoptr(TokenClaims) claims = parse(json, size);
        g_autofree char *again = NULL;

        if (!claims || !token_claims_are_sound(claims))
                return NULL;
        again = token_claims_to_json(claims);
        if (!again || strlen(again) != size || memcmp(again, json, size) != 0)
                return NULL;
        return g_steal_pointer(&claims);
}
