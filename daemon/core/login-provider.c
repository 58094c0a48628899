/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * A sign-in at an identity provider as the answer to a prompt. The helper says who somebody is there,
 * as (issuer, subject); this file says who that is here, and there are three ways to be somebody:
 *
 *     linked      an administrator, or an earlier sign-in, has tied exactly that to exactly this user
 *     awaiting    this user was added to await that provider, and the provider calls whoever signed in
 *                 by the user's name: tied from now on
 *     create=yes  the same for a Unix account that is not enrolled, and would not administer: enrolled
 *
 * Every other approval is a no, to the one who asked as to all who watch: whoever approved it is not
 * whom the prompt was for. Names come from the user-claim alone and count only where nothing is tied
 * yet; an address is nobody. At the end there is one gate, whatever way led to it: the mark that was
 * taken when the sign-in began must still hold. Who was disabled, removed or revoked since stays out.
 */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "common/name.h"
#include "common/wire.h"
#include "daemon/core/admin.h"
#include "daemon/core/login-internal.h"
#include "daemon/core/user-admin.h"

#define CODE_MAX 64     /* of the helper's reasons */
#define SUBJECT_MAX 255 /* OpenID Connect's */

/* What is offered */

const Provider *login_provider_offered(const LoginCall *call, const LoginRequest *request) {
        const char *name = request->provider;

        if (!name)
                name = policy_provider_of(call->config->policy, call->service);
        return name ? providers_find(call->config->providers, name) : NULL;
}

/* sudo and su leave whom tessera does not know to the stack below. */
static bool is_for_strangers(const LoginCall *call) {
        return !call->step_up || g_str_equal(call->service, LOGIN_SERVICE_TESSERA);
}

static bool makes_user(const LoginCall *call, const Provider *provider) {
        return provider->create && call->subject.state == SUBJECT_STRANGER && is_for_strangers(call) &&
               user_may_be_enrolled(call->subject.identity->uid);
}

/* uid 0 is asked for nowhere, and of a name that nobody can have there is nothing to learn. */
bool login_provider_begins_for_anybody(const LoginCall *call, const LoginRequest *request) {
        const Provider *provider = login_provider_offered(call, request);
        const Identity *identity = call->subject.identity;

        if (!provider)
                return false;
        if (call->step_up)
                return makes_user(call, provider);
        return name_is_user(request->user) && !(identity && identity->uid == 0);
}

char *login_default_provider(Core *core) {
        g_autoptr(CoreConfig) config = core_config(core);
        const char *name = policy_provider_of(config->policy, LOGIN_SERVICE_TESSERA);

        if (!name && config->providers->len == 1)
                name = ((const Provider *) config->providers->pdata[0])->name;
        return name && providers_find(config->providers, name) ? g_strdup(name) : NULL;
}

static const char *name_of(const LoginCall *call) {
        if (subject_is_ours(&call->subject))
                return call->subject.user->name;
        return call->subject.identity ? call->subject.identity->name : "";
}

/* By its one name, and where nobody has it by the one that was typed. */
static const char *name_asked_for(const LoginCall *call, const LoginRequest *request) {
        const char *name = name_of(call);

        return name[0] ? name : request->user;
}

static SignInWish wish_of(const LoginCall *call, const LoginRequest *request, const char *provider) {
        return (SignInWish) {
                .provider = provider,
                .redirect_uri = request->redirect_uri,
                .user = name_asked_for(call, request),
                .service = call->service,
                .caller = call->caller,
                .mark = call->subject.mark,
        };
}

/* Beginning */

/* Has the user a password, and would one be enough for this service? */
static bool password_works(const LoginCall *call) {
        const PolicyLogin login = { .auth_time = call->now, .auth_method = METHOD_PASSWORD };

        if (!subject_is_ours(&call->subject) || !call->subject.user->password_hash)
                return false;
        return !call->step_up || g_str_equal(call->service, LOGIN_SERVICE_TESSERA) ||
               policy_decide(call->config->policy, &call->policy_user, &login, call->service, call->now).verdict == POLICY_ALLOW;
}

/* @what happened, and what is left to do. g_free. */
static char *with_way_out(const LoginCall *call, const char *what) {
        return g_strconcat(what, password_works(call) ? "; your password works" : "; try again later", NULL);
}

static int refuse_outage(LoginCall *call, const char *provider, const char *why, LoginAnswer *ret) {
        g_autofree char *what = g_strdup_printf("%s cannot be asked now", provider);

        return login_refuse_credential(call, why, with_way_out(call, what), ret);
}

