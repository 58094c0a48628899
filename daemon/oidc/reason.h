/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Why a flow came to nothing, in a word for the audit. What a provider wrote is never part of it:
 * the words are ours, and there are no others.
 */

typedef enum OidcReason {
        OIDC_GOOD = 0, /* nothing is wrong; has no word */

        /* Talking to it */
        OIDC_UNREACHABLE,  /* no address, no connection, or it broke off */
        OIDC_TLS,          /* no certificate, or none that counts for that host now */
        OIDC_TIMEOUT,      /* no whole answer within the deadline */
        OIDC_TOO_LARGE,
        OIDC_STATUS,       /* an HTTP status that does not belong there, a redirect among them */
        OIDC_CONTENT_TYPE, /* the answer is no JSON by its own word */
        OIDC_NOT_JSON,     /* or by ours: broken, or with a member that stands twice */

        /* What it says of itself */
        OIDC_METADATA,        /* token_endpoint or jwks_uri is missing */
        OIDC_METADATA_ISSUER, /* it calls itself something else */
        OIDC_ENDPOINT,        /* none for this flow, or not https */
        OIDC_KEYS,            /* no JWKS, two keys of one kid, or too many */

        /* Tokens */
        OIDC_ANSWER,       /* members are missing or of another type */
        OIDC_TOKEN_FORMAT, /* no compact JWT of at most 16 KiB with a plain header */
        OIDC_ALGORITHM,    /* neither RS256 nor ES256 */
        OIDC_KID,          /* no key for it */
        OIDC_SIGNATURE,
        OIDC_ISSUER,
        OIDC_AUDIENCE,
        OIDC_AZP,
        OIDC_TOKEN_EXPIRED,
        OIDC_ISSUED,       /* in the future, or before the flow began */
        OIDC_NONCE,
        OIDC_AT_HASH,
        OIDC_CLAIMS,       /* sub, user, groups or a time is missing or not what it has to be */

        /* What the browser brought */
        OIDC_REDIRECT, /* no query that can be read */
        OIDC_STATE,
        OIDC_ISS,      /* RFC 9207: from another provider */
        OIDC_REPLAYED,

        /* Ends that are nobody's fault, and ours */
        OIDC_DENIED,
        OIDC_EXPIRED,
        OIDC_PROVIDER_ERROR, /* an error that we do not know */
        OIDC_CANCELLED,
        OIDC_SECRET,         /* the client's secret cannot be read, or others can */
        OIDC_CA_FILE,        /* ca-file cannot be read, or others than root can write it */
        OIDC_REASON_MAX,
} OidcReason;

/* "metadata-issuer"; "" for OIDC_GOOD. */
const char *oidc_reason_to_string(OidcReason reason);
