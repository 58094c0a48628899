/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Looking at the policy as it counts now: why would a service let a user in, or not? */

#include "daemon/core/core.h"
#include "policy/policy-explain.h"

typedef struct PolicyAnswer {
        PolicyVerdict verdict;
        const char *reason; /* of the policy's, or "not-enrolled", "account-gone", "uid-changed", "disabled", "revoked" */
        GPtrArray *steps;   /* PolicyStep * */
} PolicyAnswer;

void policy_answer_deinit(PolicyAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PolicyAnswer, policy_answer_deinit)

/*
 * What would be said to @user at @service now, with every step on the way. Of oneself, by the name of
 * one's account; of anybody for who may administer (admin.h).
 *
 * sudo, su and administration ask how fresh a login is. It is the one that @session names (an id of the
 * user's, or an unambiguous prefix); without it that of the caller, where it has a session of the
 * user's or the caller is the user; else the user's live one on this host that was signed into last.
 * Every other service asks for a password or token each time, and the roles alone decide, as in PAM's account.
 *
 * 0, CORE_E_INVALID (@service), CORE_E_DENIED, CORE_E_STALE, CORE_E_NOT_FOUND and CORE_E_AMBIGUOUS
 * (@session), or a negative errno.
 */
int policy_admin_explain(Core *core, const Caller *caller, const char *user, const char *service, const char *session,
                         PolicyAnswer *ret);
