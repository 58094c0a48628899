/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Users, and what is this host's alone. */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

#define META "meta."

/* Meta: in a file of this host (store-redis.h) */

int redis_meta_get(Store *store, const char *key, char **ret) {
        g_autofree char *name = g_strconcat(META, key, NULL);
        char *value = local_facts_get(redis_store(store)->facts, name);

        if (!value)
                return STORE_E_NOT_FOUND;
        *ret = value;
        return 0;
}

int redis_meta_set(Store *store, const char *key, const char *value) {
        g_autofree char *name = g_strconcat(META, key, NULL);

        return local_facts_set(redis_store(store)->facts, name, value);
}

/*
 * The sessions first: a crash in between leaves this host with its old name and sessions of the new one, and renaming
 * again puts that right. The other way round no sweep would find the sessions of the old name.
 */
int redis_rename_host(Store *store, const char *from, const char *to) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_RENAME);
        int r;

        redis_call_text(&call, from);
        redis_call_text(&call, to);
        r = redis_call_outcome(redis_store(store), &call, 1, NULL);
        return r == 0 ? redis_meta_set(store, STORE_META_NAME, to) : r;
}

/* Looking */

static int read_row(RedisStore *redis, const RedisReply *row, void *users) {
        const char *name = redis_row_name(row);
        User *user;
        int r;

        r = name ? redis_read_user(name, row->elements[1], &user) : error_trace(-EUCLEAN);
        if (r < 0)
                return r;
        redis_settle_user(redis, user, row->elements[1]);
        g_ptr_array_add(users, user);
        return 0;
}

/* Nobody removed him, so the store has lost him, and who knows what else: that is an outage, and he no stranger. */
static bool is_lost(RedisStore *redis, const char *name) {
        if (!tombstones_saw_user(redis->tombstones, name))
                return false;
        (void) redis_call_set_problem(redis, g_strdup_printf(
                                              "the user \"%s\" is not there any more, though nobody removed him: Redis lost "
                                              "data, or an older copy was put back", name), -ENODATA); /* the caller's to return; ignoring */
        return true;
}

int redis_user_get(Store *store, const char *name, User **ret) {
        g_autoptr(GPtrArray) users = store_user_array();
        const RedisLoad load = { SCRIPT_HASHES, "user:", read_row, users };
        int r;

        r = redis_load(redis_store(store), &load, 1, &(void *) { (char *) name });
        if (r < 0)
                return r;
        if (users->len == 0)
                return is_lost(redis_store(store), name) ? error_trace(-ENODATA) : STORE_E_NOT_FOUND;
        (void) tombstones_see_user(redis_store(store)->tombstones, name); /* tried again with the next; ignoring */
        *ret = g_ptr_array_steal_index(users, 0);
        return 0;
}

static int compare_users(const void *a, const void *b) {
        return strcmp((*(User *const *) a)->name, (*(User *const *) b)->name);
}

static int load_all(RedisStore *redis, const RedisLoad *load) {
        g_autoptr(GHashTable) names = NULL;
        g_autofree void **keys = NULL;
        guint n;
        int r;

        r = redis_user_names(redis, &names);
        if (r < 0)
                return r;
        keys = g_hash_table_get_keys_as_array(names, &n);
        return redis_load(redis, load, n, keys);
}

int redis_user_list(Store *store, GPtrArray **ret) {
        g_autoptr(GPtrArray) users = store_user_array();
        int r;

        r = load_all(redis_store(store), &(RedisLoad) { SCRIPT_HASHES, "user:", read_row, users });
        if (r < 0)
                return r;
        g_ptr_array_sort(users, compare_users);
        *ret = g_steal_pointer(&users);
        return 0;
}

