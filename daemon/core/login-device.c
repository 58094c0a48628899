/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Refresh tokens as the answer to a login's prompt. */

#include "common/error.h"
#include "common/refresh-token.h"
#include "daemon/core/device-use.h"
#include "daemon/core/login-internal.h"

bool login_is_refresh_token(LoginCall *call, const Secret *secret) {
        return refresh_token_is_like(secret->data, secret->size);
}

int login_refresh_token_genuine(LoginCall *call, const Secret *secret, bool *ret) {
        return device_token_genuine(call->core, secret, ret);
}

int login_prove_device(LoginCall *call, const Secret *secret, Session *session, const char **ret_why) {
        const Subject *subject = &call->subject;
        g_autoptr(Device) device = NULL;
        int r;

        r = device_use(call->core, call->config, subject->user, call->rhost, call->now, secret, &device, ret_why);
        if (r == DEVICE_E_FORGED)
                return login_refuse_forgery(call, secret, ret_why);
        if (r == DEVICE_E_REFUSED)
                return CREDENTIAL_E_WRONG;
        if (r != 0)
                return r;
        if (subject->state != SUBJECT_ENABLED) {
                *ret_why = subject_hindrance(subject);
                return CREDENTIAL_E_WRONG;
        }
        subject_set_cap(&call->subject, device->role_cap);
        r = login_check_cap(call, ret_why);
        if (r == 0)
                device_set_proof(session, device);
        return r;
}
