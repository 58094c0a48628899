/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The answer to a prompt. Whatever is wrong with it, the caller hears one thing, and after about
 * the same time: WIRE_REASON_CREDENTIAL without a word more. The audit is told the truth.
 *
 * An answer says itself what it is: an access token begins with the constant header of a key of
 * ours, a ticket with that of a trusted host's, a refresh token with "ts1_". It is then never tried
 * as a password, and everything else is one. A signature cannot be guessed, so it is looked at before
 * anything is charged: one that is right costs its user nothing whatever else is wrong, and one that
 * is wrong counts like a wrong password.
 */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "common/service.h"
#include "common/wire.h"
#include "daemon/core/login-internal.h"

/* Where sudo's and ssh's prompts cut an answer off. */
#define PROMPT_SUDO 511
#define PROMPT_SSH 1023

static bool is_token_like(const Secret *secret) {
        size_t dots = 0;

        for (size_t i = 0; i < secret->size; i++) {
                char c = secret->data[i];

                dots += c == '.';
                if (!g_ascii_isalnum(c) && c != '-' && c != '_' && c != '.')
                        return false;
        }
        return secret->size > 60 && dots >= 1;
}

static bool is_probably_cut(const Secret *secret) {
        return (secret->size == PROMPT_SUDO || secret->size == PROMPT_SSH) && is_token_like(secret);
}

/*
 * What sshd passes on in the place of an answer, where it lets this user in by no answer (DenyUsers,
 * AllowGroups, no shell): as long as what was typed, over and over. fake_password() in its auth-pam.c.
 */
static bool is_sshd_junk(const Secret *secret) {
        static const char junk[] = "\b\n\r\177INCORRECT";

        for (size_t i = 0; i < secret->size; i++)
                if (secret->data[i] != junk[i % (sizeof(junk) - 1)])
                        return false;
        return secret->size > 0;
}

/* Only in sudo, su and the command it is told how long to wait: whoever is at a lock screen may be anybody. */
static bool is_identified(const LoginCall *call) {
        return service_is_invoker(call->service) || g_str_equal(call->service, LOGIN_SERVICE_TESSERA);
}

static char *tell_wait(const LoginCall *call) {
        if (call->wrong.wait == 0)
                return NULL;
        if (call->wrong.wait == INT64_MAX)
                return g_strdup("too many wrong answers; an administrator can reset that");
        if (call->wrong.wait <= 90)
                return g_strdup_printf("too many wrong answers; try again in %d s", (int) call->wrong.wait);
        return g_strdup_printf("too many wrong answers; try again in %d min", (int) ((call->wrong.wait + 59) / 60));
}

int login_refuse_credential(LoginCall *call, const char *why, char *message, LoginAnswer *ret) {
        g_autofree char *owned = message;

        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_DENY,
                .reason = WIRE_REASON_CREDENTIAL,
                .why = why,
                .message = is_identified(call) ? g_steal_pointer(&owned) : NULL,
        }, ret);
}

static int refuse_credential(LoginCall *call, const char *why, LoginAnswer *ret) {
        return login_refuse_credential(call, why, tell_wait(call), ret);
}

int login_refuse_throttled(LoginCall *call, LoginAnswer *ret) {
        return refuse_credential(call, "throttled", ret);
}

void login_set_methods(Session *session, const char *method) {
        g_strfreev(session->methods);
        session->methods = g_strdupv((char **) (const char *const[]) { method, NULL });
}

/* Passwords */

static int check_password(LoginCall *call, const Secret *secret, const char **ret_why) {
        Attempt attempt = login_attempt(call);
        int r;

        r = core_check_password(call->core, &attempt, secret, &call->wrong);
        if (r != CORE_PASSWORD_E_WRONG)
                return r;
        *ret_why = call->wrong.why;
        if (g_str_equal(*ret_why, "wrong-password") && is_probably_cut(secret))
                *ret_why = "token-cut";
        else if (g_str_equal(*ret_why, "wrong-password") && is_token_like(secret))
                *ret_why = "token-foreign";
        return CREDENTIAL_E_WRONG;
}

void login_set_proof(Session *session, const char *method, int64_t now) {
        login_set_methods(session, method);
        session->auth_time = now;
        g_free(session->auth_method);
        session->auth_method = g_strdup(method);
}

