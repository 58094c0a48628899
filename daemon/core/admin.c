/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "common/error.h"
#include "daemon/core/admin.h"
#include "daemon/core/core-internal.h"

/* What [service:tessera] says of a login, whoever it is of. */
typedef enum LoginState {
        LOGIN_STATE_FRESH = 0,
        LOGIN_STATE_OUTSIDE,  /* the process belongs to no login */
        LOGIN_STATE_REVOKED,
        LOGIN_STATE_OVER,     /* it has no live session */
        LOGIN_STATE_UNPROVEN, /* it came by a token or key */
        LOGIN_STATE_OLD,
        LOGIN_STATE_METHOD,
        _LOGIN_STATE_MAX,
} LoginState;

static const struct {
        int result;
        const char *why;
} login_states[_LOGIN_STATE_MAX] = {
        [LOGIN_STATE_FRESH] = { 0, NULL },
        [LOGIN_STATE_OUTSIDE] = { CORE_E_DENIED, "this process belongs to no login; log in, then try again" },
        [LOGIN_STATE_REVOKED] = { CORE_E_DENIED, "this login was revoked; log in anew" },
        [LOGIN_STATE_OVER] = { CORE_E_STALE, "this login has no live session; sign in (tessera login), then try again" },
        [LOGIN_STATE_UNPROVEN] = { CORE_E_STALE, "this login came by a token or key and proves no password; enter "
                                                 "yours (tessera login), then try again" },
        [LOGIN_STATE_OLD] = { CORE_E_STALE, "the last sign-in of this login is too long ago; sign in again (tessera "
                                            "login), then try again" },
        [LOGIN_STATE_METHOD] = { CORE_E_STALE, "that takes a sign-in by another method: methods= of "
                                               "[service:tessera] says which" },
};

/* Who asks, and what is known of the login. */
typedef struct Asker {
        CoreConfig *config;
        Subject subject;
        Session *last; /* of this login; NULL: it never had one */
        PolicyUser user; /* under the login's cap; borrows from the above */
        LoginState login;
} Asker;

static void asker_deinit(Asker *asker) {
        g_clear_pointer(&asker->config, core_config_unref);
        subject_deinit(&asker->subject);
        asker->last = session_free(asker->last);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Asker, asker_deinit)

/* Was it proven in this very login, by a person? What it inherited from a token or device is not in its methods. */
static bool has_proven_itself(const Session *session) {
        return session->auth_time > 0 && session->auth_method && session->methods &&
               g_strv_contains((const char *const *) session->methods, session->auth_method);
}

static LoginState judge_session(Core *core, const CoreConfig *config, const Session *session) {
        const PolicyLogin login = { .auth_time = session->auth_time, .auth_method = session->auth_method };
        PolicyDecision decision;

        if (!has_proven_itself(session))
                return LOGIN_STATE_UNPROVEN;
        decision = policy_decide_fresh(config->policy, &login, ADMIN_SERVICE, clock_wall(core->clock));
        if (decision.verdict == POLICY_ALLOW)
                return LOGIN_STATE_FRESH;
        return decision.reason == POLICY_REASON_METHOD ? LOGIN_STATE_METHOD : LOGIN_STATE_OLD;
}

/* @ret_last: the last session of the login, live or not; NULL where it never had one. 0 or a negative errno. */
static int judge_login(Core *core, const CoreConfig *config, const Caller *caller, uid_t uid, LoginState *ret,
                       Session **ret_last) {
        int r;

        r = core_login_session(core, config, caller, uid, clock_wall(core->clock), ret_last);
        if (r < 0)
                return r;
        if (r == 0)
                *ret = judge_session(core, config, *ret_last);
        else if (caller->audit_id == AUDIT_ID_UNSET)
                *ret = LOGIN_STATE_OUTSIDE;
        else
                *ret = r == CORE_LOGIN_E_REVOKED ? LOGIN_STATE_REVOKED : LOGIN_STATE_OVER;
        return 0;
}

/* 0; CORE_E_DENIED for who is no enabled user of tessera's; or a negative errno. */
static int asker_init(Asker *asker, Core *core, const Caller *caller) {
        g_autoptr(Identity) identity = NULL;
        int r;

        if (caller->uid == UID_UNSET)
                return CORE_E_DENIED;
        asker->config = core_config(core);
        r = core->identities->look_up(core->identities, NULL, caller->uid, &identity);
        if (r < 0)
                return error_trace(r);
        if (r == IDENTITY_E_NOT_FOUND)
                return CORE_E_DENIED;
        r = subject_find(core, identity->name, &asker->subject);
        if (r < 0)
                return r;
        if (asker->subject.state != SUBJECT_ENABLED || asker->subject.user->uid != caller->uid)
                return CORE_E_DENIED;
        r = judge_login(core, asker->config, caller, caller->uid, &asker->login, &asker->last);
        if (r < 0)
                return r;
        /* Not subject_enter(): what a provider's groups brought to a login is no administrator's. */
        subject_set_cap(&asker->subject, asker->last ? asker->last->role_cap : NULL);
        asker->user = subject_policy_user(&asker->subject);
        return 0;
}

