/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "common/error.h"
#include "daemon/store/sqlite-db.h"

/* Somebody else at the file (a backup, an admin's sqlite3): less than a PAM call's deadline. */
#define BUSY_TIMEOUT_MS 3000

struct Db {
        sqlite3 *handle;
        GHashTable *statements; /* address of the literal → sqlite3_stmt * */
        unsigned wal_pages;
        bool lost; /* SQLite has lost count of its locks: it would look for them for ten seconds at every statement */
};

/* SQLite's reasons in the kernel's words; nobody matches on them but to tell a full disk in a log. */
static int errno_of(sqlite3 *handle, int code) {
        int error;

        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_INTERRUPT:
                return -EINTR;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_FORMAT:
                return -EUCLEAN;
        case SQLITE_TOOBIG:
                return -E2BIG;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        /* A lock on the log whose unlocking failed; only another process gets that right again. */
        case SQLITE_PROTOCOL:
                return -ENOTRECOVERABLE;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
                error = handle ? sqlite3_system_errno(handle) : 0;
                return error > 0 ? -error : -EIO;
        default:
                return -EIO;
        }
}

/* What @code says of @db, and remembers. */
static int result_of(Db *db, int code) {
        int r = errno_of(db->handle, code);

        db->lost = db->lost || r == -ENOTRECOVERABLE;
        return r;
}

static void finalize(void *statement) {
        sqlite3_finalize(statement);
}

static int remember_wal_pages(void *db, sqlite3 *handle, const char *name, int pages) {
        ((Db *) db)->wal_pages = pages > 0 ? (unsigned) pages : 0;
        return SQLITE_OK;
}

/* What the log holds goes into the database when the last connection closes: not before we know both. */
static bool has_log(const char *path) {
        g_autofree char *log = g_strconcat(path, "-wal", NULL);
        struct stat st;

        return stat(log, &st) == 0 && st.st_size > 0;
}

/* A database is data: its schema may not run anything, and a writer may not damage it on purpose. */
static int harden(sqlite3 *handle, bool keep_log) {
        const struct {
                int option, value;
        } options[] = {
                { SQLITE_DBCONFIG_DEFENSIVE, 1 },
                { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
                { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
                { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
                { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
                { SQLITE_DBCONFIG_DQS_DDL, 0 },
                { SQLITE_DBCONFIG_DQS_DML, 0 },
                { SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep_log }, /* until db_settle() */
        };
        int code = SQLITE_OK;

        for (size_t i = 0; code == SQLITE_OK && i < G_N_ELEMENTS(options); i++)
                code = sqlite3_db_config(handle, options[i].option, options[i].value, NULL);
        if (code == SQLITE_OK)
                code = sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS);
        if (code == SQLITE_OK)
                code = sqlite3_wal_autocheckpoint(handle, 0);
        return errno_of(handle, code);
}

static int configure(Db *db, DbRole role) {
        static const char *const pragmas[] = {
                "PRAGMA synchronous = FULL",
                "PRAGMA mmap_size = 0", /* a full or failing disk must be an error, not SIGBUS */
                "PRAGMA temp_store = MEMORY",
                "PRAGMA cell_size_check = ON",
                "PRAGMA secure_delete = FAST",
                "PRAGMA journal_size_limit = 8388608",
        };
        int r;

        r = db_run_once(db, role == DB_WRITE ? "PRAGMA cache_size = -1024" : "PRAGMA cache_size = -512");
        for (size_t i = 0; r == 0 && i < G_N_ELEMENTS(pragmas); i++)
                r = db_run_once(db, pragmas[i]);
        return r;
}

int db_open(const char *path, DbRole role, Db **ret) {
        g_autoptr(Db) db = g_new0(Db, 1);
        int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;
        bool keep_log = has_log(path);
        int code, r;

        db->statements = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, finalize);
        flags |= role == DB_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
        code = sqlite3_open_v2(path, &db->handle, flags, NULL);
        if (code != SQLITE_OK)
                return error_trace(errno_of(db->handle, code));
        r = harden(db->handle, keep_log);
        if (r < 0)
                return error_trace(r);
        r = configure(db, role);
        if (r < 0)
                return error_trace(r);
        sqlite3_wal_hook(db->handle, remember_wal_pages, db);
        *ret = g_steal_pointer(&db);
        return 0;
}

Db *db_free(Db *db) {
        if (!db)
                return NULL;
        g_hash_table_unref(db->statements);
        sqlite3_close(db->handle);
        g_free(db);
        return NULL;
}

int db_settle(Db *db) {
        _cleanup_query_ Query query = db_query(db, "PRAGMA journal_mode = WAL");
        int r;

        r = query_step(&query);
        if (r < 0)
                return error_trace(r);
        if (r == 0 || g_strcmp0(query_column_text(&query, 0), "wal") != 0)
                return error_trace(-EOPNOTSUPP); /* a file system without shared memory */
        return errno_of(db->handle, sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL));
}

void db_interrupt(Db *db) {
        sqlite3_interrupt(db->handle);
}

const char *db_error_text(Db *db) {
        return sqlite3_errmsg(db->handle);
}

int db_run(Db *db, const char *sql) {
        _cleanup_query_ Query query = db_query(db, sql);

        return query_run(&query);
}

int db_run_once(Db *db, const char *sql) {
        sqlite3_stmt *statement = NULL;
        int code;

        if (db->lost)
                return error_trace(-ENOTRECOVERABLE);
        code = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);
        while (code == SQLITE_OK || code == SQLITE_ROW)
                code = sqlite3_step(statement);
        (void) sqlite3_finalize(statement); /* tells again what step told; ignoring */
        return error_trace(result_of(db, code));
}

