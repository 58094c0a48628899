/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/service.h"
#include "policy/policy-private.h"

/* Holding */

bool policy_user_is_somebody(const PolicyUser *user) {
        return user && user->name && user->name[0] != '\0' && user->uid != (uid_t) -1;
}

static bool user_in_group(const PolicyUser *user, gid_t gid) {
        for (size_t i = 0; gid != GID_UNSET && i < user->n_groups; i++)
                if (user->groups[i] == gid)
                        return true;
        return false;
}

static bool user_was_granted(const PolicyUser *user, const char *role, size_t *ret_index) {
        for (size_t i = 0; i < user->n_grants; i++)
                if (strcmp(user->grants[i].role, role) == 0) {
                        *ret_index = i;
                        return true;
                }
        return false;
}

static bool held_by_known_group(const Role *role, const PolicyUser *user, How *ret) {
        for (size_t i = 0; role->groups.names[i]; i++)
                if (user_in_group(user, role->gids[i])) {
                        *ret = (How) { .way = WAY_GROUP, .index = i, .gid = role->gids[i] };
                        return true;
                }
        return false;
}

/* Asks NSS for the groups that could not be had when the policy was read. */
static Held held_by_other_group(const Policy *policy, const Role *role, const PolicyUser *user, How *ret) {
        Held held = HELD_NO;

        for (size_t i = 0; role->groups.names[i]; i++) {
                gid_t gid = GID_UNSET;
                int r;

                if (role->gids[i] != GID_UNSET)
                        continue;
                r = policy->look_up(role->groups.names[i], &gid);
                if (r < 0)
                        held = HELD_UNKNOWN;
                else if (r == 0 && user_in_group(user, gid)) {
                        *ret = (How) { .way = WAY_GROUP, .index = i, .gid = gid };
                        return HELD_YES;
                }
        }
        return held;
}

/* What is known is asked first, so that NSS is asked only where it decides. */
Held policy_held_directly(const Policy *policy, const Role *role, const PolicyUser *user, How *ret) {
        size_t index = 0;

        if (role->everybody) {
                *ret = (How) { .way = WAY_EVERYBODY };
                return HELD_YES;
        }
        if (g_strv_contains((const char *const *) role->users.names, user->name)) {
                *ret = (How) { .way = WAY_NAME };
                return HELD_YES;
        }
        if (user_was_granted(user, role->name, &index)) {
                *ret = (How) { .way = WAY_GRANT, .index = index };
                return HELD_YES;
        }
        if (held_by_known_group(role, user, ret))
                return HELD_YES;
        return held_by_other_group(policy, role, user, ret);
}

Held policy_role_held(const Policy *policy, const Role *role, const PolicyUser *user) {
        Held best = HELD_NO;
        How how;

        if (!policy_user_is_somebody(user) || (user->cap && !g_strv_contains(user->cap, role->name)))
                return HELD_NO;
        for (unsigned i = 0; i < role->givers->len && best != HELD_YES; i++)
                best = MAX(best, policy_held_directly(policy, role->givers->pdata[i], user, &how));
        return best;
}

Held policy_service_held(const Policy *policy, const Service *service, const PolicyUser *user) {
        Held best = HELD_NO;

        for (unsigned i = 0; i < service->needed->len && best != HELD_YES; i++)
                best = MAX(best, policy_role_held(policy, service->needed->pdata[i], user));
        return best;
}

static PolicyReason reason_of(Held held) {
        switch (held) {
        case HELD_YES:
                return POLICY_REASON_OK;
        case HELD_UNKNOWN:
                return POLICY_REASON_LOOKUP;
        case HELD_NO:
                break;
        }
        return POLICY_REASON_ROLE_MISSING;
}

PolicyReason policy_holds_reason(Policy *policy, const PolicyUser *user, const char *role) {
        const Role *found = role ? g_hash_table_lookup(policy->roles, role) : NULL;

        return found ? reason_of(policy_role_held(policy, found, user)) : POLICY_REASON_ROLE_MISSING;
}

bool policy_holds(Policy *policy, const PolicyUser *user, const char *role) {
        return policy_holds_reason(policy, user, role) == POLICY_REASON_OK;
}

/* Services */

