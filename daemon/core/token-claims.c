/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <jansson.h>
#include <string.h>

#include "common/name.h"
#include "daemon/core/claims.h"
#include "daemon/core/token-claims.h"
#include "daemon/core/token-gate.h"

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

static bool is_jti(const char jti[TOKEN_ID_SIZE]) {
        unsigned char bytes[JTI_BYTES];
        size_t size;

        return strnlen(jti, TOKEN_ID_SIZE) == TOKEN_ID_SIZE - 1 &&
               base64url_decode(jti, TOKEN_ID_SIZE - 1, bytes, sizeof(bytes), &size);
}

bool token_claims_are_sound(const TokenClaims *claims) {
        if (!name_is_host(claims->issuer) || !name_is_host(claims->audience) || !name_is_user(claims->subject))
                return false;
        if (!claims_is_session(claims->session) || !is_jti(claims->jti))
                return false;
        if (claims->issued_at < 1 || claims->expires <= claims->issued_at ||
            claims->expires - claims->issued_at > TOKEN_LIFETIME_MAX)
                return false;
        if (claims->auth_time < 0 || claims->auth_time > claims->issued_at)
                return false;
        return claims_all_are(claims->methods, claims_is_method) && claims_all_are(claims->roles, name_is_word);
}

char *token_claims_to_json(const TokenClaims *claims) {
        char sid[CLAIMS_SID_SIZE];
        g_autoptr(Json) object = NULL;

        if (!claims_sid_from_session(claims->session, sid))
                return NULL;
        object = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s}",
                           "iss", claims->issuer, "sub", claims->subject, "aud", claims->audience,
                           "iat", (json_int_t) claims->issued_at, "exp", (json_int_t) claims->expires,
                           "jti", claims->jti, "sid", sid);
        if (!object || !claims_put_list(object, "amr", claims->methods) ||
            !claims_put_list(object, "roles", claims->roles))
                return NULL;
        if (claims->auth_time > 0 &&
            json_object_set_new(object, "auth_time", json_integer((json_int_t) claims->auth_time)) < 0)
                return NULL;
        return claims_dump(object);
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
        if (!claims_get_list(methods, &claims->methods) || !claims_get_list(roles, &claims->roles) ||
            !claims_session_from_sid(sid, claims->session) ||
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
