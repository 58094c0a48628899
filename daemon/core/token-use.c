/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/ticket-use.h"
#include "daemon/core/token-make.h"
#include "daemon/core/token-use.h"

/* Making one */

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

int token_print(Core *core, const Caller *caller, const char *audience, int64_t min_ttl, char **ret,
                TokenClaims **ret_claims) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        g_autoptr(Session) session = NULL;
        int64_t now = clock_wall(core->clock);
        int r;

        r = find_login(core, config, caller, now, &session, &subject);
        if (r != 0)
                return r;
        return token_make(core, config, session, &subject, audience, min_ttl, now, ret, ret_claims);
}

/* Checking one */

/* Does the subject, as it is in its session, have @role (NULL: any)? With the roles of now. */
static TokenReason check_role(const CoreConfig *config, const Subject *subject, const char *role, char ***ret_roles) {
        PolicyUser user = subject_policy_user(subject);

        if (role && !policy_holds(config->policy, &user, role))
                return TOKEN_ROLE_MISSING;
        *ret_roles = policy_roles_of(config->policy, &user);
        return TOKEN_VALID;
}

/* TOKEN_VALID and the roles of now, or why what the claims say holds no more. */
static int check_origin(Core *core, const CoreConfig *config, const TokenClaims *claims, const char *role,
                        TokenReason *ret, char ***ret_roles) {
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        g_autoptr(Session) session = NULL;
        int64_t now = clock_wall(core->clock);
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
        r = subject_enter(core, config, &subject, session);
        if (r < 0)
                return r;
        store_session_touch(core->store, session->id, now);
        *ret = check_role(config, &subject, role, ret_roles);
        return 0;
}

static int check_token(Core *core, const CoreConfig *config, const char *text, size_t size, const char *audience,
                       const char *role, TokenReason *ret, TokenClaims **ret_claims, char ***ret_roles) {
        *ret = token_verify(config->keys, config->host, audience ?: config->host, clock_wall(core->clock), text, size,
                            ret_claims);
        if (*ret != TOKEN_VALID)
                return 0;
        return check_origin(core, config, *ret_claims, role, ret, ret_roles);
}

/* The same for a ticket: here is no session yet, but it may be used up, or not for its user. */
static int check_ticket(Core *core, const CoreConfig *config, const char *text, size_t size, const char *audience,
                        const char *role, TokenReason *ret, TokenClaims **ret_claims, char ***ret_roles) {
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        g_auto(TicketGrant) grant = { .claims = NULL };
        g_autoptr(Session) origin = NULL;
        int64_t now = clock_wall(core->clock);
        bool used = false, over = false;
        int r;

        *ret = audience ? ticket_look(config, audience, now, text, size, &grant)
                        : ticket_look_here(core, config, now, text, size, &grant);
        if (*ret != TOKEN_VALID)
                return 0;
        r = store_ticket_used(core->store, grant.claims->issuer, grant.claims->jti, &used);
        if (r == 0)
                r = subject_find(core, grant.claims->subject, &subject);
        if (r == 0 && subject_is_ours(&subject))
                r = ticket_origin(core, config, grant.claims, subject.user, now, &origin, &over);
        if (r < 0)
                return error_trace(r);
        subject_set_cap(&subject, grant.cap);
        if (used)
                *ret = TOKEN_REPLAYED;
        else if (over)
                *ret = TOKEN_REVOKED;
        else if (ticket_hindrance(&grant, &subject))
                *ret = TOKEN_INVALID;
        else
                *ret = check_role(config, &subject, role, ret_roles);
        *ret_claims = token_claims_of_ticket(grant.claims);
        return 0;
}

int token_check(Core *core, const char *text, size_t size, const char *audience, const char *role, TokenReason *ret,
                TokenClaims **ret_claims, char ***ret_roles) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(TokenClaims) claims = NULL;
        g_auto(GStrv) roles = NULL;
        TokenReason reason = TOKEN_INVALID;
        int r;

        if (ticket_is_like(config->trust, text, size))
                r = check_ticket(core, config, text, size, audience, role, &reason, &claims, &roles);
        else
                r = check_token(core, config, text, size, audience, role, &reason, &claims, &roles);
        if (r < 0)
                return r;
        if (reason == TOKEN_VALID) {
                *ret_claims = g_steal_pointer(&claims);
                *ret_roles = g_steal_pointer(&roles);
        }
        *ret = reason;
        return 0;
}
