/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <sodium.h>

#include "common/error.h"
#include "common/name.h"
#include "daemon/core/api-limit.h"
#include "daemon/core/core-internal.h"

#define SWEEP_LIMIT 256                    /* sessions per commit */
#define SESSION_KEEP (30 * 24 * 60 * 60)   /* seconds that an ended one can still be looked at */

#define LEFT_LOGINS_MAX 4096               /* sessions looked through for logins that run on */

/* Configuration */

static void config_clear(void *p) {
        CoreConfig *config = p;

        settings_free(config->settings);
        policy_unref(config->policy);
        trust_unref(config->trust);
        g_ptr_array_unref(config->providers);
        key_ring_unref(config->keys);
        g_free(config->host);
}

void core_config_unref(CoreConfig *config) {
        g_atomic_rc_box_release_full(config, config_clear);
}

CoreConfig *core_config(Core *core) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&core->lock);

        return g_atomic_rc_box_acquire(core->config);
}

/* Takes @with over; what it leaves unset is @old's. */
static CoreConfig *config_new(CoreConfig *with, const CoreConfig *old) {
        CoreConfig *config = g_atomic_rc_box_new0(CoreConfig);

        *config = *with;
        *with = (CoreConfig) { .settings = NULL };
        config->settings = config->settings ?: settings_copy(old->settings);
        config->policy = config->policy ?: policy_ref(old->policy);
        config->trust = config->trust ?: trust_ref(old->trust);
        config->providers = config->providers ?: g_ptr_array_ref(old->providers);
        config->keys = config->keys ?: key_ring_ref(old->keys);
        config->host = config->host ?: g_strdup(old->host);
        return config;
}

void core_replace(Core *core, CoreConfig *with) {
        CoreConfig *old;

        g_mutex_lock(&core->lock);
        old = core->config;
        core->config = config_new(with, old);
        g_mutex_unlock(&core->lock);
        core_config_unref(old);
}

int64_t core_steady(const Core *core) {
        return core->steady_from + clock_running(core->clock) / 1000;
}

char *core_host(Core *core) {
        g_autoptr(CoreConfig) config = core_config(core);

        return g_strdup(config->host);
}

char *core_fleet(Core *core) {
        g_autoptr(CoreConfig) config = core_config(core);

        return g_strdup(core_fleet_of(core, config));
}

bool core_fleet_is_alone(Core *core) {
        g_autoptr(CoreConfig) config = core_config(core);

        return config->settings->fleet && !core_fleet_of(core, config);
}

const char *core_fleet_of(const Core *core, const CoreConfig *config) {
        return store_is_shared(core->store) ? config->settings->fleet : NULL;
}

bool core_is_audience(const Core *core, const CoreConfig *config, const char *audience) {
        return g_str_equal(audience, config->host) || g_strcmp0(audience, core_fleet_of(core, config)) == 0;
}

Policy *core_policy(Core *core) {
        g_autoptr(CoreConfig) config = core_config(core);

        return policy_ref(config->policy);
}

Trust *core_trust(Core *core) {
        g_autoptr(CoreConfig) config = core_config(core);

        return trust_ref(config->trust);
}

GPtrArray *core_providers(Core *core) {
        g_autoptr(CoreConfig) config = core_config(core);

        return g_ptr_array_ref(config->providers);
}

void core_sweep_sign_ins(Core *core, bool (*alive)(const Process *process, void *data), void *data) {
        sign_ins_sweep(core->sign_ins, alive, data);
}

void core_reload(Core *core, Settings *settings, Policy *policy, Trust *trust, GPtrArray *providers) {
        password_hasher_configure(core->hasher, settings->password_memory, settings->password_passes,
                                  settings->password_min_length);
        core_replace(core, &(CoreConfig) { .settings = settings, .policy = policy, .trust = trust, .providers = providers });
}

/* Life */

static void keep_debt(const UserDebt *debt, void *store) {
        store_debt_set(store, debt);
}

static int get_shared(void *store, uid_t uid, const char *limit, const char *key, int64_t now, SharedDebt *ret) {
        return store_shared_debt_get(store, uid, limit, key, now, ret);
}

static int swap_shared(void *store, SharedDebt *debt, int64_t now) {
        return store_shared_debt_swap(store, debt, now);
}

