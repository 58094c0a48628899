/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * ID tokens (OpenID Connect Core 1.0, 3.1.3.7). In this order, and the first thing that is not right
 * ends it: length, three canonical segments, a header that says RS256 or ES256 and nothing critical;
 * then, with the key that the header names and that is of that very algorithm, the signature; then
 * the claims. Nothing of the payload is looked at before its signature was.
 */

#include <stdint.h>

#include "daemon/oidc/identity.h"
#include "daemon/oidc/jwks.h"
#include "daemon/oidc/reason.h"

#define ID_TOKEN_MAX (16 * 1024)
#define ID_TOKEN_SKEW_S 120

/* Which key it takes. */
typedef struct IdTokenHeader {
        JwksAlgorithm algorithm;
        char *kid; /* NULL: it names none; g_free */
} IdTokenHeader;

OidcReason id_token_header(const char *text, size_t size, IdTokenHeader *ret);

/* What it must say. */
typedef struct IdTokenWanted {
        const Provider *provider;  /* issuer, client_id, the claims' names */
        const char *nonce;         /* NULL: none was sent, and none may come back */
        size_t nonce_size;
        const char *access_token;  /* for at_hash; NULL: none came */
        size_t access_token_size;
        int64_t began;             /* when the flow did, in seconds since 1970: no token is older */
        int64_t now;
} IdTokenWanted;

/* Verifies all of it with @key. OIDC_GOOD and *@ret, or what is wrong. */
OidcReason id_token_verify(const char *text, size_t size, const JwksKey *key, const IdTokenWanted *wanted,
                           Identity **ret);

/* The last step alone: what a payload whose signature is right says. For tests and fuzzing, too. */
OidcReason id_token_claims(const char *json, size_t size, const IdTokenWanted *wanted, Identity **ret);
