/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <pthread.h>
#include <string.h>

#include "daemon/store/memory-store.h"
#include "daemon/store/store-memory.h"

static void free_user(void *user) {
        user_free(user);
}

static void free_events(void *events) {
        g_ptr_array_unref(events);
}

MemoryStore *memory_lock(Store *store) {
        MemoryStore *memory = (MemoryStore *) store;

        pthread_mutex_lock(&memory->mutex);
        return memory;
}

void memory_unlock(MemoryStore **memory) {
        pthread_mutex_unlock(&(*memory)->mutex);
}

static void free_news(void *data) {
        login_news_deinit(data);
        g_free(data);
}

static void memory_free(Store *store) {
        MemoryStore *memory = (MemoryStore *) store;

        g_hash_table_unref(memory->meta);
        g_hash_table_unref(memory->users);
        g_hash_table_unref(memory->news);
        g_hash_table_unref(memory->tickets);
        g_ptr_array_unref(memory->assignments);
        g_ptr_array_unref(memory->identities);
        memory_throttle_deinit(memory);
        g_ptr_array_unref(memory->devices);
        g_hash_table_unref(memory->events);
        g_hash_table_unref(memory->by_id);
        g_ptr_array_unref(memory->sessions);
        pthread_mutex_destroy(&memory->mutex);
        g_free(memory);
}

static int memory_check(Store *store, int64_t limit, char **ret_problem) {
        return 0;
}

static uint64_t memory_dropped(Store *store) {
        return 0;
}

/* Ending sessions */

static void end_one(Session *session, SessionEvent event, const char *reason, int64_t now, GPtrArray *ended) {
        SessionState state = session_transition(session->state, event);

        if (state == _SESSION_STATE_INVALID)
                return;
        session->state = state;
        session->ended = now;
        g_free(session->end_reason);
        session->end_reason = g_strdup(reason);
        g_ptr_array_add(ended, session_copy(session));
}

/* @except and its ancestors: a set of ids that are not selected. */
GHashTable *memory_find_spared(MemoryStore *memory, const char *except) {
        GHashTable *spared = g_hash_table_new(g_str_hash, g_str_equal);
        Session *session = except ? g_hash_table_lookup(memory->by_id, except) : NULL;

        for (; session; session = g_hash_table_lookup(memory->by_id, session->parent))
                g_hash_table_add(spared, session->id);
        return spared;
}

static bool is_selected(const SessionSelector *selector, const Session *session, GHashTable *spared) {
        if (selector->id)
                return strcmp(session->id, selector->id) == 0;
        if (selector->device)
                return strcmp(session->device, selector->device) == 0; /* ended ones, too: for what is below them */
        if (session->state != SESSION_ACTIVE || g_hash_table_contains(spared, session->id))
                return false;
        return selector->all || (selector->uid != UID_UNSET && session->uid == selector->uid);
}

GPtrArray *memory_end_selected(MemoryStore *memory, const SessionSelector *selector, SessionEvent event,
                               const char *reason, int64_t now) {
        g_autoptr(GHashTable) spared = memory_find_spared(memory, selector->except);
        g_autoptr(GHashTable) selected = g_hash_table_new(g_str_hash, g_str_equal);
        GPtrArray *ended = store_session_array();

        for (guint i = 0; i < memory->sessions->len; i++) {
                Session *session = memory->sessions->pdata[i];
                bool follows = event == SESSION_EVENT_REVOKE && g_hash_table_contains(selected, session->parent);

                if (!follows && !is_selected(selector, session, spared))
                        continue;
                g_hash_table_add(selected, session->id);
                end_one(session, event, reason, now, ended);
        }
        return ended;
}

/* Sessions: finding */

static int memory_session_get(Store *store, const char *id, Session **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        const Session *session = g_hash_table_lookup(memory->by_id, id);

        if (!session)
                return STORE_E_NOT_FOUND;
        *ret = session_copy(session);
        return 0;
}

