/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/sqlite-store.h"

/* Rows */

int session_copy_id(char id[SESSION_ID_SIZE], const char *text) {
        if (text && g_strlcpy(id, text, SESSION_ID_SIZE) != SESSION_ID_SIZE - 1)
                return error_trace(-EUCLEAN);
        return 0;
}

static int read_session(const Query *query, Session **ret) {
        g_autoptr(Session) session = session_new();
        int r, i = 0;

        r = session_copy_id(session->id, query_column_text(query, i++));
        if (r < 0)
                return r;
        session->user = g_strdup(query_column_text(query, i++));
        session->uid = (uid_t) query_column_int(query, i++);
        session->host = g_strdup(query_column_text(query, i++));
        session->service = g_strdup(query_column_text(query, i++));
        session->rhost = g_strdup(query_column_text(query, i++));
        session->tty = g_strdup(query_column_text(query, i++));
        session->methods = store_unpack_words(query_column_text(query, i++));
        session->auth_time = query_column_int(query, i++);
        session->auth_method = g_strdup(query_column_text(query, i++));
        session->opened = query_column_int(query, i++);
        session->seen = query_column_int(query, i++);
        session->ends = query_column_int(query, i++);
        session->ended = query_column_int(query, i++);
        session->state = session_state_from_string(query_column_text(query, i++));
        if (session->state == _SESSION_STATE_INVALID)
                return error_trace(-EUCLEAN);
        session->end_reason = g_strdup(query_column_text(query, i++));
        r = session_copy_id(session->parent, query_column_text(query, i++));
        if (r < 0)
                return r;
        if (!query_column_null(query, i))
                session->audit_id = (uint32_t) query_column_int(query, i);
        i++;
        session->boot_id = g_strdup(query_column_text(query, i++));
        session->logind_id = g_strdup(query_column_text(query, i++));
        session->roles = store_unpack_words(query_column_text(query, i++));
        session->role_cap = store_unpack_words(query_column_text(query, i++));
        r = session_copy_id(session->device, query_column_text(query, i++));
        if (r < 0)
                return r;
        session->granted.issuer = g_strdup(query_column_text(query, i++));
        session->granted.subject = g_strdup(query_column_text(query, i++));
        session->granted.pairs = store_unpack_words(query_column_text(query, i++));
        *ret = g_steal_pointer(&session);
        return 0;
}

int session_load(Query *query, Session **ret) {
        int r;

        r = query_step(query);
        if (r < 0)
                return error_trace(r);
        return r == 0 ? STORE_E_NOT_FOUND : read_session(query, ret);
}

int session_load_all(Query *query, GPtrArray *sessions) {
        int r;

        while ((r = query_step(query)) > 0) {
                Session *session;

                r = read_session(query, &session);
                if (r < 0)
                        return error_trace(r);
                g_ptr_array_add(sessions, session);
        }
        return error_trace(r);
}

/* One session */

int session_load_id(Db *db, const char *id, Session **ret) {
        _cleanup_query_ Query query = db_query(db, "SELECT " SESSION_COLUMNS " FROM session WHERE id = ?");

        query_text(&query, id);
        return session_load(&query, ret);
}

int sqlite_session_get(Store *store, const char *id, Session **ret) {
        SqliteStore *sqlite = sqlite_store(store);
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite->point);
        int r;

        r = session_load_id(reader->db, id, ret);
        if (r == 0)
                notes_overlay(sqlite->notes, *ret);
        return r;
}

static int load_bound(Query *query, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret) {
        query_text(query, boot_id);
        query_int(query, audit_id);
        query_int(query, uid);
        return session_load(query, ret);
}

static int load_bound_active(Db *db, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT " SESSION_COLUMNS " FROM session INDEXED BY session_login"
                    " WHERE boot_id = ? AND audit_id = ? AND uid = ? AND state = 'active' AND audit_id IS NOT NULL");

        return load_bound(&query, boot_id, audit_id, uid, ret);
}

static int load_bound_ended(Db *db, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT " SESSION_COLUMNS " FROM session INDEXED BY session_login_ended"
                    " WHERE boot_id = ? AND audit_id = ? AND uid = ? AND state <> 'active' AND audit_id IS NOT NULL"
                    " ORDER BY state = 'revoked' DESC, key DESC LIMIT 1");

        return load_bound(&query, boot_id, audit_id, uid, ret);
}

int session_load_bound(Db *db, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret) {
        int r;

        r = load_bound_active(db, boot_id, audit_id, uid, ret);
        return r == STORE_E_NOT_FOUND ? load_bound_ended(db, boot_id, audit_id, uid, ret) : r;
}

/* Both look-ups have to see the same moment: between them the active one may end. */
int sqlite_session_bound(Store *store, const char *boot_id, uint32_t audit_id, uid_t uid, Session **ret) {
        SqliteStore *sqlite = sqlite_store(store);
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite->point);
        int r, end;

        r = db_run(reader->db, "BEGIN");
        if (r < 0)
                return error_trace(r);
        r = session_load_bound(reader->db, boot_id, audit_id, uid, ret);
        end = db_run(reader->db, "END");
        if (r == 0)
                notes_overlay(sqlite->notes, *ret);
        return r != 0 ? r : end;
}

/* Several sessions */

static int load_prefix(Query *query, const char *prefix, uid_t uid, GPtrArray *sessions) {
        g_autofree char *behind = g_strconcat(prefix, "g", NULL); /* behind every hex digit */

        query_text(query, prefix);
        query_text(query, behind);
        if (uid != UID_UNSET)
                query_int(query, uid);
        return session_load_all(query, sessions);
}

