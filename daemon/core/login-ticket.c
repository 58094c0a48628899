/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Tickets of trusted hosts as the answer to a login's prompt. What one gives is what three agree on:
 * the ticket (the roles of its session there), trust.d (users and roles of that host), and our
 * policy. Nothing is remembered of a ticket before all of it has been looked at: else whoever can
 * make up a jti could spend somebody else's.
 */

#include "common/error.h"
#include "daemon/core/login-internal.h"
#include "daemon/core/ticket-use.h"

/* For how long a used one is remembered beyond its time: a clock that is set back must not make it good again. */
#define REMEMBER_S (24 * 60 * 60)

bool login_is_ticket(LoginCall *call, const Secret *secret) {
        return ticket_is_like(call->config->trust, secret->data, secret->size);
}

int login_ticket_genuine(LoginCall *call, const Secret *secret, bool *ret) {
        *ret = ticket_is_genuine(call->config->trust, secret->data, secret->size);
        return 0;
}

static int refuse(const char *why, const char **ret_why) {
        *ret_why = why;
        return CREDENTIAL_E_WRONG;
}

static int spend(LoginCall *call, const TicketClaims *claims, const char **ret_why) {
        int64_t until = MAX(claims->expires, call->now) + REMEMBER_S;
        int r;

        r = store_ticket_use(call->core->store, claims->issuer, claims->jti, until);
        if (r < 0)
                return error_trace(r);
        return r == STORE_E_EXISTS ? refuse(login_token_why(TOKEN_REPLAYED), ret_why) : 0;
}

/* What is opened with it ends with a revocation of where it came from. */
static int check_origin(LoginCall *call, const TicketClaims *claims, Session *session, const char **ret_why) {
        g_autoptr(Session) origin = NULL;
        bool over = false;
        int r;

        r = ticket_origin(call->core, call->config, claims, call->subject.user, call->now, &origin, &over);
        if (r < 0)
                return r;
        if (over)
                return refuse(login_token_why(TOKEN_REVOKED), ret_why);
        if (!origin)
                return 0;
        (void) g_strlcpy(session->parent, origin->id, sizeof(session->parent));
        (void) g_strlcpy(session->device, origin->device, sizeof(session->device));
        return 0;
}

/* A clock that is behind its issuer's must not make a session that was proven in the future. */
static void set_proof(Session *session, TicketGrant *grant, int64_t now) {
        const TicketClaims *claims = grant->claims;

        login_set_methods(session, METHOD_TOKEN);
        session->auth_time = MIN(claims->auth_time, now);
        session->auth_method = claims->auth_time > 0 ? g_strdup(ticket_auth_method(claims->methods)) : NULL;
        session->role_cap = g_steal_pointer(&grant->cap);
        session->ends = MIN(session->ends, claims->session_ends);
}

int login_prove_ticket(LoginCall *call, const Secret *secret, Session *session, const char **ret_why) {
        g_auto(TicketGrant) grant = { .claims = NULL };
        TokenReason reason;
        const char *why;
        int r;

        reason = ticket_look_here(call->core, call->config, call->now, secret->data, secret->size, &grant);
        if (reason != TOKEN_VALID && !ticket_is_genuine(call->config->trust, secret->data, secret->size))
                return login_refuse_forgery(call, secret, ret_why);
        if (reason != TOKEN_VALID)
                return refuse(login_token_why(reason), ret_why);
        why = ticket_hindrance(&grant, &call->subject);
        if (why)
                return refuse(why, ret_why);
        subject_set_cap(&call->subject, grant.cap);
        r = login_check_cap(call, ret_why);
        if (r == 0)
                r = check_origin(call, grant.claims, session, ret_why);
        if (r == 0)
                r = spend(call, grant.claims, ret_why);
        if (r == 0)
                set_proof(session, &grant, call->now);
        return r;
}