static int memory_session_find(Store *store, const char *prefix, uid_t uid, Session **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        const Session *active = NULL, *ended = NULL;
        unsigned n_active = 0, n_ended = 0;

        for (guint i = 0; i < memory->sessions->len; i++) {
                const Session *session = memory->sessions->pdata[i];

                if (!g_str_has_prefix(session->id, prefix) || (uid != UID_UNSET && session->uid != uid))
                        continue;
                if (session->state == SESSION_ACTIVE) {
                        active = session;
                        n_active++;
                } else {
                        ended = session;
                        n_ended++;
                }
        }
        if (n_active + n_ended == 0)
                return STORE_E_NOT_FOUND;
        if ((n_active > 0 ? n_active : n_ended) > 1)
                return STORE_E_AMBIGUOUS;
        *ret = session_copy(n_active > 0 ? active : ended);
        return 0;
}

static int rank_state(SessionState state) {
        return state == SESSION_ACTIVE ? 2 : state == SESSION_REVOKED ? 1 : 0;
}

/* What holds the login: see store_session_bound(). */
static Session *find_bound(MemoryStore *memory, const char *boot_id, uint32_t audit_id, uid_t uid) {
        Session *found = NULL;

        for (guint i = 0; i < memory->sessions->len; i++) {
                Session *session = memory->sessions->pdata[i];

                if (session->audit_id != audit_id || session->uid != uid || g_strcmp0(session->boot_id, boot_id) != 0)
                        continue;
                if (!found || rank_state(session->state) >= rank_state(found->state))
                        found = session;
        }
        return found;
}

static int memory_session_bound(Store *store, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        const Session *session = find_bound(memory, boot_id, audit_id, uid);

        if (!session)
                return STORE_E_NOT_FOUND;
        *ret = session_copy(session);
        return 0;
}

static bool filter_matches(const SessionFilter *filter, const Session *session) {
        return (filter->uid == UID_UNSET || session->uid == filter->uid) &&
               (!filter->host || strcmp(session->host, filter->host) == 0) &&
               (!filter->device || strcmp(session->device, filter->device) == 0) &&
               (filter->ended || session->state == SESSION_ACTIVE);
}

static int memory_session_list(Store *store, const SessionFilter *filter, GPtrArray **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        GPtrArray *sessions = store_session_array();

        for (guint i = 0; i < memory->sessions->len; i++)
                if (filter_matches(filter, memory->sessions->pdata[i]))
                        g_ptr_array_add(sessions, session_copy(memory->sessions->pdata[i]));
        if (filter->limit > 0 && sessions->len > filter->limit)
                g_ptr_array_remove_range(sessions, 0, sessions->len - filter->limit);
        *ret = sessions;
        return 0;
}

/* Sessions: changing */

/* Closes the least recently seen of the user's sessions on this host but @opened, until at most @max are left. */
static GPtrArray *evict(MemoryStore *memory, const Session *opened, unsigned max) {
        GPtrArray *ended = store_session_array();

        for (;;) {
                Session *oldest = NULL;
                unsigned n = 0;

                for (guint i = 0; i < memory->sessions->len; i++) {
                        Session *session = memory->sessions->pdata[i];

                        if (session->state != SESSION_ACTIVE || session->uid != opened->uid ||
                            strcmp(session->host, opened->host) != 0)
                                continue;
                        n++;
                        if (session != opened && (!oldest || session->seen < oldest->seen))
                                oldest = session;
                }
                if (n <= max || !oldest)
                        return ended;
                end_one(oldest, SESSION_EVENT_CLOSE, "evicted", opened->opened, ended);
        }
}

static bool device_is_good(MemoryStore *memory, const Session *session) {
        const Device *device = session->device[0] ? memory_find_device(memory, session->device) : NULL;

        return !session->device[0] || (device && device->uid == session->uid && device->revoked == 0);
}

static int open_session(MemoryStore *memory, const Session *session, unsigned max_per_user, bool *ret_bound,
                        GPtrArray **ret_ended) {
        const User *user = g_hash_table_lookup(memory->users, session->user);
        g_autoptr(Session) copy = session_copy(session);
        const Session *holder = NULL, *parent = NULL;

        if (g_hash_table_contains(memory->by_id, session->id))
                return STORE_E_EXISTS;
        if (!user || user->uid != session->uid || !user->enabled)
                return STORE_E_STATE;
        if (!device_is_good(memory, session))
                return STORE_E_STATE;
        if (store_session_has_login(session))
                holder = find_bound(memory, session->boot_id, session->audit_id, session->uid);
        if (holder && rank_state(holder->state) > 0) {
                copy->audit_id = AUDIT_ID_UNSET;
                if (holder->state == SESSION_ACTIVE && !copy->parent[0])
                        memcpy(copy->parent, holder->id, SESSION_ID_SIZE);
        }
        if (copy->parent[0]) {
                parent = g_hash_table_lookup(memory->by_id, copy->parent);
                if (!parent || parent->state != SESSION_ACTIVE)
                        return STORE_E_STATE;
                copy->ends = MIN(copy->ends, parent->ends);
        }
        g_ptr_array_add(memory->sessions, copy);
        g_hash_table_insert(memory->by_id, copy->id, copy);
        *ret_bound = store_session_has_login(copy);
        *ret_ended = evict(memory, copy, max_per_user);
        (void) g_steal_pointer(&copy);
        return 0;
}

