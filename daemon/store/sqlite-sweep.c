/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The sweep looks at each index only as far as it finds something to do, and everything it finds
 * leaves that index by being done: what a sweep costs is what it sweeps.
 */

#include "common/error.h"
#include "daemon/store/sqlite-store.h"

typedef struct Sweep {
        Job job;
        Notes *notes;
        const char *host, *boot_id;
        int64_t now, idle, keep;
        unsigned limit;
        unsigned left; /* of the limit */
        GPtrArray *ended;
        GPtrArray **ret_ended;
} Sweep;

static int end_found(Db *db, Sweep *sweep, SessionEvent event, const char *reason, GPtrArray *found) {
        Ending ending = { .notes = sweep->notes, .event = event, .reason = reason, .now = sweep->now };
        int r = 0;

        while (r == 0 && found->len > 0) {
                Session *session = g_ptr_array_steal_index(found, 0);
                bool changed;

                g_ptr_array_add(sweep->ended, session);
                r = session_end_one(db, &ending, session, &changed);
                sweep->left--;
        }
        return error_trace(r);
}

static int sweep_over(Db *db, Sweep *sweep) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT " SESSION_COLUMNS " FROM session INDEXED BY session_ends"
                    " WHERE state = 'active' AND ends <= ? ORDER BY ends LIMIT ?");
        g_autoptr(GPtrArray) found = store_session_array();
        int r;

        query_int(&query, sweep->now);
        query_int(&query, sweep->left);
        r = session_load_all(&query, found);
        return r < 0 ? error_trace(r) : end_found(db, sweep, SESSION_EVENT_EXPIRE, "lifetime", found);
}

/* Who was seen since is written down as that: it must not stand in the way of the next sweep. */
static int spare_seen(Db *db, Sweep *sweep, GPtrArray *found) {
        int r = 0;

        for (guint i = found->len; r == 0 && i > 0; i--) {
                Session *session = found->pdata[i - 1];

                notes_overlay(sweep->notes, session);
                if (session->seen < sweep->now - sweep->idle)
                        continue;
                r = notes_write_seen(db, session->id, session->seen);
                g_ptr_array_remove_index(found, i - 1);
                sweep->left--;
        }
        return error_trace(r);
}

static int sweep_idle(Db *db, Sweep *sweep) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT " SESSION_COLUMNS " FROM session INDEXED BY session_seen"
                    " WHERE state = 'active' AND seen < ? ORDER BY seen LIMIT ?");
        g_autoptr(GPtrArray) found = store_session_array();
        int r;

        query_int(&query, sweep->now - sweep->idle);
        query_int(&query, sweep->left);
        r = session_load_all(&query, found);
        if (r == 0)
                r = spare_seen(db, sweep, found);
        return r < 0 ? error_trace(r) : end_found(db, sweep, SESSION_EVENT_EXPIRE, "idle", found);
}

/* Two ranges, because "another boot" as one condition would walk through this boot's sessions. */
#define OTHER_BOOTS(columns, index, where) \
        "SELECT " columns " FROM session INDEXED BY " index " WHERE " where " AND host = ?1 AND boot_id < ?2" \
        " UNION ALL " \
        "SELECT " columns " FROM session INDEXED BY " index " WHERE " where " AND host = ?1 AND boot_id > ?2" \
        " LIMIT ?3"

static void bind_boot(Query *query, const Sweep *sweep) {
        query_text(query, sweep->host);
        query_text(query, sweep->boot_id);
        query_int(query, sweep->left);
}

static int sweep_boot(Db *db, Sweep *sweep) {
        _cleanup_query_ Query query = db_query(
                db, OTHER_BOOTS(SESSION_COLUMNS, "session_boot", "state = 'active'"));
        g_autoptr(GPtrArray) found = store_session_array();
        int r;

        bind_boot(&query, sweep);
        r = session_load_all(&query, found);
        return r < 0 ? error_trace(r) : end_found(db, sweep, SESSION_EVENT_CLOSE, "reboot", found);
}

/* A login that a revoked session holds dead is over with its boot; then that session may be forgotten. */
static int sweep_held(Db *db, Sweep *sweep) {
        _cleanup_query_ Query query = db_query(
                db, "UPDATE session SET audit_id = NULL WHERE key IN ("
                OTHER_BOOTS("key", "session_held", "state = 'revoked' AND audit_id IS NOT NULL") ")");
        int r;

        bind_boot(&query, sweep);
        r = query_run(&query);
        if (r < 0)
                return error_trace(r);
        sweep->left -= (unsigned) db_changes(db);
        return 0;
}

static int delete_key(Query query, int64_t key) {
        int r;

        query_int(&query, key);
        r = query_run(&query);
        query_done(&query);
        return error_trace(r);
}

/*
 * The cap of a login of this boot outlasts its session: the login may be open still, and would be
 * without. There is one such row for each that came by a ticket, so looking at them again each time
 * costs little.
 */
