/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/sqlite-schema.h"

/* Larger databases are not read through at every start, which has to be quick. */
#define CHECK_WHOLE_PAGES 4096

/*
 * What is done at each check, and by each sweep, has an index that holds only the rows in question,
 * so that a million sessions which ended cost nothing. Keys follow time; ids, which do not, are in
 * one index only. States stand as words, for whoever looks with sqlite3(1).
 */
static const char *const version_1[] = {
        "CREATE TABLE meta ("
        " key TEXT NOT NULL PRIMARY KEY,"
        " value TEXT NOT NULL"
        ") STRICT, WITHOUT ROWID",

        "CREATE TABLE user ("
        " name TEXT NOT NULL PRIMARY KEY,"
        " uid INTEGER NOT NULL UNIQUE,"
        " enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),"
        " password_hash TEXT,"
        " created INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID",

        "CREATE TABLE session ("
        " key INTEGER NOT NULL PRIMARY KEY,"
        " id TEXT NOT NULL UNIQUE CHECK (length(id) = 32),"
        " user TEXT NOT NULL,"
        " uid INTEGER NOT NULL,"
        " host TEXT NOT NULL,"
        " service TEXT NOT NULL,"
        " rhost TEXT,"
        " tty TEXT,"
        " methods TEXT,"
        " auth_time INTEGER NOT NULL,"
        " auth_method TEXT,"
        " opened INTEGER NOT NULL,"
        " seen INTEGER NOT NULL,"
        " ends INTEGER NOT NULL,"
        " ended INTEGER NOT NULL,"
        " state TEXT NOT NULL CHECK (state IN ('active', 'closed', 'revoked', 'expired')),"
        " end_reason TEXT,"
        " parent TEXT,"
        " audit_id INTEGER,"
        " boot_id TEXT,"
        " logind_id TEXT,"
        " roles TEXT"
        ") STRICT",

        /* a login has one active session */
        "CREATE UNIQUE INDEX session_login ON session (boot_id, audit_id, uid)"
        " WHERE state = 'active' AND audit_id IS NOT NULL",
        "CREATE INDEX session_login_ended ON session (boot_id, audit_id, uid)"
        " WHERE state <> 'active' AND audit_id IS NOT NULL",
        "CREATE INDEX session_user ON session (uid, id)",
        "CREATE INDEX session_user_active ON session (uid, host) WHERE state = 'active'",
        "CREATE INDEX session_parent ON session (parent) WHERE parent IS NOT NULL",
        /* the sweep's */
        "CREATE INDEX session_seen ON session (seen) WHERE state = 'active'",
        "CREATE INDEX session_ends ON session (ends) WHERE state = 'active'",
        "CREATE INDEX session_boot ON session (host, boot_id) WHERE state = 'active'",
        "CREATE INDEX session_held ON session (host, boot_id) WHERE state = 'revoked' AND audit_id IS NOT NULL",
        "CREATE INDEX session_ended ON session (ended)"
        " WHERE state <> 'active' AND (state <> 'revoked' OR audit_id IS NULL)",

        "CREATE TABLE event ("
        " session INTEGER NOT NULL,"
        " number INTEGER NOT NULL,"
        " time INTEGER NOT NULL,"
        " event TEXT NOT NULL,"
        " service TEXT,"
        " detail TEXT,"
        " PRIMARY KEY (session, number)"
        ") STRICT, WITHOUT ROWID",

        "PRAGMA application_id = 0x74737261",
        "PRAGMA user_version = 1",
};

/*
 * Of a device's key only the public half, as base64; there is no other. A use changes highest, gaps,
 * used and rhost: of the indexes only the one that finds what is idle.
 */
