/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Access tokens (RFC 7519, claims named as in RFC 9068): a compact JWT under one of our own keys.
 *
 *         {"iss","sub","aud","iat","exp","jti","sid","auth_time","amr","roles"}
 *
 * At most 510 characters, because sudo reads no more than 511 and one of exactly 511 is then one
 * that was cut. What does not fit is left out: first roles, which decisions never read from a
 * token, then the older methods of amr. With the longest user and host names (32 and 64) there is
 * room for auth_time and one method. auth_time is absent where nobody proved anything.
 * sid is the session's id and jti 48 random bits, both as base64url; a token is named by the two.
 *
 * Verification is a strict gate in front of libjwt, which forgives too much (docs/tokens.md):
 * length, alphabet, two dots, canonical base64url, the encoded header byte for byte that of a
 * known key; then libjwt for the signature; then the claims, parsed strictly. Whether the session
 * is alive is the caller's to ask.
 */

#include <glib.h>
#include <stdint.h>

#include "common/wire.h"
#include "daemon/core/clock.h"
#include "daemon/core/key.h"
#include "daemon/core/types.h"

#define TOKEN_LIFETIME_MAX 900
#define TOKEN_ID_SIZE 9 /* 8 characters of base64url and the end */

/* Outcomes of `token verify`; the words are part of the interface. */
typedef enum TokenReason {
        TOKEN_VALID = 0,
        TOKEN_MISSING,        /* empty */
        TOKEN_EXPIRED,
        TOKEN_INVALID,        /* not a token of ours, or damaged */
        TOKEN_REVOKED,        /* its session is revoked, closed or gone */
        TOKEN_WRONG_AUDIENCE,
        TOKEN_REPLAYED,
        TOKEN_ROLE_MISSING,
        _TOKEN_REASON_MAX,
} TokenReason;

const char *token_reason_to_string(TokenReason reason); /* "valid", "missing", "wrong-audience", … */

typedef struct TokenClaims {
        char *issuer, *subject, *audience;
        int64_t issued_at, expires; /* at most TOKEN_LIFETIME_MAX apart */
        char jti[TOKEN_ID_SIZE];
        char session[SESSION_ID_SIZE];
        int64_t auth_time; /* 0: absent; never later than issued_at */
        char **methods;    /* amr, the latest last; NULL: none */
        char **roles;      /* NULL where left out */
} TokenClaims;

TokenClaims *token_claims_free(TokenClaims *claims);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TokenClaims, token_claims_free)

/* A fresh jti. */
void token_new_id(const Clock *clock, char ret_jti[TOKEN_ID_SIZE]);

/*
 * Signs @claims. 0 and a string of at most 510 characters, to be wiped and freed with
 * token_free(); -EINVAL for claims that verification would not accept, -EOVERFLOW when it cannot
 * be made to fit.
 */
int token_sign(const Key *key, const TokenClaims *claims, char **ret);
char *token_free(char *token);

/*
 * @issuer and @audience are what this host expects; @now in Unix seconds, no leeway. Returns
 * TOKEN_VALID and the claims (freed with token_claims_free), or the reason. TOKEN_EXPIRED and
 * TOKEN_WRONG_AUDIENCE are said only of tokens whose signature and claims are right; of one that is
 * both, the audience, because a fresh one would not help. The text need not end in a NUL. Never
 * fails otherwise: out of memory is TOKEN_INVALID.
 */
TokenReason token_verify(const KeyRing *keys, const char *issuer, const char *audience, int64_t now,
                         const char *text, size_t size, TokenClaims **ret);

/* Did a key of ours make it, whatever else may be wrong with it? Then it is no guess. */
bool token_is_genuine(const KeyRing *keys, const char *text, size_t size);
