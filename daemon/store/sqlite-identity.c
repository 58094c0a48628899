/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/error.h"
#include "daemon/store/sqlite-store.h"

#define IDENTITY_COLUMNS "issuer, subject, uid, user, provider, linked, linked_by"

/* Looking */

static UserIdentity *read_identity(const Query *query) {
        UserIdentity *identity = user_identity_new();

        identity->issuer = g_strdup(query_column_text(query, 0));
        identity->subject = g_strdup(query_column_text(query, 1));
        identity->uid = (uid_t) query_column_int(query, 2);
        identity->user = g_strdup(query_column_text(query, 3));
        identity->provider = g_strdup(query_column_text(query, 4));
        identity->linked = query_column_int(query, 5);
        identity->by = g_strdup(query_column_text(query, 6));
        return identity;
}

int sqlite_identity_find(Store *store, const char *issuer, const char *subject, UserIdentity **ret) {
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite_store(store)->point);
        _cleanup_query_ Query query = db_query(
                reader->db, "SELECT " IDENTITY_COLUMNS " FROM identity WHERE issuer = ? AND subject = ?");
        int r;

        query_text(&query, issuer);
        query_text(&query, subject);
        r = query_step(&query);
        if (r < 0)
                return error_trace(r);
        if (r == 0)
                return STORE_E_NOT_FOUND;
        *ret = read_identity(&query);
        return 0;
}

static int load_all(Query *query, GPtrArray **ret) {
        g_autoptr(GPtrArray) identities = store_identity_array();
        int r;

        while ((r = query_step(query)) > 0)
                g_ptr_array_add(identities, read_identity(query));
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&identities);
        return 0;
}

int sqlite_identity_list(Store *store, uid_t uid, GPtrArray **ret) {
        _cleanup_reader_ Reader *reader = reader_lock(&sqlite_store(store)->range);

        if (uid != UID_UNSET) {
                _cleanup_query_ Query query = db_query(
                        reader->db, "SELECT " IDENTITY_COLUMNS " FROM identity WHERE uid = ?"
                                    " ORDER BY user, provider, issuer");

                query_int(&query, uid);
                return load_all(&query, ret);
        }
        _cleanup_query_ Query query = db_query(
                reader->db, "SELECT " IDENTITY_COLUMNS " FROM identity ORDER BY user, provider, issuer");
        return load_all(&query, ret);
}

/* Changing */

int identity_write(Db *db, const UserIdentity *identity) {
        _cleanup_query_ Query query = db_query(
                db, "INSERT INTO identity (" IDENTITY_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
        int r;

        query_text(&query, identity->issuer);
        query_text(&query, identity->subject);
        query_int(&query, identity->uid);
        query_text(&query, identity->user);
        query_text(&query, identity->provider);
        query_int(&query, identity->linked);
        query_text(&query, identity->by);
        r = query_run(&query);
        if (r < 0)
                return error_trace(r);
        return db_changes(db) > 0 ? 0 : STORE_E_EXISTS;
}

int identity_drop_of(Db *db, uid_t uid) {
        _cleanup_query_ Query query = db_query(db, "DELETE FROM identity WHERE uid = ?");

        query_int(&query, uid);
        return query_run(&query);
}

static int await_no_more(Db *db, uid_t uid, const char *provider, bool *ret_changed) {
        _cleanup_query_ Query query = db_query(db, "UPDATE user SET awaits = NULL WHERE uid = ? AND awaits = ?");
        int r;

        query_int(&query, uid);
        query_text(&query, provider);
        r = query_run(&query);
        *ret_changed = r == 0 && db_changes(db) > 0;
        return error_trace(r);
}

typedef struct IdentityAdd {
        Job job;
        const UserIdentity *identity;
        bool awaiting;
} IdentityAdd;

static int run_identity_add(Job *job, Db *db) {
        const IdentityAdd *add = (IdentityAdd *) job;
        g_autoptr(User) user = NULL;
        bool awaited;
        int r;

        r = user_load(db, add->identity->user, &user);
        if (r < 0)
                return error_trace(r);
        if (r != 0 || user->uid != add->identity->uid)
                return STORE_E_STATE;
        if (add->awaiting && (!user->enabled || g_strcmp0(user->awaits, add->identity->provider) != 0))
                return STORE_E_STATE;
        r = identity_write(db, add->identity);
        return r == 0 ? await_no_more(db, user->uid, add->identity->provider, &awaited) : r;
}

int sqlite_identity_add(Store *store, const UserIdentity *identity, bool awaiting) {
        IdentityAdd add = { .job.run = run_identity_add, .identity = identity, .awaiting = awaiting };

        return writer_run(sqlite_store(store)->writer, &add.job);
}

typedef struct IdentityRemove {
        Job job;
        uid_t uid;
        const char *provider, *issuer;
        bool changed;
} IdentityRemove;

static int run_identity_remove(Job *job, Db *db) {
        IdentityRemove *remove = (IdentityRemove *) job;
        _cleanup_query_ Query query = db_query(
                db, "DELETE FROM identity WHERE uid = ? AND (provider = ? OR issuer = ?)");
        bool removed, awaited = false;
        int r;

        query_int(&query, remove->uid);
        query_text(&query, remove->provider);
        query_text(&query, remove->issuer); /* NULL equals nothing */
        r = query_run(&query);
        removed = r == 0 && db_changes(db) > 0;
        if (r == 0)
                r = await_no_more(db, remove->uid, remove->provider, &awaited);
        remove->changed = removed || awaited;
        return error_trace(r);
}

int sqlite_identity_remove(Store *store, uid_t uid, const char *provider, const char *issuer, bool *ret_changed) {
        IdentityRemove remove = {
                .job.run = run_identity_remove,
                .uid = uid,
                .provider = provider,
                .issuer = issuer,
        };
        int r;

        r = writer_run(sqlite_store(store)->writer, &remove.job);
        if (r == 0)
                *ret_changed = remove.changed;
        return r;
}