static const char *const version_2[] = {
        "ALTER TABLE user ADD COLUMN last_login INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE user ADD COLUMN last_from TEXT",
        "ALTER TABLE user ADD COLUMN failures INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE user ADD COLUMN failed INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE user ADD COLUMN failed_from TEXT",

        "ALTER TABLE session ADD COLUMN role_cap TEXT",
        "ALTER TABLE session ADD COLUMN device TEXT",
        "CREATE INDEX session_device ON session (device) WHERE device IS NOT NULL",

        "CREATE TABLE device ("
        " key INTEGER NOT NULL PRIMARY KEY,"
        " id TEXT NOT NULL UNIQUE CHECK (length(id) = 32),"
        " name TEXT NOT NULL,"
        " user TEXT NOT NULL,"
        " uid INTEGER NOT NULL,"
        " audience TEXT NOT NULL,"
        " public_key TEXT NOT NULL CHECK (length(public_key) = 44),"
        " highest INTEGER NOT NULL,"
        " gaps TEXT NOT NULL,"
        " auth_time INTEGER NOT NULL,"
        " auth_method TEXT,"
        " role_cap TEXT,"
        " created INTEGER NOT NULL,"
        " used INTEGER NOT NULL,"
        " rhost TEXT,"
        " ends INTEGER NOT NULL,"
        " revoked INTEGER NOT NULL,"
        " revoke_reason TEXT"
        ") STRICT",
        "CREATE INDEX device_user ON device (uid)",
        "CREATE INDEX device_live ON device (uid, name) WHERE revoked = 0",
        /* the sweep's */
        "CREATE INDEX device_revoked ON device (revoked) WHERE revoked <> 0",
        "CREATE INDEX device_ends ON device (ends)",
        "CREATE INDEX device_idle ON device (max(used, created))",

        "CREATE TABLE ticket ("
        " issuer TEXT NOT NULL,"
        " jti TEXT NOT NULL,"
        " until INTEGER NOT NULL,"
        " PRIMARY KEY (issuer, jti)"
        ") STRICT, WITHOUT ROWID",
        "CREATE INDEX ticket_until ON ticket (until)",

        "PRAGMA user_version = 2",
};

/* Who reads a decision's assignments finds them side by side; the index is the sweep's. */
static const char *const version_3[] = {
        "CREATE TABLE assignment ("
        " uid INTEGER NOT NULL,"
        " role TEXT NOT NULL,"
        " user TEXT NOT NULL,"
        " created INTEGER NOT NULL,"
        " until INTEGER NOT NULL,"
        " granted_by TEXT NOT NULL,"
        " reason TEXT,"
        " PRIMARY KEY (uid, role)"
        ") STRICT, WITHOUT ROWID",
        "CREATE INDEX assignment_until ON assignment (until) WHERE until <> 0",

        "PRAGMA user_version = 3",
};

static const char *const version_4[] = {
        "CREATE TABLE network ("
        " uid INTEGER NOT NULL,"
        " network TEXT NOT NULL,"
        " seen INTEGER NOT NULL,"
        " PRIMARY KEY (uid, network)"
        ") STRICT, WITHOUT ROWID",

        "CREATE TABLE debt ("
        " uid INTEGER NOT NULL,"
        " name TEXT NOT NULL,"
        " key TEXT NOT NULL,"
        " until INTEGER NOT NULL,"
        " failures INTEGER NOT NULL,"
        " PRIMARY KEY (uid, name, key)"
        ") STRICT, WITHOUT ROWID",

        "PRAGMA user_version = 4",
};

/* Whoever signs in is found by the first; a user's, to be shown, by the second, which also keeps them one per issuer. */
static const char *const version_5[] = {
        "ALTER TABLE user ADD COLUMN awaits TEXT",

        "ALTER TABLE session ADD COLUMN granted_issuer TEXT",
        "ALTER TABLE session ADD COLUMN granted_subject TEXT",
        "ALTER TABLE session ADD COLUMN granted TEXT",

        "CREATE TABLE identity ("
        " issuer TEXT NOT NULL,"
        " subject TEXT NOT NULL,"
        " uid INTEGER NOT NULL,"
        " user TEXT NOT NULL,"
        " provider TEXT NOT NULL,"
        " linked INTEGER NOT NULL,"
        " linked_by TEXT NOT NULL,"
        " PRIMARY KEY (issuer, subject)"
        ") STRICT, WITHOUT ROWID",
        "CREATE UNIQUE INDEX identity_user ON identity (uid, issuer)",

        "PRAGMA user_version = 5",
};

static int run_all(Db *db, const char *const *statements, size_t n) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = db_run_once(db, statements[i]);
        return r;
}

static int upgrade_to_1(Db *db) {
        return run_all(db, version_1, G_N_ELEMENTS(version_1));
}

static int upgrade_to_2(Db *db) {
        return run_all(db, version_2, G_N_ELEMENTS(version_2));
}

static int upgrade_to_3(Db *db) {
        return run_all(db, version_3, G_N_ELEMENTS(version_3));
}

static int upgrade_to_4(Db *db) {
        return run_all(db, version_4, G_N_ELEMENTS(version_4));
}

static int upgrade_to_5(Db *db) {
        return run_all(db, version_5, G_N_ELEMENTS(version_5));
}

/* The step at [n] makes version n + 1 from version n. */
static int (*const steps[SCHEMA_VERSION])(Db *db) = {
        upgrade_to_1,
        upgrade_to_2,
        upgrade_to_3,
        upgrade_to_4,
        upgrade_to_5,
};