static int memory_session_open(Store *store, const Session *session, unsigned max_per_user, bool *ret_bound,
                               GPtrArray **ret_ended) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);

        return open_session(memory, session, max_per_user, ret_bound, ret_ended);
}

static int memory_session_open_login(Store *store, const Session *session, unsigned max_per_user, const char *network,
                                     bool *ret_bound, GPtrArray **ret_ended, LoginNews *ret_news) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        int r;

        r = open_session(memory, session, max_per_user, ret_bound, ret_ended);
        if (r != 0)
                return r;
        memory_tell_news(memory, session, ret_news);
        if (network)
                memory_remember_network(memory, session->uid, network, session->opened);
        return 0;
}

static void memory_session_touch(Store *store, const char *id, int64_t now) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        Session *session = g_hash_table_lookup(memory->by_id, id);

        if (session && session->state == SESSION_ACTIVE)
                session->seen = MAX(session->seen, now);
}

static int memory_session_authenticated(Store *store, const char *id, int64_t auth_time, const char *method,
                                        const Granted *granted) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        Session *session = g_hash_table_lookup(memory->by_id, id);

        if (!session)
                return STORE_E_NOT_FOUND;
        if (session->state != SESSION_ACTIVE)
                return STORE_E_STATE;
        session->auth_time = auth_time;
        g_free(session->auth_method);
        session->auth_method = g_strdup(method);
        if (granted) {
                granted_deinit(&session->granted);
                session->granted = granted_copy(granted);
        }
        if (!session->methods || !g_strv_contains((const char *const *) session->methods, method)) {
                guint n = session->methods ? g_strv_length(session->methods) : 0;

                session->methods = g_renew(char *, session->methods, n + 2);
                session->methods[n] = g_strdup(method);
                session->methods[n + 1] = NULL;
        }
        return 0;
}

static int memory_session_end(Store *store, const SessionSelector *selector, SessionEvent event, const char *reason,
                              int64_t now, GPtrArray **ret_ended) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);

        *ret_ended = memory_end_selected(memory, selector, event, reason, now);
        return 0;
}

/* A revoked session keeps its login dead for as long as that login may run. */
static bool holds_login(const Session *session, const char *host, const char *boot_id) {
        return session->state == SESSION_REVOKED && store_session_has_login(session) &&
               (strcmp(session->host, host) != 0 || strcmp(session->boot_id, boot_id) == 0);
}

/* Its login may be open still, and would be without a cap. */
static bool caps_login(const Session *session, const char *host, const char *boot_id) {
        return session->role_cap && store_session_has_login(session) &&
               (strcmp(session->host, host) != 0 || strcmp(session->boot_id, boot_id) == 0);
}

static int memory_session_sweep(Store *store, const char *host, const char *boot_id, int64_t now, int64_t idle,
                                int64_t keep, unsigned limit, GPtrArray **ret_ended, bool *ret_more) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        g_autoptr(GPtrArray) ended = store_session_array();
        unsigned done = 0;
        guint i = 0;

        while (i < memory->sessions->len && done < limit) {
                Session *session = memory->sessions->pdata[i];

                if (session->state == SESSION_ACTIVE) {
                        if (session->ends <= now)
                                end_one(session, SESSION_EVENT_EXPIRE, "lifetime", now, ended);
                        else if (session->seen < now - idle)
                                end_one(session, SESSION_EVENT_EXPIRE, "idle", now, ended);
                        else if (strcmp(session->host, host) == 0 && session->boot_id &&
                                 strcmp(session->boot_id, boot_id) != 0)
                                end_one(session, SESSION_EVENT_CLOSE, "reboot", now, ended);
                        done += session->state != SESSION_ACTIVE;
                } else if (session->ended < now - keep && !holds_login(session, host, boot_id) &&
                           !caps_login(session, host, boot_id)) {
                        g_hash_table_remove(memory->events, session->id);
                        g_hash_table_remove(memory->by_id, session->id);
                        g_ptr_array_remove_index(memory->sessions, i);
                        done++;
                        continue;
                }
                i++;
        }
        *ret_ended = g_steal_pointer(&ended);
        *ret_more = done == limit;
        return 0;
}

