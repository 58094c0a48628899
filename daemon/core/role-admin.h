/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Assignments of roles to users; who may: admin.h. They count from the next decision on. */

#include "daemon/core/core.h"

#define ROLE_FOR_MIN 1                   /* s */
#define ROLE_FOR_MAX (366 * 24 * 3600)   /* s */
#define ROLE_REASON_MAX 200              /* bytes */
#define ROLE_ASSIGNMENTS_MAX 64          /* of one user */

/*
 * @seconds: how long it counts, ROLE_FOR_MIN to ROLE_FOR_MAX; 0: until it is taken away. @reason:
 * their words; NULL. A second grant takes the place of the first. CORE_E_DENIED, CORE_E_STALE,
 * CORE_E_INVALID (time, reason), CORE_E_BUSY (there are ROLE_ASSIGNMENTS_MAX others, or the user
 * changed meanwhile), CORE_E_NOT_FOUND with what is not there in @ret_culprit (g_free), as a
 * sentence: the role in the policy, the enrolled user, or that user's Unix account. @ret_changed
 * false: it was so already.
 */
int role_grant(Core *core, const Caller *caller, const char *role, const char *user, int64_t seconds,
               const char *reason, bool *ret_changed, char **ret_culprit);

/*
 * Also of a role that the policy has no more, and of a user whose Unix account is gone or cannot be
 * looked up. @ret_changed false: there was none. CORE_E_NOT_FOUND as above, so that a slip of the
 * finger does not look like a role that is gone.
 */
int role_revoke(Core *core, const Caller *caller, const char *role, const char *user, bool *ret_changed,
                char **ret_culprit);

/*
 * Whose time is not over, also of roles that the policy has no more (those give nothing): of
 * everybody to who may administer, else what counts for the caller. An array of Assignment *, by user
 * and role.
 */
int role_assignments(Core *core, const Caller *caller, GPtrArray **ret);