static int begin(LoginCall *call, const LoginRequest *request, const Provider *provider, LoginAnswer *ret) {
        SignInWish wish = wish_of(call, request, provider->name);
        Attempt attempt = login_attempt(call);
        g_auto(ProviderFlow) where = { .expires_in = 0 };
        char handle[PROVIDER_FLOW_SIZE];
        int r;

        r = core_begin_sign_in(call->core, &attempt, &wish, &call->wrong, handle, &where);
        if (r == CORE_PASSWORD_E_WRONG)
                return login_refuse_throttled(call, ret);
        if (r == CORE_E_BUSY)
                return refuse_outage(call, provider->name, "provider-busy", ret);
        if (r < 0)
                return refuse_outage(call, provider->name, r == -ECONNREFUSED ? "provider-down" : "provider-unreachable", ret);
        r = login_answer(call, &(LoginOutcome) {
                .verdict = LOGIN_PENDING,
                .event = "sign-in-begun",
                .why = provider->name,
        }, ret);
        (void) g_strlcpy(ret->flow, handle, sizeof(ret->flow));
        ret->provider = g_strdup(provider->name);
        ret->host = g_strdup(call->config->host);
        ret->where = where;
        where = (ProviderFlow) { .expires_in = 0 };
        return r;
}

/* Who somebody is here */

/* One that was approved, while it is being judged. */
typedef struct Approval {
        LoginCall *call;
        const Provider *provider;
        const ProviderIdentity *identity;
        char *method; /* "oidc:NAME" */
        bool linked;  /* for the first time, now */
} Approval;

static int refuse(const char *why, const char **ret_why) {
        *ret_why = why;
        return CREDENTIAL_E_WRONG;
}

static UserIdentity identity_of(const Approval *approval, const char *name, uid_t uid) {
        return (UserIdentity) {
                .issuer = approval->identity->issuer,
                .subject = approval->identity->subject,
                .user = (char *) name,
                .uid = uid,
                .provider = approval->provider->name,
                .linked = approval->call->now,
                .by = approval->method,
        };
}

static void report(const Approval *approval, const char *event, const char *user) {
        const LoginCall *call = approval->call;

        core_audit(call->core, &(AuditEvent) {
                .event = event,
                .user = user,
                .service = call->shown_service,
                .rhost = call->rhost,
                .reason = approval->method,
        });
}

static bool is_called(const Approval *approval, const char *name) {
        return approval->identity->user && approval->identity->user[0] && g_str_equal(approval->identity->user, name);
}

/* The user awaits this provider: is it this one? */
static int link_awaited(Approval *approval, const char **ret_why) {
        const User *user = approval->call->subject.user;
        UserIdentity identity = identity_of(approval, user->name, user->uid);
        int r;

        if (g_strcmp0(user->awaits, approval->provider->name) != 0)
                return refuse("provider-not-linked", ret_why);
        if (!is_called(approval, user->name))
                return refuse("provider-other-name", ret_why);
        r = store_identity_add(approval->call->core->store, &identity, /* awaiting= */ true);
        if (r < 0)
                return error_trace(r);
        if (r != 0) /* another one was faster, or the user has another identity there */
                return refuse("provider-not-linked", ret_why);
        approval->linked = true;
        report(approval, "linked", user->name);
        return 0;
}

/* Would the account administer once it is enrolled? Not to know is no reason to enrol it. */
static int check_no_administrator(const LoginCall *call, const char **ret_why) {
        PolicyDecision decision = policy_decide_role(call->config->policy, &call->policy_user, ADMIN_SERVICE);

        if (decision.verdict == POLICY_ALLOW)
                return refuse("provider-administrator", ret_why);
        return decision.reason == POLICY_REASON_LOOKUP ? error_trace(-EIO) : 0;
}

static int enrol(Approval *approval, const char **ret_why) {
        const Identity *account = approval->call->subject.identity;
        const User user = {
                .name = account->name,
                .uid = account->uid,
                .enabled = true,
                .created = approval->call->now,
        };
        UserIdentity identity = identity_of(approval, user.name, user.uid);
        int r;

        r = check_no_administrator(approval->call, ret_why);
        if (r != 0)
                return r;
        r = store_user_add_linked(approval->call->core->store, &user, &identity);
        if (r < 0)
                return error_trace(r);
        if (r != 0)
                return refuse("provider-not-linked", ret_why);
        approval->linked = true;
        report(approval, "user-added", user.name);
        report(approval, "linked", user.name);
        return 0;
}

/* From here on it is a user like any other; the mark stays that of the beginning. */
static int become_user(LoginCall *call) {
        g_autofree char *name = g_strdup(call->subject.identity->name);
        uint64_t mark = call->subject.mark;
        int r;

        subject_deinit(&call->subject);
        r = subject_find(call->core, name, &call->subject);
        if (r < 0)
                return r;
        call->subject.mark = mark;
        call->policy_user = subject_policy_user(&call->subject);
        return 0;
}

