/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What becomes of people and services when one policy takes the place of another.
 *
 * Rights are by role alone, as at PAM's account: how fresh a login is has nothing to do with the
 * policy. A service that follows another (sudo-i) is told of only where one of the policies has a
 * section of its own for it. A group that cannot be looked up gives nothing in either.
 */

#include "policy/policy.h"

typedef enum PolicyChangeKind {
        POLICY_CHANGE_GAINS = 0, /* @user gains @role, or the use of @service */
        POLICY_CHANGE_LOSES,
        POLICY_CHANGE_ADDED,     /* @service as a whole: it had no section that ruled it, */
        POLICY_CHANGE_REMOVED,   /* or has none any more */
        POLICY_CHANGE_ROLES,     /* its roles=, @from and @to as in policy.conf */
        POLICY_CHANGE_MAX_AGE,   /* "any" where any age will do */
        POLICY_CHANGE_METHODS,   /* "any" where it names none */
        _POLICY_CHANGE_MAX,
} PolicyChangeKind;

/* "gains", "loses", "added", "removed", "roles", "max-age", "methods" */
const char *policy_change_to_string(PolicyChangeKind kind);

typedef struct PolicyChange {
        PolicyChangeKind kind;
        char *user;    /* GAINS, LOSES */
        char *role;    /* or service */
        char *service;
        char *reason;  /* GAINS: how it is held now; LOSES: how it was: `in the group "sudo" (gid 27)`, `by "admin"` */
        char *from, *to;
} PolicyChange;

/*
 * An array of PolicyChange *, which it frees: services as wholes by name, then the users in their
 * order, of each the roles and then the services by name. Empty: nobody notices.
 */
GPtrArray *policy_diff(Policy *from, Policy *to, const PolicyUser *users, size_t n_users);
