/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The claims of a ticket and their JSON, as token-claims.h. Private to ticket.c. */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/core/ticket.h"

/* The first four bytes of the SHA-256 of @role, as a number. */
uint32_t ticket_role_digest(const char *role);

/* Whether a ticket could say this: names, ids, times and digests are what they must be, apart from "now". */
bool ticket_claims_are_sound(const TicketClaims *claims);

/* As token_claims_to_json() and token_claims_from_json(): one spelling. */
char *ticket_claims_to_json(const TicketClaims *claims);
TicketClaims *ticket_claims_from_json(const char *json, size_t size);
