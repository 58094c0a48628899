/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/error.h"
#include "daemon/store/sqlite-store.h"

#define USER_COLUMNS "name, uid, enabled, password_hash, created, awaits"

/* Meta */

int sqlite_meta_get(Store *store, const char *key, char **ret) {
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite_store(store)->point);
        _cleanup_query_ Query query = db_query(reader->db, "SELECT value FROM meta WHERE key = ?");
        int r;

        query_text(&query, key);
        r = query_step(&query);
        if (r < 0)
                return error_trace(r);
        if (r == 0)
                return STORE_E_NOT_FOUND;
        *ret = g_strdup(query_column_text(&query, 0));
        return 0;
}

typedef struct MetaSet {
        Job job;
        const char *key, *value;
} MetaSet;

static int run_meta_set(Job *job, Db *db) {
        const MetaSet *set = (MetaSet *) job;
        _cleanup_query_ Query query = db_query(db, "INSERT INTO meta (key, value) VALUES (?, ?)"
                                                   " ON CONFLICT (key) DO UPDATE SET value = excluded.value");

        query_text(&query, set->key);
        query_text(&query, set->value);
        return query_run(&query);
}

int sqlite_meta_set(Store *store, const char *key, const char *value) {
        MetaSet set = { .job.run = run_meta_set, .key = key, .value = value };

        return writer_run(sqlite_store(store)->writer, &set.job);
}

/* All in one transaction, however many sessions there are: a host has one name. */

typedef struct RenameHost {
        Job job;
        const char *from, *to;
} RenameHost;

static int rename_sessions(Db *db, const RenameHost *rename) {
        _cleanup_query_ Query query = db_query(db, "UPDATE session SET host = ? WHERE host = ?");

        query_text(&query, rename->to);
        query_text(&query, rename->from);
        return query_run(&query);
}

static int run_rename_host(Job *job, Db *db) {
        MetaSet name = { .key = STORE_META_NAME, .value = ((RenameHost *) job)->to };
        int r;

        r = run_meta_set(&name.job, db);
        return r < 0 ? error_trace(r) : rename_sessions(db, (RenameHost *) job);
}

int sqlite_rename_host(Store *store, const char *from, const char *to) {
        RenameHost rename = { .job.run = run_rename_host, .from = from, .to = to };

        return writer_run(sqlite_store(store)->writer, &rename.job);
}

/* Users: looking */

static User *read_user(const Query *query) {
        User *user = user_new();

        user->name = g_strdup(query_column_text(query, 0));
        user->uid = (uid_t) query_column_int(query, 1);
        user->enabled = query_column_int(query, 2) == 1;
        user->password_hash = g_strdup(query_column_text(query, 3));
        user->created = query_column_int(query, 4);
        user->awaits = g_strdup(query_column_text(query, 5));
        return user;
}

int user_load(Db *db, const char *name, User **ret) {
        _cleanup_query_ Query query = db_query(db, "SELECT " USER_COLUMNS " FROM user WHERE name = ?");
        int r;

        query_text(&query, name);
        r = query_step(&query);
        if (r < 0)
                return error_trace(r);
        if (r == 0)
                return STORE_E_NOT_FOUND;
        *ret = read_user(&query);
        return 0;
}

int sqlite_user_get(Store *store, const char *name, User **ret) {
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite_store(store)->point);

        return user_load(reader->db, name, ret);
}

int sqlite_user_list(Store *store, GPtrArray **ret) {
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite_store(store)->range);
        _cleanup_query_ Query query = db_query(reader->db, "SELECT " USER_COLUMNS " FROM user ORDER BY name");
        g_autoptr(GPtrArray) users = store_user_array();
        int r;

        while ((r = query_step(&query)) > 0)
                g_ptr_array_add(users, read_user(&query));
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&users);
        return 0;
}

/* Users: changing */

typedef struct UserAdd {
        Job job;
        const User *user;
        const Assignment *assignment;
        const UserIdentity *identity;
} UserAdd;

static int insert_user(Db *db, const User *user) {
        _cleanup_query_ Query query = db_query(db, "INSERT INTO user (" USER_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)"
                                                   " ON CONFLICT DO NOTHING");
        int r;

        query_text(&query, user->name);
        query_int(&query, user->uid);
        query_int(&query, user->enabled);
        query_text(&query, user->password_hash);
        query_int(&query, user->created);
        query_text(&query, user->awaits);
        r = query_run(&query);
        if (r < 0)
                return error_trace(r);
        return db_changes(db) > 0 ? 0 : STORE_E_EXISTS;
}

static int run_user_add(Job *job, Db *db) {
        const UserAdd *add = (UserAdd *) job;
        int r;

        r = insert_user(db, add->user);
        if (r == 0 && add->assignment)
                r = assignment_write(db, add->assignment);
        if (r == 0 && add->identity)
                r = identity_write(db, add->identity);
        return r;
}

int sqlite_user_add(Store *store, const User *user, const Assignment *assignment, const UserIdentity *identity) {
        UserAdd add = { .job.run = run_user_add, .user = user, .assignment = assignment, .identity = identity };

        return writer_run(sqlite_store(store)->writer, &add.job);
}

static int set_hash(Db *db, const char *name, const char *hash) {
        _cleanup_query_ Query query = db_query(db, "UPDATE user SET password_hash = ? WHERE name = ?");

        query_text(&query, hash);
        query_text(&query, name);
        return query_run(&query);
}