static int list_shared(void *store, uid_t uid, int64_t now, GPtrArray **ret) {
        return store_shared_debt_list(store, uid, now, ret);
}

static Throttle *new_throttle(Core *core) {
        if (!store_is_shared(core->store))
                return throttle_new(core->clock, keep_debt, core->store);
        core->throttle_share = (ThrottleShare) { get_shared, swap_shared, list_shared, core->store };
        return throttle_new_shared(core->clock, &core->throttle_share);
}

static int load_debts(Core *core) {
        g_autoptr(GPtrArray) debts = NULL;
        int r;

        if (store_is_shared(core->store))
                return 0; /* they are read when they are asked for */
        r = store_debt_list(core->store, &debts);
        if (r < 0)
                return error_trace(r);
        throttle_load(core->throttle, &core->config->settings->throttle, debts);
        return 0;
}

int core_new(CoreParts *parts, Core **ret) {
        g_autoptr(Core) core = g_new0(Core, 1);
        int r;

        core->clock = parts->clock;
        core->identities = parts->identities;
        core->audit = parts->audit;
        core->end_login = parts->end_login;
        core->store = g_steal_pointer(&parts->store);
        core->boot_id = g_steal_pointer(&parts->boot_id);
        g_mutex_init(&core->lock);
        g_mutex_init(&core->changing);
        g_mutex_init(&core->checking);
        core->refreshing = turns_new();
        core->config = config_new(&(CoreConfig) {
                .settings = g_steal_pointer(&parts->settings),
                .policy = g_steal_pointer(&parts->policy),
                .trust = parts->trust ? g_steal_pointer(&parts->trust) : trust_new_empty(),
                .providers = parts->providers ? g_steal_pointer(&parts->providers) : g_ptr_array_new(),
                .keys = g_steal_pointer(&parts->keys),
                .host = g_steal_pointer(&parts->host),
        }, /* old= */ NULL);
        core->steady_from = clock_wall(core->clock) - clock_running(core->clock) / 1000;
        core->throttle = new_throttle(core);
        core->api_limit = api_limit_new();
        core->pending = pending_new(core->clock);
        core->provider_source = parts->provider_source ? parts->provider_source : &provider_source_none;
        core->sign_ins = sign_ins_new(core->clock, core->provider_source);
        core->refusals = refusals_new(core->clock);
        r = password_hasher_new(core->config->settings->password_memory, core->config->settings->password_passes,
                                core->config->settings->password_min_length, &core->hasher);
        if (r == 0)
                r = load_debts(core);
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&core);
        return 0;
}

Core *core_free(Core *core) {
        if (!core)
                return NULL;
        g_free(core->boot_id);
        password_hasher_free(core->hasher);
        throttle_free(core->throttle); /* before the store, which it tells of each change */
        store_free(core->store);
        api_limit_free(core->api_limit);
        pending_free(core->pending);
        sign_ins_free(core->sign_ins);
        refusals_free(core->refusals);
        core_config_unref(core->config);
        turns_free(core->refreshing);
        g_mutex_clear(&core->checking);
        g_mutex_clear(&core->changing);
        g_mutex_clear(&core->lock);
        g_free(core);
        return NULL;
}

/* Reporting */

char *core_clean(const char *text, size_t max) {
        char *clean;

        if (!text || !text[0])
                return NULL;
        clean = g_malloc(max + 1);
        name_clean(text, clean, max + 1);
        return clean;
}

/* "refused: alice, sshd, from 192.0.2.1: wrong-password" */
static char *event_message(const AuditEvent *event) {
        GString *line = g_string_new(event->event);

        g_string_append_printf(line, ": %s", event->user ? event->user : "an unknown user");
        if (event->service)
                g_string_append_printf(line, ", %s", event->service);
        if (event->rhost)
                g_string_append_printf(line, ", from %s", event->rhost);
        if (event->reason)
                g_string_append_printf(line, ": %s", event->reason);
        return g_string_free(line, FALSE);
}

void core_audit(Core *core, const AuditEvent *event) {
        AuditEvent complete = *event;
        g_autofree char *message = event->message ? g_strdup(event->message) : event_message(event), *whole = NULL;

        whole = event->by ? g_strdup_printf("%s, by %s", message, event->by) : NULL;
        complete.message = whole ? whole : message;
        core->audit->emit(core->audit, &complete);
}

