/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/error.h"
#include "daemon/store/sqlite-store.h"

/* Ending */

static int update_ended(Db *db, const Session *session) {
        _cleanup_query_ Query query = db_query(
                db, "UPDATE session SET state = ?, ended = ?, end_reason = ?, seen = ? WHERE id = ?");

        query_text(&query, session_state_to_string(session->state));
        query_int(&query, session->ended);
        query_text(&query, session->end_reason);
        query_int(&query, session->seen);
        query_text(&query, session->id);
        return query_run(&query);
}

int session_end_one(Db *db, const Ending *ending, Session *session, bool *ret_changed) {
        SessionState state = session_transition(session->state, ending->event);

        *ret_changed = state != _SESSION_STATE_INVALID;
        if (!*ret_changed)
                return 0;
        notes_overlay(ending->notes, session);
        session->state = state;
        session->ended = ending->now;
        g_free(session->end_reason);
        session->end_reason = g_strdup(ending->reason);
        return update_ended(db, session);
}

/* The id itself, and for REVOKE everything below it, also below what has ended already. */
static int select_one(Db *db, const char *id, GPtrArray *sessions) {
        g_autoptr(Session) session = NULL;
        int r;

        r = session_load_id(db, id, &session);
        if (r < 0)
                return error_trace(r);
        if (r == 0 && session->state == SESSION_ACTIVE)
                g_ptr_array_add(sessions, g_steal_pointer(&session));
        return 0;
}

/* Parents are found by session_parent, so that a revocation costs what it revokes. */
#define BELOW \
        "SELECT child.id FROM tree JOIN session AS child INDEXED BY session_parent" \
        " ON child.parent = tree.id AND child.parent IS NOT NULL"
#define ACTIVE_OF_TREE \
        "SELECT " SESSION_COLUMNS " FROM tree JOIN session ON session.id = tree.id" \
        " WHERE state = 'active' ORDER BY key"
#define SPARED \
        "spared (id) AS (SELECT ?1 WHERE ?1 IS NOT NULL UNION" \
        " SELECT parent FROM spared JOIN session ON session.id = spared.id WHERE parent IS NOT NULL)"

static int select_tree(Db *db, const char *id, GPtrArray *sessions) {
        _cleanup_query_ Query query = db_query(
                db, "WITH RECURSIVE tree (id) AS (SELECT ? UNION " BELOW ") " ACTIVE_OF_TREE);

        query_text(&query, id);
        return session_load_all(&query, sessions);
}

static int select_user(Db *db, uid_t uid, const char *except, bool below, GPtrArray *sessions) {
        _cleanup_query_ Query query = db_query(
                db, "WITH RECURSIVE " SPARED ", tree (id) AS ("
                    "SELECT id FROM session INDEXED BY session_user_active"
                    " WHERE uid = ?2 AND state = 'active' AND id NOT IN (SELECT id FROM spared)"
                    " UNION " BELOW " WHERE ?3) " ACTIVE_OF_TREE);

        query_text(&query, except);
        query_int(&query, uid);
        query_int(&query, below);
        return session_load_all(&query, sessions);
}

/* Everybody's: whoever is below somebody is somebody, too. */
static int select_all(Db *db, const char *except, GPtrArray *sessions) {
        _cleanup_query_ Query query = db_query(
                db, "WITH RECURSIVE " SPARED
                    " SELECT " SESSION_COLUMNS " FROM session INDEXED BY session_user_active"
                    " WHERE state = 'active' AND id NOT IN (SELECT id FROM spared) ORDER BY key");

        query_text(&query, except);
        return session_load_all(&query, sessions);
}

static int select_sessions(Db *db, const SessionSelector *selector, bool below, GPtrArray *sessions) {
        if (selector->id && below)
                return select_tree(db, selector->id, sessions);
        if (selector->id)
                return select_one(db, selector->id, sessions);
        if (selector->all)
                return select_all(db, selector->except, sessions);
        if (selector->uid != UID_UNSET)
                return select_user(db, selector->uid, selector->except, below, sessions);
        return 0;
}

int session_end_selected(Db *db, const SessionSelector *selector, const Ending *ending, GPtrArray **ret_ended) {
        g_autoptr(GPtrArray) sessions = store_session_array();
        bool changed;
        int r;

        r = select_sessions(db, selector, ending->event == SESSION_EVENT_REVOKE, sessions);
        for (guint i = 0; r == 0 && i < sessions->len; i++)
                r = session_end_one(db, ending, sessions->pdata[i], &changed);
        if (r < 0)
                return error_trace(r);
        *ret_ended = g_steal_pointer(&sessions);
        return 0;
}

typedef struct SessionEnd {
        Job job;
        const SessionSelector *selector;
        Ending ending;
        GPtrArray **ret_ended;
} SessionEnd;