bool db_in_transaction(Db *db) {
        return !sqlite3_get_autocommit(db->handle);
}

int64_t db_changes(Db *db) {
        return sqlite3_changes64(db->handle);
}

unsigned db_wal_pages(Db *db) {
        return db->wal_pages;
}

int db_checkpoint(Db *db) {
        int pages = 0, moved = 0;
        int code = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);

        if (code == SQLITE_OK)
                db->wal_pages = pages > moved ? (unsigned) (pages - moved) : 0;
        return error_trace(result_of(db, code));
}

Query db_query(Db *db, const char *sql) {
        sqlite3_stmt *statement = g_hash_table_lookup(db->statements, sql);
        int code = SQLITE_OK;

        if (db->lost)
                return (Query) { .db = db, .r = error_trace(-ENOTRECOVERABLE) };
        if (!statement) {
                code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
                if (code == SQLITE_OK)
                        g_hash_table_insert(db->statements, (char *) sql, statement);
        }
        g_assert(!statement || !sqlite3_stmt_busy(statement)); /* one literal is not used inside itself */
        return (Query) { .db = db, .statement = statement, .r = error_trace(result_of(db, code)) };
}

void query_done(Query *query) {
        if (!query->statement)
                return;
        (void) sqlite3_reset(query->statement); /* tells again what step told; ignoring */
        (void) sqlite3_clear_bindings(query->statement);
        query->statement = NULL;
}

static void query_bound(Query *query, int code) {
        if (query->r == 0)
                query->r = errno_of(query->db->handle, code);
}

void query_text(Query *query, const char *text) {
        query->bound++;
        if (query->statement)
                query_bound(query, sqlite3_bind_text(query->statement, query->bound, text, -1, SQLITE_STATIC));
}

void query_int(Query *query, int64_t value) {
        query->bound++;
        if (query->statement)
                query_bound(query, sqlite3_bind_int64(query->statement, query->bound, value));
}

void query_null(Query *query) {
        query->bound++; /* unbound is NULL */
}

int query_step(Query *query) {
        int code;

        if (query->r < 0)
                return error_trace(query->r);
        g_assert(query->bound == sqlite3_bind_parameter_count(query->statement));
        code = sqlite3_step(query->statement);
        if (code == SQLITE_ROW)
                return 1;
        query->r = result_of(query->db, code);
        return error_trace(query->r);
}

int query_run(Query *query) {
        int r = query_step(query);

        g_assert(r <= 0);
        return r;
}

const char *query_column_text(const Query *query, int column) {
        return (const char *) sqlite3_column_text(query->statement, column);
}

int64_t query_column_int(const Query *query, int column) {
        return sqlite3_column_int64(query->statement, column);
}

bool query_column_null(const Query *query, int column) {
        return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}
