/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What PAM asks: authenticate, check, authorize, open, close, change a password. One answer type for
 * all, and a zeroed answer is a refusal.
 */

#include "common/secret.h"
#include "daemon/core/core.h"

typedef enum LoginVerdict {
        LOGIN_DENY = 0,
        LOGIN_STEP_UP,
        LOGIN_ALLOW,
        LOGIN_NOT_OURS,
        LOGIN_PENDING, /* a sign-in at a provider is under way: never a yes */
        _LOGIN_VERDICT_MAX,
} LoginVerdict;

typedef struct LoginRequest {
        const char *user;      /* the subject: who logs in, or who invoked sudo */
        const char *service;
        const char *rhost;     /* NULL: local */
        const char *tty;
        const char *session;   /* the handle found in the PAM environment; a hint */
        const char *auth_info; /* SSH_AUTH_INFO_0 */

        /* A sign-in at a provider; see login_authenticate(). */
        const char *flow;         /* NULL: none is under way */
        bool hurry;               /* whoever sits there says that it is approved */
        const char *query;        /* what a browser brought; NULL: a device flow */
        size_t query_size;
        const char *provider;     /* where one begins; NULL: the first that the service names; "": nowhere */
        const char *redirect_uri; /* NULL: it is to be a device flow */
} LoginRequest;

typedef struct LoginAnswer {
        LoginVerdict verdict;
        const char *reason; /* WIRE_REASON_*; NULL with ALLOW and NOT_OURS */
        char *message;      /* for the user, may be NULL */
        char session[SESSION_ID_SIZE];
        int64_t delay; /* µs for which to hold it back: see WrongPassword */
        char flow[PROVIDER_FLOW_SIZE]; /* with PENDING: to ask again by */
        char *provider;                /* with PENDING, where it begins; NULL else */
        char *host;                    /* this one, as the person must find it there */
        ProviderFlow where;            /* where the person is sent */
} LoginAnswer;

void login_answer_deinit(LoginAnswer *answer);
const char *login_verdict_to_string(LoginVerdict verdict); /* WIRE_VERDICT_* */

/*
 * Every function returns 0 and an answer, or CORE_E_* or a negative errno: no answer could be had,
 * and the module treats that as an outage (CORE_E_INVALID: as an error).
 */

/*
 * Checks a password, an access token, a ticket or a refresh token. A login service: makes a pending
 * session (its id in the answer). An invoker's service (sudo, su), "tessera", or a program that is a
 * user's own (a screen locker: the caller is not root, or somebody else than root started it for
 * himself): step-up; renews auth_time of the caller's login, or opens a session bound to it; outside
 * a login it is a yes without a session. Tokens of every kind are taken at a login's prompt alone; at
 * a step-up they prove nothing fresh, are refused and not spent.
 *
 * Callers other than root ask this and login_authorize() about themselves alone, else CORE_E_DENIED.
 * Their rhost, tty and session are left out, the audit has their service as "own:NAME", and the
 * services of sudo and su are not theirs.
 */
int login_authenticate(Core *core, const Caller *caller, const LoginRequest *request, const Secret *secret,
                       LoginAnswer *ret);

/*
 * And with an empty secret, where the service names a provider (or @request does): a sign-in there.
 * It begins (PENDING, with all that is to be shown) for every enrolled user alike, and for an account
 * that is not enrolled where that provider has create=yes; then @request->flow asks how it stands
 * (PENDING, with flow alone), until somebody approved: then it is judged as a password would be. What
 * an approved identity means is decided here, in login-provider.c. sign-in.h says who may ask.
 */

/* The provider that a sign-in by the command goes to when none is named; g_free. NULL: there is none, or several. */
char *login_default_provider(Core *core);

/* Is this login enough for the service? Without a secret; invokers' services only. Root's to ask. */
int login_check(Core *core, const Caller *caller, const LoginRequest *request, LoginAnswer *ret);

/* Account: enabled, role held, and where a secret would be a step-up this login's own session not revoked. */
int login_authorize(Core *core, const Caller *caller, const LoginRequest *request, LoginAnswer *ret);

/*
 * sudo's group plugin: does the user hold @role, now, as a sudoers rule may ask of anybody? ALLOW: an
 * enabled user who holds it, under the cap of the caller's login where that is the user's own, and
 * that login is not revoked. How fresh it is is for check and account, which sudo asks next. So this
 * is no decision, and no use either: nothing is reported, and nothing is touched. CORE_E_INVALID for
 * a role that nothing can be called.
 */
int login_has_role(Core *core, const Caller *caller, const LoginRequest *request, const char *role, LoginAnswer *ret);

/*
 * Opens the pending session that @request names, bound to the caller's audit session. Without a
 * handle: adopts a login that something else authenticated (an ssh key), with no auth_time. A
 * handle that does not belong here: DENY, WIRE_REASON_SESSION. The message of an ALLOW is the line
 * that a person reads after a login: the last one, what failed since, and a device that was copied.
 */
int login_open(Core *core, const Caller *caller, const LoginRequest *request, LoginAnswer *ret);

/*
 * passwd: another password for @request's user, by a program that root runs for the user whose real
 * uid its process has. Root himself: of anybody, without the current one. A user: of his own, with it.
 * An empty @password changes nothing and says what would come of it: STEP_UP when the current
 * password is wanted and @current is empty; else as below, the current one charged like every attempt.
 * ALLOW; DENY with WIRE_REASON_CREDENTIAL (wrong, throttled, disabled), _PASSWORD (the new one is no
 * password; the message says why) or _NOT_YOURS. Spares the caller's own login alone.
 */
int login_change_password(Core *core, const Caller *caller, const LoginRequest *request, const Secret *current,
                          const Secret *password, LoginAnswer *ret);

/* The login ended. Not found, or closed already, is no error. */
int login_close(Core *core, const Caller *caller, const char *session);
