/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A ticket of a trusted host, looked at: by PAM's prompt and Tokens.Verify. Private to core. */

#include "daemon/core/core-internal.h"
#include "daemon/core/ticket.h"

typedef struct TicketGrant {
        TicketClaims *claims;
        const TrustHost *host; /* the configuration's */
        char **cap;            /* roles of our policy that both the ticket and the host's entry let it have */
} TicketGrant;

void ticket_grant_deinit(TicketGrant *grant);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TicketGrant, ticket_grant_deinit)

/*
 * The signature, the audience and the time of @text, and what it may give at most. TOKEN_VALID and
 * the grant, or a reason. Whom it is for, and whether it was used, are not looked at.
 */
TokenReason ticket_look(const CoreConfig *config, const char *audience, int64_t now, const char *text, size_t size,
                        TicketGrant *ret);

/* The same for an audience that is this host or its fleet. */
TokenReason ticket_look_here(const Core *core, const CoreConfig *config, int64_t now, const char *text, size_t size,
                             TicketGrant *ret);

/*
 * A reason code: why the ticket may not be for @subject, which is who it names or who was asked for;
 * NULL when it may.
 */
const char *ticket_hindrance(const TicketGrant *grant, const Subject *subject);

/*
 * Hosts that share a store see each other's sessions, whether or not their fleet has a name: the one that the
 * ticket of @user came from, alive, or that it is over; and then the ticket is, too. Neither where it is not in
 * the store: it was opened elsewhere, by a host that trust.d speaks for alone. 0 or a negative errno.
 */
int ticket_origin(Core *core, const CoreConfig *config, const TicketClaims *claims, const User *user, int64_t now,
                  Session **ret, bool *ret_over);

/* amr as tickets have it: what set auth_time stands last. g_strfreev. */
char **ticket_methods_of(const Session *session);
/*
 * And back: the method that set auth_time, or NULL where none of @methods could. Of a provider only that it
 * was one: NAME in "oidc:NAME" is a file of the other host's, and no methods= of this one may take it for its own.
 */
#define TICKET_METHOD_PROVIDER "oidc" /* which methods= cannot name */
const char *ticket_auth_method(char *const *methods);