/* Nobody guessed: the account pays nothing for it, its host does. Takes as long as a wrong password. */
static int refuse_junk(LoginCall *call, const Secret *secret, const char **ret_why) {
        static const Subject nobody = { .state = SUBJECT_NOBODY };
        Attempt attempt = login_attempt(call);
        int r;

        attempt.subject = &nobody;
        r = core_check_password(call->core, &attempt, secret, &call->wrong);
        if (r != CORE_PASSWORD_E_WRONG)
                return r;
        *ret_why = g_str_equal(call->wrong.why, "throttled") ? "throttled" : "forbidden-by-sshd";
        return CREDENTIAL_E_WRONG;
}

static int prove_password(LoginCall *call, const Secret *secret, Session *session, const char **ret_why) {
        int r;

        if (call->rhost && is_sshd_junk(secret))
                return refuse_junk(call, secret, ret_why);
        r = check_password(call, secret, ret_why);
        if (r == 0)
                login_set_proof(session, METHOD_PASSWORD, call->now);
        return r;
}

/* Tokens */

Attempt login_attempt(const LoginCall *call) {
        return (Attempt) {
                .config = call->config,
                .subject = &call->subject,
                .client = call->client,
                .rhost = call->rhost,
        };
}

int login_refuse_forgery(LoginCall *call, const Secret *secret, const char **ret_why) {
        Attempt attempt = login_attempt(call);
        bool charged;
        int r;

        r = core_charge_guess(call->core, &attempt, &charged);
        if (r < 0)
                return r;
        if (charged)
                store_user_failed(call->core->store, call->subject.user->name, call->rhost, call->now);
        *ret_why = !charged ? "throttled" : is_probably_cut(secret) ? "token-cut" : "token-invalid";
        return CREDENTIAL_E_WRONG;
}

const char *login_token_why(TokenReason reason) {
        switch (reason) {
        case TOKEN_EXPIRED:
                return "token-expired";
        case TOKEN_WRONG_AUDIENCE:
                return "token-wrong-audience";
        case TOKEN_REVOKED:
                return "token-revoked";
        case TOKEN_REPLAYED:
                return "token-replayed";
        case TOKEN_ROLE_MISSING:
                return "role-missing";
        default:
                return "token-invalid";
        }
}

int login_check_cap(LoginCall *call, const char **ret_why) {
        PolicyUser user = subject_policy_user(&call->subject);
        PolicyDecision decision;

        if (!user.cap)
                return 0;
        decision = policy_decide_role(call->config->policy, &user, call->service);
        if (decision.verdict == POLICY_ALLOW)
                return 0;
        if (decision.reason == POLICY_REASON_LOOKUP)
                return error_trace(-EIO);
        *ret_why = policy_reason_to_string(decision.reason);
        return CREDENTIAL_E_WRONG;
}

typedef struct Kind {
        bool (*is)(LoginCall *call, const Secret *secret);
        int (*genuine)(LoginCall *call, const Secret *secret, bool *ret);
        int (*prove)(LoginCall *call, const Secret *secret, Session *session, const char **ret_why);
} Kind;

/* NULL: a password. */
static const Kind *find_kind(LoginCall *call, const Secret *secret) {
        static const Kind kinds[] = {
                { login_is_token,         login_token_genuine,         login_prove_token  },
                { login_is_ticket,        login_ticket_genuine,        login_prove_ticket },
                { login_is_refresh_token, login_refresh_token_genuine, login_prove_device },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
                if (kinds[i].is(call, secret))
                        return &kinds[i];
        return NULL;
}

/* Logging in */

static int log_in(LoginCall *call, const Secret *secret, LoginAnswer *ret) {
        g_autoptr(Session) session = login_session_new(call);
        const Kind *kind = find_kind(call, secret);
        const char *why = NULL;
        int r;

        r = (kind ? kind->prove : prove_password)(call, secret, session, &why);
        if (r == CREDENTIAL_E_WRONG && kind) { /* the clock tells a token from a password no more than the words do */
                r = core_take_time(call->core, secret, &call->wrong.delay);
                if (r == 0)
                        r = CREDENTIAL_E_WRONG;
        }
        if (r == CREDENTIAL_E_WRONG)
                return refuse_credential(call, why, ret);
        return r == 0 ? login_accept(call, session, /* message= */ NULL, ret) : r;
}

int login_accept(LoginCall *call, Session *session, char *message, LoginAnswer *ret) {
        g_autofree char *owned = message;
        int r;

        r = pending_add(call->core->pending, session, call->caller, call->subject.mark);
        if (r == PENDING_E_CHANGED) /* disabled, or another password, while this one was being hashed */
                return refuse_credential(call, "changed-meanwhile", ret);
        if (r == PENDING_E_FULL)
                return CORE_E_BUSY;
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_ALLOW,
                .event = "login",
                .why = session->methods[0],
                .session = session->id,
                .unstored = true,
                .message = g_steal_pointer(&owned),
        }, ret);
}

