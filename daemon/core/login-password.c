/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * passwd. It is setuid root, so every such call is root's, and PAM says nothing of who sits there. The
 * kernel does: the calling process's real uid is that of who started it. Root's own passwd needs
 * no current password; anybody else changes none but his own, and gives it.
 */

#include <string.h>

#include "common/wire.h"
#include "daemon/core/login-internal.h"
#include "daemon/core/user-admin.h"

static int refuse_other(LoginCall *call, LoginAnswer *ret) {
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_DENY,
                .reason = WIRE_REASON_NOT_YOURS,
                .why = "not-own-password",
                .message = g_strdup_printf("only %s and root may change the password of %s", call->subject.user->name,
                                           call->subject.user->name),
        }, ret);
}

static char *complaint(const LoginCall *call, const Secret *password) {
        unsigned min = call->config->settings->password_min_length;

        if (g_utf8_validate_len(password->data, password->size, NULL) &&
            g_utf8_strlen(password->data, (gssize) password->size) < (glong) min)
                return g_strdup_printf("the new password is too short: it must have %u characters or more", min);
        return g_strdup("the new password holds characters that no prompt takes; choose another");
}

/* The audit has heard of it from the use case that said no. */
static int refuse(const char *reason, char *message, LoginAnswer *ret) {
        *ret = (LoginAnswer) { .verdict = LOGIN_DENY, .reason = reason, .message = message };
        return 0;
}

static int refuse_current(int64_t delay, LoginAnswer *ret) {
        *ret = (LoginAnswer) { .verdict = LOGIN_DENY, .reason = WIRE_REASON_CREDENTIAL, .delay = delay };
        return 0;
}

static int check(LoginCall *call, const Caller *actor, const Secret *current, LoginAnswer *ret) {
        int64_t delay = 0;
        int r;

        if (actor->uid != 0 && current->size == 0) {
                *ret = (LoginAnswer) { .verdict = LOGIN_STEP_UP, .reason = WIRE_REASON_CREDENTIAL };
                return 0;
        }
        r = user_check_current(call->core, actor, call->subject.user->name, current, &delay);
        if (r == CORE_E_CREDENTIAL)
                return refuse_current(delay, ret);
        if (r == 0)
                *ret = (LoginAnswer) { .verdict = LOGIN_ALLOW };
        return r;
}

static int change(LoginCall *call, const Caller *actor, const Secret *current, const Secret *password,
                  LoginAnswer *ret) {
        const char *user = call->subject.user->name;
        int64_t delay = 0;
        int r;

        r = user_change_password(call->core, actor, user, current, password, &delay);
        if (r == CORE_E_CREDENTIAL)
                return refuse_current(delay, ret);
        if (r == CORE_E_PASSWORD)
                return refuse(WIRE_REASON_PASSWORD, complaint(call, password), ret);
        if (r == 0)
                *ret = (LoginAnswer) {
                        .verdict = LOGIN_ALLOW,
                        .message = g_strdup_printf("the tessera password of %s is changed; other sessions and devices "
                                                   "of %s are revoked", user, user),
                };
        return r;
}

int login_change_password(Core *core, const Caller *caller, const LoginRequest *request, const Secret *current,
                          const Secret *password, LoginAnswer *ret) {
        g_auto(LoginCall) call = { .core = core };
        Caller actor = *caller;
        int r;

        if (caller->uid != 0)
                return CORE_E_DENIED;
        r = login_begin(&call, core, caller, request);
        if (r != 0)
                return r;
        if (!subject_is_ours(&call.subject))
                return login_answer_not_ours(&call, ret);
        actor.uid = caller->real_uid;
        if (actor.uid != 0 && (actor.uid == UID_UNSET || actor.uid != call.subject.user->uid))
                return refuse_other(&call, ret);
        if (password->size == 0)
                return check(&call, &actor, current, ret);
        return change(&call, &actor, current, password, ret);
}