static int run_session_end(Job *job, Db *db) {
        const SessionEnd *end = (SessionEnd *) job;

        return session_end_selected(db, end->selector, &end->ending, end->ret_ended);
}

int sqlite_session_end(Store *store, const SessionSelector *selector, SessionEvent event, const char *reason,
                       int64_t now, GPtrArray **ret_ended) {
        SqliteStore *sqlite = sqlite_store(store);
        g_autoptr(GPtrArray) ended = NULL;
        SessionEnd end = {
                .job.run = run_session_end,
                .selector = selector,
                .ending = { .notes = sqlite->notes, .event = event, .reason = reason, .now = now },
                .ret_ended = &ended,
        };
        int r;

        r = writer_run(sqlite->writer, &end.job);
        if (r == 0)
                *ret_ended = g_steal_pointer(&ended);
        return r;
}

/* Opening */

typedef struct SessionOpen {
        Job job;
        Notes *notes;
        const Session *session;
        unsigned max_per_user;
        bool bound;
        GPtrArray **ret_ended;
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
        g_autofree char *methods = session_pack_words(session->methods);
        g_autofree char *roles = session_pack_words(session->roles);
        _cleanup_query_ Query query = db_query(
                db, "INSERT INTO session (id, user, uid, host, service, rhost, tty, methods, auth_time, auth_method,"
                    " opened, seen, ends, ended, state, end_reason, parent, audit_id, boot_id, logind_id, roles)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

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

static int run_session_open(Job *job, Db *db) {
        SessionOpen *open = (SessionOpen *) job;
        g_autoptr(Session) session = session_copy(open->session);
        g_autoptr(GPtrArray) ended = store_session_array();
        int r;

        r = check_id_unused(db, session->id);
        if (r == 0)
                r = check_user(db, session);
        if (r == 0)
                r = settle_login(db, session);
        if (r == 0)
                r = settle_parent(db, session);
        if (r == 0)
                r = insert_session(db, session);
        if (r == 0)
                r = evict(db, open, ended);
        if (r != 0)
                return error_trace(r);
        open->bound = store_session_has_login(session);
        *open->ret_ended = g_steal_pointer(&ended);
        return 0;
}

int sqlite_session_open(Store *store, const Session *session, unsigned max_per_user, bool *ret_bound,
                        GPtrArray **ret_ended) {
        SqliteStore *sqlite = sqlite_store(store);
        g_autoptr(GPtrArray) ended = NULL;
        SessionOpen open = {
                .job.run = run_session_open,
                .notes = sqlite->notes,
                .session = session,
                .max_per_user = max_per_user,
                .ret_ended = &ended,
        };
        int r;

        r = writer_run(sqlite->writer, &open.job);
        if (r != 0)
                return r;
        *ret_bound = open.bound;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}

/* Stepping up */

typedef struct SessionAuthenticated {
        Job job;
        const char *id, *method;
        int64_t auth_time;
} SessionAuthenticated;

static int update_authenticated(Db *db, const SessionAuthenticated *authenticated, const char *methods) {
        _cleanup_query_ Query query = db_query(
                db, "UPDATE session SET auth_time = ?, auth_method = ?, methods = ? WHERE id = ?");

        query_int(&query, authenticated->auth_time);
        query_text(&query, authenticated->method);
        query_text(&query, methods);
        query_text(&query, authenticated->id);
        return query_run(&query);
}

static int run_session_authenticated(Job *job, Db *db) {
        const SessionAuthenticated *authenticated = (SessionAuthenticated *) job;
        const char *method = authenticated->method;
        g_autoptr(Session) session = NULL;
        g_autofree char *methods = NULL, *more = NULL;
        int r;

        r = session_load_id(db, authenticated->id, &session);
        if (r != 0)
                return r;
        if (session->state != SESSION_ACTIVE)
                return STORE_E_STATE;
        methods = session_pack_words(session->methods);
        if (!methods || !g_strv_contains((const char *const *) session->methods, method))
                more = methods && methods[0] ? g_strconcat(methods, "\n", method, NULL) : g_strdup(method);
        return update_authenticated(db, authenticated, more ?: methods);
}

int sqlite_session_authenticated(Store *store, const char *id, int64_t auth_time, const char *method) {
        SessionAuthenticated authenticated = {
                .job.run = run_session_authenticated,
                .id = id,
                .method = method,
                .auth_time = auth_time,
        };

        return writer_run(sqlite_store(store)->writer, &authenticated.job);
}

/* Without waiting */

void sqlite_session_touch(Store *store, const char *id, int64_t now) {
        SqliteStore *sqlite = sqlite_store(store);

        if (notes_touch(sqlite->notes, id, now))
                writer_wake(sqlite->writer);
}

void sqlite_event_add(Store *store, const Event *event) {
        SqliteStore *sqlite = sqlite_store(store);

        if (notes_event(sqlite->notes, event))
                writer_wake(sqlite->writer);
}