static int bury(RedisStore *redis, const RedisReply *row, void *data) {
        const char *name = redis_row_name(row);
        g_autoptr(User) user = NULL;
        int64_t since, changed;
        int r;

        if (!name)
                return error_trace(-EUCLEAN);
        r = redis_read_user(name, row->elements[1], &user);
        if (r == 0)
                r = redis_field_int(row->elements[1], "since", 1, REDIS_SINCE_MAX, &since);
        if (r == 0)
                r = redis_field_int(row->elements[1], "changed", 1, REDIS_SINCE_MAX, &changed);
        if (r < 0)
                return r == -EUCLEAN ? 0 : r; /* a damaged record is an outage for that user, and for no other */
        if (!user->enabled)
                (void) tombstones_add_user(redis->tombstones, TOMBSTONE_USER, user->uid, since); /* tried again; ignoring */
        (void) tombstones_add_user(redis->tombstones, TOMBSTONE_PASSWORD, user->uid, changed); /* the same; ignoring */
        (void) tombstones_see_user(redis->tombstones, name); /* the same; ignoring */
        return 0;
}

int redis_bury_users(RedisStore *redis) {
        return load_all(redis, &(RedisLoad) { SCRIPT_HASHES, "user:", bury, NULL });
}

/* Changing */

void redis_add_user(RedisCall *call, const User *user) {
        redis_call_field_int(call, "uid", user->uid);
        redis_call_field_int(call, "enabled", user->enabled);
        redis_call_field(call, "hash", user->password_hash);
        redis_call_field_int(call, "created", user->created);
        redis_call_field(call, "awaits", user->awaits);
}

unsigned redis_count_user(const User *user) {
        return 2 * (3 + (user->password_hash != NULL) + (user->awaits != NULL));
}

int redis_user_add(Store *store, const User *user, const Assignment *assignment, const UserIdentity *identity) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_USER_ADD);
        RedisStore *redis = redis_store(store);
        int r;

        redis_call_text(&call, user->name);
        redis_call_int(&call, user->uid);
        redis_call_int(&call, MAX(tombstones_get_user(redis->tombstones, TOMBSTONE_USER, user->uid),
                                  tombstones_get_user(redis->tombstones, TOMBSTONE_PASSWORD, user->uid)));
        redis_call_int(&call, redis_count_user(user));
        redis_add_user(&call, user);
        if (assignment) {
                redis_call_text(&call, "role");
                redis_add_assignment(&call, assignment);
        } else if (identity) {
                redis_call_text(&call, "identity");
                redis_add_identity(&call, identity);
        }
        r = redis_call_outcome(redis, &call, 1, NULL);
        if (r == 0)
                (void) tombstones_see_user(redis->tombstones, user->name); /* as when it is asked for; ignoring */
        return r;
}

int redis_user_rehash(Store *store, const char *name, const char *expected, const char *hash) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_USER_REHASH);

        redis_call_text(&call, name);
        redis_call_text(&call, expected);
        redis_call_text(&call, hash);
        return redis_call_outcome(redis_store(store), &call, 1, NULL);
}

/* What this host remembers of the uid that the name has now. */
static int get_remembered(Store *store, const char *name, TombstoneUser what, int64_t *ret) {
        g_autoptr(User) user = NULL;
        int r;

        r = redis_user_get(store, name, &user);
        if (r == 0)
                *ret = tombstones_get_user(redis_store(store)->tombstones, what, user->uid);
        return r;
}

int redis_user_enable(Store *store, const char *name, bool *ret_changed) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_USER_ENABLE);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int64_t remembered;
        int r;

        r = get_remembered(store, name, TOMBSTONE_USER, &remembered);
        if (r != 0)
                return r;
        redis_call_text(&call, name);
        redis_call_int(&call, remembered);
        r = redis_call_outcome(redis_store(store), &call, 2, &reply);
        if (r != 0)
                return r;
        *ret_changed = reply->type == REPLY_ARRAY && reply->elements[1]->integer == 1;
        return 0;
}

/* One change of one user, with all devices and sessions that end by it. */
typedef struct UserChange {
        const char *what;
        TombstoneUser tombstone;
        const char *name, *hash, *except, *reason;
        int64_t now;
} UserChange;