/* Stepping up */

static int refuse_token(LoginCall *call, const Kind *kind, const Secret *secret, const Session *bound,
                        LoginAnswer *ret) {
        const char *why = NULL;
        bool genuine = false;
        int r;

        r = kind->genuine(call, secret, &genuine);
        if (r < 0)
                return r;
        if (!genuine) {
                r = login_refuse_forgery(call, secret, &why);
                return r == CREDENTIAL_E_WRONG ? refuse_credential(call, why, ret) : r;
        }
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_DENY,
                .reason = WIRE_REASON_STALE,
                .why = "token-at-step-up",
                .session = bound ? bound->id : NULL,
                .message = g_strdup("a token does not prove that you are present; enter your password"),
        }, ret);
}

int login_check_service(LoginCall *call, const char *method, LoginAnswer *ret, bool *ret_answered) {
        const PolicyLogin login = { .auth_time = call->now, .auth_method = method };
        PolicyDecision decision;

        *ret_answered = true;
        if (g_str_equal(call->service, LOGIN_SERVICE_TESSERA)) {
                *ret_answered = false;
                return 0;
        }
        decision = policy_decide(call->config->policy, &call->policy_user, &login, call->service, call->now);
        if (decision.verdict == POLICY_DENY)
                return login_answer_role(call, decision.reason, ret);
        if (decision.verdict == POLICY_STEP_UP)
                return login_answer(call, &(LoginOutcome) {
                        .verdict = LOGIN_DENY,
                        .reason = WIRE_REASON_METHOD,
                        .why = "method",
                        .message = g_strdup_printf("%s does not take %s; sign in by another method", call->service,
                                                   g_str_equal(method, METHOD_PASSWORD) ? "a password" : method),
                }, ret);
        *ret_answered = false;
        return 0;
}

/*
 * Where the login has no live session one is opened, bound to it. A caller outside every login gets
 * none: nothing could ever find it again, and each call would push a real one towards the cap.
 */
static int open_stepped_up(LoginCall *call, const LoginProof *proof, char ret_id[SESSION_ID_SIZE], bool *ret_bound) {
        g_autoptr(Session) session = NULL;
        int r;

        ret_id[0] = '\0';
        *ret_bound = true;
        if (call->caller->audit_id == AUDIT_ID_UNSET)
                return 0;
        session = login_session_new(call);
        login_set_proof(session, proof->method, call->now);
        session->role_cap = g_strdupv(call->subject.cap);
        if (proof->granted)
                session->granted = granted_copy(proof->granted);
        r = login_activate(call, session, ret_bound, /* ret_news= */ NULL);
        if (r == 0)
                (void) g_strlcpy(ret_id, session->id, SESSION_ID_SIZE);
        return r;
}

/* Another step-up of this login was faster, or its revocation was: the new session is not needed. */
static int close_superseded(LoginCall *call, const char *id) {
        const SessionSelector selector = { .id = id, .uid = UID_UNSET };
        g_autoptr(GPtrArray) ended = NULL;
        int r;

        r = store_session_end(call->core->store, &selector, SESSION_EVENT_CLOSE, "superseded", call->now, &ended);
        if (r < 0)
                return error_trace(r);
        core_report_ended(call->core, ended);
        return 0;
}

/* The answer was right: renews the session in @bound, or makes one. */
static int renew(LoginCall *call, Session *bound, const LoginProof *proof, char ret_id[SESSION_ID_SIZE]) {
        g_autoptr(Session) winner = NULL;
        bool is_bound;
        int r;

        if (!pending_mark_holds(call->core->pending, call->subject.user->uid, call->subject.mark))
                return LOGIN_E_OVERTAKEN;
        if (!bound) {
                r = open_stepped_up(call, proof, ret_id, &is_bound);
                if (r != 0 || is_bound)
                        return r;
                r = close_superseded(call, ret_id);
                if (r < 0)
                        return r;
                r = login_bound(call, &winner);
                if (r != 0)
                        return r < 0 ? r : LOGIN_E_OVERTAKEN;
                bound = winner;
        }
        r = store_session_authenticated(call->core->store, bound->id, call->now, proof->method, proof->granted);
        if (r < 0)
                return error_trace(r);
        if (r != 0)
                return LOGIN_E_OVERTAKEN;
        store_session_touch(call->core->store, bound->id, call->now);
        (void) g_strlcpy(ret_id, bound->id, SESSION_ID_SIZE);
        return 0;
}

