/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/error.h"
#include "common/name.h"
#include "daemon/core/ticket-use.h"
#include "daemon/core/token-make.h"

/* A clock that was set back must not make a token that its own verification refuses. */
static int64_t auth_time_of(const Session *session, int64_t now) {
        return session->auth_time <= now ? session->auth_time : 0;
}

static int make_token(Core *core, const CoreConfig *config, const Session *session, const Subject *subject,
                      int64_t now, int64_t lifetime, char **ret, TokenClaims **ret_claims) {
        g_autoptr(TokenClaims) claims = g_new0(TokenClaims, 1);
        int r;

        claims->issuer = g_strdup(config->host);
        claims->audience = g_strdup(config->host);
        claims->subject = g_strdup(session->user);
        claims->issued_at = now;
        claims->expires = now + lifetime;
        token_new_id(core->clock, claims->jti);
        (void) g_strlcpy(claims->session, session->id, sizeof(claims->session));
        claims->auth_time = auth_time_of(session, now);
        claims->methods = g_strdupv(session->methods);
        claims->roles = subject_roles(subject, config->policy);
        r = token_sign(key_ring_signing(config->keys, KEY_TOKEN), claims, ret);
        if (r < 0)
                return error_trace(r);
        *ret_claims = g_steal_pointer(&claims);
        return 0;
}

static int make_ticket(Core *core, const CoreConfig *config, const Session *session, const Subject *subject,
                       const char *audience, int64_t now, int64_t lifetime, char **ret, TokenClaims **ret_claims) {
        g_autoptr(TicketClaims) claims = g_new0(TicketClaims, 1);
        int r;

        claims->issuer = g_strdup(config->host);
        claims->audience = g_strdup(audience);
        claims->subject = g_strdup(session->user);
        claims->issued_at = now;
        claims->expires = now + lifetime;
        ticket_new_id(core->clock, claims->jti);
        (void) g_strlcpy(claims->session, session->id, sizeof(claims->session));
        claims->session_ends = session->ends;
        claims->auth_time = auth_time_of(session, now);
        claims->methods = ticket_methods_of(session);
        claims->roles = subject_roles(subject, config->policy);
        r = ticket_sign(key_ring_signing(config->keys, KEY_TICKET), claims, ret);
        if (r < 0)
                return error_trace(r);
        *ret_claims = token_claims_of_ticket(claims);
        (void) g_strlcpy((*ret_claims)->session, session->id, sizeof((*ret_claims)->session));
        return 0;
}

TokenClaims *token_claims_of_ticket(const TicketClaims *ticket) {
        TokenClaims *claims = g_new0(TokenClaims, 1);

        claims->issuer = g_strdup(ticket->issuer);
        claims->subject = g_strdup(ticket->subject);
        claims->audience = g_strdup(ticket->audience);
        claims->issued_at = ticket->issued_at;
        claims->expires = ticket->expires;
        claims->auth_time = ticket->auth_time;
        claims->methods = g_strdupv(ticket->methods);
        return claims;
}

static int64_t lifetime_of(const CoreConfig *config, const Session *session, bool is_ticket, int64_t now) {
        int64_t longest = is_ticket ? MIN(config->settings->ticket_lifetime, TICKET_LIFETIME_MAX) :
                                      MIN(config->settings->token_lifetime, TOKEN_LIFETIME_MAX);

        return MIN(longest, session->ends - now);
}

int token_make(Core *core, const CoreConfig *config, const Session *session, Subject *subject,
               const char *audience, int64_t min_ttl, int64_t now, char **ret, TokenClaims **ret_claims) {
        bool is_ticket = audience && !g_str_equal(audience, config->host);
        int64_t lifetime = lifetime_of(config, session, is_ticket, now);
        int r;

        if ((audience && !name_is_host(audience)) || min_ttl < 0 || min_ttl > lifetime)
                return CORE_E_INVALID;
        r = subject_enter(core, config, subject, session);
        if (r < 0)
                return r;
        r = is_ticket ? make_ticket(core, config, session, subject, audience, now, lifetime, ret, ret_claims) :
                        make_token(core, config, session, subject, now, lifetime, ret, ret_claims);
        if (r < 0)
                return r;
        store_session_touch(core->store, session->id, now);
        core_report(core, &(AuditEvent) {
                .event = is_ticket ? "ticket-made" : "token-made",
                .user = session->user,
                .session = session->id,
                .service = session->service,
                .reason = is_ticket ? audience : NULL,
        });
        return 0;
}
