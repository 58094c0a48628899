/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Tokens made of a live session: for this host, or a ticket for another. Private to core. */

#include "daemon/core/core-internal.h"
#include "daemon/core/token.h"

/*
 * @audience NULL: this host. @session must be alive and of @subject. 0 and a text for token_free(),
 * with what it says; CORE_E_INVALID for an audience that is no host's name, or a @min_ttl that it
 * cannot have. The session is touched, and it is reported.
 */
int token_make(Core *core, const CoreConfig *config, const Session *session, Subject *subject,
               const char *audience, int64_t min_ttl, int64_t now, char **ret, TokenClaims **ret_claims);

/* What a ticket says, as far as an access token could say it too; the session is "". */
struct TicketClaims;
TokenClaims *token_claims_of_ticket(const struct TicketClaims *ticket);
