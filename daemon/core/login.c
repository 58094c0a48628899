/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "common/name.h"
#include "common/service.h"
#include "common/wire.h"
#include "daemon/core/login-internal.h"

static const char *const verdicts[_LOGIN_VERDICT_MAX] = {
        [LOGIN_DENY] = WIRE_VERDICT_DENY,
        [LOGIN_STEP_UP] = WIRE_VERDICT_STEP_UP,
        [LOGIN_ALLOW] = WIRE_VERDICT_ALLOW,
        [LOGIN_NOT_OURS] = WIRE_VERDICT_NOT_OURS,
        [LOGIN_PENDING] = WIRE_VERDICT_PENDING,
};

const char *login_verdict_to_string(LoginVerdict verdict) {
        g_assert(verdict >= 0 && verdict < _LOGIN_VERDICT_MAX);
        return verdicts[verdict];
}

void login_answer_deinit(LoginAnswer *answer) {
        g_clear_pointer(&answer->message, g_free);
        g_clear_pointer(&answer->provider, g_free);
        g_clear_pointer(&answer->host, g_free);
        provider_flow_deinit(&answer->where);
}

/* A question and its answer */

void login_call_deinit(LoginCall *call) {
        g_clear_pointer(&call->shown_service, g_free);
        g_clear_pointer(&call->rhost, g_free);
        g_clear_pointer(&call->tty, g_free);
        g_clear_pointer(&call->client, g_free);
        g_clear_pointer(&call->approver, g_free);
        subject_deinit(&call->subject);
        g_clear_pointer(&call->config, core_config_unref);
}

/* A name is no more than a way to say oneself: no other name is even looked at. */
static int check_own_name(Core *core, const Caller *caller, const LoginRequest *request) {
        g_autoptr(Identity) identity = NULL;
        int r;

        if (caller->uid == UID_UNSET || service_is_invoker(request->service))
                return CORE_E_DENIED;
        r = core->identities->look_up(core->identities, /* name= */ NULL, caller->uid, &identity);
        if (r < 0)
                return error_trace(r);
        return r == 0 && g_str_equal(identity->name, request->user) ? 0 : CORE_E_DENIED;
}

/* What is written down of where the question came from. */
static void take_place(LoginCall *call, const LoginRequest *request) {
        bool own_word = call->caller->uid != 0;

        if (own_word && !g_str_equal(call->service, LOGIN_SERVICE_TESSERA))
                call->shown_service = g_strconcat("own:", call->service, NULL);
        else
                call->shown_service = g_strdup(call->service);
        if (own_word)
                return;
        call->rhost = core_clean(request->rhost, WIRE_RHOST_MAX);
        call->tty = core_clean(request->tty, WIRE_NAME_MAX);
        /* sshd has accepted a key before it asked. */
        if (request->auth_info && g_str_has_prefix(request->auth_info, "publickey"))
                call->client = g_strdup("key");
}

static bool is_step_up(const LoginCall *call) {
        const Identity *identity = call->subject.identity;

        if (call->caller->uid != 0 || service_is_invoker(call->service) ||
            g_str_equal(call->service, LOGIN_SERVICE_TESSERA))
                return true;
        return identity && identity->uid != 0 && identity->uid == call->caller->real_uid;
}

int login_begin(LoginCall *call, Core *core, const Caller *caller, const LoginRequest *request) {
        int r;

        if (!request->user || !name_is_word(request->service))
                return CORE_E_INVALID;
        if (caller->uid != 0) {
                r = check_own_name(core, caller, request);
                if (r != 0)
                        return r;
        }
        call->core = core;
        call->caller = caller;
        call->service = request->service;
        take_place(call, request);
        call->config = core_config(core);
        call->now = clock_wall(core->clock);
        r = subject_find(core, request->user, &call->subject);
        if (r < 0)
                return r;
        /* Asked for by name now, and the answer may be another. */
        if (caller->uid != 0 && !(call->subject.identity && call->subject.identity->uid == caller->uid))
                return CORE_E_DENIED;
        call->step_up = is_step_up(call);
        call->policy_user = subject_policy_user(&call->subject);
        return 0;
}

