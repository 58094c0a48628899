/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * libjwt 1.x, in one file. It signs, and is asked whether it agrees, and is trusted with neither:
 * what it is shown carries a signature that was found right without it, and what it makes is
 * compared with what was meant. docs/tokens.md lists what it forgives. Private to tokens and tickets.
 */

#include <stdbool.h>
#include <stddef.h>

typedef enum JwsAlg {
        JWS_HS256,
        JWS_ES256,
} JwsAlg;

typedef struct JwsKey {
        JwsAlg alg;
        const void *data; /* HS256: the secret; ES256: a PEM */
        size_t size;      /* never 0: libjwt would then accept anything */
} JwsKey;

/* Does libjwt take @text, of at most WIRE_TICKET_MAX bytes, for signed by @key and its algorithm? */
bool jws_agrees(const JwsKey *key, const char *text, size_t size);

/* A compact JWT of the payload @json under the header {alg, kid, typ}, to be wiped and freed with token_free(). */
int jws_encode(const JwsKey *key, const char *kid, const char *json, char **ret);
