/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/error.h"
#include "common/name.h"
#include "common/service.h"
#include "daemon/core/admin.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/policy-admin.h"

#define ID_SHOWN 8

typedef struct Question {
        Core *core;
        const Caller *caller;
        const CoreConfig *config;
        Subject *subject;
        const char *service;
        int64_t now;
        GPtrArray *steps;
} Question;

void policy_answer_deinit(PolicyAnswer *answer) {
        g_clear_pointer(&answer->steps, g_ptr_array_unref);
}

/* Nobody but who may administer makes us look for a name that is not his own. @ret_own: it is. */
static int check_caller(Core *core, const Caller *caller, const char *user, bool *ret_own) {
        g_autoptr(Identity) identity = NULL;
        int r;

        *ret_own = false;
        if (caller->uid == UID_UNSET)
                return CORE_E_DENIED;
        if (caller->uid == 0)
                return admin_check(core, caller);
        r = core->identities->look_up(core->identities, NULL, caller->uid, &identity);
        if (r < 0)
                return error_trace(r);
        *ret_own = r == 0 && g_str_equal(identity->name, user);
        return *ret_own ? 0 : admin_check(core, caller);
}

/* Whom tessera lets nowhere, whatever the policy says */

static void tell_hindrance(const Question *q) {
        const Subject *subject = q->subject;

        switch (subject->state) {
        case SUBJECT_NOBODY:
        case SUBJECT_STRANGER:
                policy_step_add(q->steps, NULL, 0, "tessera does not know this user: what stands behind it in "
                                "/etc/pam.d/%s decides", q->service);
                break;
        case SUBJECT_GONE:
                policy_step_add(q->steps, NULL, 0, "the Unix account is gone");
                break;
        case SUBJECT_MOVED:
                policy_step_add(q->steps, NULL, 0, "the Unix account has the uid %u, and was enrolled with %u: it is "
                                "another one", (unsigned) subject->identity->uid, (unsigned) subject->user->uid);
                break;
        case SUBJECT_DISABLED:
                policy_step_add(q->steps, NULL, 0, "the user is disabled: tessera user enable %s",
                                subject->user->name);
                break;
        case SUBJECT_ENABLED:
                break;
        }
}

/* Which login */

/* A session, and what it counts for: as core_login_session(). */
typedef struct Login {
        Session *session; /* NULL: none */
        int state;        /* 0: it is alive; CORE_LOGIN_E_NONE; CORE_LOGIN_E_REVOKED */
} Login;

static void login_deinit(Login *login) {
        login->session = session_free(login->session);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Login, login_deinit)

/* @whose login it is; @none: what is said where there is no session. */
static void tell_login(const Question *q, const Login *login, const char *whose, const char *none) {
        const Session *session = login->session;

        if (!session)
                policy_step_add(q->steps, NULL, 0, "%s", none);
        else if (login->state == 0)
                policy_step_add(q->steps, NULL, 0, "%s: session %.*s, by %s%s%s", whose, ID_SHOWN, session->id,
                                session->service, session->rhost ? " from " : "",
                                session->rhost ? session->rhost : "");
        else
                policy_step_add(q->steps, NULL, 0, "%s: session %.*s, which is over: %s", whose, ID_SHOWN, session->id,
                                core_session_over(q->core, q->config, session, q->now));
}

static int find_named(const Question *q, const char *prefix, Login *ret) {
        const char *over;
        int r;

        r = store_session_find(q->core->store, prefix, q->subject->user->uid, &ret->session);
        if (r == STORE_E_NOT_FOUND)
                return CORE_E_NOT_FOUND;
        if (r == STORE_E_AMBIGUOUS)
                return CORE_E_AMBIGUOUS;
        if (r < 0)
                return error_trace(r);
        over = core_session_over(q->core, q->config, ret->session, q->now);
        if (over)
                ret->state = ret->session->state == SESSION_REVOKED ? CORE_LOGIN_E_REVOKED : CORE_LOGIN_E_NONE;
        tell_login(q, ret, "the login asked about", /* none= */ NULL);
        return 0;
}

/* Only a session that is bound to a login can ever answer there. */
static bool is_later(const Question *q, const Session *session, const Session *best) {
        if (session->audit_id == AUDIT_ID_UNSET || core_session_over(q->core, q->config, session, q->now))
                return false;
        return !best || session->auth_time >= best->auth_time;
}

static int find_latest(const Question *q, Login *ret) {
        const SessionFilter filter = { .uid = q->subject->user->uid, .host = q->config->host };
        g_autoptr(GPtrArray) sessions = NULL;
        const Session *best = NULL;
        int r;

        r = store_session_list(q->core->store, &filter, &sessions);
        if (r < 0)
                return error_trace(r);
        for (guint i = 0; i < sessions->len; i++)
                if (is_later(q, sessions->pdata[i], best))
                        best = sessions->pdata[i];
        ret->session = best ? session_copy(best) : NULL;
        ret->state = best ? 0 : CORE_LOGIN_E_NONE;
        tell_login(q, ret, "the login that was signed into last", "the user has no live login on this host");
        return 0;
}