/* {"ok", enabled, uid, since, more, sessions, devices} */
static int read_change(RedisStore *redis, const UserChange *change, const RedisReply *reply, GPtrArray *ended) {
        const RedisReply *devices = reply->elements[6];
        gint64 uid, since, ends;

        if (reply->elements[2]->type != REPLY_TEXT || reply->elements[3]->type != REPLY_TEXT ||
            !g_ascii_string_to_signed(reply->elements[2]->data, 10, 0, (gint64) UID_UNSET - 1, &uid, NULL) ||
            !g_ascii_string_to_signed(reply->elements[3]->data, 10, 1, REDIS_SINCE_MAX, &since, NULL) ||
            devices->type != REPLY_ARRAY)
                return error_trace(-EUCLEAN);
        (void) tombstones_add_user(redis->tombstones, change->tombstone, (uid_t) uid, since); /* as with sessions; ignoring */
        for (size_t i = 0; i + 1 < devices->size; i += 2) {
                if (devices->elements[i]->type != REPLY_TEXT || !redis_is_id(devices->elements[i]->data) ||
                    devices->elements[i + 1]->type != REPLY_TEXT ||
                    !g_ascii_string_to_signed(devices->elements[i + 1]->data, 10, INT64_MIN, INT64_MAX, &ends, NULL))
                        return error_trace(-EUCLEAN);
                (void) tombstones_add_device(redis->tombstones, devices->elements[i]->data, ends); /* the same; ignoring */
        }
        return redis_read_sessions(reply->elements[5], ended);
}

static int user_change(Store *store, const UserChange *change, bool *ret_enabled, GPtrArray **ret_ended) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_USER_CHANGE);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        g_autoptr(GPtrArray) ended = store_session_array();
        SessionSelector rest = { .except = change->except };
        RedisStore *redis = redis_store(store);
        g_autoptr(User) user = NULL;
        int r;

        r = redis_user_get(store, change->name, &user);
        if (r != 0)
                return r;
        redis_call_text(&call, change->what);
        redis_call_text(&call, change->name);
        redis_call_optional(&call, change->hash);
        redis_call_optional(&call, change->except);
        redis_call_optional(&call, change->reason);
        redis_call_int(&call, change->now);
        redis_call_int(&call, tombstones_get_user(redis->tombstones, change->tombstone, user->uid));
        r = redis_call_outcome(redis, &call, 7, &reply);
        if (r == 0)
                r = read_change(redis, change, reply, ended);
        if (r != 0)
                return r;
        rest.uid = user->uid;
        r = redis_end_rest(redis, reply->elements[4], &rest, SESSION_EVENT_REVOKE, change->reason, change->now, ended);
        if (r < 0)
                return r;
        *ret_enabled = reply->elements[1]->integer == 1;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}

int redis_user_disable(Store *store, const char *name, const char *reason, int64_t now, bool *ret_changed,
                       GPtrArray **ret_ended) {
        UserChange change = {
                .what = "disable",
                .tombstone = TOMBSTONE_USER,
                .name = name,
                .reason = reason,
                .now = now,
        };

        return user_change(store, &change, ret_changed, ret_ended);
}

int redis_user_remove(Store *store, const char *name, const char *reason, int64_t now, GPtrArray **ret_ended) {
        UserChange change = {
                .what = "remove",
                .tombstone = TOMBSTONE_USER,
                .name = name,
                .reason = reason,
                .now = now,
        };
        bool enabled;
        int r;

        r = user_change(store, &change, &enabled, ret_ended);
        if (r == 0)
                (void) tombstones_unsee_user(redis_store(store)->tombstones, name); /* else an outage for him; ignoring */
        return r;
}

int redis_user_change_password(Store *store, const char *name, const char *hash, const char *except,
                               const char *reason, int64_t now, GPtrArray **ret_ended) {
        UserChange change = {
                .what = "password",
                .tombstone = TOMBSTONE_PASSWORD,
                .name = name,
                .hash = hash,
                .except = except,
                .reason = reason,
                .now = now,
        };
        bool enabled;

        return user_change(store, &change, &enabled, ret_ended);
}

/* Without waiting */

void redis_user_failed(Store *store, const char *name, const char *from, int64_t now) {
        redis_notes_failed(redis_store(store)->notes, name, from, now);
}
