/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <limits.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/sqlite-store.h"

typedef struct SessionOpen {
        Job job;
        Notes *notes;
        const Session *session;
        unsigned max_per_user;
        const char *network; /* where a login came from; NULL: local, or not a login */
        bool bound;
        GPtrArray **ret_ended;
        LoginNews *ret_news; /* NULL: not a login */
} SessionOpen;

static int check_id_unused(Db *db, const char *id) {
        _cleanup_query_ Query query = db_query(db, "SELECT 1 FROM session WHERE id = ?");
        int r;

        query_text(&query, id);
        r = query_step(&query);
        return r > 0 ? STORE_E_EXISTS : r;
}

static int check_user(Db *db, const Session *session) {
        g_autoptr(User) user = NULL;
        int r;

        r = user_load(db, session->user, &user);
        if (r < 0)
                return error_trace(r);
        return r == 0 && user->uid == session->uid && user->enabled ? 0 : STORE_E_STATE;
}

static int check_device(Db *db, const Session *session) {
        g_autoptr(Device) device = NULL;
        int r;

        if (!session->device[0])
                return 0;
        r = device_load(db, session->device, &device);
        if (r < 0)
                return error_trace(r);
        return r == 0 && device->uid == session->uid && device->revoked == 0 ? 0 : STORE_E_STATE;
}

/* Where something else holds the login, the session is not bound to it. */
static int settle_login(Db *db, Session *session) {
        g_autoptr(Session) holder = NULL;
        int r;

        if (!store_session_has_login(session))
                return 0;
        r = session_load_bound(db, session->boot_id, session->audit_id, session->uid, &holder);
        if (r < 0)
                return error_trace(r);
        if (!holder || (holder->state != SESSION_ACTIVE && holder->state != SESSION_REVOKED))
                return 0;
        session->audit_id = AUDIT_ID_UNSET;
        if (holder->state == SESSION_ACTIVE && !session->parent[0])
                memcpy(session->parent, holder->id, SESSION_ID_SIZE);
        return 0;
}

static int settle_parent(Db *db, Session *session) {
        g_autoptr(Session) parent = NULL;
        int r;

        if (!session->parent[0])
                return 0;
        r = session_load_id(db, session->parent, &parent);
        if (r < 0)
                return error_trace(r);
        if (!parent || parent->state != SESSION_ACTIVE)
                return STORE_E_STATE;
        session->ends = MIN(session->ends, parent->ends);
        return 0;
}

static int insert_session(Db *db, const Session *session) {
        g_autofree char *methods = store_pack_words(session->methods);
        g_autofree char *roles = store_pack_words(session->roles);
        g_autofree char *role_cap = store_pack_words(session->role_cap);
        g_autofree char *granted = store_pack_words(session->granted.pairs);
        _cleanup_query_ Query query = db_query(
                db, "INSERT INTO session (id, user, uid, host, service, rhost, tty, methods, auth_time, auth_method,"
                    " opened, seen, ends, ended, state, end_reason, parent, audit_id, boot_id, logind_id, roles,"
                    " role_cap, device, granted_issuer, granted_subject, granted)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

        query_text(&query, session->id);
        query_text(&query, session->user);
        query_int(&query, session->uid);
        query_text(&query, session->host);
        query_text(&query, session->service);
        query_text(&query, session->rhost);
        query_text(&query, session->tty);
        query_text(&query, methods);
        query_int(&query, session->auth_time);
        query_text(&query, session->auth_method);
        query_int(&query, session->opened);
        query_int(&query, session->seen);
        query_int(&query, session->ends);
        query_int(&query, session->ended);
        query_text(&query, session_state_to_string(session->state));
        query_text(&query, session->end_reason);
        query_text(&query, session->parent[0] ? session->parent : NULL);
        if (session->audit_id == AUDIT_ID_UNSET)
                query_null(&query);
        else
                query_int(&query, session->audit_id);
        query_text(&query, session->boot_id);
        query_text(&query, session->logind_id);
        query_text(&query, roles);
        query_text(&query, role_cap);
        query_text(&query, session->device[0] ? session->device : NULL);
        query_text(&query, session->granted.issuer);
        query_text(&query, session->granted.subject);
        query_text(&query, granted);
        return query_run(&query);
}

static int load_others(Db *db, const Session *session, GPtrArray *others) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT " SESSION_COLUMNS " FROM session INDEXED BY session_user_active"
                    " WHERE uid = ? AND host = ? AND state = 'active' AND id <> ? ORDER BY key");

        query_int(&query, session->uid);
        query_text(&query, session->host);
        query_text(&query, session->id);
        return session_load_all(&query, others);
}

static int count_active(Db *db, const Session *session, int64_t *ret) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT count(*) FROM session INDEXED BY session_user_active"
                    " WHERE uid = ? AND host = ? AND state = 'active'");
        int r;

        query_int(&query, session->uid);
        query_text(&query, session->host);
        r = query_step(&query);
        if (r > 0)
                *ret = query_column_int(&query, 0);
        return MIN(r, 0);
}