static int find_forgettable(Db *db, const Sweep *sweep, GArray *keys) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT key FROM session INDEXED BY session_ended"
                    " WHERE state <> 'active' AND (state <> 'revoked' OR audit_id IS NULL)"
                    " AND ended < ? AND NOT (role_cap IS NOT NULL AND audit_id IS NOT NULL AND (boot_id IS ? OR host <> ?))"
                    " ORDER BY ended LIMIT ?");
        int r;

        query_int(&query, sweep->now - sweep->keep);
        query_text(&query, sweep->boot_id);
        query_text(&query, sweep->host);
        query_int(&query, sweep->left);
        while ((r = query_step(&query)) > 0) {
                int64_t key = query_column_int(&query, 0);

                g_array_append_val(keys, key);
        }
        return error_trace(r);
}

static int sweep_ended(Db *db, Sweep *sweep) {
        g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(int64_t));
        int r;

        r = find_forgettable(db, sweep, keys);
        for (guint i = 0; r == 0 && i < keys->len; i++) {
                int64_t key = g_array_index(keys, int64_t, i);

                r = delete_key(db_query(db, "DELETE FROM event WHERE session = ?"), key);
                if (r == 0)
                        r = delete_key(db_query(db, "DELETE FROM session WHERE key = ?"), key);
                sweep->left--;
        }
        return error_trace(r);
}

static int run_sweep(Job *job, Db *db) {
        static int (*const parts[])(Db *db, Sweep *sweep) = {
                sweep_over, sweep_idle, sweep_boot, sweep_held, sweep_ended,
        };
        Sweep *sweep = (Sweep *) job;
        int r = 0;

        sweep->left = sweep->limit;
        sweep->ended = store_session_array();
        for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(parts); i++)
                if (sweep->left > 0)
                        r = parts[i](db, sweep);
        *sweep->ret_ended = sweep->ended;
        return error_trace(r);
}

int sqlite_session_sweep(Store *store, const char *host, const char *boot_id, int64_t now, int64_t idle, int64_t keep,
                         unsigned limit, GPtrArray **ret_ended, bool *ret_more) {
        SqliteStore *sqlite = sqlite_store(store);
        g_autoptr(GPtrArray) ended = NULL;
        Sweep sweep = {
                .job.run = run_sweep,
                .notes = sqlite->notes,
                .host = host,
                .boot_id = boot_id,
                .now = now,
                .idle = idle,
                .keep = keep,
                .limit = limit,
                .ret_ended = &ended,
        };
        int r;

        r = writer_run(sqlite->writer, &sweep.job);
        if (r != 0)
                return r;
        *ret_ended = g_steal_pointer(&ended);
        *ret_more = sweep.left == 0;
        return 0;
}

/* Devices and tickets */

#define FORGET_AT_ONCE 500

typedef struct DeviceSweep {
        Job job;
        int64_t now, idle, keep;
        bool more;
} DeviceSweep;

static int forget(DeviceSweep *sweep, Query query, int64_t before) {
        int r;

        query_int(&query, before);
        query_int(&query, FORGET_AT_ONCE);
        r = query_run(&query);
        if (r == 0 && db_changes(query.db) == FORGET_AT_ONCE)
                sweep->more = true;
        query_done(&query);
        return error_trace(r);
}

static int run_device_sweep(Job *job, Db *db) {
        DeviceSweep *sweep = (DeviceSweep *) job;
        int64_t before = sweep->now - sweep->keep;
        int r;

        sweep->more = false;
        r = forget(sweep, db_query(db, "DELETE FROM device WHERE key IN (SELECT key FROM device"
                                       " INDEXED BY device_revoked WHERE revoked <> 0 AND revoked < ? LIMIT ?)"),
                   before);
        if (r == 0)
                r = forget(sweep, db_query(db, "DELETE FROM device WHERE key IN (SELECT key FROM device"
                                               " INDEXED BY device_ends WHERE ends < ? LIMIT ?)"), before);
        if (r == 0)
                r = forget(sweep, db_query(db, "DELETE FROM device WHERE key IN (SELECT key FROM device"
                                               " INDEXED BY device_idle WHERE max(used, created) < ? LIMIT ?)"),
                           before - sweep->idle);
        if (r == 0)
                r = forget(sweep, db_query(db, "DELETE FROM ticket WHERE (issuer, jti) IN (SELECT issuer, jti"
                                               " FROM ticket INDEXED BY ticket_until WHERE until < ? LIMIT ?)"),
                           sweep->now);
        return r;
}

int sqlite_device_sweep(Store *store, int64_t now, int64_t idle, int64_t keep) {
        DeviceSweep sweep = { .job.run = run_device_sweep, .now = now, .idle = idle, .keep = keep, .more = true };
        int r = 0;

        while (r == 0 && sweep.more)
                r = writer_run(sqlite_store(store)->writer, &sweep.job);
        return r;
}
