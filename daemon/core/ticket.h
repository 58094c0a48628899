/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Tickets: single-use access tokens whose audience is another host. A compact JWT, ES256, of at most
 * 1022 characters, because ssh reads no more than 1023 and one of exactly that was probably cut.
 *
 *         {"iss","sub","aud","iat","exp","jti","sid","sess_exp","auth_time","amr","roles"|"roles_digest"}
 *
 * Like an access token (token.h), but: jti is 128 random bits and names the ticket at the host that
 * takes it; sess_exp is when the session that it came from ends, and whatever is opened with it ends
 * no later. Roles count here: the session has at most them. Where their names do not fit,
 * roles_digest has the first 4 bytes of each name's SHA-256 instead, sorted, all in one base64url;
 * what still does not fit is left out, and the session then has fewer. The longest names (host 64,
 * user 32) and 40 roles fit.
 *
 * Verification is the same strict gate: length, alphabet, two dots, canonical base64url, the encoded
 * header byte for byte that of a known key; then the signature, by libcrypto with the key kept
 * parsed; then libjwt has to agree; then the claims, which are written again and compared.
 */

#include "daemon/core/key.h"
#include "daemon/core/token.h"
#include "daemon/core/trust.h"

#define TICKET_SIZE_MAX 1022
#define TICKET_LIFETIME_MAX 60
#define TICKET_LEEWAY 5    /* s, for clocks that differ */
#define TICKET_ID_SIZE 23  /* 22 characters of base64url and the end */

typedef struct TicketClaims {
        char *issuer, *subject, *audience;
        int64_t issued_at, expires; /* at most TICKET_LIFETIME_MAX apart */
        char jti[TICKET_ID_SIZE];
        char session[SESSION_ID_SIZE]; /* at the issuer */
        int64_t session_ends; /* not before expires: no ticket outlives its session */
        int64_t auth_time;   /* 0: absent; never later than issued_at */
        char **methods;      /* NULL: none */
        char **roles;        /* names; NULL where only digests, or none, could be had */
        uint32_t *digests;   /* of the roles, sorted; NULL where names stand */
        size_t n_digests;
} TicketClaims;

TicketClaims *ticket_claims_free(TicketClaims *claims);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TicketClaims, ticket_claims_free)

void ticket_new_id(const Clock *clock, char ret_jti[TICKET_ID_SIZE]);

/*
 * Signs @claims, of which roles are the names. 0 and a text for token_free(); -EINVAL for claims
 * that verification would not accept; -EOVERFLOW cannot happen with names that are within bounds.
 */
int ticket_sign(const Key *key, const TicketClaims *claims, char **ret);

/* Does the text begin with the header of a key that @trust knows? Then it is never tried as anything else. */
bool ticket_is_like(const Trust *trust, const char *text, size_t size);

/*
 * @audience: this host. TOKEN_VALID, the claims and the entry of the host that made it (owned by
 * @trust); or TOKEN_INVALID, _MISSING, _EXPIRED, _WRONG_AUDIENCE as with token_verify(), with
 * TICKET_LEEWAY. That it is used once, and whose it is, are the caller's to see to.
 */
TokenReason ticket_verify(const Trust *trust, const char *audience, int64_t now, const char *text, size_t size,
                          TicketClaims **ret, const TrustHost **ret_host);

/* Did a key that @trust knows make it, whatever else may be wrong with it? Then it is no guess. */
bool ticket_is_genuine(const Trust *trust, const char *text, size_t size);

/* May the session of these claims have @role? By name, or by its digest. */
bool ticket_allows_role(const TicketClaims *claims, const char *role);
