/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The claims of a token and their JSON. Private to token.c. */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/core/token.h"

/* Whether a token could say this: names, ids and times are what they must be, apart from "now". */
bool token_claims_are_sound(const TokenClaims *claims);

/*
 * The JSON of @claims: no white space, members in alphabetical order, unset ones and empty lists
 * left out. To be freed with g_free; NULL when out of memory.
 */
char *token_claims_to_json(const TokenClaims *claims);

/*
 * The claims that @json says, or NULL unless it is, byte for byte, what token_claims_to_json() makes
 * of sound claims: so there is one spelling only, and duplicates, unknown members, floats for
 * integers, lists for strings and escapes have none.
 */
TokenClaims *token_claims_from_json(const char *json, size_t size);
