/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Who may administer: root, always; and an enabled, enrolled user who holds a role of
 * [service:tessera] in a live login that was signed into within its max-age, by one of its methods.
 * Use cases ask here before they act for anybody but the caller's own uid.
 *
 * The login itself must have been signed into: what came by token, ticket, device or key carries the
 * freshness of another login, or none, and is stale here. What the login's cap withholds is not held.
 */

#include "daemon/core/core.h"

#define ADMIN_SERVICE POLICY_SERVICE_ADMIN

/*
 * 0: the caller may. CORE_E_DENIED: not a role of [service:tessera]'s, or there is no such section,
 * or a login that signing in would not help: none, or one that was revoked. CORE_E_STALE: the role is
 * there, but the login is not fresh enough, or not by a method that counts. Denied comes before stale.
 * Or a negative errno: nobody can say, which is a no.
 */
int admin_check(Core *core, const Caller *caller);

/* The same of what goes on once it was allowed: role and live login still count, their freshness does not. */
int admin_check_still(Core *core, const Caller *caller);

/*
 * What somebody does for himself that makes a new way in wants the same freshness, of whoever it is.
 * 0 and the session of @uid's that the caller's login is; or CORE_E_DENIED, CORE_E_STALE with a line
 * in @ret_why (g_free) that says what to do; or a negative errno.
 */
int admin_check_own_login(Core *core, const Caller *caller, uid_t uid, Session **ret, char **ret_why);

/*
 * The line for whom @r of one of these, DENIED or STALE, has refused: which role it takes, or that and
 * how to sign in again; g_free. NULL where there is no more to say.
 */
char *admin_refusal(Core *core, const Caller *caller, int r);

/* Tells the audit that the caller may not call @method, as @r says. */
void admin_report_refusal(Core *core, const Caller *caller, int r, const char *method);

/* Who the caller is, for the audit and for records: "root", the account's name, or "uid 1002"; g_free. */
char *admin_name(Core *core, const Caller *caller);