static int compare_seen(const void *a, const void *b) {
        const Session *x = *(Session *const *) a, *y = *(Session *const *) b;

        return x->seen < y->seen ? -1 : x->seen > y->seen;
}

/* Closes so many of the least recently seen that at most the maximum is left; never the new one. */
static int evict(Db *db, const SessionOpen *open, GPtrArray *ended) {
        Ending ending = {
                .notes = open->notes,
                .event = SESSION_EVENT_CLOSE,
                .reason = "evicted",
                .now = open->session->opened,
        };
        g_autoptr(GPtrArray) others = store_session_array();
        int64_t active = 0;
        int r;

        r = count_active(db, open->session, &active);
        if (r < 0 || active <= open->max_per_user)
                return error_trace(r);
        r = load_others(db, open->session, others);
        for (guint i = 0; i < others->len; i++)
                notes_overlay(open->notes, others->pdata[i]);
        g_ptr_array_sort(others, compare_seen); /* stable: of two seen at once, the one opened first */
        for (; r == 0 && active > open->max_per_user && others->len > 0; active--) {
                Session *session = g_ptr_array_steal_index(others, 0);
                bool changed;

                g_ptr_array_add(ended, session);
                r = session_end_one(db, &ending, session, &changed);
        }
        return error_trace(r);
}

/* What is told at a login, and then begins anew. Failures that were noted are in the database by now. */

int user_load_news(Db *db, const char *user, LoginNews *ret) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT last_login, last_from, failures, failed, failed_from FROM user WHERE name = ?");
        int r;

        query_text(&query, user);
        r = query_step(&query);
        if (r <= 0)
                return r == 0 ? STORE_E_NOT_FOUND : r;
        *ret = (LoginNews) {
                .last = query_column_int(&query, 0),
                .last_from = g_strdup(query_column_text(&query, 1)),
                .failures = (unsigned) MIN(query_column_int(&query, 2), INT_MAX),
                .failed = query_column_int(&query, 3),
                .failed_from = g_strdup(query_column_text(&query, 4)),
        };
        return 0;
}

static int reset_news(Db *db, const Session *session) {
        _cleanup_query_ Query query = db_query(
                db, "UPDATE user SET last_login = ?, last_from = ?, failures = 0, failed = 0, failed_from = NULL"
                    " WHERE name = ?");

        query_int(&query, session->opened);
        query_text(&query, session->rhost);
        query_text(&query, session->user);
        return query_run(&query);
}

static int tell_news(Db *db, const SessionOpen *open) {
        int r;

        if (!open->ret_news)
                return 0;
        r = user_load_news(db, open->session->user, open->ret_news);
        if (r == 0)
                r = reset_news(db, open->session);
        if (r == 0 && open->network)
                r = network_remember(db, open->session->uid, open->network, open->session->opened);
        return r;
}

static int run_session_open(Job *job, Db *db) {
        SessionOpen *open = (SessionOpen *) job;
        g_autoptr(Session) session = session_copy(open->session);
        g_autoptr(GPtrArray) ended = store_session_array();
        int r;

        r = check_id_unused(db, session->id);
        if (r == 0)
                r = check_user(db, session);
        if (r == 0)
                r = check_device(db, session);
        if (r == 0)
                r = settle_login(db, session);
        if (r == 0)
                r = settle_parent(db, session);
        if (r == 0)
                r = insert_session(db, session);
        if (r == 0)
                r = evict(db, open, ended);
        if (r == 0)
                r = tell_news(db, open);
        if (r != 0)
                return error_trace(r);
        open->bound = store_session_has_login(session);
        *open->ret_ended = g_steal_pointer(&ended);
        return 0;
}

static int open_session(SqliteStore *sqlite, SessionOpen *open, bool *ret_bound, GPtrArray **ret_ended) {
        g_autoptr(GPtrArray) ended = NULL;
        int r;

        open->job.run = run_session_open;
        open->job.after_notes = open->ret_news && notes_any_failed(sqlite->notes);
        open->notes = sqlite->notes;
        open->ret_ended = &ended;
        r = writer_run(sqlite->writer, &open->job);
        if (r != 0)
                return r;
        *ret_bound = open->bound;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}

int sqlite_session_open(Store *store, const Session *session, unsigned max_per_user, bool *ret_bound,
                        GPtrArray **ret_ended) {
        SessionOpen open = { .session = session, .max_per_user = max_per_user };

        return open_session(sqlite_store(store), &open, ret_bound, ret_ended);
}

int sqlite_session_open_login(Store *store, const Session *session, unsigned max_per_user, const char *network,
                              bool *ret_bound, GPtrArray **ret_ended, LoginNews *ret_news) {
        g_auto(LoginNews) news = {};
        SessionOpen open = { .session = session, .max_per_user = max_per_user, .network = network, .ret_news = &news };
        int r;

        r = open_session(sqlite_store(store), &open, ret_bound, ret_ended);
        if (r != 0)
                return r;
        *ret_news = news;
        news = (LoginNews) {};
        return 0;
}
