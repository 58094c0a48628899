/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/error.h"
#include "daemon/core/ticket-use.h"

void ticket_grant_deinit(TicketGrant *grant) {
        g_clear_pointer(&grant->claims, ticket_claims_free);
        g_clear_pointer(&grant->cap, g_strfreev);
}

/* Roles that this host's policy does not know mean nothing here. */
static char **cap_of(Policy *policy, const TicketClaims *claims, const TrustHost *host) {
        GPtrArray *cap = g_ptr_array_new();
        const PolicyRole *role;

        for (size_t i = 0; (role = policy_role_at(policy, i)); i++)
                if (ticket_allows_role(claims, role->name) && trust_lets_role(host, role->name))
                        g_ptr_array_add(cap, g_strdup(role->name));
        g_ptr_array_add(cap, NULL);
        return (char **) g_ptr_array_free(cap, FALSE);
}

TokenReason ticket_look(const CoreConfig *config, const char *audience, int64_t now, const char *text, size_t size,
                        TicketGrant *ret) {
        g_autoptr(TicketClaims) claims = NULL;
        const TrustHost *host = NULL;
        TokenReason reason;

        reason = ticket_verify(config->trust, audience, now, text, size, &claims, &host);
        if (reason != TOKEN_VALID)
                return reason;
        /* Nobody may come out of a session that is over, whatever the clocks say. */
        if (claims->session_ends <= now)
                return TOKEN_EXPIRED;
        *ret = (TicketGrant) { .host = host, .cap = cap_of(config->policy, claims, host) };
        ret->claims = g_steal_pointer(&claims);
        return TOKEN_VALID;
}

TokenReason ticket_look_here(const Core *core, const CoreConfig *config, int64_t now, const char *text, size_t size,
                             TicketGrant *ret) {
        const char *fleet = core_fleet_of(core, config);
        TokenReason reason = ticket_look(config, config->host, now, text, size, ret);

        return reason == TOKEN_WRONG_AUDIENCE && fleet ? ticket_look(config, fleet, now, text, size, ret) : reason;
}

const char *ticket_hindrance(const TicketGrant *grant, const Subject *subject) {
        if (!subject_is_ours(subject))
                return subject_hindrance(subject);
        if (strcmp(grant->claims->subject, subject->user->name) != 0)
                return "token-of-another-user";
        if (!trust_lets_user(grant->host, subject->user->name))
                return "user-not-trusted";
        if (subject->user->uid < CORE_UID_PEOPLE)
                return "uid-of-the-system";
        return subject_hindrance(subject);
}

int ticket_origin(Core *core, const CoreConfig *config, const TicketClaims *claims, const User *user, int64_t now,
                  Session **ret, bool *ret_over) {
        g_autoptr(Session) origin = NULL;
        int r;

        if (!store_is_shared(core->store))
                return 0;
        r = store_session_get(core->store, claims->session, &origin);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND || g_strcmp0(origin->host, claims->issuer) != 0)
                return 0;
        *ret_over = origin->uid != user->uid || core_session_over(core, config, origin, now);
        if (!*ret_over)
                *ret = g_steal_pointer(&origin);
        return 0;
}

/* What a person does to sign in; a token or a key proves nobody's presence. */
static bool is_proof(const char *method) {
        return strcmp(method, "tok") != 0 && strcmp(method, "pop") != 0;
}

char **ticket_methods_of(const Session *session) {
        const char *last = session->auth_time > 0 ? session->auth_method : NULL;
        GPtrArray *methods = g_ptr_array_new();

        for (size_t i = 0; session->methods && session->methods[i]; i++)
                if (g_strcmp0(session->methods[i], last) != 0)
                        g_ptr_array_add(methods, g_strdup(session->methods[i]));
        if (last)
                g_ptr_array_add(methods, g_strdup(last));
        g_ptr_array_add(methods, NULL);
        return (char **) g_ptr_array_free(methods, FALSE);
}

const char *ticket_auth_method(char *const *methods) {
        const char *last = NULL;

        for (; methods && *methods; methods++)
                last = *methods;
        if (last && policy_method_provider(last)) /* the other host's: ours of that name may be another */
                return TICKET_METHOD_PROVIDER;
        return last && is_proof(last) ? last : NULL;
}
