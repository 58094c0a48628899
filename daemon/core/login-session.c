/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "common/service.h"
#include "common/wire.h"
#include "daemon/core/login-internal.h"
#include "daemon/core/network.h"

Session *login_session_new(const LoginCall *call) {
        Session *session = session_new();

        clock_new_session_id(call->core->clock, session->id);
        session->user = g_strdup(call->subject.user->name);
        session->uid = call->subject.user->uid;
        session->host = g_strdup(call->config->host);
        /* A session says who vouches for it; who names a service himself vouches for nothing. */
        session->service = g_strdup(call->caller->uid == 0 ? call->service : LOGIN_SERVICE_TESSERA);
        session->rhost = g_strdup(call->rhost);
        session->tty = g_strdup(call->tty);
        session->methods = g_new0(char *, 1);
        session->ends = call->now + call->config->settings->session_lifetime;
        return session;
}

/* A parent that is idle or over, and that no sweep has seen yet, is no parent any more. */
static int check_parent(LoginCall *call, const Session *session) {
        g_autoptr(Session) parent = NULL;
        int r;

        if (!session->parent[0])
                return 0;
        r = store_session_get(call->core->store, session->parent, &parent);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND || core_session_over(call->core, call->config, parent, call->now))
                return LOGIN_E_OVERTAKEN;
        return 0;
}

/* Takes back what was opened while everything of its user was being ended, or the host renamed. */
static int take_back(LoginCall *call, const Session *session) {
        const SessionSelector selector = { .id = session->id, .uid = UID_UNSET };
        g_autoptr(GPtrArray) ended = NULL;
        int r;

        r = store_session_end(call->core->store, &selector, SESSION_EVENT_REVOKE, "overtaken", call->now, &ended);
        if (r < 0)
                return error_trace(r);
        core_report_ended(call->core, ended);
        return LOGIN_E_OVERTAKEN;
}

/* Where the user is known from then on: not here, and not "somewhere". */
static bool is_a_place(const Network *network) {
        return network->kind != NETWORK_NONE && network->kind != NETWORK_OTHER;
}

static int open_in_store(LoginCall *call, const Session *session, bool *ret_bound, GPtrArray **ret_evicted,
                         LoginNews *ret_news) {
        unsigned max = call->config->settings->max_per_user;

        if (ret_news) {
                Network network = network_of(session->rhost);
                char text[NETWORK_TEXT_MAX];

                network_to_string(&network, text);
                return store_session_open_login(call->core->store, session, max,
                                                is_a_place(&network) ? text : NULL, ret_bound, ret_evicted, ret_news);
        }
        return store_session_open(call->core->store, session, max, ret_bound, ret_evicted);
}

int login_activate(LoginCall *call, Session *session, bool *ret_bound, LoginNews *ret_news) {
        g_autoptr(GPtrArray) evicted = NULL;
        g_autoptr(Session) bound = NULL;
        int r;

        r = check_parent(call, session);
        if (r != 0)
                return r;
        /* One that is over but not swept yet would keep the place in this login. */
        r = login_bound(call, &bound);
        if (r < 0)
                return r;
        session->state = session_transition(session->state, SESSION_EVENT_OPEN);
        session->opened = session->seen = call->now;
        g_free(session->host); /* renamed since it was authenticated, perhaps */
        session->host = g_strdup(call->config->host);
        r = subject_enter(call->core, call->config, &call->subject, session);
        if (r < 0)
                return r;
        g_strfreev(session->roles);
        session->roles = subject_roles(&call->subject, call->config->policy);
        core_session_bind(call->core, call->caller, session);
        r = open_in_store(call, session, ret_bound, &evicted, ret_news);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_STATE)
                return LOGIN_E_OVERTAKEN;
        if (r != 0)
                return error_trace(-EEXIST);
        core_report_ended(call->core, evicted);
        if (!pending_mark_holds(call->core->pending, session->uid, call->subject.mark) ||
            !core_is_called(call->core, session->host))
                return take_back(call, session);
        if (ret_news)
                throttle_reopen(call->core->throttle, &call->config->settings->throttle, session->uid);
        return 0;
}

static int refuse_session(LoginCall *call, const char *why, LoginAnswer *ret) {
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_DENY,
                .reason = WIRE_REASON_SESSION,
                .why = why,
                .message = g_strdup("this login does not match its sign-in, or that is over; log in anew"),
        }, ret);
}

/* Something else let this login in: with what, is known of ssh keys only. That proves no presence now. */
static Session *adopt(LoginCall *call, const char *auth_info) {
        Session *session = login_session_new(call);

        if (auth_info && g_str_has_prefix(auth_info, "publickey"))
                login_set_methods(session, METHOD_KEY);
        return session;
}

/* Devices that cannot be had are no reason to refuse a login that is open: then nothing is told of them. */
static char *tell_news(LoginCall *call, const LoginNews *news) {
        g_autoptr(GPtrArray) devices = NULL;

        (void) store_device_list(call->core->store, call->subject.user->uid, &devices);
        return login_news_line(news, devices, call->now);
}

static int open_session(LoginCall *call, const LoginRequest *request, LoginAnswer *ret) {
        bool of_person = !g_str_equal(call->service, LOGIN_SERVICE_TESSERA);
        g_auto(LoginNews) news = { .last = 0 };
        g_autoptr(Session) session = NULL;
        bool bound = false;
        int r;

        if (request->session && request->session[0])
                session = pending_take(call->core->pending, request->session, call->subject.user->uid, call->service,
                                       call->rhost, call->caller);
        else
                session = adopt(call, request->auth_info);
        if (!session)
                return refuse_session(call, "handle-not-pending", ret);
        r = login_activate(call, session, &bound, of_person ? &news : NULL);
        if (r < 0)
                return r;
        if (r == LOGIN_E_OVERTAKEN)
                return refuse_session(call, "ended-meanwhile", ret);
        return login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_ALLOW,
                .event = "opened",
                .why = bound ? "bound" : "unbound",
                .session = session->id,
                .message = of_person ? tell_news(call, &news) : NULL,
        }, ret);
}

int login_open(Core *core, const Caller *caller, const LoginRequest *request, LoginAnswer *ret) {
        g_auto(LoginCall) call = { .core = core };
        int r;

        if (caller->uid != 0)
                return CORE_E_DENIED;
        /* By now sudo has made PAM_USER its target: that is nobody's login, and nothing is written down. */
        if (request->service && service_is_invoker(request->service)) {
                *ret = (LoginAnswer) { .verdict = LOGIN_ALLOW };
                return 0;
        }
        r = login_begin(&call, core, caller, request);
        if (r != 0)
                return r;
        if (!subject_is_ours(&call.subject))
                return login_answer_not_ours(&call, ret);
        if (call.subject.state != SUBJECT_ENABLED)
                return login_answer_disabled(&call, ret);
        return open_session(&call, request, ret);
}

int login_close(Core *core, const Caller *caller, const char *session) {
        const SessionSelector selector = { .id = session, .uid = UID_UNSET };
        g_autoptr(GPtrArray) ended = NULL;
        int r;

        if (caller->uid != 0)
                return CORE_E_DENIED;
        if (!session || strlen(session) != WIRE_SESSION_ID_LENGTH ||
            strspn(session, "0123456789abcdef") != WIRE_SESSION_ID_LENGTH)
                return CORE_E_INVALID;
        r = store_session_end(core->store, &selector, SESSION_EVENT_CLOSE, CORE_REASON_LOGIN_ENDED,
                              clock_wall(core->clock), &ended);
        if (r < 0)
                return error_trace(r);
        core_report_ended(core, ended);
        return 0;
}