const Service *policy_find_service(const Policy *policy, const char *name) {
        const Service *service;
        const char *fallback;

        if (!name)
                return NULL;
        service = g_hash_table_lookup(policy->services, name);
        if (service)
                return service;
        fallback = service_fallback(name);
        return fallback ? g_hash_table_lookup(policy->services, fallback) : NULL;
}

/* sshd and login are where a login begins: there is nothing yet that could be stale. */
static int64_t default_max_age(const char *name) {
        return name && (strcmp(name, "sshd") == 0 || strcmp(name, "login") == 0) ? 0 : POLICY_MAX_AGE_DEFAULT;
}

int64_t policy_max_age(Policy *policy, const char *service) {
        const Service *found = policy_find_service(policy, service);

        return found && found->max_age > 0 ? found->max_age : default_max_age(service);
}

/* Deciding */

PolicyDecision policy_decide_role(Policy *policy, const PolicyUser *user, const char *service) {
        const Service *found = policy_find_service(policy, service);
        PolicyDecision decision = {
                .verdict = POLICY_DENY,
                .reason = POLICY_REASON_UNKNOWN_SERVICE,
                .max_age = policy_max_age(policy, service),
        };

        if (!found)
                return decision;
        decision.reason = reason_of(policy_service_held(policy, found, user));
        if (decision.reason == POLICY_REASON_OK)
                decision.verdict = POLICY_ALLOW;
        return decision;
}

/* A time ahead of now is no time: the clock was set back, or somebody made it up. */
static bool login_is_fresh(const PolicyLogin *login, int64_t max_age, int64_t now) {
        if (max_age == 0)
                return true;
        return login->auth_time > 0 && login->auth_time <= now && now - login->auth_time <= max_age;
}

static bool login_has_method(const PolicyLogin *login, const Service *service) {
        const char *const *methods = service ? (const char *const *) service->methods.names : NULL;

        return !methods || !methods[0] || (login->auth_method && g_strv_contains(methods, login->auth_method));
}

PolicyDecision policy_decide_fresh(Policy *policy, const PolicyLogin *login, const char *service, int64_t now) {
        PolicyDecision decision = { .verdict = POLICY_STEP_UP, .max_age = policy_max_age(policy, service) };

        if (!login_is_fresh(login, decision.max_age, now)) {
                decision.reason = POLICY_REASON_STALE;
        } else if (!login_has_method(login, policy_find_service(policy, service))) {
                decision.reason = POLICY_REASON_METHOD;
        } else {
                decision.verdict = POLICY_ALLOW;
                decision.reason = POLICY_REASON_OK;
        }
        return decision;
}

PolicyDecision policy_decide(Policy *policy, const PolicyUser *user, const PolicyLogin *login, const char *service,
                             int64_t now) {
        PolicyDecision decision = policy_decide_role(policy, user, service);

        if (decision.verdict != POLICY_ALLOW)
                return decision;
        if (login)
                return policy_decide_fresh(policy, login, service, now);
        decision.verdict = POLICY_STEP_UP;
        decision.reason = POLICY_REASON_NO_SESSION;
        return decision;
}

const char *policy_verdict_to_string(PolicyVerdict verdict) {
        static const char *const words[_POLICY_VERDICT_MAX] = {
                [POLICY_DENY] = "deny",
                [POLICY_STEP_UP] = "step-up",
                [POLICY_ALLOW] = "allow",
        };

        return (unsigned) verdict < _POLICY_VERDICT_MAX ? words[verdict] : words[POLICY_DENY];
}

const char *policy_reason_to_string(PolicyReason reason) {
        static const char *const words[_POLICY_REASON_MAX] = {
                [POLICY_REASON_UNKNOWN_SERVICE] = "unknown-service",
                [POLICY_REASON_ROLE_MISSING] = "role-missing",
                [POLICY_REASON_LOOKUP] = "lookup-failed",
                [POLICY_REASON_NO_SESSION] = "no-session",
                [POLICY_REASON_STALE] = "stale",
                [POLICY_REASON_METHOD] = "method",
                [POLICY_REASON_OK] = "ok",
        };

        return (unsigned) reason < _POLICY_REASON_MAX ? words[reason] : words[POLICY_REASON_UNKNOWN_SERVICE];
}