static int find_login(const Question *q, const char *prefix, Login *ret) {
        uid_t uid = q->subject->user->uid;
        int r;

        if (prefix)
                return find_named(q, prefix, ret);
        r = core_login_session(q->core, q->config, q->caller, uid, q->now, &ret->session);
        if (r < 0)
                return r;
        ret->state = r;
        if (r == CORE_LOGIN_E_NONE && q->caller->uid != uid) {
                login_deinit(ret);
                return find_latest(q, ret);
        }
        if (r == 0 && q->caller->uid == uid)
                store_session_touch(q->core->store, ret->session->id, q->now);
        tell_login(q, ret, "this login", "this login has never had a session of tessera's");
        return 0;
}

/* What the policy says */

static void settle(PolicyAnswer *answer, PolicyDecision decision) {
        answer->verdict = decision.verdict;
        answer->reason = policy_reason_to_string(decision.reason);
}

/* A login whose session was revoked stays dead, but who lacks the role hears of that first. */
static void explain_revoked(const Question *q, const PolicyUser *user, PolicyAnswer *ret) {
        settle(ret, policy_explain_role(q->config->policy, user, q->service, q->steps));
        if (ret->verdict != POLICY_ALLOW)
                return;
        ret->verdict = POLICY_DENY;
        ret->reason = "revoked";
        policy_step_add(q->steps, NULL, 0, "but the session of this login was revoked: one must log in anew");
}

/* For administration only what was proven in this very login counts, not what a token brought along. */
static bool counts(const Question *q, const Session *session) {
        return !g_str_equal(q->service, ADMIN_SERVICE) ||
               (session->auth_method && g_strv_contains((const char *const *) session->methods, session->auth_method));
}

/* As a decision about it would: see login_bound(), and admin.c. */
static int enter(const Question *q, const Login *login) {
        if (!login->session)
                return 0;
        if (login->state == 0 && !g_str_equal(q->service, ADMIN_SERVICE))
                return subject_enter(q->core, q->config, q->subject, login->session);
        subject_set_cap(q->subject, login->session->role_cap);
        return 0;
}

static int explain_by_login(const Question *q, const char *session, PolicyAnswer *ret) {
        g_auto(Login) login = { .session = NULL };
        PolicyLogin known = { .auth_time = 0 };
        PolicyUser user = subject_policy_user(q->subject);
        int r;

        r = find_login(q, session, &login);
        if (r != 0)
                return r;
        if (login.state == CORE_LOGIN_E_REVOKED) {
                explain_revoked(q, &user, ret);
                return 0;
        }
        if (login.session && counts(q, login.session)) {
                known.auth_time = login.session->auth_time;
                known.auth_method = login.session->auth_method;
        }
        r = enter(q, &login); /* also one that is over: by logging out no login sheds its cap */
        if (r < 0)
                return r;
        user = subject_policy_user(q->subject);
        settle(ret, policy_explain(q->config->policy, &user, login.state == 0 ? &known : NULL, q->service, q->now,
                                   q->steps));
        return 0;
}

static bool asks_how_fresh(const char *service) {
        return service_is_invoker(service) || g_str_equal(service, ADMIN_SERVICE);
}

static int explain(const Question *q, const char *session, PolicyAnswer *ret) {
        PolicyUser user;

        if (q->subject->state != SUBJECT_ENABLED) {
                tell_hindrance(q);
                ret->verdict = POLICY_DENY;
                ret->reason = subject_hindrance(q->subject);
                return 0;
        }
        if (asks_how_fresh(q->service))
                return explain_by_login(q, session, ret);
        user = subject_policy_user(q->subject);
        policy_step_add(q->steps, NULL, 0, "\"%s\" asks whoever comes: the roles alone decide", q->service);
        settle(ret, policy_explain_role(q->config->policy, &user, q->service, q->steps));
        return 0;
}

int policy_admin_explain(Core *core, const Caller *caller, const char *user, const char *service, const char *session,
                         PolicyAnswer *ret) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_auto(Subject) subject = { .state = SUBJECT_NOBODY };
        g_auto(PolicyAnswer) answer = { .steps = policy_steps_new() };
        const Question question = {
                .core = core,
                .caller = caller,
                .config = config,
                .subject = &subject,
                .service = service,
                .now = clock_wall(core->clock),
                .steps = answer.steps,
        };
        bool own;
        int r;

        if (!name_is_word(service))
                return CORE_E_INVALID;
        r = check_caller(core, caller, user, &own);
        if (r != 0)
                return r;
        r = subject_find(core, user, &subject);
        if (r < 0)
                return r;
        /* Asked for by name now, and the answer may be another. */
        if (own && !(subject.identity && subject.identity->uid == caller->uid))
                return CORE_E_DENIED;
        r = explain(&question, session, &answer);
        if (r != 0)
                return r;
        *ret = answer;
        answer.steps = NULL;
        return 0;
}
