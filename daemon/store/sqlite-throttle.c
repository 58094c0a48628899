/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What users owe, and the networks that they logged in from. */

#include "common/error.h"
#include "daemon/store/sqlite-store.h"

/* Networks */

static int insert_network(Db *db, uid_t uid, const char *network, int64_t now) {
        _cleanup_query_ Query query = db_query(
                db, "INSERT INTO network (uid, network, seen) VALUES (?, ?, ?)"
                    " ON CONFLICT (uid, network) DO UPDATE SET seen = max(seen, excluded.seen)");

        query_int(&query, uid);
        query_text(&query, network);
        query_int(&query, now);
        return query_run(&query);
}

static int forget_oldest(Db *db, uid_t uid) {
        _cleanup_query_ Query query = db_query(
                db, "DELETE FROM network WHERE uid = ?1 AND network IN"
                    " (SELECT network FROM network WHERE uid = ?1 ORDER BY seen DESC LIMIT -1 OFFSET ?2)");

        query_int(&query, uid);
        query_int(&query, STORE_NETWORKS_KEPT);
        return query_run(&query);
}

int network_remember(Db *db, uid_t uid, const char *network, int64_t now) {
        int r;

        r = insert_network(db, uid, network, now);
        if (r == 0)
                r = forget_oldest(db, uid);
        return error_trace(r);
}

int sqlite_known_network(Store *store, uid_t uid, const char *network, int64_t since, bool *ret) {
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite_store(store)->point);
        _cleanup_query_ Query query = db_query(
                reader->db, "SELECT 1 FROM network WHERE uid = ? AND network = ? AND seen >= ?");
        int r;

        query_int(&query, uid);
        query_text(&query, network);
        query_int(&query, since);
        r = query_step(&query);
        if (r < 0)
                return error_trace(r);
        *ret = r > 0;
        return 0;
}

/* Debts */

static int delete_of(Db *db, const char *sql, uid_t uid) {
        _cleanup_query_ Query query = db_query(db, sql);

        query_int(&query, uid);
        return query_run(&query);
}

int throttle_forget(Db *db, uid_t uid) {
        int r;

        r = delete_of(db, "DELETE FROM network WHERE uid = ?", uid);
        if (r == 0)
                r = delete_of(db, "DELETE FROM debt WHERE uid = ?", uid);
        return error_trace(r);
}

void sqlite_debt_set(Store *store, const UserDebt *debt) {
        SqliteStore *sqlite = sqlite_store(store);

        if (notes_debt(sqlite->notes, debt))
                writer_wake(sqlite->writer);
}

static UserDebt *read_debt(const Query *query) {
        const UserDebt row = {
                .uid = (uid_t) query_column_int(query, 0),
                .limit = (char *) query_column_text(query, 1),
                .key = (char *) query_column_text(query, 2),
                .until = query_column_int(query, 3),
                .failures = (unsigned) MIN(query_column_int(query, 4), INT_MAX),
        };

        return user_debt_copy(&row);
}

int sqlite_debt_list(Store *store, GPtrArray **ret) {
        SqliteStore *sqlite = sqlite_store(store);
        g_autoptr(GPtrArray) debts = store_debt_array();
        int r;

        r = writer_write_notes(sqlite->writer);
        if (r == 0) {
                _cleanup_reader_ Reader *reader = reader_lock(&sqlite->range);
                _cleanup_query_ Query query = db_query(reader->db, "SELECT uid, name, key, until, failures FROM debt");

                while ((r = query_step(&query)) > 0)
                        g_ptr_array_add(debts, read_debt(&query));
        }
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&debts);
        return 0;
}
