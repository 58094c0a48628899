/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/token-use.h"

/* Making one */

static TokenClaims *claims_new(Core *core, const Session *session, int64_t now, int64_t lifetime) {
        TokenClaims *claims = g_new0(TokenClaims, 1);

        claims->issuer = g_strdup(core->host);
        claims->audience = g_strdup(core->host);
        claims->subject = g_strdup(session->user);
        claims->issued_at = now;
        claims->expires = now + lifetime;
        token_new_id(core->clock, claims->jti);
        (void) g_strlcpy(claims->session, session->id, sizeof(claims->session));
        /* A clock that was set back must not make a token that its own verification refuses. */
        claims->auth_time = session->auth_time <= now ? session->auth_time : 0;
        claims->methods = g_strdupv(session->methods);
        return claims;
}

/* The caller's live session and whose it is; a user who was disabled has none, but two looks are two moments. */
static int find_login(Core *core, const CoreConfig *config, const Caller *caller, int64_t now, Session **ret,
                      Subject *ret_subject) {
        g_autoptr(Session) session = NULL;
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        int r;

        if (caller->uid == UID_UNSET)
                return CORE_E_DENIED;
        r = core_login_session(core, config, caller, caller->uid, now, &session);
        if (r != 0)
                return r < 0 ? r : CORE_E_NOT_SIGNED_IN;
        r = subject_find(core, session->user, &subject);
        if (r < 0)
                return r;
        if (subject.state != SUBJECT_ENABLED || subject.user->uid != session->uid)
                return CORE_E_NOT_SIGNED_IN;
        *ret = g_steal_pointer(&session);
        *ret_subject = subject;
        subject = (Subject) { .state = SUBJECT_NOBODY };
        return 0;
}

int token_print(Core *core, const Caller *caller, int64_t min_ttl, char **ret, TokenClaims **ret_claims) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        g_autoptr(TokenClaims) claims = NULL;
        g_autoptr(Session) session = NULL;
        int64_t now = clock_wall(core->clock);
        int64_t lifetime;
        int r;

        r = find_login(core, config, caller, now, &session, &subject);
        if (r != 0)
                return r;
        lifetime = MIN(MIN(config->settings->token_lifetime, TOKEN_LIFETIME_MAX), session->ends - now);
        if (min_ttl < 0 || min_ttl > lifetime)
                return CORE_E_INVALID;
        claims = claims_new(core, session, now, lifetime);
        claims->roles = subject_roles(&subject, config->policy);
        r = token_sign(key_ring_signing(core->keys, KEY_TOKEN), claims, ret);
        if (r < 0)
                return error_trace(r);
        store_session_touch(core->store, session->id, now);
        core_report(core, &(AuditEvent) {
                .event = "token-made",
                .user = session->user,
                .session = session->id,
                .service = session->service,
        });
        *ret_claims = g_steal_pointer(&claims);
        return 0;
}

/* Checking one */

/* TOKEN_VALID and the roles of now, or why what the claims say holds no more. */
static int check_origin(Core *core, const TokenClaims *claims, const char *role, TokenReason *ret,
                        char ***ret_roles) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        g_autoptr(Session) session = NULL;
        int64_t now = clock_wall(core->clock);
        PolicyUser user;
        int r;

        *ret = TOKEN_REVOKED;
        r = store_session_get(core->store, claims->session, &session);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND || core_session_over(core, config, session, now) ||
            strcmp(session->user, claims->subject) != 0)
                return 0;
        r = subject_find(core, session->user, &subject);
        if (r < 0)
                return r;
        if (subject.state != SUBJECT_ENABLED || subject.user->uid != session->uid)
                return 0;
        store_session_touch(core->store, session->id, now);
        user = identity_policy_user(subject.identity);
        *ret = !role || policy_holds(config->policy, &user, role) ? TOKEN_VALID : TOKEN_ROLE_MISSING;
        if (*ret == TOKEN_VALID)
                *ret_roles = policy_roles_of(config->policy, &user);
        return 0;
}

int token_check(Core *core, const char *text, size_t size, const char *audience, const char *role, TokenReason *ret,
                TokenClaims **ret_claims, char ***ret_roles) {
        g_autoptr(TokenClaims) claims = NULL;
        g_auto(GStrv) roles = NULL;
        TokenReason reason;
        int r;

        reason = token_verify(core->keys, core->host, audience ? audience : core->host, clock_wall(core->clock), text,
                              size, &claims);
        if (reason == TOKEN_VALID) {
                r = check_origin(core, claims, role, &reason, &roles);
                if (r < 0)
                        return r;
        }
        if (reason == TOKEN_VALID) {
                *ret_claims = g_steal_pointer(&claims);
                *ret_roles = g_steal_pointer(&roles);
        }
        *ret = reason;
        return 0;
}