/* At most two: with two it is ambiguous. The active ones come first. */
static int load_prefix_any(Db *db, const char *prefix, GPtrArray *sessions) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT " SESSION_COLUMNS " FROM session"
                    " WHERE id >= ? AND id < ? ORDER BY state = 'active' DESC LIMIT 2");

        return load_prefix(&query, prefix, UID_UNSET, sessions);
}

static int load_prefix_of(Db *db, const char *prefix, uid_t uid, GPtrArray *sessions) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT " SESSION_COLUMNS " FROM session INDEXED BY session_user"
                    " WHERE id >= ? AND id < ? AND uid = ? ORDER BY state = 'active' DESC LIMIT 2");

        return load_prefix(&query, prefix, uid, sessions);
}

int sqlite_session_find(Store *store, const char *prefix, uid_t uid, Session **ret) {
        SqliteStore *sqlite = sqlite_store(store);
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite->range);
        g_autoptr(GPtrArray) found = store_session_array();
        const Session *first, *second;
        int r;

        r = uid == UID_UNSET ? load_prefix_any(reader->db, prefix, found)
                             : load_prefix_of(reader->db, prefix, uid, found);
        if (r < 0)
                return error_trace(r);
        if (found->len == 0)
                return STORE_E_NOT_FOUND;
        first = found->pdata[0];
        second = found->len > 1 ? found->pdata[1] : NULL;
        if (second && (second->state == SESSION_ACTIVE || first->state != SESSION_ACTIVE))
                return STORE_E_AMBIGUOUS;
        *ret = g_ptr_array_steal_index(found, 0);
        notes_overlay(sqlite->notes, *ret);
        return 0;
}

/*
 * The newest first, for the limit. Each filter is its own statement: one with "or everything" in it
 * could use no index.
 */
#define LIST(index, where) \
        "SELECT " SESSION_COLUMNS " FROM session " index " WHERE " where \
        " AND (?1 IS NULL OR host = ?1) ORDER BY key DESC LIMIT ?2"

/*
 * Both indexes are read, and then only the rows that stand in both: a user may have many sessions, and a
 * device many that are over.
 */
#define CAME_LIST(index, where) \
        LIST("INDEXED BY session_device", \
             "device = ?4 AND device IS NOT NULL AND key IN" \
             " (SELECT key FROM session INDEXED BY " index " WHERE " where ")")

static const char *list_sql(const SessionFilter *filter) {
        if (filter->device && filter->ended)
                return CAME_LIST("session_user", "uid = ?3");
        if (filter->device)
                return CAME_LIST("session_user_active", "uid = ?3 AND state = 'active'");
        if (filter->uid == UID_UNSET && filter->ended)
                return LIST("", "?3 IS NULL");
        if (filter->uid == UID_UNSET)
                return LIST("INDEXED BY session_user_active", "?3 IS NULL AND state = 'active'");
        if (filter->ended)
                return LIST("INDEXED BY session_user", "uid = ?3");
        return LIST("INDEXED BY session_user_active", "uid = ?3 AND state = 'active'");
}

static int load_list(Db *db, const SessionFilter *filter, GPtrArray *sessions) {
        _cleanup_query_ Query query = db_query(db, list_sql(filter));

        query_text(&query, filter->host);
        query_int(&query, filter->limit > 0 ? (int64_t) filter->limit : -1);
        if (filter->uid == UID_UNSET)
                query_null(&query);
        else
                query_int(&query, filter->uid);
        if (filter->device)
                query_text(&query, filter->device);
        return session_load_all(&query, sessions);
}

int sqlite_session_list(Store *store, const SessionFilter *filter, GPtrArray **ret) {
        SqliteStore *sqlite = sqlite_store(store);
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite->range);
        g_autoptr(GPtrArray) found = store_session_array();
        g_autoptr(GPtrArray) sessions = store_session_array();
        int r;

        r = load_list(reader->db, filter, found);
        if (r < 0)
                return error_trace(r);
        while (found->len > 0) {
                Session *session = g_ptr_array_steal_index(found, found->len - 1);

                notes_overlay(sqlite->notes, session);
                g_ptr_array_add(sessions, session);
        }
        *ret = g_steal_pointer(&sessions);
        return 0;
}

/* Events */

static Event *read_event(const Query *query, const char *session) {
        Event *event = g_new0(Event, 1);

        g_strlcpy(event->session, session, sizeof(event->session));
        event->time = query_column_int(query, 0);
        event->event = g_strdup(query_column_text(query, 1));
        event->service = g_strdup(query_column_text(query, 2));
        event->detail = g_strdup(query_column_text(query, 3));
        return event;
}

static int load_events(Db *db, const char *session, GPtrArray *events) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT time, event, event.service, detail FROM session JOIN event ON event.session = session.key"
                    " WHERE session.id = ? ORDER BY number");
        int r;

        query_text(&query, session);
        while ((r = query_step(&query)) > 0)
                g_ptr_array_add(events, read_event(&query, session));
        return error_trace(r);
}

int sqlite_event_list(Store *store, const char *session, GPtrArray **ret) {
        SqliteStore *sqlite = sqlite_store(store);
        g_autoptr(GPtrArray) events = store_event_array();
        int r;

        /* Takes waiting events along. On a full disk what is there is still worth showing; ignoring. */
        (void) writer_write_notes(sqlite->writer);
        {
                _cleanup_reader_ Reader *reader = reader_lock(&sqlite->range);

                r = load_events(reader->db, session, events);
        }
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&events);
        return 0;
}