static const char *outcome_event(const LoginOutcome *outcome) {
        if (outcome->event)
                return outcome->event;
        return outcome->verdict == LOGIN_STEP_UP ? "step-up-asked" : "refused";
}

int login_answer(LoginCall *call, const LoginOutcome *outcome, LoginAnswer *ret) {
        const AuditEvent event = {
                .event = outcome_event(outcome),
                .user = subject_is_ours(&call->subject) ? call->subject.user->name : NULL,
                .session = outcome->session,
                .service = call->shown_service,
                .rhost = call->rhost,
                .reason = outcome->why,
                .by = call->approver,
        };

        if (outcome->unstored)
                core_audit(call->core, &event);
        else
                core_report(call->core, &event);
        *ret = (LoginAnswer) {
                .verdict = outcome->verdict,
                .reason = outcome->reason,
                .message = outcome->message,
                .delay = call->wrong.delay,
        };
        if (outcome->verdict == LOGIN_ALLOW && outcome->session)
                (void) g_strlcpy(ret->session, outcome->session, sizeof(ret->session));
        return 0;
}

int login_answer_not_ours(LoginCall *call, LoginAnswer *ret) {
        /* Whoever is not enrolled may ask that about himself all day, and must not drown the audit in it. */
        if (call->caller->uid != 0) {
                *ret = (LoginAnswer) { .verdict = LOGIN_NOT_OURS };
                return 0;
        }
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_NOT_OURS,
                .event = "not-ours",
                .why = call->subject.state == SUBJECT_NOBODY ? "unknown-user" : "not-enrolled",
        }, ret);
}

int login_answer_role(LoginCall *call, PolicyReason reason, LoginAnswer *ret) {
        g_autofree char *message = NULL;

        if (reason == POLICY_REASON_LOOKUP)
                return error_trace(-EIO);
        if (!call->subject.identity) /* no account, so no groups to speak of */
                return login_answer_disabled(call, ret);
        message = policy_refusal(call->config->policy, &call->policy_user, call->service);
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_DENY,
                .reason = WIRE_REASON_ROLE_MISSING,
                .why = policy_reason_to_string(reason),
                .message = core_clean(message, 1024),
        }, ret);
}

int login_answer_revoked(LoginCall *call, const Session *bound, LoginAnswer *ret) {
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_DENY,
                .reason = WIRE_REASON_REVOKED,
                .why = "login-revoked",
                .session = bound->id,
                .message = g_strdup("this login was revoked; log in anew"),
        }, ret);
}

int login_answer_disabled(LoginCall *call, LoginAnswer *ret) {
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_DENY,
                .reason = WIRE_REASON_DISABLED,
                .why = subject_hindrance(&call->subject),
                .message = g_strdup("this account may not sign in; an administrator can say why"),
        }, ret);
}

/* @session: NULL: there is none, and nothing to say. */
static int enter(LoginCall *call, const Session *session, bool alive) {
        int r = 0;

        if (!session)
                return 0;
        if (alive)
                r = subject_enter(call->core, call->config, &call->subject, session);
        else
                subject_set_cap(&call->subject, session->role_cap);
        if (r == 0)
                call->policy_user = subject_policy_user(&call->subject);
        return r;
}

int login_bound(LoginCall *call, Session **ret) {
        g_autoptr(Session) last = NULL;
        int r, found;

        found = core_login_session(call->core, call->config, call->caller, call->subject.user->uid, call->now, &last);
        if (found < 0)
                return found;
        r = enter(call, last, /* alive= */ found == 0);
        if (r < 0)
                return r;
        if (found != CORE_LOGIN_E_NONE)
                *ret = g_steal_pointer(&last);
        return found;
}

/* Check and authorize */

/* Does the user hold a role of the service, if this login may have it or not? Who does not hears of that before all else. */
static PolicyDecision decide_without_cap(const LoginCall *call) {
        PolicyUser user = call->policy_user;

        user.cap = NULL;
        return policy_decide_role(call->config->policy, &user, call->service);
}