static int make_user(Approval *approval, const char **ret_why) {
        LoginCall *call = approval->call;
        int r;

        if (!makes_user(call, approval->provider))
                return refuse("not-enrolled", ret_why);
        if (!is_called(approval, call->subject.identity->name))
                return refuse("provider-other-name", ret_why);
        r = enrol(approval, ret_why);
        return r == 0 ? become_user(call) : r;
}

/* 0: it is the user that was asked for. */
static int identify(Approval *approval, const char **ret_why) {
        const Subject *subject = &approval->call->subject;
        g_autoptr(UserIdentity) linked = NULL;
        int r;

        r = store_identity_find(approval->call->core->store, approval->identity->issuer, approval->identity->subject,
                                &linked);
        if (r < 0)
                return error_trace(r);
        if (linked && subject_is_ours(subject) && linked->uid == subject->user->uid &&
            g_str_equal(linked->user, subject->user->name))
                return 0;
        if (linked)
                return refuse("provider-other-account", ret_why);
        return subject_is_ours(subject) ? link_awaited(approval, ret_why) : make_user(approval, ret_why);
}

/* What the helper said has to be whole, and of the provider that it was asked about. */
static const char *what_is_missing(const Provider *provider, const ProviderIdentity *identity) {
        if (g_strcmp0(identity->issuer, provider->urls[PROVIDER_ISSUER]) != 0)
                return "provider-failed:issuer";
        if (!identity->subject || !identity->subject[0])
                return "provider-failed:subject";
        return provider_lets_in(provider, (const char *const *) identity->groups) ? NULL : "provider-group";
}

static bool is_still_offered(const LoginCall *call, const char *provider) {
        return g_str_equal(call->service, LOGIN_SERVICE_TESSERA) ||
               g_strcmp0(policy_provider_of(call->config->policy, call->service), provider) == 0;
}

/* 0, CREDENTIAL_E_WRONG or a negative errno. */
static int check(Approval *approval, const char **ret_why) {
        const LoginCall *call = approval->call;
        const char *missing, *hindrance = subject_is_ours(&call->subject) ? subject_hindrance(&call->subject) : NULL;

        if (hindrance)
                return refuse(hindrance, ret_why);
        missing = what_is_missing(approval->provider, approval->identity);
        if (missing)
                return refuse(missing, ret_why);
        /* Asked again at the end, when nothing can come between; here so that nothing is tied in vain. */
        if (call->subject.identity &&
            !pending_mark_holds(call->core->pending, call->subject.identity->uid, call->subject.mark))
                return refuse("changed-meanwhile", ret_why);
        return identify(approval, ret_why);
}

/* Judging */

/* Whoever sits at sudo or the command is who he is: what is to be done may be said. g_free; NULL. */
static char *tell_why(const LoginCall *call, const char *why, const char *provider) {
        if (g_str_equal(why, "provider-not-linked") || g_str_equal(why, "provider-other-name"))
                return g_strdup_printf("your identity at %s is not linked to %s; an administrator can do that: tessera "
                                       "user link %s --provider %s --subject SUBJECT", provider, name_of(call),
                                       name_of(call), provider);
        if (g_str_equal(why, "provider-other-account"))
                return g_strdup_printf("whoever approved that at %s is somebody else here", provider);
        if (g_str_equal(why, "provider-group"))
                return g_strdup_printf("your groups at %s do not let you in", provider);
        return NULL;
}

/* Whoever it was: an administrator may want to link him, or to know who was led astray. */
static int refuse_approved(LoginCall *call, const char *why, const SignInAnswer *answer, LoginAnswer *ret) {
        g_autofree char *subject = core_clean(answer->identity.subject, SUBJECT_MAX);
        const char *provider = answer->provider;

        if (subject)
                call->approver = g_strdup_printf("%s at %s", subject, provider);
        if (call->subject.state == SUBJECT_ENABLED)
                store_user_failed(call->core->store, call->subject.user->name, call->rhost, call->now);
        return login_refuse_credential(call, why, tell_why(call, why, provider), ret);
}

/* What the groups there give this login. Nothing of it is in the user's record, nor in a Unix group of the same name. */
static Granted granted_by(const Approval *approval) {
        const ProviderIdentity *identity = approval->identity;
        g_auto(GStrv) pairs = provider_pairs_of(approval->provider, (const char *const *) identity->groups);

        if (!pairs[0])
                return (Granted) { .issuer = NULL };
        return (Granted) {
                .issuer = g_strdup(identity->issuer),
                .subject = g_strdup(identity->subject),
                .pairs = g_steal_pointer(&pairs),
        };
}

