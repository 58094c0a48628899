/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include <security/_pam_types.h>

#include "common/wire.h"
#include "pam/pam-result.h"

typedef struct Row {
        const char *word;
        int auth_invoker; /* sudo, sudo-i, su, su-l */
        int auth_login;
        int account;
        int session;
        int password;
} Row;

/*
 * sudo asks three times after AUTH_ERR, AUTHINFO_UNAVAIL and PERM_DENIED, even where there was no
 * prompt; CRED_INSUFFICIENT and CRED_UNAVAIL stop at once. It takes SESSION_ERR lightly and any
 * other session error as fatal.
 *
 * In password the words are pam_sm_chauthtok(3)'s: RECOVERY_ERR is about the old one, AUTHTOK_ERR about
 * the new one, and TRY_AGAIN is what a module says that cannot reach who keeps them.
 */
static const Row table[_SITUATION_MAX] = {
        [SITUATION_UNFORESEEN] = { "error", PAM_SYSTEM_ERR, PAM_SYSTEM_ERR, PAM_SYSTEM_ERR, PAM_SESSION_ERR,
                                   PAM_SYSTEM_ERR },
        [SITUATION_ALLOWED] = { "allowed", PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS },
        [SITUATION_CREDENTIAL] = { "refused", PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR,
                                   PAM_AUTHTOK_RECOVERY_ERR },
        [SITUATION_ROLE] = { "no role", PAM_CRED_INSUFFICIENT, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR,
                             PAM_PERM_DENIED },
        [SITUATION_STEP_UP] = { "step-up", PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR,
                                PAM_PERM_DENIED },
        [SITUATION_PENDING] = { "not approved", PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR,
                                PAM_PERM_DENIED },
        [SITUATION_CHANGED] = { "user changed", PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR,
                                PAM_PERM_DENIED },
        [SITUATION_NOT_OURS] = { "not ours", PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE },
        [SITUATION_OUTAGE] = { "outage", PAM_CRED_UNAVAIL, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL,
                               PAM_SESSION_ERR, PAM_TRY_AGAIN },
        [SITUATION_BREAKGLASS] = { "break-glass", PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_SUCCESS, PAM_SYSTEM_ERR },
        [SITUATION_CONVERSATION] = { "no conversation", PAM_CONV_ERR, PAM_CONV_ERR, PAM_CONV_ERR, PAM_SESSION_ERR,
                                     PAM_AUTHTOK_ERR },
        [SITUATION_NO_MEMORY] = { "no memory", PAM_BUF_ERR, PAM_BUF_ERR, PAM_BUF_ERR, PAM_SESSION_ERR, PAM_BUF_ERR },
        [SITUATION_NOT_KEPT] = { "session not kept", PAM_BUF_ERR, PAM_BUF_ERR, PAM_BUF_ERR, PAM_BUF_ERR,
                                 PAM_SYSTEM_ERR },
        [SITUATION_NEW_PASSWORD] = { "no new password", PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR,
                                     PAM_AUTHTOK_ERR },
        [SITUATION_NOT_YOURS] = { "not theirs", PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR,
                                  PAM_PERM_DENIED },
};

int result_code(Phase phase, bool invoker, Situation situation) {
        if ((unsigned) situation >= _SITUATION_MAX)
                return PAM_SYSTEM_ERR;
        switch (phase) {
        case PHASE_AUTH:
                return invoker ? table[situation].auth_invoker : table[situation].auth_login;
        case PHASE_ACCOUNT:
                return table[situation].account;
        case PHASE_SESSION:
                return table[situation].session;
        case PHASE_PASSWORD:
                return table[situation].password;
        default:
                return PAM_SYSTEM_ERR;
        }
}

const char *result_situation_to_string(Situation situation) {
        return (unsigned) situation < _SITUATION_MAX ? table[situation].word : "error";
}

Situation result_from_answer(const ClientAnswer *answer) {
        switch (answer->verdict) {
        case CLIENT_ALLOW:
                return SITUATION_ALLOWED;
        case CLIENT_NOT_OURS:
                return SITUATION_NOT_OURS;
        case CLIENT_STEP_UP:
                return SITUATION_STEP_UP;
        case CLIENT_PENDING:
                return SITUATION_PENDING;
        default:
                if (strcmp(answer->reason, WIRE_REASON_ROLE_MISSING) == 0 ||
                    strcmp(answer->reason, WIRE_REASON_REVOKED) == 0)
                        return SITUATION_ROLE;
                if (strcmp(answer->reason, WIRE_REASON_PASSWORD) == 0)
                        return SITUATION_NEW_PASSWORD;
                if (strcmp(answer->reason, WIRE_REASON_NOT_YOURS) == 0)
                        return SITUATION_NOT_YOURS;
                return SITUATION_CREDENTIAL;
        }
}

Situation result_from_error(int r, const ClientError *error) {
        switch (r) {
        case CLIENT_E_UNREACHABLE:
        case CLIENT_E_TIMEOUT:
        case CLIENT_E_IMPOSTOR:
        case CLIENT_E_VERSION:
                return SITUATION_OUTAGE;
        case CLIENT_E_REMOTE:
                /* The daemon is there and could not decide; any other error is about our own call. */
                if (strcmp(error->name, WIRE_ERROR_STORE) == 0 || strcmp(error->name, WIRE_ERROR_BUSY) == 0 ||
                    strcmp(error->name, WIRE_ERROR_INTERNAL) == 0)
                        return SITUATION_OUTAGE;
                return SITUATION_UNFORESEEN;
        case -ENOMEM:
                return SITUATION_NO_MEMORY;
        default:
                return SITUATION_UNFORESEEN;
        }
}
