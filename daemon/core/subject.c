/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/error.h"
#include "common/name.h"
#include "daemon/core/admin.h"
#include "daemon/core/core-internal.h"

void subject_deinit(Subject *subject) {
        subject->identity = identity_free(subject->identity);
        subject->user = user_free(subject->user);
        g_clear_pointer(&subject->grants, g_free);
        subject->n_assigned = subject->n_grants = 0;
        g_clear_pointer(&subject->cap, g_strfreev);
        g_clear_pointer(&subject->assignments, g_ptr_array_unref);
}

/* An assignment is to an account: the name and the uid that it had then. */
static bool is_of(const Assignment *assignment, const User *user) {
        return assignment->uid == user->uid && strcmp(assignment->user, user->name) == 0;
}

static int read_assignments(Core *core, Subject *subject) {
        int64_t now = clock_wall(core->clock);
        GPtrArray *assignments;
        int r;

        r = store_assignment_list(core->store, subject->user->uid, &subject->assignments);
        if (r < 0)
                return error_trace(r);
        assignments = subject->assignments;
        for (guint i = assignments->len; i > 0; i--)
                if (!is_of(assignments->pdata[i - 1], subject->user) ||
                    !assignment_counts(assignments->pdata[i - 1], now))
                        g_ptr_array_remove_index(assignments, i - 1);
        subject->grants = g_new0(PolicyGrant, assignments->len);
        for (; subject->n_grants < assignments->len; subject->n_grants++, subject->n_assigned++) {
                const Assignment *assignment = assignments->pdata[subject->n_grants];

                subject->grants[subject->n_grants] = (PolicyGrant) {
                        .role = assignment->role,
                        .until = assignment->until,
                        .by = assignment->by,
                        .reason = assignment->reason,
                };
        }
        return 0;
}

/* The account is the one that was enrolled. */
static bool is_itself(const Subject *subject) {
        return subject->state == SUBJECT_DISABLED || subject->state == SUBJECT_ENABLED;
}

/*
 * NSS first: it knows how the name is really spelled, and a user has one record under whatever
 * spelling. Only where it knows no such account does the name as typed decide.
 */
int subject_find(Core *core, const char *name, Subject *ret) {
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        int r;

        if (!name_is_user(name)) {
                *ret = (Subject) { .state = SUBJECT_NOBODY };
                return 0;
        }
        r = core->identities->look_up(core->identities, name, UID_UNSET, &subject.identity);
        if (r < 0)
                return error_trace(r);
        if (subject.identity) {
                subject.state = SUBJECT_STRANGER;
                subject.mark = pending_mark(core->pending, subject.identity->uid);
        }
        if (!subject.identity || subject.identity->uid != 0) {
                r = store_user_get(core->store, subject.identity ? subject.identity->name : name, &subject.user);
                if (r < 0)
                        return error_trace(r);
        }
        if (subject.user && !subject.identity)
                subject.state = SUBJECT_GONE;
        else if (subject.user && subject.user->uid != subject.identity->uid)
                subject.state = SUBJECT_MOVED;
        else if (subject.user)
                subject.state = subject.user->enabled ? SUBJECT_ENABLED : SUBJECT_DISABLED;
        r = is_itself(&subject) ? read_assignments(core, &subject) : 0;
        if (r < 0)
                return r;
        *ret = subject;
        subject = (Subject) { .state = SUBJECT_NOBODY };
        return 0;
}

const char *subject_hindrance(const Subject *subject) {
        switch (subject->state) {
        case SUBJECT_ENABLED:
                return NULL;
        case SUBJECT_DISABLED:
                return "disabled";
        case SUBJECT_MOVED:
                return "uid-changed";
        case SUBJECT_GONE:
                return "account-gone";
        case SUBJECT_STRANGER:
        case SUBJECT_NOBODY:
                break;
        }
        return "not-enrolled";
}

/* What a login brings */

void subject_set_cap(Subject *subject, char *const *cap) {
        char **copy = g_strdupv((char **) cap);

        g_strfreev(subject->cap);
        subject->cap = copy;
        subject->n_grants = subject->n_assigned;
}

/* The provider where whoever signed in is this user still; NULL: none. */
static int find_granting(Core *core, const CoreConfig *config, const Subject *subject, const Granted *granted,
                         const Provider **ret) {
        g_autoptr(UserIdentity) identity = NULL;
        int r;

        *ret = NULL;
        if (!granted->issuer || !granted->subject || !granted->pairs || !is_itself(subject))
                return 0;
        r = store_identity_find(core->store, granted->issuer, granted->subject, &identity);
        if (r < 0)
                return error_trace(r);
        if (r == 0 && identity->uid == subject->user->uid && g_str_equal(identity->user, subject->user->name))
                *ret = providers_find_issuer(config->providers, granted->issuer);
        return 0;
}

static void add_grant(Subject *subject, const Provider *provider, const ProviderGroupRole *pair) {
        subject->grants = g_renew(PolicyGrant, subject->grants, subject->n_grants + 1);
        subject->grants[subject->n_grants++] = (PolicyGrant) {
                .role = pair->role,
                .provider = provider->name,
                .group = pair->group,
                .file = provider->file,
                .line = provider->group_roles_line,
        };
}

int subject_enter(Core *core, const CoreConfig *config, Subject *subject, const Session *session) {
        const Provider *provider;
        int r;

        r = find_granting(core, config, subject, &session->granted, &provider);
        if (r < 0)
                return r;
        subject_set_cap(subject, session->role_cap);
        for (size_t i = 0; provider && session->granted.pairs[i]; i++) {
                const ProviderGroupRole *pair = provider_find_pair(provider, session->granted.pairs[i]);

                if (pair && !policy_role_opens(config->policy, pair->role, ADMIN_SERVICE))
                        add_grant(subject, provider, pair);
        }
        return 0;
}

PolicyUser subject_policy_user(const Subject *subject) {
        PolicyUser user = { .uid = UID_UNSET };

        if (!subject->identity)
                return user;
        user = identity_policy_user(subject->identity);
        user.grants = subject->grants;
        user.n_grants = subject->n_grants;
        user.cap = (const char *const *) subject->cap;
        return user;
}

char **subject_roles(const Subject *subject, Policy *policy) {
        PolicyUser user = subject_policy_user(subject);

        return policy_roles_of(policy, &user);
}

int core_hash_password(Core *core, const Secret *password, char **ret) {
        int r;

        r = password_hash(core->hasher, password, ret);
        switch (r) {
        case PASSWORD_E_SHORT:
        case PASSWORD_E_LONG:
        case PASSWORD_E_FORM:
                return CORE_E_PASSWORD;
        case PASSWORD_E_BUSY:
                return CORE_E_BUSY;
        default:
                return error_trace(r);
        }
}

void core_report_user(Core *core, const Caller *caller, const char *event, const User *user, const char *reason) {
        g_autofree char *by = admin_name(core, caller);

        core_audit(core, &(AuditEvent) { .event = event, .user = user->name, .reason = reason, .by = by });
}
