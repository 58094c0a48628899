/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* DESIGN's table of situations and codes, row by row, as it stands there. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <security/_pam_types.h>

#include "common/wire.h"
#include "pam/pam-result.h"

static void expect(Situation situation, int auth_sudo, int auth_login, int account, int session,
                   int password) {
        const struct {
                Phase phase;
                bool invoker;
                int code;
        } cells[] = {
                { PHASE_AUTH, true, auth_sudo },  { PHASE_AUTH, false, auth_login },
                { PHASE_ACCOUNT, true, account }, { PHASE_ACCOUNT, false, account },
                { PHASE_SESSION, true, session }, { PHASE_SESSION, false, session },
                { PHASE_PASSWORD, true, password }, { PHASE_PASSWORD, false, password },
        };

        for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
                int code = result_code(cells[i].phase, cells[i].invoker, situation);
                if (code != cells[i].code)
                        fprintf(stderr, "%s, cell %zu: %d instead of %d\n", result_situation_to_string(situation), i,
                                code, cells[i].code);
                assert(code == cells[i].code);
        }
}

static void test_table(void) {
        expect(SITUATION_ALLOWED, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS);
        expect(SITUATION_CREDENTIAL, PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR,
               PAM_AUTHTOK_RECOVERY_ERR);
        expect(SITUATION_ROLE, PAM_CRED_INSUFFICIENT, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR, PAM_PERM_DENIED);
        expect(SITUATION_STEP_UP, PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR, PAM_PERM_DENIED);
        expect(SITUATION_PENDING, PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR, PAM_PERM_DENIED);
        expect(SITUATION_CHANGED, PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR, PAM_PERM_DENIED);
        expect(SITUATION_NOT_OURS, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE);
        expect(SITUATION_OUTAGE, PAM_CRED_UNAVAIL, PAM_AUTHINFO_UNAVAIL, PAM_AUTHINFO_UNAVAIL, PAM_SESSION_ERR,
               PAM_TRY_AGAIN);
        expect(SITUATION_BREAKGLASS, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_SUCCESS, PAM_SYSTEM_ERR);
        expect(SITUATION_CONVERSATION, PAM_CONV_ERR, PAM_CONV_ERR, PAM_CONV_ERR, PAM_SESSION_ERR, PAM_AUTHTOK_ERR);
        expect(SITUATION_NO_MEMORY, PAM_BUF_ERR, PAM_BUF_ERR, PAM_BUF_ERR, PAM_SESSION_ERR, PAM_BUF_ERR);
        expect(SITUATION_UNFORESEEN, PAM_SYSTEM_ERR, PAM_SYSTEM_ERR, PAM_SYSTEM_ERR, PAM_SESSION_ERR, PAM_SYSTEM_ERR);
        expect(SITUATION_NOT_KEPT, PAM_BUF_ERR, PAM_BUF_ERR, PAM_BUF_ERR, PAM_BUF_ERR, PAM_SYSTEM_ERR);
        expect(SITUATION_NEW_PASSWORD, PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR, PAM_AUTHTOK_ERR);
        expect(SITUATION_NOT_YOURS, PAM_AUTH_ERR, PAM_AUTH_ERR, PAM_PERM_DENIED, PAM_SESSION_ERR, PAM_PERM_DENIED);
}

/* What nobody set, and what is no situation at all, opens nothing. */
static void test_P1_default_is_an_error(void) {
        Situation unset = { 0 };

        assert(result_code(PHASE_AUTH, false, unset) == PAM_SYSTEM_ERR);
        assert(result_code(PHASE_AUTH, false, _SITUATION_MAX) == PAM_SYSTEM_ERR);
        assert(result_code(PHASE_AUTH, true, (Situation) -1) == PAM_SYSTEM_ERR);
        assert(result_code(_PHASE_MAX, false, SITUATION_ALLOWED) == PAM_SYSTEM_ERR);
        assert(result_code((Phase) 77, false, SITUATION_NOT_OURS) == PAM_SYSTEM_ERR);
}

