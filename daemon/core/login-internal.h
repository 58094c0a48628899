/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* One question of PAM's while it is being answered; shared by the login-*.c files. */

#include "daemon/core/core-internal.h"
#include "daemon/core/login.h"
#include "daemon/core/token.h"

/* The service of the CLI's own step-up: it guards nothing, so it asks for no role. */
#define LOGIN_SERVICE_TESSERA "tessera"

typedef struct LoginCall {
        Core *core;
        const Caller *caller;
        const char *service; /* as asked for: what policy decides on */
        char *shown_service; /* as it is written down: "own:NAME" where only the user's own word stands for it */
        char *rhost, *tty;   /* cleaned, NULL for "", and where they are the user's own word */
        bool step_up;        /* a secret proves presence in a login that is there already, and opens none */
        CoreConfig *config;
        Subject subject;
        PolicyUser policy_user; /* of the subject; without a name where it has no account; see login_bound() */
        char *approver; /* who approved it at a provider, for the audit; NULL where nobody did, or it was the user */
        char *client; /* whence the answer comes, as limits count it; NULL: none that is known */
        WrongPassword wrong; /* what came of the password; zeros where none was wrong */
        int64_t now;
} LoginCall;

void login_call_deinit(LoginCall *call);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LoginCall, login_call_deinit)

/*
 * Takes the question apart and finds out whom it is about. 0, CORE_E_INVALID, CORE_E_DENIED or a negative errno.
 *
 * Root's word counts for everything in it. Anybody else's (a screen locker's, say) counts for himself
 * alone: the user must be his own, and sudo and su are not his to speak for; where he says that he
 * sits is left out, and the service that he names is checked and marked. What he proves is a step-up,
 * as it is for a setuid program that a user has started to be asked for himself.
 */
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

/*
 * The live, or else the revoked, session of the subject that is bound to the caller's login; as
 * core_login_session(). From here on the policy is asked as subject_enter() says of a live one; and
 * under the cap of that login's last session also where that is over: a login that could shed its cap
 * by logging out would have none.
 */
int login_bound(LoginCall *call, Session **ret);

/* A session of the subject from here, without proof, parent or binding: SESSION_PENDING, to end in its lifetime. */
Session *login_session_new(const LoginCall *call);

/*
 * Makes @session active, bound to the caller's login where that has none yet, and reports what the
 * cap closed. A login of a person also counts as one, and @ret_news, filled with 0 only, is what to
 * tell at it; NULL: it is none. 0, LOGIN_E_OVERTAKEN when its user, parent or device ended meanwhile,
 * or a negative errno.
 */
enum {
        _LOGIN_E_SUCCESS = 0,
        LOGIN_E_OVERTAKEN,
};
int login_activate(LoginCall *call, Session *session, bool *ret_bound, LoginNews *ret_news);

/* Answers to a prompt: a file for each kind but passwords */

#define METHOD_PASSWORD "pwd"
#define METHOD_TOKEN "tok"
#define METHOD_KEY "pop"

enum {
        _CREDENTIAL_E_SUCCESS = 0,
        CREDENTIAL_E_WRONG = _CORE_E_MAX, /* beside CORE_E_BUSY; the reason is in @ret_why */
};

/* The one thing that is heard of an answer that was wrong. @message: for who is identified only; taken over. */
int login_refuse_credential(LoginCall *call, const char *why, char *message, LoginAnswer *ret);

/* Too many were: with how long it takes, where that may be said. */
int login_refuse_throttled(LoginCall *call, LoginAnswer *ret);

/* A human proved something now: the session is one by @method alone, and fresh. */
void login_set_proof(Session *session, const char *method, int64_t now);

/* By what a step-up was proven. */
typedef struct LoginProof {
        const char *method;
        const Granted *granted; /* what the provider gave; NULL: it was none, and what the session has of that stays */
} LoginProof;

/*
 * What follows a right answer. A login: @session waits for open_session. A step-up: @bound is renewed,
 * or a session opened. @message: for the user, with ALLOW; taken over.
 */
int login_accept(LoginCall *call, Session *session, char *message, LoginAnswer *ret);
int login_accept_step_up(LoginCall *call, Session *bound, const LoginProof *proof, char *message, LoginAnswer *ret);

/* Would a sign-in by @method, now, be enough for a service that asks for a step-up? */
int login_check_service(LoginCall *call, const char *method, LoginAnswer *ret, bool *ret_answered);

/* Makes @session one that was proven by @method alone. */
void login_set_methods(Session *session, const char *method);

/* The answer as the limits see it; borrows from @call. */
Attempt login_attempt(const LoginCall *call);

/* A signature that is not right is a guess, and costs one. CREDENTIAL_E_WRONG or a negative errno. */
int login_refuse_forgery(LoginCall *call, const Secret *secret, const char **ret_why);

/* The reason code of a token whose signature is right and that is refused all the same. */
const char *login_token_why(TokenReason reason);

/*
 * May the subject, as subject_enter() or subject_set_cap() left it, use the service at all under its cap?
 * Account knows nothing of that. 0, CREDENTIAL_E_WRONG or a negative errno.
 */
int login_check_cap(LoginCall *call, const char **ret_why);

/*
 * Each kind: does the answer say that it is one, and is then tried as nothing else? Is it genuine,
 * without being used (a step-up)? And with a genuine and good one, @session is as proven by it:
 * 0, CREDENTIAL_E_WRONG, or a negative errno.
 */
bool login_is_token(LoginCall *call, const Secret *secret);
int login_token_genuine(LoginCall *call, const Secret *secret, bool *ret);
int login_prove_token(LoginCall *call, const Secret *secret, Session *session, const char **ret_why);

bool login_is_ticket(LoginCall *call, const Secret *secret);
int login_ticket_genuine(LoginCall *call, const Secret *secret, bool *ret);
int login_prove_ticket(LoginCall *call, const Secret *secret, Session *session, const char **ret_why);

bool login_is_refresh_token(LoginCall *call, const Secret *secret);
int login_refresh_token_genuine(LoginCall *call, const Secret *secret, bool *ret);
int login_prove_device(LoginCall *call, const Secret *secret, Session *session, const char **ret_why);

/* Sign-ins at providers: login-provider.c */

/* Which one is offered here, the configuration's; NULL: none is. */
const Provider *login_provider_offered(const LoginCall *call, const LoginRequest *request);

/*
 * Does one begin for somebody who is not enrolled? At a login's prompt it does where one is offered, so that
 * Enter alone tells nobody who is; in a login that is there already only where it may make a user.
 */
bool login_provider_begins_for_anybody(const LoginCall *call, const LoginRequest *request);

/* An empty answer: begins one where one is offered, or says how the one in @request stands. @bound: as of login_bound(), or NULL. */
int login_by_provider(LoginCall *call, const LoginRequest *request, Session *bound, LoginAnswer *ret);

/* News: the line that a person reads after a login, g_free; NULL when there is nothing to tell. */

/* @devices (Device *) are the user's, of which one that was revoked for reuse lately is told too. */
char *login_news_line(const LoginNews *news, const GPtrArray *devices, int64_t now);
