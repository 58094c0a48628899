/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Tokens.Refresh: an access token for a refresh token, without a login. */

#include "common/error.h"
#include "daemon/core/device-admin.h"
#include "daemon/core/device-use.h"
#include "daemon/core/token-make.h"

#define SERVICE_TESSERA "tessera"

/* Who asks, as far as it matters here. */
typedef struct Refresh {
        Core *core;
        CoreConfig *config;
        Subject subject; /* whose device it is; until that is known, who calls */
        int64_t now;
} Refresh;

static void refresh_deinit(Refresh *refresh) {
        g_clear_pointer(&refresh->config, core_config_unref);
        subject_deinit(&refresh->subject);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Refresh, refresh_deinit)

static int refuse(Refresh *refresh, const char *why) {
        core_audit(refresh->core, &(AuditEvent) {
                .event = "refused",
                .user = subject_is_ours(&refresh->subject) ? refresh->subject.user->name : NULL,
                .service = SERVICE_TESSERA,
                .reason = why,
        });
        return CORE_E_CREDENTIAL;
}

/* The caller as a user of ours; root, and who is none, stay nobody. */
static int find_caller(Refresh *refresh, const Caller *caller) {
        g_autoptr(Identity) identity = NULL;
        Core *core = refresh->core;
        int r;

        if (caller->uid == UID_UNSET)
                return CORE_E_DENIED;
        if (caller->uid == 0)
                return 0;
        r = core->identities->look_up(core->identities, NULL, caller->uid, &identity);
        if (r < 0)
                return error_trace(r);
        return r == 0 ? subject_find(core, identity->name, &refresh->subject) : CORE_E_DENIED;
}

/*
 * A guess costs its caller, as at a prompt; root's guesses are root's business. Whoever is not
 * enrolled can guess all day, and must not drown the audit in it.
 */
static int refuse_forgery(Refresh *refresh, const Caller *caller) {
        const Subject *subject = &refresh->subject;
        const Attempt attempt = { .config = refresh->config, .subject = subject, .client = CORE_CLIENT_LOGIN };
        bool charged;
        int r;

        if (!subject_is_ours(subject))
                return caller->uid == 0 ? refuse(refresh, "token-invalid") : CORE_E_CREDENTIAL;
        r = core_charge_guess(refresh->core, &attempt, &charged);
        return r < 0 ? r : refuse(refresh, charged ? "token-invalid" : "throttled");
}

/* Spends the token. 0 and the device, which may act: its user is in @refresh. */
static int use(Refresh *refresh, const Caller *caller, const Secret *secret, Device **ret) {
        const User *owner = subject_is_ours(&refresh->subject) ? refresh->subject.user : NULL;
        const User nobody = { .name = (char *) "", .uid = UID_UNSET };
        g_autoptr(Device) device = NULL;
        const char *why = NULL;
        int r;

        if (caller->uid != 0 && !owner)
                owner = &nobody;
        r = device_use(refresh->core, refresh->config, owner, /* rhost= */ NULL, refresh->now, secret, &device, &why);
        if (r == DEVICE_E_FORGED)
                return refuse_forgery(refresh, caller);
        if (r == DEVICE_E_REFUSED)
                return refuse(refresh, why);
        if (r != 0)
                return r;
        if (caller->uid == 0) {
                subject_deinit(&refresh->subject);
                r = subject_find(refresh->core, device->user, &refresh->subject);
                if (r < 0)
                        return r;
        }
        if (refresh->subject.state != SUBJECT_ENABLED || refresh->subject.user->uid != device->uid)
                return refuse(refresh, subject_hindrance(&refresh->subject) ?: "uid-changed");
        *ret = g_steal_pointer(&device);
        return 0;
}

/* The live session of service "tessera" that came from @device; NULL in @ret: none. */
static int find_session(Refresh *refresh, const Device *device, Session **ret) {
        const SessionFilter filter = { .uid = device->uid, .device = device->id };
        g_autoptr(GPtrArray) sessions = NULL;
        int r;

        r = store_session_list(refresh->core->store, &filter, &sessions);
        if (r < 0)
                return error_trace(r);
        for (guint i = 0; i < sessions->len && !*ret; i++) {
                const Session *session = sessions->pdata[i];

                if (g_str_equal(session->service, SERVICE_TESSERA) && !session->parent[0] &&
                    !core_session_over(refresh->core, refresh->config, session, refresh->now))
                        *ret = session_copy(session);
        }
        return 0;
}

