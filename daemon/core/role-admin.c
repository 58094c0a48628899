/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/error.h"
#include "daemon/core/admin.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/role-admin.h"

bool assignment_counts(const Assignment *assignment, int64_t now) {
        return assignment->until == 0 || now < assignment->until;
}

/* Telling */

/* "admin by root until 2026-03-01T12:00:00Z: on call"; @by may be NULL. */
static char *describe(const Assignment *assignment, const char *by) {
        GString *text = g_string_new(assignment->role);

        if (by)
                g_string_append_printf(text, " by %s", by);
        if (assignment->until != 0) {
                g_autoptr(GDateTime) until = g_date_time_new_from_unix_utc(assignment->until);
                g_autofree char *when = until ? g_date_time_format_iso8601(until) : NULL;

                g_string_append_printf(text, " until %s", when ?: "the end of time");
        }
        if (assignment->reason)
                g_string_append_printf(text, ": %s", assignment->reason);
        return g_string_free(text, FALSE);
}

/* @by: who it was from; @now_by: who asked for this; NULL where time did. */
static void report(Core *core, const char *event, const Assignment *assignment, const char *by, const char *now_by) {
        /* The audit itself says who asks. */
        g_autofree char *text = describe(assignment, now_by ? NULL : by);

        core_audit(core, &(AuditEvent) { .event = event, .user = assignment->user, .reason = text, .by = now_by });
}

void role_report_granted(Core *core, const Assignment *assignment) {
        report(core, "role-granted", assignment, assignment->by, assignment->by);
}

int role_actor(Core *core, const Caller *caller, char **ret) {
        g_autoptr(Identity) identity = NULL;
        int r;

        if (caller->uid == 0) {
                *ret = g_strdup("root");
                return 0;
        }
        r = core->identities->look_up(core->identities, NULL, caller->uid, &identity);
        if (r < 0)
                return error_trace(r);
        if (r == IDENTITY_E_NOT_FOUND)
                return CORE_E_DENIED;
        *ret = g_strdup(identity->name);
        return 0;
}

/* 0 and the name of who acts, or why they may not. */
static int begin(Core *core, const Caller *caller, char **ret_by) {
        int r;

        r = admin_check(core, caller);
        return r == 0 ? role_actor(core, caller, ret_by) : r;
}

/* Names come from outside and are told to who gave them: cut and cleaned. */
static int not_found(char **ret_culprit, const char *what, const char *name, const char *more) {
        g_autofree char *clean = core_clean(name, 64);

        *ret_culprit = g_strdup_printf("%s \"%s\"%s", what, clean ?: "", more);
        return CORE_E_NOT_FOUND;
}

static int no_role(char **ret_culprit, const char *name) {
        return not_found(ret_culprit, "the policy has no role", name, "; \"tessera role\" lists them");
}

static int no_user(char **ret_culprit, const char *name) {
        return not_found(ret_culprit, "tessera does not know the user", name,
                         "; \"tessera user add\" enrols a Unix account");
}

/* Granting */

/* A role that could not count, because the account is not the one that was enrolled, is not granted. */
static int find_grantee(Core *core, const char *name, Subject *ret, char **ret_culprit) {
        int r;

        r = subject_find(core, name, ret);
        if (r < 0)
                return r;
        if (!subject_is_ours(ret))
                return no_user(ret_culprit, name);
        if (ret->state == SUBJECT_GONE)
                return not_found(ret_culprit, "there is no Unix account", name, " any more");
        if (ret->state == SUBJECT_MOVED)
                return not_found(ret_culprit, "the Unix account", name,
                                 " has another uid now than the user who was enrolled; remove and add it");
        return 0;
}

static bool is_time(int64_t seconds) {
        return seconds == 0 || (seconds >= ROLE_FOR_MIN && seconds <= ROLE_FOR_MAX);
}

static int set(Core *core, const Assignment *assignment, bool *ret_changed) {
        bool changed;
        int r;

        r = store_assignment_set(core->store, assignment, ROLE_ASSIGNMENTS_MAX, &changed);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_STATE)
                return CORE_E_BUSY;
        if (changed)
                role_report_granted(core, assignment);
        *ret_changed = changed;
        return 0;
}

