/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Another host's public keys as they come in: a JWKS (RFC 7517), looked at before anything of it is
 * written where everybody can read it. What a point of the curve is, tesserad knows.
 */

#include <jansson.h>
#include <stddef.h>

#define JWKS_KEYS_MAX 16 /* tesserad takes no more */

/*
 * Takes at most WIRE_JWKS_MAX bytes apart: 1 to JWKS_KEYS_MAX keys, each with kid, kty EC, crv P-256, x
 * and y, alg ES256 or none, use sig or none, no kid twice, nothing private. Returns a JWKS of these
 * members alone, in one order, so that the same keys make the same text (json_decref); or NULL and
 * what is wrong with it (g_free).
 */
json_t *jwks_read(const char *text, size_t size, char **ret_problem);

/* One line, as trust.d has it; g_free. */
char *jwks_format(const json_t *jwks);

/* The kids, in order; json_decref. */
json_t *jwks_kids(const json_t *jwks);

/* A kid that names one key in @old and another in @new; NULL: none. Owned by @new. */
const char *jwks_conflict(const json_t *old, const json_t *new);
