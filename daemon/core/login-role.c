/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Roles in sudoers. sudo asks for every rule of %:ROLE that it comes to, also for `sudo -l` of
 * somebody else, and nobody is let in or turned away by one of these answers: sudo puts them together,
 * and then asks PAM, where check and account write the line that says who got what and why. A line for
 * each of the questions before it would drown that one, so none is written; a look-up that fails is
 * an error, and those are logged like every other.
 */

#include <errno.h>

#include "common/error.h"
#include "common/name.h"
#include "common/wire.h"
#include "daemon/core/login-internal.h"

static int answer(LoginVerdict verdict, const char *reason, LoginAnswer *ret) {
        *ret = (LoginAnswer) { .verdict = verdict, .reason = reason };
        return 0;
}

int login_has_role(Core *core, const Caller *caller, const LoginRequest *request, const char *role, LoginAnswer *ret) {
        g_auto(LoginCall) call = { .core = core };
        g_autoptr(Session) bound = NULL;
        int r;

        if (!name_is_word(role))
                return CORE_E_INVALID;
        r = login_begin(&call, core, caller, request);
        if (r != 0)
                return r;
        if (!subject_is_ours(&call.subject))
                return answer(LOGIN_NOT_OURS, NULL, ret);
        if (call.subject.state != SUBJECT_ENABLED)
                return answer(LOGIN_DENY, WIRE_REASON_DISABLED, ret);
        /* Of another user than the caller's login is of, this finds none, and so neither cap nor revocation. */
        r = login_bound(&call, &bound);
        if (r < 0)
                return r;
        if (r == CORE_LOGIN_E_REVOKED)
                return answer(LOGIN_DENY, WIRE_REASON_REVOKED, ret);
        switch (policy_holds_reason(call.config->policy, &call.policy_user, role)) {
        case POLICY_REASON_OK:
                return answer(LOGIN_ALLOW, NULL, ret);
        case POLICY_REASON_LOOKUP:
                return error_trace(-EIO);
        default:
                return answer(LOGIN_DENY, WIRE_REASON_ROLE_MISSING, ret);
        }
}
