/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "common/name.h"
#include "daemon/core/claims.h"
#include "daemon/core/ticket-claims.h"
#include "daemon/core/token-gate.h"

#define JTI_BYTES 16
#define DIGEST_SIZE 4

typedef json_t Json;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_decref)

TicketClaims *ticket_claims_free(TicketClaims *claims) {
        if (!claims)
                return NULL;
        g_free(claims->issuer);
        g_free(claims->subject);
        g_free(claims->audience);
        g_strfreev(claims->methods);
        g_strfreev(claims->roles);
        g_free(claims->digests);
        g_free(claims);
        return NULL;
}

void ticket_new_id(const Clock *clock, char ret_jti[TICKET_ID_SIZE]) {
        unsigned char random[JTI_BYTES];

        clock->random(clock, random, sizeof(random));
        base64url_encode(random, sizeof(random), ret_jti);
}

static uint32_t number_from(const unsigned char bytes[DIGEST_SIZE]) {
        return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 | bytes[3];
}

uint32_t ticket_role_digest(const char *role) {
        unsigned char hash[crypto_hash_sha256_BYTES];

        (void) crypto_hash_sha256(hash, (const unsigned char *) role, strlen(role));
        return number_from(hash);
}

static bool is_jti(const char jti[TICKET_ID_SIZE]) {
        unsigned char bytes[JTI_BYTES];
        size_t size;

        return strnlen(jti, TICKET_ID_SIZE) == TICKET_ID_SIZE - 1 &&
               base64url_decode(jti, TICKET_ID_SIZE - 1, bytes, sizeof(bytes), &size);
}

static bool are_times_sound(const TicketClaims *claims) {
        if (claims->issued_at < 1 || claims->expires <= claims->issued_at ||
            claims->expires - claims->issued_at > TICKET_LIFETIME_MAX)
                return false;
        return claims->session_ends >= claims->expires && claims->auth_time >= 0 &&
               claims->auth_time <= claims->issued_at;
}

static bool are_roles_sound(const TicketClaims *claims) {
        if (claims->n_digests > 0 && (!claims->digests || (claims->roles && *claims->roles)))
                return false;
        for (size_t i = 1; i < claims->n_digests; i++)
                if (claims->digests[i] <= claims->digests[i - 1])
                        return false;
        return claims_all_are(claims->roles, name_is_word);
}

bool ticket_claims_are_sound(const TicketClaims *claims) {
        if (!name_is_host(claims->issuer) || !name_is_host(claims->audience) || !name_is_user(claims->subject))
                return false;
        if (!claims_is_session(claims->session) || !is_jti(claims->jti) || !are_times_sound(claims))
                return false;
        return claims_all_are(claims->methods, claims_is_method) && are_roles_sound(claims);
}

static bool put_digests(Json *object, const TicketClaims *claims) {
        g_autofree unsigned char *bytes = g_malloc(claims->n_digests * DIGEST_SIZE + 1);
        g_autofree char *text = g_malloc(base64url_length(claims->n_digests * DIGEST_SIZE) + 1);

        if (claims->n_digests == 0)
                return true;
        for (size_t i = 0; i < claims->n_digests; i++)
                for (size_t j = 0; j < DIGEST_SIZE; j++)
                        bytes[i * DIGEST_SIZE + j] = (unsigned char) (claims->digests[i] >> (24 - 8 * j));
        base64url_encode(bytes, claims->n_digests * DIGEST_SIZE, text);
        return json_object_set_new(object, "roles_digest", json_string(text)) == 0;
}

static bool get_digests(const char *text, TicketClaims *claims) {
        unsigned char bytes[TICKET_SIZE_MAX];
        size_t size;

        if (!text)
                return true;
        if (!base64url_decode(text, strlen(text), bytes, sizeof(bytes), &size) || size % DIGEST_SIZE != 0)
                return false;
        claims->n_digests = size / DIGEST_SIZE;
        claims->digests = g_new(uint32_t, claims->n_digests);
        for (size_t i = 0; i < claims->n_digests; i++)
                claims->digests[i] = number_from(bytes + i * DIGEST_SIZE);
        return true;
}

char *ticket_claims_to_json(const TicketClaims *claims) {
        char sid[CLAIMS_SID_SIZE];
        g_autoptr(Json) object = NULL;

        if (!claims_sid_from_session(claims->session, sid))
                return NULL;
        object = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:I}",
                           "iss", claims->issuer, "sub", claims->subject, "aud", claims->audience,
                           "iat", (json_int_t) claims->issued_at, "exp", (json_int_t) claims->expires,
                           "jti", claims->jti, "sid", sid, "sess_exp", (json_int_t) claims->session_ends);
        if (!object || !claims_put_list(object, "amr", claims->methods) ||
            !claims_put_list(object, "roles", claims->roles) || !put_digests(object, claims))
                return NULL;
        if (claims->auth_time > 0 &&
            json_object_set_new(object, "auth_time", json_integer((json_int_t) claims->auth_time)) < 0)
                return NULL;
        return claims_dump(object);
}

/* Types and the set of members are settled here, what they say by ticket_claims_are_sound(). */
static TicketClaims *parse(const char *text, size_t size) {
        g_autoptr(Json) object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        g_autoptr(TicketClaims) claims = g_new0(TicketClaims, 1);
        const char *issuer, *subject, *audience, *jti, *sid, *digests = NULL;
        json_int_t issued_at, expires, session_ends, auth_time = 0;
        Json *methods = NULL, *roles = NULL;

        if (!object ||
            json_unpack_ex(object, NULL, JSON_STRICT,
                           "{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:I, s?I, s?o, s?o, s?s}",
                           "iss", &issuer, "sub", &subject, "aud", &audience, "iat", &issued_at,
                           "exp", &expires, "jti", &jti, "sid", &sid, "sess_exp", &session_ends,
                           "auth_time", &auth_time, "amr", &methods, "roles", &roles,
                           "roles_digest", &digests) < 0)
                return NULL;
        if (!claims_get_list(methods, &claims->methods) || !claims_get_list(roles, &claims->roles) ||
            !get_digests(digests, claims) || !claims_session_from_sid(sid, claims->session) ||
            g_strlcpy(claims->jti, jti, sizeof(claims->jti)) >= sizeof(claims->jti))
                return NULL;
        claims->issuer = g_strdup(issuer);
        claims->subject = g_strdup(subject);
        claims->audience = g_strdup(audience);
        claims->issued_at = issued_at;
        claims->expires = expires;
        claims->session_ends = session_ends;
        claims->auth_time = auth_time;
        return g_steal_pointer(&claims);
}

TicketClaims *ticket_claims_from_json(const char *json, size_t size) {
        g_autoptr(TicketClaims) claims = parse(json, size);
        g_autofree char *again = NULL;

        if (!claims || !ticket_claims_are_sound(claims))
                return NULL;
        again = ticket_claims_to_json(claims);
        if (!again || strlen(again) != size || memcmp(again, json, size) != 0)
                return NULL;
        return g_steal_pointer(&claims);
}