static int read_int(Db *db, const char *sql, int64_t *ret) {
        _cleanup_query_ Query query = db_query(db, sql);
        int r;

        r = query_step(&query);
        if (r < 0)
                return error_trace(r);
        *ret = r > 0 ? query_column_int(&query, 0) : 0;
        return 0;
}

static int read_version(Db *db, int64_t *ret) {
        return read_int(db, "PRAGMA user_version", ret);
}

int schema_upgrade(Db *db) {
        int64_t version;
        int r;

        r = db_run(db, "BEGIN IMMEDIATE");
        if (r < 0)
                return error_trace(r);
        r = read_version(db, &version);
        for (; r == 0 && version < SCHEMA_VERSION; version++)
                r = steps[version](db);
        if (r == 0)
                r = db_run(db, "COMMIT");
        if (r < 0 && db_in_transaction(db))
                (void) db_run(db, "ROLLBACK"); /* closing would do the same; ignoring */
        return error_trace(r);
}

int schema_check_whole(Db *db, char **ret_problem) {
        _cleanup_query_ Query query = db_query(db, "PRAGMA quick_check(1)");
        const char *answer;
        int r;

        r = query_step(&query);
        if (r < 0)
                return error_trace(r);
        answer = r > 0 ? query_column_text(&query, 0) : NULL;
        if (g_strcmp0(answer, "ok") == 0)
                return 0;
        /* It begins with a line "*** in database main ***". */
        *ret_problem = g_strdup(answer && strchr(answer, '\n') ? strchr(answer, '\n') + 1 : answer ?: "no answer");
        return error_trace(-EUCLEAN);
}

/* Touches the first and last pages of each table, which a shortened file no longer has. */
static int check_ends(Db *db) {
        static const char *const looks[] = {
                "SELECT count(*) FROM (SELECT value FROM meta ORDER BY key LIMIT 1)",
                "SELECT count(*) FROM (SELECT awaits FROM user ORDER BY name LIMIT 1)",
                "SELECT count(*) FROM (SELECT granted FROM session ORDER BY key LIMIT 1)",
                "SELECT count(*) FROM (SELECT granted FROM session ORDER BY key DESC LIMIT 1)",
                "SELECT count(*) FROM (SELECT revoke_reason FROM device ORDER BY key LIMIT 1)",
                "SELECT count(*) FROM (SELECT revoke_reason FROM device ORDER BY key DESC LIMIT 1)",
                "SELECT count(*) FROM (SELECT until FROM ticket ORDER BY issuer DESC, jti DESC LIMIT 1)",
                "SELECT count(*) FROM (SELECT reason FROM assignment ORDER BY uid LIMIT 1)",
                "SELECT count(*) FROM (SELECT reason FROM assignment ORDER BY uid DESC, role DESC LIMIT 1)",
                "SELECT count(*) FROM (SELECT seen FROM network ORDER BY uid DESC, network DESC LIMIT 1)",
                "SELECT count(*) FROM (SELECT failures FROM debt ORDER BY uid DESC, name DESC, key DESC LIMIT 1)",
                "SELECT count(*) FROM (SELECT linked_by FROM identity ORDER BY issuer DESC, subject DESC LIMIT 1)",
                "SELECT count(*) FROM (SELECT event FROM event ORDER BY session DESC LIMIT 1)",
        };

        return run_all(db, looks, G_N_ELEMENTS(looks));
}

static int check_content(Db *db, int64_t version, char **ret_problem) {
        int64_t pages;
        int r;

        r = read_int(db, "PRAGMA page_count", &pages);
        if (r == 0 && pages <= CHECK_WHOLE_PAGES)
                r = schema_check_whole(db, ret_problem);
        if (r == 0 && version == SCHEMA_VERSION)
                r = check_ends(db);
        return r;
}

int schema_check(Db *db, int64_t *ret_version, char **ret_problem) {
        g_autofree char *problem = NULL;
        int64_t application = 0, version = 0;
        int r;

        r = read_int(db, "PRAGMA application_id", &application);
        if (r == 0)
                r = read_version(db, &version);
        if (r == 0 && application != SCHEMA_APPLICATION_ID)
                r = -EMEDIUMTYPE;
        if (r == 0 && version > SCHEMA_VERSION)
                r = -EPROTO;
        if (r == 0 && version < 1) {
                problem = g_strdup("it has no version");
                r = -EUCLEAN;
        }
        if (r == 0)
                r = check_content(db, version, &problem);
        if (r < 0) {
                *ret_problem = problem ? g_steal_pointer(&problem) : g_strdup(db_error_text(db));
                return error_trace(r);
        }
        *ret_version = version;
        return 0;
}
