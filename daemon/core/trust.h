/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Trusted hosts as the core uses them: what trust.d says (policy/trust-files.h), with its keys
 * parsed. Immutable, counted by reference, read anew with the rest of the configuration.
 *
 * A key is named by issuer and kid: two hosts may have keys of one kid, and each verifies its own
 * host's tickets only.
 */

#include <glib.h>
#include <stdbool.h>

#include "daemon/core/es256.h"
#include "policy/trust-files.h"

typedef struct TrustKey {
        char *kid;
        char *header; /* the constant JOSE header of every ticket under this key, base64url */
        Es256 *key;
        char *pem;    /* for libjwt */
} TrustKey;

typedef struct TrustHost {
        const TrustFile *file; /* name, users, roles */
        GPtrArray *keys;       /* TrustKey *; 1 to TRUST_KEYS_MAX */
} TrustHost;

#define TRUST_KEYS_MAX 16

typedef struct Trust Trust;

/*
 * Takes @files over (an array of TrustFile *) and parses their JWKS: kty EC, crv P-256, alg ES256 or
 * none, use sig or none, no private member (d), kid of [A-Za-z0-9_-]{1,64}, x and y canonical, the
 * point on the curve, no kid twice; no key twice, neither with one host nor with two, which could
 * speak for each other; members that RFC 7517 lets stand are ignored. NULL when there were mistakes,
 * which name file, line and remedy (ConfMistake *).
 */
Trust *trust_new(GPtrArray *files, GPtrArray *mistakes);
Trust *trust_new_empty(void);
Trust *trust_ref(Trust *trust);
Trust *trust_unref(Trust *trust);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Trust, trust_unref)

/* In the order of their names; NULL beyond the last. */
const TrustHost *trust_at(const Trust *trust, size_t index);

/* May tickets of this host be for @user? What uid that is, the caller looks at. */
bool trust_lets_user(const TrustHost *host, const char *user);
/* Is @role within what this host's tickets may have? */
bool trust_lets_role(const TrustHost *host, const char *role);
