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

static int select_tree(Db *db, const char *id, GPtrArray *sessions) {
        _cleanup_query_ Query query = db_query(
                db, "WITH RECURSIVE tree (id) AS (SELECT ? UNION " BELOW ") " ACTIVE_OF_TREE);

        query_text(&query, id);
        return session_load_all(&query, sessions);
}

static int select_user(Db *db, uid_t uid, const char *except, bool below, GPtrArray *sessions) {
        _cleanup_query_ Query query = db_query(
                db, "WITH RECURSIVE " SESSION_SPARED ", tree (id) AS ("
                    "SELECT id FROM session INDEXED BY session_user_active"
                    " WHERE uid = ?2 AND state = 'active' AND id NOT IN (SELECT id FROM spared)"
                    " UNION " BELOW " WHERE ?3) " ACTIVE_OF_TREE);

        query_text(&query, except);
        query_int(&query, uid);
        query_int(&query, below);
        return session_load_all(&query, sessions);
}

/* Below what came from the device are also logins of those that have ended: it may be a thief who ended them. */
static int select_device(Db *db, const char *device, bool below, GPtrArray *sessions) {
        _cleanup_query_ Query query = db_query(
                db, "WITH RECURSIVE tree (id) AS ("
                    "SELECT id FROM session INDEXED BY session_device WHERE device = ?1 AND device IS NOT NULL"
                    " UNION " BELOW " WHERE ?2) " ACTIVE_OF_TREE);

        query_text(&query, device);
        query_int(&query, below);
        return session_load_all(&query, sessions);
}

/* Everybody's: whoever is below somebody is somebody, too. */
static int select_all(Db *db, const char *except, GPtrArray *sessions) {
        _cleanup_query_ Query query = db_query(
                db, "WITH RECURSIVE " SESSION_SPARED
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
        if (selector->device)
                return select_device(db, selector->device, below, sessions);
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

/* Stepping up */

typedef struct SessionAuthenticated {
        Job job;
        const char *id, *method;
        int64_t auth_time;
        const Granted *granted;
} SessionAuthenticated;

static int update_granted(Db *db, const char *id, const Granted *granted) {
        g_autofree char *pairs = store_pack_words(granted->pairs);
        _cleanup_query_ Query query = db_query(
                db, "UPDATE session SET granted_issuer = ?, granted_subject = ?, granted = ? WHERE id = ?");

        query_text(&query, granted->issuer);
        query_text(&query, granted->subject);
        query_text(&query, pairs);
        query_text(&query, id);
        return query_run(&query);
}

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
        methods = store_pack_words(session->methods);
        if (!methods || !g_strv_contains((const char *const *) session->methods, method))
                more = methods && methods[0] ? g_strconcat(methods, "\n", method, NULL) : g_strdup(method);
        r = update_authenticated(db, authenticated, more ?: methods);
        if (r == 0 && authenticated->granted)
                r = update_granted(db, authenticated->id, authenticated->granted);
        return r;
}

int sqlite_session_authenticated(Store *store, const char *id, int64_t auth_time, const char *method,
                                 const Granted *granted) {
        SessionAuthenticated authenticated = {
                .job.run = run_session_authenticated,
                .id = id,
                .method = method,
                .auth_time = auth_time,
                .granted = granted,
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