void core_audit_refusal(Core *core, uid_t uid, const AuditEvent *event) {
        g_autofree char *message = NULL;
        AuditEvent told = *event;
        unsigned silent;

        if (!refusals_tell(core->refusals, uid, &silent))
                return;
        if (silent > 0) {
                message = g_strdup_printf("%s (and %u more that were not written)", event->message, silent);
                told.message = message;
        }
        core_audit(core, &told);
}

void core_report(Core *core, const AuditEvent *event) {
        core_audit(core, event);
        if (event->session && event->session[0]) {
                Event kept = {
                        .time = clock_wall(core->clock),
                        .event = (char *) event->event,
                        .service = (char *) event->service,
                        .detail = (char *) event->reason,
                };

                (void) g_strlcpy(kept.session, event->session, sizeof(kept.session));
                store_event_add(core->store, &kept);
        }
}

void core_report_ended(Core *core, const GPtrArray *ended) {
        core_report_ended_by(core, ended, /* by= */ NULL);
}

void core_report_ended_by(Core *core, const GPtrArray *ended, const char *by) {
        for (guint i = 0; i < ended->len; i++) {
                const Session *session = ended->pdata[i];

                core_report(core, &(AuditEvent) {
                        .event = session_state_to_string(session->state),
                        .user = session->user,
                        .session = session->id,
                        .service = session->service,
                        .rhost = session->rhost,
                        .reason = session->end_reason,
                        .by = by,
                });
                core_forget_client(core, session);
        }
}

/* Sessions, as they are now */

void core_session_bind(const Core *core, const Caller *caller, Session *session) {
        session->audit_id = caller->audit_id;
        session->boot_id = g_strdup(core->boot_id);
        /* Somebody else's login, in which this user's programs run, is not ended with this session. */
        if (caller->logind_uid == session->uid)
                session->logind_id = core_clean(caller->logind_id, sizeof(caller->logind_id));
}

bool core_is_called(Core *core, const char *host) {
        g_autofree char *name = NULL;
        int r;

        /* Not the configuration's, which follows the store's: that one was changed together with the sessions. */
        r = store_meta_get(core->store, STORE_META_NAME, &name);
        return r == STORE_E_NOT_FOUND || (r == 0 && g_str_equal(name, host));
}

const char *core_session_over(const Core *core, const CoreConfig *config, const Session *session, int64_t now) {
        if (session->state != SESSION_ACTIVE)
                return session_state_to_string(session->state);
        if (g_strcmp0(session->host, config->host) == 0 && g_strcmp0(session->boot_id, core->boot_id) != 0)
                return "reboot";
        if (session->ends <= now)
                return "lifetime";
        if (session->seen < now - config->settings->session_idle)
                return "idle";
        return NULL;
}

/* What the sweep would do to a session in a minute, now. */
static int expire(Core *core, const CoreConfig *config, const Session *session, const char *why, int64_t now) {
        const SessionSelector selector = { .id = session->id, .uid = UID_UNSET };
        SessionEvent event = g_str_equal(why, "reboot") ? SESSION_EVENT_CLOSE : SESSION_EVENT_EXPIRE;
        g_autoptr(GPtrArray) ended = NULL;
        int r;

        r = store_session_end(core->store, &selector, event, why, now, &ended);
        if (r < 0)
                return error_trace(r);
        core_report_ended(core, ended);
        if (config->settings->end_login_expired)
                core_end_logins(core, ended, /* spare= */ NULL);
        return 0;
}

int core_login_session(Core *core, const CoreConfig *config, const Caller *caller, uid_t uid, int64_t now,
                       Session **ret) {
        g_autoptr(Session) session = NULL;
        const char *over;
        int r;

        r = store_session_bound(core->store, core->boot_id, caller->audit_id, uid, &session);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND)
                return CORE_LOGIN_E_NONE;
        over = core_session_over(core, config, session, now);
        if (session->state == SESSION_ACTIVE && over) {
                r = expire(core, config, session, over, now);
                if (r < 0)
                        return r;
        }
        r = !over ? 0 : session->state == SESSION_REVOKED ? CORE_LOGIN_E_REVOKED : CORE_LOGIN_E_NONE;
        *ret = g_steal_pointer(&session);
        return r;
}

