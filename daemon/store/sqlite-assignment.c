/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/error.h"
#include "daemon/store/sqlite-store.h"

#define ASSIGNMENT_COLUMNS "uid, role, user, created, until, granted_by, reason"

/* Looking */

static Assignment *read_assignment(const Query *query) {
        Assignment *assignment = assignment_new();

        assignment->uid = (uid_t) query_column_int(query, 0);
        assignment->role = g_strdup(query_column_text(query, 1));
        assignment->user = g_strdup(query_column_text(query, 2));
        assignment->created = query_column_int(query, 3);
        assignment->until = query_column_int(query, 4);
        assignment->by = g_strdup(query_column_text(query, 5));
        assignment->reason = g_strdup(query_column_text(query, 6));
        return assignment;
}

static int load_all(Query *query, GPtrArray **ret) {
        g_autoptr(GPtrArray) assignments = store_assignment_array();
        int r;

        while ((r = query_step(query)) > 0)
                g_ptr_array_add(assignments, read_assignment(query));
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&assignments);
        return 0;
}

/* One user's: a decision waits for it. */
static int list_of(SqliteStore *sqlite, uid_t uid, GPtrArray **ret) {
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite->point);
        _cleanup_query_ Query query = db_query(
                reader->db, "SELECT " ASSIGNMENT_COLUMNS " FROM assignment WHERE uid = ? ORDER BY user, role");

        query_int(&query, uid);
        return load_all(&query, ret);
}

int sqlite_assignment_list(Store *store, uid_t uid, GPtrArray **ret) {
        SqliteStore *sqlite = sqlite_store(store);

        if (uid != UID_UNSET)
                return list_of(sqlite, uid, ret);
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite->range);
        _cleanup_query_ Query query = db_query(
                reader->db, "SELECT " ASSIGNMENT_COLUMNS " FROM assignment ORDER BY user, role");

        return load_all(&query, ret);
}

/* Changing */

int assignment_write(Db *db, const Assignment *assignment) {
        _cleanup_query_ Query query = db_query(
                db, "INSERT OR REPLACE INTO assignment (" ASSIGNMENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)");

        query_int(&query, assignment->uid);
        query_text(&query, assignment->role);
        query_text(&query, assignment->user);
        query_int(&query, assignment->created);
        query_int(&query, assignment->until);
        query_text(&query, assignment->by);
        query_text(&query, assignment->reason);
        return query_run(&query);
}

int assignment_drop_of(Db *db, uid_t uid) {
        _cleanup_query_ Query query = db_query(db, "DELETE FROM assignment WHERE uid = ?");

        query_int(&query, uid);
        return query_run(&query);
}

typedef struct AssignmentSet {
        Job job;
        const Assignment *assignment;
        unsigned max;
        bool changed;
} AssignmentSet;

/* The one of this user and role (NULL: none), and how many of other roles there are. */
static int look_at(Db *db, const Assignment *wanted, Assignment **ret, unsigned *ret_others) {
        _cleanup_query_ Query query = db_query(db, "SELECT " ASSIGNMENT_COLUMNS " FROM assignment WHERE uid = ?");
        g_autoptr(Assignment) found = NULL;
        int r;

        *ret_others = 0;
        query_int(&query, wanted->uid);
        while ((r = query_step(&query)) > 0)
                if (g_strcmp0(query_column_text(&query, 1), wanted->role) == 0)
                        found = read_assignment(&query);
                else
                        (*ret_others)++;
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&found);
        return 0;
}

static int check_user(Db *db, const Assignment *assignment) {
        g_autoptr(User) user = NULL;
        int r;

        r = user_load(db, assignment->user, &user);
        if (r < 0)
                return error_trace(r);
        return r == 0 && user->uid == assignment->uid ? 0 : STORE_E_STATE;
}

static int run_assignment_set(Job *job, Db *db) {
        AssignmentSet *set = (AssignmentSet *) job;
        g_autoptr(Assignment) old = NULL;
        unsigned others;
        int r;

        r = check_user(db, set->assignment);
        if (r == 0)
                r = look_at(db, set->assignment, &old, &others);
        if (r != 0)
                return r;
        if (others >= set->max)
                return STORE_E_STATE;
        set->changed = !old || !store_assignment_says_same(old, set->assignment);
        return set->changed ? assignment_write(db, set->assignment) : 0;
}

int sqlite_assignment_set(Store *store, const Assignment *assignment, unsigned max, bool *ret_changed) {
        AssignmentSet set = { .job.run = run_assignment_set, .assignment = assignment, .max = max };
        int r;

        r = writer_run(sqlite_store(store)->writer, &set.job);
        if (r == 0)
                *ret_changed = set.changed;
        return r;
}

typedef struct AssignmentRemove {
        Job job;
        uid_t uid;
        const char *role;
        bool changed;
} AssignmentRemove;

static int run_assignment_remove(Job *job, Db *db) {
        AssignmentRemove *remove = (AssignmentRemove *) job;
        _cleanup_query_ Query query = db_query(db, "DELETE FROM assignment WHERE uid = ? AND role = ?");
        int r;

        query_int(&query, remove->uid);
        query_text(&query, remove->role);
        r = query_run(&query);
        remove->changed = r == 0 && db_changes(db) > 0;
        return error_trace(r);
}

int sqlite_assignment_remove(Store *store, uid_t uid, const char *role, bool *ret_changed) {
        AssignmentRemove remove = { .job.run = run_assignment_remove, .uid = uid, .role = role };
        int r;

        r = writer_run(sqlite_store(store)->writer, &remove.job);
        if (r == 0)
                *ret_changed = remove.changed;
        return r;
}

/* Those whose time is over */

typedef struct AssignmentSweep {
        Job job;
        int64_t now;
        GPtrArray **ret_ended;
} AssignmentSweep;

static int find_over(Db *db, int64_t now, GPtrArray **ret) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT " ASSIGNMENT_COLUMNS " FROM assignment INDEXED BY assignment_until"
                    " WHERE until <> 0 AND until <= ? ORDER BY user, role");

        query_int(&query, now);
        return load_all(&query, ret);
}

static int run_assignment_sweep(Job *job, Db *db) {
        const AssignmentSweep *sweep = (AssignmentSweep *) job;
        int r;

        r = find_over(db, sweep->now, sweep->ret_ended);
        if (r < 0)
                return error_trace(r);
        _cleanup_query_ Query query = db_query(
                db, "DELETE FROM assignment WHERE (uid, role) IN (SELECT uid, role FROM assignment"
                    " INDEXED BY assignment_until WHERE until <> 0 AND until <= ?)");
        query_int(&query, sweep->now);
        return query_run(&query);
}

int sqlite_assignment_sweep(Store *store, int64_t now, GPtrArray **ret_ended) {
        g_autoptr(GPtrArray) ended = NULL;
        AssignmentSweep sweep = { .job.run = run_assignment_sweep, .now = now, .ret_ended = &ended };
        int r;

        r = writer_run(sqlite_store(store)->writer, &sweep.job);
        if (r == 0)
                *ret_ended = g_steal_pointer(&ended);
        return r;
}