int role_grant(Core *core, const Caller *caller, const char *role, const char *user, int64_t seconds,
               const char *reason, bool *ret_changed, char **ret_culprit) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        g_autoptr(Assignment) assignment = assignment_new();
        int r;

        r = begin(core, caller, &assignment->by);
        if (r != 0)
                return r;
        if (!is_time(seconds) || (reason && strlen(reason) > ROLE_REASON_MAX))
                return CORE_E_INVALID;
        if (!policy_role_find(config->policy, role))
                return no_role(ret_culprit, role);
        r = find_grantee(core, user, &subject, ret_culprit);
        if (r != 0)
                return r;
        assignment->user = g_strdup(subject.user->name);
        assignment->uid = subject.user->uid;
        assignment->role = g_strdup(role);
        assignment->created = clock_wall(core->clock);
        assignment->until = seconds == 0 ? 0 : assignment->created + seconds;
        assignment->reason = core_clean(reason, ROLE_REASON_MAX);
        return set(core, assignment, ret_changed);
}

/* Revoking */

/* The record as the name stands there is enough: what NSS cannot say must not keep a role with anybody. */
static int find_holder(Core *core, const char *name, User **ret, char **ret_culprit) {
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        int r;

        r = store_user_get(core->store, name, ret);
        if (r < 0)
                return error_trace(r);
        if (r == 0)
                return 0;
        r = subject_find(core, name, &subject); /* another spelling */
        if (r < 0)
                return r;
        if (!subject_is_ours(&subject))
                return no_user(ret_culprit, name);
        *ret = g_steal_pointer(&subject.user);
        return 0;
}

int role_revoke(Core *core, const Caller *caller, const char *role, const char *user, bool *ret_changed,
                char **ret_culprit) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autofree char *by = NULL;
        g_autoptr(User) holder = NULL;
        bool changed;
        int r;

        r = begin(core, caller, &by);
        if (r == 0)
                r = find_holder(core, user, &holder, ret_culprit);
        if (r != 0)
                return r;
        r = store_assignment_remove(core->store, holder->uid, role, &changed);
        if (r < 0)
                return error_trace(r);
        if (changed)
                report(core, "role-revoked", &(Assignment) { .user = holder->name, .role = (char *) role }, by, by);
        else if (!policy_role_find(config->policy, role))
                return no_role(ret_culprit, role);
        *ret_changed = changed;
        return 0;
}

/* Looking */

static int list_all(Core *core, GPtrArray **ret) {
        g_autoptr(GPtrArray) assignments = NULL;
        int64_t now = clock_wall(core->clock);
        int r;

        r = store_assignment_list(core->store, UID_UNSET, &assignments);
        if (r < 0)
                return error_trace(r);
        for (guint i = assignments->len; i > 0; i--)
                if (!assignment_counts(assignments->pdata[i - 1], now))
                        g_ptr_array_remove_index(assignments, i - 1);
        *ret = g_steal_pointer(&assignments);
        return 0;
}

/* What counts for the caller, who may have come by the uid of somebody who was enrolled. */
static int list_own(Core *core, const Caller *caller, GPtrArray **ret) {
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        g_autoptr(Identity) identity = NULL;
        int r;

        r = core->identities->look_up(core->identities, NULL, caller->uid, &identity);
        if (r < 0)
                return error_trace(r);
        r = identity ? subject_find(core, identity->name, &subject) : 0;
        if (r < 0)
                return r;
        if (subject.assignments && subject.user->uid == caller->uid)
                *ret = g_steal_pointer(&subject.assignments);
        else
                *ret = g_ptr_array_new();
        return 0;
}

int role_assignments(Core *core, const Caller *caller, GPtrArray **ret) {
        int r;

        if (caller->uid == UID_UNSET)
                return CORE_E_DENIED;
        r = admin_check(core, caller);
        if (r < 0)
                return r;
        return r == 0 ? list_all(core, ret) : list_own(core, caller, ret);
}

/* Ending */

int role_sweep(Core *core, int64_t now) {
        g_autoptr(GPtrArray) ended = NULL;
        int r;

        r = store_assignment_sweep(core->store, now, &ended);
        if (r < 0)
                return error_trace(r);
        for (guint i = 0; i < ended->len; i++) {
                const Assignment *assignment = ended->pdata[i];

                report(core, "role-ended", assignment, assignment->by, /* now_by= */ NULL);
        }
        return 0;
}
