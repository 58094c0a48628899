/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Access tokens as the answer to a login's prompt. */

#include <string.h>

#include "common/error.h"
#include "daemon/core/login-internal.h"

bool login_is_token(LoginCall *call, const Secret *secret) {
        const char *dot = memchr(secret->data, '.', secret->size);

        return dot && key_ring_by_header(call->config->keys, KEY_TOKEN, secret->data,
                                         (size_t) (dot - secret->data)) != NULL;
}

static TokenReason verify(LoginCall *call, const Secret *secret, TokenClaims **ret) {
        const CoreConfig *config = call->config;

        return token_verify(config->keys, config->host, config->host, call->now, secret->data, secret->size, ret);
}

int login_token_genuine(LoginCall *call, const Secret *secret, bool *ret) {
        *ret = token_is_genuine(call->config->keys, secret->data, secret->size);
        return 0;
}

/* The signature is right: does the rest hold, and is the session that it came from alive? */
static int check_origin(LoginCall *call, const TokenClaims *claims, Session **ret_parent, const char **ret_why) {
        const Subject *subject = &call->subject;
        g_autoptr(Session) parent = NULL;
        int r;

        if (strcmp(claims->subject, subject->user->name) != 0) {
                *ret_why = "token-of-another-user";
                return CREDENTIAL_E_WRONG;
        }
        if (subject->state != SUBJECT_ENABLED) {
                *ret_why = subject_hindrance(subject);
                return CREDENTIAL_E_WRONG;
        }
        r = store_session_get(call->core->store, claims->session, &parent);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND || parent->uid != subject->user->uid ||
            core_session_over(call->core, call->config, parent, call->now)) {
                *ret_why = "token-revoked";
                return CREDENTIAL_E_WRONG;
        }
        *ret_parent = g_steal_pointer(&parent);
        return 0;
}

/* A token proves only what its origin proved, and when that did. The store ends it with its parent. */
static void set_proof(Session *session, const Session *parent, const TokenClaims *claims) {
        login_set_methods(session, METHOD_TOKEN);
        session->auth_time = claims->auth_time;
        session->auth_method = claims->auth_time > 0 ? g_strdup(parent->auth_method) : NULL;
        session->role_cap = g_strdupv(parent->role_cap);
        session->granted = granted_copy(&parent->granted);
        (void) g_strlcpy(session->parent, parent->id, sizeof(session->parent));
        (void) g_strlcpy(session->device, parent->device, sizeof(session->device));
}

int login_prove_token(LoginCall *call, const Secret *secret, Session *session, const char **ret_why) {
        g_autoptr(TokenClaims) claims = NULL;
        g_autoptr(Session) parent = NULL;
        TokenReason reason = verify(call, secret, &claims);
        int r;

        if (reason != TOKEN_VALID && !token_is_genuine(call->config->keys, secret->data, secret->size))
                return login_refuse_forgery(call, secret, ret_why);
        if (reason != TOKEN_VALID) {
                *ret_why = login_token_why(reason);
                return CREDENTIAL_E_WRONG;
        }
        r = check_origin(call, claims, &parent, ret_why);
        if (r == 0)
                r = subject_enter(call->core, call->config, &call->subject, parent);
        if (r == 0)
                r = login_check_cap(call, ret_why);
        if (r != 0)
                return r;
        store_session_touch(call->core->store, parent->id, call->now);
        set_proof(session, parent, claims);
        return 0;
}