void core_end_logins(Core *core, const GPtrArray *ended, const char *spare) {
        g_autoptr(CoreConfig) config = core_config(core);

        for (guint i = 0; i < ended->len; i++) {
                const Session *session = ended->pdata[i];

                if (!session->logind_id || session->uid < CORE_UID_PEOPLE ||
                    g_strcmp0(session->host, config->host) != 0 ||
                    g_strcmp0(session->boot_id, core->boot_id) != 0)
                        continue;
                /* Two sessions may live in one login: the caller's own is spared whatever ended. */
                if (!spare || !g_str_equal(session->logind_id, spare))
                        core->end_login->session(core->end_login, session->logind_id);
        }
}

/* Without an audit id logind makes up a name of its own, which by now may be somebody else's. */
static bool is_left(const Session *session, const char *device) {
        if ((session->state != SESSION_CLOSED && session->state != SESSION_EXPIRED) ||
            session->audit_id == AUDIT_ID_UNSET)
                return false;
        return g_strcmp0(session->end_reason, CORE_REASON_LOGIN_ENDED) != 0 &&
               (!device || g_str_equal(session->device, device));
}

/* What was to be revoked is, whether or not these can be found: a failure is told, and no more. */
void core_end_left_logins(Core *core, uid_t uid, const char *device, const char *spare) {
        g_autoptr(CoreConfig) config = core_config(core);
        const SessionFilter filter = { .uid = uid, .host = config->host, .ended = true, .limit = LEFT_LOGINS_MAX };
        g_autoptr(GPtrArray) sessions = NULL, left = g_ptr_array_new();

        if (store_session_list(core->store, &filter, &sessions) < 0) {
                core_audit(core, &(AuditEvent) {
                        .event = "logins-left",
                        .message = "logins that run on after their session may have been left alone: the store failed",
                });
                return;
        }
        for (guint i = 0; i < sessions->len; i++)
                if (is_left(sessions->pdata[i], device))
                        g_ptr_array_add(left, sessions->pdata[i]);
        core_end_logins(core, left, spare);
}

void core_end_user(Core *core, uid_t uid) {
        if (uid >= CORE_UID_PEOPLE && uid != UID_UNSET)
                core->end_login->user(core->end_login, uid);
}

static bool is_anothers_uid(Core *core, const User *user) {
        g_autoptr(Identity) named = NULL, owner = NULL;
        int r;

        r = core->identities->look_up(core->identities, user->name, UID_UNSET, &named);
        if (r < 0 || (r == 0 && named->uid == user->uid))
                return false;
        return core->identities->look_up(core->identities, /* name= */ NULL, user->uid, &owner) == 0;
}

void core_end_account(Core *core, const User *user) {
        if (!is_anothers_uid(core, user))
                core_end_user(core, user->uid);
}

static void end_expired_logins(Core *core, const GPtrArray *ended) {
        g_autoptr(GPtrArray) expired = g_ptr_array_new();

        for (guint i = 0; i < ended->len; i++)
                if (((const Session *) ended->pdata[i])->state == SESSION_EXPIRED)
                        g_ptr_array_add(expired, ended->pdata[i]);
        core_end_logins(core, expired, /* spare= */ NULL);
}

static int sweep_sessions(Core *core, const CoreConfig *config, int64_t now) {
        bool more = true;
        int r;

        while (more) {
                g_autoptr(GPtrArray) ended = NULL;

                r = store_session_sweep(core->store, config->host, core->boot_id, now, config->settings->session_idle,
                                        SESSION_KEEP, SWEEP_LIMIT, &ended, &more);
                if (r < 0)
                        return error_trace(r);
                core_report_ended(core, ended);
                if (config->settings->end_login_expired)
                        end_expired_logins(core, ended);
        }
        return 0;
}

int core_sweep(Core *core) {
        g_autoptr(CoreConfig) config = core_config(core);
        int64_t now = clock_wall(core->clock);
        int r;

        r = sweep_sessions(core, config, now);
        if (r < 0)
                return r;
        r = role_sweep(core, now);
        if (r < 0)
                return r;
        r = store_device_sweep(core->store, now, config->settings->device_idle, SESSION_KEEP);
        if (r < 0)
                return error_trace(r);
        throttle_sweep(core->throttle);
        return core_drop_keys(core);
}
