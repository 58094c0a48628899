/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* One question of PAM's while it is being answered; shared by the login-*.c files. */

#include "daemon/core/core-internal.h"
#include "daemon/core/login.h"

/* The service of the CLI's own step-up: it guards nothing, so it asks for no role. */
#define LOGIN_SERVICE_TESSERA "tessera"

typedef struct LoginCall {
        Core *core;
        const Caller *caller;
        const char *service;
        char *rhost, *tty; /* cleaned, NULL for "" */
        CoreConfig *config;
        Subject subject;
        PolicyUser policy_user; /* of the subject's identity; without a name where it has none */
        int64_t now;
} LoginCall;

void login_call_deinit(LoginCall *call);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LoginCall, login_call_deinit)

/* Takes the question apart and finds out whom it is about. 0, CORE_E_INVALID, CORE_E_DENIED or a negative errno. */
int login_begin(LoginCall *call, Core *core, const Caller *caller, const LoginRequest *request);

/* What is answered, and what the audit is told: a line for each answer but "not ours" to a stranger himself. */
typedef struct LoginOutcome {
        LoginVerdict verdict;
        const char *reason;  /* WIRE_REASON_* */
        const char *event;   /* NULL: "refused", or "step-up-asked" */
        const char *why;     /* the audit's reason code, which may tell more */
        const char *session; /* id, told to the audit; with ALLOW also to the caller */
        bool unstored;       /* the store does not know that session */
        char *message;       /* for the user; taken over */
} LoginOutcome;

/* Always 0. */
int login_answer(LoginCall *call, const LoginOutcome *outcome, LoginAnswer *ret);

/* Those that several questions share. */
int login_answer_not_ours(LoginCall *call, LoginAnswer *ret);
int login_answer_revoked(LoginCall *call, const Session *bound, LoginAnswer *ret);
int login_answer_disabled(LoginCall *call, LoginAnswer *ret);

/* DENY of the policy's. -EIO where it could not ask whether the role is there: that is an outage. */
int login_answer_role(LoginCall *call, PolicyReason reason, LoginAnswer *ret);

/* The session of the subject that is bound to the caller's login; as core_login_session(). */
int login_bound(LoginCall *call, Session **ret);

/* A session of the subject from here, without proof, parent or binding: SESSION_PENDING, to end in its lifetime. */
Session *login_session_new(const LoginCall *call);

/*
 * Makes @session active, bound to the caller's login where that has none yet, and reports what the
 * cap closed. 0, LOGIN_E_OVERTAKEN when its user or parent ended meanwhile, or a negative errno.
 */
enum {
        _LOGIN_E_SUCCESS = 0,
        LOGIN_E_OVERTAKEN,
};
int login_activate(LoginCall *call, Session *session, bool *ret_bound);
