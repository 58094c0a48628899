/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Authentication. A login asks first and connects then: the bus allows 256 connections to one uid,
 * root is one uid, and people take their time. sudo and su ask the daemon, close, and prompt only
 * when it says step-up.
 */

#include <security/pam_modules.h>
#include <string.h>

#include "pam/pam-call.h"
#include "pam/pam-log.h"
#include "pam/pam-sign-in.h"

/*
 * Leaves the answer to the modules below, which then ask nothing again. Only where they are to
 * judge it; on allow or deny no secret stays anywhere. They ask about PAM_USER: where that is su's
 * target, what its caller typed is nothing to them, and must not count as a guess at the target's.
 */
static void leave_to_others(Call *call, const Typed *typed) {
        if (!subject_current(call->pamh, /* invoker= */ false, &call->subject))
                return;
        if (pam_set_item(call->pamh, PAM_AUTHTOK, typed->text) != PAM_SUCCESS)
                call->situation = SITUATION_NO_MEMORY;
}

/* The pending session's id is what survives from sshd's authentication process to its session process. */
static void hand_over(Call *call) {
        if (!call->answer.session[0])
                call->situation = SITUATION_UNFORESEEN;
        else if (!call_export_session(call))
                call->situation = SITUATION_NO_MEMORY;
}

/*
 * Enter alone: where the service has a provider a sign-in there, elsewhere no password. It is never for
 * the modules below, where an empty Unix password would slip through.
 */
static void ask_without_answer(Call *call, const Typed *nothing) {
        call_ask(call, "Authenticate", nothing);
        if (call->situation == SITUATION_PENDING)
                sign_in(call);
        else if (call->situation == SITUATION_ALLOWED)
                call->situation = SITUATION_UNFORESEEN; /* nobody has said anything yet */
        if (call->situation == SITUATION_NOT_OURS)
                call->situation = SITUATION_CREDENTIAL;
        else if (call->situation == SITUATION_BREAKGLASS)
                call->situation = SITUATION_OUTAGE;
}

/*
 * sshd's method "password", and "none" before any other, answer each prompt with what the client has sent, and
 * show nothing: a sign-in would begin that nobody sees, with every connection. An empty password comes here
 * from them only where PermitEmptyPasswords allows it, and then sshd leaves this flag out, for
 * keyboard-interactive too: nothing else tells the one from the other before something is shown. So Enter
 * alone begins nothing there.
 */
static bool is_blind(const Call *call) {
        const void *tty = NULL;

        if (call->flags & PAM_DISALLOW_NULL_AUTHTOK)
                return false;
        if (pam_get_item(call->pamh, PAM_TTY, &tty) != PAM_SUCCESS)
                return true;
        return strcmp(call->service, "sshd") == 0 || (tty && strcmp(tty, "ssh") == 0);
}

static void prompt_and_ask(Call *call) {
        _cleanup_typed_ Typed typed = { NULL, 0 };

        call->situation = ask_secret(call->pamh, call->options.prompt, &typed);
        if (call->situation != SITUATION_ALLOWED)
                return;
        if (!call->subject.name[0]) {
                call->situation = SITUATION_CREDENTIAL;
                return;
        }
        if (!subject_current(call->pamh, call->invoker, &call->subject)) {
                call->situation = SITUATION_CHANGED;
                return;
        }
        if (typed.size > 0)
                call_ask(call, "Authenticate", &typed);
        else if (is_blind(call))
                call->situation = SITUATION_CREDENTIAL;
        else
                ask_without_answer(call, &typed);
        if (call->situation == SITUATION_ALLOWED && !call->invoker && !call->own)
                hand_over(call);
        else if (call->situation == SITUATION_NOT_OURS || call->situation == SITUATION_BREAKGLASS)
                leave_to_others(call, &typed);
        else if (call->situation != SITUATION_ALLOWED && typed_looks_cut(&typed))
                log_cut(call, typed.size);
}

static void authenticate(Call *call) {
        Situation remembered = subject_remember(call->pamh, &call->subject);

        if (remembered != SITUATION_ALLOWED) {
                call->situation = remembered;
                return;
        }
        if (call->invoker) {
                call_ask(call, "Check", NULL);
                if (call->situation != SITUATION_STEP_UP)
                        return;
        }
        prompt_and_ask(call);
}

__attribute__((visibility("default")))
int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        Call call = CALL_INIT(pamh, flags, PHASE_AUTH);

        if (call_begin(&call, argc, argv))
                authenticate(&call);
        return call_finish(&call);
}

/* There are no credentials to set; sshd calls this twice, and in a process of its own. */
__attribute__((visibility("default")))
int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        return PAM_IGNORE;
}