/* Events */

static void memory_event_add(Store *store, const Event *event) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        GPtrArray *events = g_hash_table_lookup(memory->events, event->session);

        if (!g_hash_table_contains(memory->by_id, event->session))
                return;
        if (!events) {
                events = store_event_array();
                g_hash_table_insert(memory->events, g_strdup(event->session), events);
        }
        g_ptr_array_add(events, event_copy(event));
        if (events->len > STORE_EVENTS_KEPT)
                g_ptr_array_remove_index(events, 0);
}

static int memory_event_list(Store *store, const char *session, GPtrArray **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        const GPtrArray *events = g_hash_table_lookup(memory->events, session);
        GPtrArray *copies = store_event_array();

        for (guint i = 0; events && i < events->len; i++)
                g_ptr_array_add(copies, event_copy(events->pdata[i]));
        *ret = copies;
        return 0;
}

static const StoreBackend memory_backend = {
        .free = memory_free,
        .check = memory_check,
        .dropped = memory_dropped,
        .meta_get = memory_meta_get,
        .meta_set = memory_meta_set,
        .user_get = memory_user_get,
        .user_list = memory_user_list,
        .user_add = memory_user_add,
        .user_rehash = memory_user_rehash,
        .user_enable = memory_user_enable,
        .user_disable = memory_user_disable,
        .user_remove = memory_user_remove,
        .user_change_password = memory_user_change_password,
        .user_failed = memory_user_failed,
        .rename_host = memory_rename_host,
        .session_get = memory_session_get,
        .session_find = memory_session_find,
        .session_bound = memory_session_bound,
        .session_list = memory_session_list,
        .session_open = memory_session_open,
        .session_open_login = memory_session_open_login,
        .session_touch = memory_session_touch,
        .session_authenticated = memory_session_authenticated,
        .session_end = memory_session_end,
        .session_sweep = memory_session_sweep,
        .assignment_set = memory_assignment_set,
        .assignment_remove = memory_assignment_remove,
        .assignment_list = memory_assignment_list,
        .assignment_sweep = memory_assignment_sweep,
        .identity_add = memory_identity_add,
        .identity_find = memory_identity_find,
        .identity_list = memory_identity_list,
        .identity_remove = memory_identity_remove,
        .device_add = memory_device_add,
        .device_get = memory_device_get,
        .device_list = memory_device_list,
        .device_use = memory_device_use,
        .device_revoke = memory_device_revoke,
        .device_sweep = memory_device_sweep,
        .ticket_use = memory_ticket_use,
        .ticket_used = memory_ticket_used,
        .known_network = memory_known_network,
        .debt_set = memory_debt_set,
        .debt_list = memory_debt_list,
        .event_add = memory_event_add,
        .event_list = memory_event_list,
};

Store *store_memory_new(void) {
        MemoryStore *memory = g_new0(MemoryStore, 1);

        memory->store.backend = &memory_backend;
        pthread_mutex_init(&memory->mutex, NULL);
        memory->meta = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        memory->users = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_user);
        memory->news = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_news);
        memory->assignments = store_assignment_array();
        memory->identities = store_identity_array();
        memory->devices = store_device_array();
        memory->tickets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        memory->sessions = store_session_array();
        memory_throttle_init(memory);
        memory->by_id = g_hash_table_new(g_str_hash, g_str_equal);
        memory->events = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_events);
        return &memory->store;
}

Store *store_memory_new_shared(void) {
        MemoryStore *memory = (MemoryStore *) store_memory_new();

        memory->shared = memory_backend;
        memory->shared.shared_debt_get = memory_shared_debt_get;
        memory->shared.shared_debt_swap = memory_shared_debt_swap;
        memory->shared.shared_debt_list = memory_shared_debt_list;
        memory->store.backend = &memory->shared;
        return &memory->store;
}
