/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The people that two policies are compared for, with their groups as NSS says and the roles assigned to them. */

#include "client/request.h"
#include "policy/policy.h"

typedef enum PolicyWho {
        POLICY_WHO_ENROLLED = 0, /* all that tessera knows */
        POLICY_WHO_ONESELF,      /* the others, and their assignments, are not the caller's to see */
        POLICY_WHO_ACCOUNTS,     /* the daemon is down: people's Unix accounts, without assignments */
        _POLICY_WHO_MAX,
} PolicyWho;

/* "enrolled", "oneself", "accounts" */
const char *policy_who_to_string(PolicyWho who);

typedef struct PolicyUsers {
        PolicyWho who;
        GArray *users;      /* PolicyUser; what they borrow is owned here */
        GPtrArray *skipped; /* char *: enrolled, but their account or its groups cannot be looked up, or are another's now */
        GPtrArray *kept;
        json_t *roles;      /* as the daemon lists them; NULL: not asked */
} PolicyUsers;

PolicyUsers *policy_users_free(PolicyUsers *users); /* accepts NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicyUsers, policy_users_free)

/* Asks the daemon. 0, or the exit code of a failure that was told. */
int policy_users_ask(Cli *cli, PolicyUsers **ret);

/* Without it. */
PolicyUsers *policy_users_of_host(void);