/* SUCCESS and IGNORE come from four situations only, however the table grows. */
static void test_P1_only_these_open(void) {
        for (int s = 0; s < _SITUATION_MAX; s++)
                for (int phase = 0; phase < _PHASE_MAX; phase++)
                        for (int invoker = 0; invoker < 2; invoker++) {
                                int code = result_code((Phase) phase, invoker, (Situation) s);
                                bool opens = s == SITUATION_ALLOWED || s == SITUATION_NOT_OURS ||
                                             (s == SITUATION_BREAKGLASS && phase != PHASE_PASSWORD);
                                assert((code == PAM_SUCCESS || code == PAM_IGNORE) == opens);
                        }
}

static Situation answered(ClientVerdict verdict, const char *reason) {
        ClientAnswer answer = { .verdict = verdict };

        (void) snprintf(answer.reason, sizeof(answer.reason), "%s", reason);
        return result_from_answer(&answer);
}

static void test_answers(void) {
        ClientAnswer zeroed = { 0 };

        assert(result_from_answer(&zeroed) == SITUATION_CREDENTIAL);
        assert(answered(CLIENT_ALLOW, "") == SITUATION_ALLOWED);
        assert(answered(CLIENT_NOT_OURS, "") == SITUATION_NOT_OURS);
        assert(answered(CLIENT_STEP_UP, WIRE_REASON_STALE) == SITUATION_STEP_UP);
        assert(answered(CLIENT_PENDING, "") == SITUATION_PENDING); /* P7 */
        assert(answered(CLIENT_PENDING, WIRE_REASON_ROLE_MISSING) == SITUATION_PENDING);
        assert(answered(CLIENT_DENY, WIRE_REASON_ROLE_MISSING) == SITUATION_ROLE);
        assert(answered(CLIENT_DENY, WIRE_REASON_REVOKED) == SITUATION_ROLE);
        assert(answered(CLIENT_DENY, WIRE_REASON_CREDENTIAL) == SITUATION_CREDENTIAL);
        assert(answered(CLIENT_DENY, WIRE_REASON_DISABLED) == SITUATION_CREDENTIAL);
        assert(answered(CLIENT_DENY, WIRE_REASON_PASSWORD) == SITUATION_NEW_PASSWORD);
        assert(answered(CLIENT_DENY, WIRE_REASON_NOT_YOURS) == SITUATION_NOT_YOURS);
        assert(answered(CLIENT_DENY, "something new") == SITUATION_CREDENTIAL);
        assert(answered((ClientVerdict) 99, "") == SITUATION_CREDENTIAL);
}

static Situation failed(int r, const char *name) {
        ClientError error = { .name = "" };

        (void) snprintf(error.name, sizeof(error.name), "%s", name);
        return result_from_error(r, &error);
}

static void test_errors(void) {
        assert(failed(CLIENT_E_UNREACHABLE, "") == SITUATION_OUTAGE);
        assert(failed(CLIENT_E_TIMEOUT, "") == SITUATION_OUTAGE);
        assert(failed(CLIENT_E_IMPOSTOR, "") == SITUATION_OUTAGE);
        assert(failed(CLIENT_E_VERSION, "") == SITUATION_OUTAGE);
        assert(failed(CLIENT_E_REMOTE, WIRE_ERROR_STORE) == SITUATION_OUTAGE);
        assert(failed(CLIENT_E_REMOTE, WIRE_ERROR_BUSY) == SITUATION_OUTAGE);
        assert(failed(CLIENT_E_REMOTE, WIRE_ERROR_INTERNAL) == SITUATION_OUTAGE);
        assert(failed(CLIENT_E_REMOTE, WIRE_ERROR_INVALID) == SITUATION_UNFORESEEN);
        assert(failed(CLIENT_E_REMOTE, WIRE_ERROR_DENIED) == SITUATION_UNFORESEEN);
        assert(failed(CLIENT_E_REMOTE, WIRE_ERROR_PREFIX "New") == SITUATION_UNFORESEEN);
        assert(failed(CLIENT_E_NOT_FOUND, "") == SITUATION_UNFORESEEN);
        assert(failed(-ENOMEM, "") == SITUATION_NO_MEMORY);
        assert(failed(-EMFILE, "") == SITUATION_UNFORESEEN);
        assert(failed(0, "") == SITUATION_UNFORESEEN);
}

int main(void) {
        test_table();
        test_P1_default_is_an_error();
        test_P1_only_these_open();
        test_answers();
        test_errors();
        return 0;
}