/* The gate: from here only the mark of the beginning lets anybody through, in login_accept() and renew(). */
static int let_in(Approval *approval, const SignInAnswer *answer, Session *bound, LoginAnswer *ret) {
        LoginCall *call = approval->call;
        Attempt attempt = login_attempt(call);
        g_auto(Granted) granted = granted_by(approval);
        const LoginProof proof = { .method = approval->method, .granted = &granted };
        g_autoptr(Session) session = NULL;
        char *message = NULL;
        int r;

        if (subject_hindrance(&call->subject)) /* one that was enrolled just now, and changed */
                return refuse_approved(call, subject_hindrance(&call->subject), answer, ret);
        r = core_sign_in_was_right(call->core, &attempt);
        if (r < 0)
                return r;
        if (approval->linked)
                message = g_strdup_printf("%s is linked to your identity at %s from now on", call->subject.user->name,
                                          approval->provider->name);
        if (call->step_up)
                return login_accept_step_up(call, bound, &proof, message, ret);
        session = login_session_new(call);
        login_set_proof(session, approval->method, call->now);
        session->granted = granted_copy(&granted);
        return login_accept(call, session, message, ret);
}

static int judge(LoginCall *call, const SignInAnswer *answer, Session *bound, LoginAnswer *ret) {
        g_autofree char *method = g_strconcat(POLICY_METHOD_PROVIDER, answer->provider, NULL);
        Approval approval = {
                .call = call,
                .provider = providers_find(call->config->providers, answer->provider),
                .identity = &answer->identity,
                .method = method,
        };
        const char *why = NULL;
        int r;

        call->subject.mark = answer->mark;
        if (!approval.provider || !is_still_offered(call, answer->provider))
                return refuse_approved(call, "provider-not-offered", answer, ret);
        r = check(&approval, &why);
        if (r == CREDENTIAL_E_WRONG)
                return refuse_approved(call, why, answer, ret);
        return r == 0 ? let_in(&approval, answer, bound, ret) : r;
}

/* Asking how it stands */

/* Nothing new: no line in the audit, however often that is asked. */
static int still_pending(const char *handle, LoginAnswer *ret) {
        *ret = (LoginAnswer) { .verdict = LOGIN_PENDING };
        (void) g_strlcpy(ret->flow, handle, sizeof(ret->flow));
        return 0;
}

static int refuse_failed(LoginCall *call, const char *reason, LoginAnswer *ret) {
        g_autofree char *code = core_clean(reason, CODE_MAX), *why = NULL;

        why = g_strconcat("provider-failed", code ? ":" : "", code, NULL);
        return login_refuse_credential(call, why, with_way_out(call, "that sign-in came to nothing"), ret);
}

static int tell(LoginCall *call, const LoginRequest *request, const SignInAnswer *answer, Session *bound,
                LoginAnswer *ret) {
        switch (answer->state) {
        case PROVIDER_STATE_PENDING:
                return still_pending(request->flow, ret);
        case PROVIDER_STATE_APPROVED:
                return judge(call, answer, bound, ret);
        case PROVIDER_STATE_DENIED:
                return login_refuse_credential(call, "provider-denied", g_strdup("that was denied there"), ret);
        case PROVIDER_STATE_EXPIRED:
                return login_refuse_credential(call, "provider-expired", g_strdup("nobody has approved that in time"), ret);
        case PROVIDER_STATE_FAILED:
        case _PROVIDER_STATE_MAX:
                break;
        }
        return refuse_failed(call, answer->identity.reason, ret);
}

static int ask(LoginCall *call, const LoginRequest *request, Session *bound, LoginAnswer *ret) {
        SignInWish wish = wish_of(call, request, /* provider= */ NULL);
        g_auto(SignInAnswer) answer = { .state = PROVIDER_STATE_FAILED };
        int r;

        r = sign_in_answer(call->core->sign_ins, request->flow, &wish, request->query, request->query_size,
                           request->hurry, &answer);
        if (r == 0)
                return tell(call, request, &answer, bound, ret);
        if (r == SIGN_IN_E_UNKNOWN)
                return login_refuse_credential(call, "provider-unknown-flow",
                                               g_strdup("that sign-in is over; begin another"), ret);
        if (r == -ECONNREFUSED) /* what it knew is gone with it */
                return login_refuse_credential(call, "provider-down", with_way_out(call, "no provider can be asked now"),
                                               ret);
        return still_pending(request->flow, ret); /* busy, or nobody could say */
}

int login_by_provider(LoginCall *call, const LoginRequest *request, Session *bound, LoginAnswer *ret) {
        const Provider *provider = login_provider_offered(call, request);

        if (request->flow)
                return ask(call, request, bound, ret);
        if (!provider)
                return login_refuse_credential(call, "empty", /* message= */ NULL, ret);
        return begin(call, request, provider, ret);
}