static int check_role(const Asker *asker) {
        PolicyDecision decision = policy_decide_role(asker->config->policy, &asker->user, ADMIN_SERVICE);

        if (decision.verdict == POLICY_ALLOW)
                return 0;
        return decision.reason == POLICY_REASON_LOOKUP ? error_trace(-EIO) : CORE_E_DENIED;
}

int admin_check(Core *core, const Caller *caller) {
        g_auto(Asker) asker = { .config = NULL };
        int r;

        if (caller->uid == 0)
                return 0;
        r = asker_init(&asker, core, caller);
        if (r == 0)
                r = check_role(&asker);
        if (r == 0)
                r = login_states[asker.login].result;
        if (r == 0)
                store_session_touch(core->store, asker.last->id, clock_wall(core->clock));
        return r;
}

static bool is_live(LoginState login) {
        return login != LOGIN_STATE_OUTSIDE && login != LOGIN_STATE_REVOKED && login != LOGIN_STATE_OVER;
}

int admin_check_still(Core *core, const Caller *caller) {
        g_auto(Asker) asker = { .config = NULL };
        int r;

        if (caller->uid == 0)
                return 0;
        r = asker_init(&asker, core, caller);
        if (r == 0)
                r = check_role(&asker);
        return r == 0 && !is_live(asker.login) ? CORE_E_DENIED : r;
}

int admin_check_own_login(Core *core, const Caller *caller, uid_t uid, Session **ret, char **ret_why) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(Session) session = NULL;
        LoginState login;
        int r;

        r = judge_login(core, config, caller, uid, &login, &session);
        if (r < 0)
                return r;
        if (login != LOGIN_STATE_FRESH) {
                *ret_why = g_strdup(login_states[login].why);
                return login_states[login].result;
        }
        *ret = g_steal_pointer(&session);
        return 0;
}

/* Telling */

/* "that needs the role …": of a service called tessera, people would read that tessera needs it. */
static char *refuse_role(const Asker *asker) {
        g_autofree char *line = NULL;

        if (policy_decide_role(asker->config->policy, &asker->user, ADMIN_SERVICE).reason ==
            POLICY_REASON_UNKNOWN_SERVICE)
                return g_strdup("that is for root: policy.conf has no [service:" ADMIN_SERVICE "]");
        line = policy_refusal(asker->config->policy, &asker->user, ADMIN_SERVICE);
        return g_str_has_prefix(line, ADMIN_SERVICE " ") ? g_strconcat("that", line + strlen(ADMIN_SERVICE), NULL) :
                                                           g_steal_pointer(&line);
}

char *admin_refusal(Core *core, const Caller *caller, int r) {
        g_auto(Asker) asker = { .config = NULL };
        int found;

        found = asker_init(&asker, core, caller);
        if (found == CORE_E_DENIED && r == CORE_E_DENIED)
                return g_strdup("that is for root, and for users of tessera's with a role of [service:" ADMIN_SERVICE "]");
        if (found != 0)
                return NULL;
        if (r == CORE_E_DENIED && check_role(&asker) == CORE_E_DENIED)
                return refuse_role(&asker);
        /* What was so a moment ago may be otherwise by now; then there is nothing to say. */
        return login_states[asker.login].result == r ? g_strdup(login_states[asker.login].why) : NULL;
}

void admin_report_refusal(Core *core, const Caller *caller, int r, const char *method) {
        g_autofree char *message = NULL, *by = admin_name(core, caller);

        message = g_strdup_printf("uid %u may not call %s%s", (unsigned) caller->uid, method,
                                  r == CORE_E_STALE ? " without signing in again" : "");
        core_audit_refusal(core, caller->uid, &(AuditEvent) {
                .event = "refused",
                .reason = r == CORE_E_STALE ? "stale" : "not-allowed",
                .message = message,
                .by = by,
        });
}

char *admin_name(Core *core, const Caller *caller) {
        g_autoptr(Identity) identity = NULL;

        if (caller->uid == 0)
                return g_strdup("root");
        if (core->identities->look_up(core->identities, NULL, caller->uid, &identity) == 0)
                return g_strdup(identity->name);
        return g_strdup_printf("uid %u", (unsigned) caller->uid);
}