static int step_up_by_password(LoginCall *call, const Secret *secret, Session *bound, LoginAnswer *ret) {
        const LoginProof proof = { .method = METHOD_PASSWORD };
        const char *why = NULL;
        int r;

        r = check_password(call, secret, &why);
        if (r == CREDENTIAL_E_WRONG)
                return refuse_credential(call, why, ret);
        return r == 0 ? login_accept_step_up(call, bound, &proof, /* message= */ NULL, ret) : r;
}

int login_accept_step_up(LoginCall *call, Session *bound, const LoginProof *proof, char *message, LoginAnswer *ret) {
        g_autofree char *owned = message;
        char id[SESSION_ID_SIZE] = "";
        int r;

        r = renew(call, bound, proof, id);
        if (r < 0)
                return r;
        if (r == LOGIN_E_OVERTAKEN)
                return login_answer(call, &(LoginOutcome) {
                        .verdict = LOGIN_DENY,
                        .reason = WIRE_REASON_REVOKED,
                        .why = "ended-meanwhile",
                        .message = g_strdup("this login ended meanwhile; log in anew"),
                }, ret);
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_ALLOW,
                .event = "step-up",
                .why = proof->method,
                .session = id[0] ? id : NULL,
                .message = g_steal_pointer(&owned),
        }, ret);
}

/* By which method an answer would be one: nothing but a sign-in at a provider is empty. */
static char *method_of(const LoginCall *call, const LoginRequest *request, const Secret *secret) {
        const Provider *provider = secret->size == 0 ? login_provider_offered(call, request) : NULL;

        return provider ? g_strconcat(POLICY_METHOD_PROVIDER, provider->name, NULL) : g_strdup(METHOD_PASSWORD);
}

static int step_up(LoginCall *call, const LoginRequest *request, const Secret *secret, LoginAnswer *ret) {
        g_autofree char *method = method_of(call, request, secret);
        g_autoptr(Session) bound = NULL;
        int r, found = CORE_LOGIN_E_NONE;
        const Kind *kind;
        bool answered;

        if (subject_is_ours(&call->subject))
                found = login_bound(call, &bound);
        if (found < 0)
                return found;
        r = login_check_service(call, method, ret, &answered);
        if (r != 0 || answered)
                return r;
        if (found == CORE_LOGIN_E_REVOKED)
                return login_answer_revoked(call, bound, ret);
        /* Whoever sits in a login closes no console by his guesses, nor a place that it came from. */
        g_free(call->client);
        call->client = bound ? core_client_of(bound) : g_strdup(CORE_CLIENT_LOGIN);
        if (secret->size == 0)
                return login_by_provider(call, request, bound, ret);
        kind = find_kind(call, secret);
        if (kind)
                return refuse_token(call, kind, secret, bound, ret);
        return step_up_by_password(call, secret, bound, ret);
}

/* Who asks */

/* sshd sends junk for names that nobody has: no account pays for it, its host does. */
static int answer_stranger(LoginCall *call, const Secret *secret, LoginAnswer *ret) {
        Attempt attempt = login_attempt(call);
        bool charged;
        int r;

        if (call->subject.state == SUBJECT_NOBODY && secret->size > 0) {
                r = core_charge_guess(call->core, &attempt, &charged);
                if (r < 0)
                        return r;
        }
        return login_answer_not_ours(call, ret);
}

int login_authenticate(Core *core, const Caller *caller, const LoginRequest *request, const Secret *secret,
                       LoginAnswer *ret) {
        g_auto(LoginCall) call = { .core = core };
        int r;

        if (request->flow && secret->size > 0)
                return CORE_E_INVALID;
        r = login_begin(&call, core, caller, request);
        if (r != 0)
                return r;
        if (!subject_is_ours(&call.subject) && !request->flow &&
            !(secret->size == 0 && login_provider_begins_for_anybody(&call, request)))
                return answer_stranger(&call, secret, ret);
        if (call.step_up)
                return step_up(&call, request, secret, ret);
        if (secret->size == 0)
                return login_by_provider(&call, request, /* bound= */ NULL, ret);
        return log_in(&call, secret, ret);
}
