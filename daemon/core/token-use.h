/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Access tokens in use: made from a live session, and checked against it. */

#include "common/secret.h"
#include "daemon/core/core.h"
#include "daemon/core/token.h"

/*
 * An access token for the caller's login, or, with an @audience (NULL: none) that is not this host,
 * a ticket; one for this host's own fleet is good once, at whichever of its hosts trusts this one. Its
 * lifetime is the configured one, or what is left of the session; @min_ttl (s, 0: any) more than that,
 * or an @audience that is no host's name, is CORE_E_INVALID. CORE_E_NOT_SIGNED_IN.
 * @ret is freed with token_free().
 */
int token_print(Core *core, const Caller *caller, const char *audience, int64_t min_ttl, char **ret,
                TokenClaims **ret_claims);

/*
 * Checks a token, and that its session is alive and its user enabled. @audience NULL: this host's; of
 * a ticket its fleet's as well. @role NULL: any; else the session must have it now. A trusted host's
 * ticket is looked at, not spent: has it been used, may it be for its user, and is it alive in the fleet
 * where it came from; the claims' session is then "". Returns 0 and the reason (TOKEN_VALID with the claims
 * and, in @ret_roles, the roles of now), or a negative errno when the store could not say.
 */
int token_check(Core *core, const char *text, size_t size, const char *audience, const char *role, TokenReason *ret,
                TokenClaims **ret_claims, char ***ret_roles);