static Session *new_session(Refresh *refresh, const Device *device) {
        Session *session = session_new();

        clock_new_session_id(refresh->core->clock, session->id);
        session->user = g_strdup(device->user);
        session->uid = device->uid;
        session->host = g_strdup(refresh->config->host);
        session->service = g_strdup(SERVICE_TESSERA);
        session->state = session_transition(session->state, SESSION_EVENT_OPEN);
        session->boot_id = g_strdup(refresh->core->boot_id); /* of this boot, and bound to no login of it */
        session->opened = session->seen = refresh->now;
        session->ends = refresh->now + refresh->config->settings->session_lifetime;
        device_set_proof(session, device);
        subject_set_cap(&refresh->subject, session->role_cap);
        session->roles = subject_roles(&refresh->subject, refresh->config->policy);
        return session;
}

/* Everything of the user was ended while a session of it was being opened, or the host renamed: that one too. */
static int take_back(Refresh *refresh, const Session *session) {
        const SessionSelector selector = { .id = session->id, .uid = UID_UNSET };
        g_autoptr(GPtrArray) ended = NULL;
        int r;

        r = store_session_end(refresh->core->store, &selector, SESSION_EVENT_REVOKE, "overtaken", refresh->now, &ended);
        if (r < 0)
                return error_trace(r);
        core_report_ended(refresh->core, ended);
        return refuse(refresh, "ended-meanwhile");
}

static int open_session(Refresh *refresh, const Device *device, Session **ret) {
        g_autoptr(Session) session = new_session(refresh, device);
        g_autoptr(GPtrArray) evicted = NULL;
        bool bound;
        int r;

        r = store_session_open(refresh->core->store, session, refresh->config->settings->max_per_user, &bound,
                               &evicted);
        if (r < 0)
                return error_trace(r);
        if (r != 0)
                return refuse(refresh, "ended-meanwhile");
        core_report_ended(refresh->core, evicted);
        core_report(refresh->core, &(AuditEvent) {
                .event = "opened",
                .user = session->user,
                .session = session->id,
                .device = device->id,
                .service = session->service,
                .reason = "device",
        });
        if (!core_is_called(refresh->core, session->host))
                return take_back(refresh, session);
        *ret = g_steal_pointer(&session);
        return 0;
}

/* One at a time for each device: a robot that refreshes a lot has one session, and pushes nobody out. */
static int get_session(Refresh *refresh, const Device *device, Session **ret) {
        Turns *turns = refresh->core->refreshing;
        g_autoptr(Session) session = NULL;
        int r;

        turns_take(turns, device->id);
        r = find_session(refresh, device, &session);
        if (r == 0 && !session)
                r = open_session(refresh, device, &session);
        turns_pass(turns, device->id);
        if (r == 0)
                *ret = g_steal_pointer(&session);
        return r;
}

int device_refresh(Core *core, const Caller *caller, const Secret *secret, int64_t min_ttl, char **ret,
                   TokenClaims **ret_claims) {
        g_auto(Refresh) refresh = { .core = core };
        g_autoptr(Session) session = NULL;
        g_autoptr(Device) device = NULL;
        int r;

        refresh.config = core_config(core);
        refresh.now = clock_wall(core->clock);
        r = find_caller(&refresh, caller);
        if (r == 0)
                r = use(&refresh, caller, secret, &device);
        if (r == 0)
                r = get_session(&refresh, device, &session);
        if (r != 0)
                return r;
        if (!pending_mark_holds(core->pending, session->uid, refresh.subject.mark))
                return take_back(&refresh, session);
        return token_make(core, refresh.config, session, &refresh.subject, /* audience= */ NULL, min_ttl, refresh.now,
                          ret, ret_claims);
}