static int check_login(LoginCall *call, Session *bound, LoginAnswer *ret) {
        const PolicyLogin login = {
                .auth_time = bound ? bound->auth_time : 0,
                .auth_method = bound ? bound->auth_method : NULL,
        };
        PolicyDecision decision;

        decision = policy_decide(call->config->policy, &call->policy_user, bound ? &login : NULL, call->service,
                                 call->now);
        if (decision.verdict == POLICY_ALLOW && bound) {
                store_session_touch(call->core->store, bound->id, call->now);
                return login_answer(call, &(LoginOutcome) {
                        .verdict = LOGIN_ALLOW,
                        .event = "used",
                        .why = "fresh",
                        .session = bound->id,
                }, ret);
        }
        if (decision.verdict == POLICY_DENY)
                return login_answer_role(call, decision.reason, ret);
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_STEP_UP,
                .reason = decision.reason == POLICY_REASON_METHOD ? WIRE_REASON_METHOD : WIRE_REASON_STALE,
                .why = policy_reason_to_string(decision.reason),
                .session = bound ? bound->id : NULL,
        }, ret);
}

int login_check(Core *core, const Caller *caller, const LoginRequest *request, LoginAnswer *ret) {
        g_auto(LoginCall) call = { .core = core };
        g_autoptr(Session) bound = NULL;
        PolicyDecision decision;
        int r;

        if (caller->uid != 0)
                return CORE_E_DENIED;
        if (!service_is_invoker(request->service ? request->service : ""))
                return CORE_E_INVALID;
        r = login_begin(&call, core, caller, request);
        if (r != 0)
                return r;
        if (!subject_is_ours(&call.subject))
                return login_answer_not_ours(&call, ret);
        r = login_bound(&call, &bound);
        if (r < 0)
                return r;
        decision = decide_without_cap(&call);
        if (decision.verdict != POLICY_ALLOW)
                return login_answer_role(&call, decision.reason, ret);
        if (r == CORE_LOGIN_E_REVOKED)
                return login_answer_revoked(&call, bound, ret);
        /* A user who is disabled is asked like any other, and the answer is wrong like any other. */
        if (call.subject.state != SUBJECT_ENABLED)
                return login_answer(&call, &(LoginOutcome) {
                        .verdict = LOGIN_STEP_UP,
                        .reason = WIRE_REASON_STALE,
                        .why = subject_hindrance(&call.subject),
                }, ret);
        return check_login(&call, bound, ret);
}

/*
 * Between a login's prompt and its session: what a provider's groups gave is in the pending one. Its cap was asked
 * for at the prompt (login_check_cap()); without a handle, as after a key, there is no more than the user has.
 */
static int enter_pending(LoginCall *call, const char *handle) {
        g_autoptr(Session) session = NULL;

        if (!handle || !handle[0])
                return 0;
        session = pending_look(call->core->pending, handle, call->subject.user->uid, call->service, call->rhost,
                               call->caller);
        return enter(call, session, /* alive= */ true);
}

int login_authorize(Core *core, const Caller *caller, const LoginRequest *request, LoginAnswer *ret) {
        g_auto(LoginCall) call = { .core = core };
        g_autoptr(Session) bound = NULL;
        PolicyDecision decision;
        int r;

        r = login_begin(&call, core, caller, request);
        if (r != 0)
                return r;
        if (!subject_is_ours(&call.subject))
                return login_answer_not_ours(&call, ret);
        if (call.subject.state != SUBJECT_ENABLED)
                return login_answer_disabled(&call, ret);
        r = call.step_up ? login_bound(&call, &bound) : enter_pending(&call, request->session);
        if (r < 0)
                return r;
        decision = decide_without_cap(&call);
        if (decision.verdict != POLICY_ALLOW)
                return login_answer_role(&call, decision.reason, ret);
        if (call.step_up) {
                if (r == CORE_LOGIN_E_REVOKED)
                        return login_answer_revoked(&call, bound, ret);
                decision = policy_decide_role(call.config->policy, &call.policy_user, call.service);
                if (decision.verdict != POLICY_ALLOW) /* the user holds it, and this login may not have it */
                        return login_answer_role(&call, decision.reason, ret);
                if (bound)
                        store_session_touch(core->store, bound->id, call.now);
        }
        return login_answer(&call, &(LoginOutcome) {
                .verdict = LOGIN_ALLOW,
                .event = "authorized",
                .why = "role-held",
                .session = bound ? bound->id : NULL,
        }, ret);
}
