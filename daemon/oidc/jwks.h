/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A provider's keys (RFC 7517). One algorithm per key, told by the key's own type: RSA of 2048 to
 * 8192 bits is RS256, P-256 is ES256. All others are as if they were not there: symmetric keys above
 * all, which are no secret where everybody can read them.
 */

#include <glib.h>
#include <stdbool.h>

#include "daemon/oidc/fetch-cache.h"
#include "daemon/oidc/reason.h"

#define JWKS_KEYS_MAX 64
#define JWKS_KID_MAX 256
#define JWKS_MAX_AGE_S 3600
#define JWKS_REFRESH_S 60 /* a token that names a key that nobody knows makes us ask again this often at most */

typedef enum JwksAlgorithm {
        JWKS_RS256,
        JWKS_ES256,
        JWKS_ALGORITHM_MAX,
        JWKS_ALGORITHM_INVALID = -1,
} JwksAlgorithm;

/* Exactly "RS256" or "ES256"; NULL is invalid. */
JwksAlgorithm jwks_algorithm_from_string(const char *text);

typedef struct Jwks Jwks;
typedef struct JwksKey JwksKey;

Jwks *jwks_free(Jwks *jwks);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Jwks, jwks_free)

/* OIDC_GOOD and *@ret, or OIDC_NOT_JSON or OIDC_KEYS: no list, more than JWKS_KEYS_MAX, two keys of one kid. */
OidcReason jwks_parse(const char *text, size_t size, Jwks **ret);

/* How many keys there are that can be used. */
guint jwks_size(const Jwks *jwks);

/* The key of that algorithm and @kid; where @kid is NULL, the only one of that algorithm. NULL: none. */
const JwksKey *jwks_find(const Jwks *jwks, JwksAlgorithm algorithm, const char *kid);

/* Is it for that algorithm, and is @kid (may be NULL) its own? */
bool jwks_key_is(const JwksKey *key, JwksAlgorithm algorithm, const char *kid);

/* Bytes of its signatures, exactly. */
size_t jwks_key_signature_size(const JwksKey *key);

/* For id-token.c, as cjose's own type. */
struct _cjose_jwk_int *jwks_key_cjose(const JwksKey *key);