static int set_enabled(Db *db, const char *name, bool enabled) {
        _cleanup_query_ Query query = db_query(db, "UPDATE user SET enabled = ? WHERE name = ?");

        query_int(&query, enabled);
        query_text(&query, name);
        return query_run(&query);
}

static int delete_user(Db *db, const char *name) {
        _cleanup_query_ Query query = db_query(db, "DELETE FROM user WHERE name = ?");

        query_text(&query, name);
        return query_run(&query);
}

typedef struct UserRehash {
        Job job;
        const char *name, *expected, *hash;
} UserRehash;

static int run_user_rehash(Job *job, Db *db) {
        const UserRehash *rehash = (UserRehash *) job;
        g_autoptr(User) user = NULL;
        int r;

        r = user_load(db, rehash->name, &user);
        if (r != 0)
                return r;
        if (g_strcmp0(user->password_hash, rehash->expected) != 0)
                return STORE_E_STATE;
        return set_hash(db, rehash->name, rehash->hash);
}

int sqlite_user_rehash(Store *store, const char *name, const char *expected, const char *hash) {
        UserRehash rehash = { .job.run = run_user_rehash, .name = name, .expected = expected, .hash = hash };

        return writer_run(sqlite_store(store)->writer, &rehash.job);
}

/* One change of one user, with all devices and sessions that end by it. */
typedef struct UserChange {
        Job job;
        int (*change)(Db *db, const struct UserChange *change, const User *user);
        const char *name, *hash, *except;
        Ending ending;
        bool *ret_changed;
        GPtrArray **ret_ended;
} UserChange;

static int run_user_change(Job *job, Db *db) {
        UserChange *change = (UserChange *) job;
        SessionSelector selector = { .except = change->except };
        g_autoptr(User) user = NULL;
        int r;

        r = user_load(db, change->name, &user);
        if (r != 0)
                return r;
        r = change->change(db, change, user);
        if (r < 0)
                return error_trace(r);
        r = device_revoke_of(db, user->uid, change->except, change->ending.reason, change->ending.now);
        if (r < 0)
                return error_trace(r);
        selector.uid = user->uid;
        *change->ret_changed = user->enabled;
        return session_end_selected(db, &selector, &change->ending, change->ret_ended);
}

static int user_change(Store *store, UserChange *change, bool *ret_changed, GPtrArray **ret_ended) {
        g_autoptr(GPtrArray) ended = NULL;
        bool changed = false;
        int r;

        change->job.run = run_user_change;
        change->ending.event = SESSION_EVENT_REVOKE;
        change->ending.notes = sqlite_store(store)->notes;
        change->ret_changed = &changed;
        change->ret_ended = &ended;
        r = writer_run(sqlite_store(store)->writer, &change->job);
        if (r != 0)
                return r;
        *ret_changed = changed;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}

static int change_disable(Db *db, const UserChange *change, const User *user) {
        return set_enabled(db, change->name, false);
}

static int change_remove(Db *db, const UserChange *change, const User *user) {
        int r;

        r = assignment_drop_of(db, user->uid);
        if (r == 0)
                r = identity_drop_of(db, user->uid);
        if (r == 0)
                r = throttle_forget(db, user->uid);
        return r < 0 ? error_trace(r) : delete_user(db, change->name);
}

static int change_hash(Db *db, const UserChange *change, const User *user) {
        return set_hash(db, change->name, change->hash);
}

int sqlite_user_disable(Store *store, const char *name, const char *reason, int64_t now, bool *ret_changed,
                        GPtrArray **ret_ended) {
        UserChange change = { .change = change_disable, .name = name, .ending = { .reason = reason, .now = now } };

        return user_change(store, &change, ret_changed, ret_ended);
}

int sqlite_user_remove(Store *store, const char *name, const char *reason, int64_t now, GPtrArray **ret_ended) {
        UserChange change = { .change = change_remove, .name = name, .ending = { .reason = reason, .now = now } };
        bool changed;

        return user_change(store, &change, &changed, ret_ended);
}

int sqlite_user_change_password(Store *store, const char *name, const char *hash, const char *except,
                                const char *reason, int64_t now, GPtrArray **ret_ended) {
        UserChange change = {
                .change = change_hash,
                .name = name,
                .hash = hash,
                .except = except,
                .ending = { .reason = reason, .now = now },
        };
        bool changed;

        return user_change(store, &change, &changed, ret_ended);
}

typedef struct UserEnable {
        Job job;
        const char *name;
        bool changed;
} UserEnable;

static int run_user_enable(Job *job, Db *db) {
        UserEnable *enable = (UserEnable *) job;
        g_autoptr(User) user = NULL;
        int r;

        r = user_load(db, enable->name, &user);
        if (r != 0)
                return r;
        enable->changed = !user->enabled;
        return set_enabled(db, enable->name, true);
}

int sqlite_user_enable(Store *store, const char *name, bool *ret_changed) {
        UserEnable enable = { .job.run = run_user_enable, .name = name };
        int r;

        r = writer_run(sqlite_store(store)->writer, &enable.job);
        if (r == 0)
                *ret_changed = enable.changed;
        return r;
}

/* Without waiting */

void sqlite_user_failed(Store *store, const char *name, const char *from, int64_t now) {
        SqliteStore *sqlite = sqlite_store(store);

        if (notes_failed(sqlite->notes, name, from, now))
                writer_wake(sqlite->writer);
}
