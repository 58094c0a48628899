/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Records of another store: lua/import_user.lua, lua/import_device.lua, lua/import_session.lua. */

#include <errno.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"
#include "daemon/store/store-import.h"

/* {"ok", is it new?} */
static int run(RedisStore *redis, RedisCall *call, bool *ret_new) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        r = redis_call_outcome(redis, call, 2, &reply);
        if (r == 0)
                *ret_new = reply->elements[1]->integer == 1;
        return r;
}

/* Users */

static unsigned count_news(const LoginNews *news) {
        return 2 * ((news->last != 0) + (news->last_from != NULL) + (news->failures > 0) + (news->failed != 0) +
                    (news->failed_from != NULL));
}

static void add_news(RedisCall *call, const LoginNews *news) {
        if (news->last != 0)
                redis_call_field_int(call, "last_login", news->last);
        redis_call_field(call, "last_from", news->last_from);
        if (news->failures > 0)
                redis_call_field_int(call, "failures", news->failures);
        if (news->failed != 0)
                redis_call_field_int(call, "failed", news->failed);
        redis_call_field(call, "failed_from", news->failed_from);
}

static void add_his(RedisCall *call, const ImportUser *import) {
        for (guint i = 0; i < import->assignments->len; i++) {
                redis_call_text(call, "role");
                redis_add_assignment(call, import->assignments->pdata[i]);
        }
        for (guint i = 0; i < import->identities->len; i++) {
                redis_call_text(call, "identity");
                redis_add_identity(call, import->identities->pdata[i]);
        }
        for (guint i = 0; i < import->networks->len; i++) {
                const KnownNetwork *network = import->networks->pdata[i];

                redis_call_text(call, "network");
                redis_call_text(call, network->network);
                redis_call_int(call, network->seen);
        }
}

int store_import_user(Store *store, const ImportUser *import, bool *ret_new) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_IMPORT_USER);
        const User *user = import->user;
        RedisStore *redis = redis_store(store);

        if (store->backend != &redis_backend)
                return error_trace(-EOPNOTSUPP);
        redis_call_text(&call, user->name);
        redis_call_int(&call, user->uid);
        redis_call_int(&call, MAX(tombstones_get_user(redis->tombstones, TOMBSTONE_USER, user->uid),
                                  tombstones_get_user(redis->tombstones, TOMBSTONE_PASSWORD, user->uid)));
        redis_call_optional(&call, user->password_hash);
        redis_call_int(&call, redis_count_user(user) + count_news(import->news));
        redis_add_user(&call, user);
        add_news(&call, import->news);
        add_his(&call, import);
        return run(redis, &call, ret_new);
}

/* Devices */

int store_import_device(Store *store, const Device *device, int64_t now, bool *ret_new) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_IMPORT_DEVICE);
        RedisStore *redis = redis_store(store);
        int r;

        if (store->backend != &redis_backend)
                return error_trace(-EOPNOTSUPP);
        redis_call_int(&call, now);
        redis_add_device(&call, device);
        r = run(redis, &call, ret_new);
        if (r == 0 && device->revoked != 0)
                r = tombstones_add_device(redis->tombstones, device->id, device->ends);
        return r;
}

/* Sessions */

static void add_events(RedisCall *call, const GPtrArray *events) {
        for (guint i = events->len - MIN(events->len, STORE_EVENTS_KEPT); i < events->len; i++)
                redis_call_take(call, redis_pack_event(events->pdata[i]));
}

/* How many arguments its fields and values are shows only when they are put together. */
static int import_session(RedisStore *redis, const Session *session, const GPtrArray *events, int64_t now, bool *ret_new) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_IMPORT_SESSION);
        _cleanup_call_ RedisCall fields = redis_call_new(SCRIPT_IMPORT_SESSION);

        redis_add_session(&fields, session);
        redis_call_int(&call, now);
        redis_call_int(&call, fields.args->len);
        redis_add_session(&call, session);
        add_events(&call, events);
        return run(redis, &call, ret_new);
}

int store_import_sessions(Store *store, const GPtrArray *sessions, const GPtrArray *events, int64_t now,
                          unsigned *ret_new) {
        RedisStore *redis = redis_store(store);
        unsigned n = 0;
        int r = 0;

        if (store->backend != &redis_backend)
                return error_trace(-EOPNOTSUPP);
        for (guint i = 0; r == 0 && i < sessions->len; i++) {
                bool is_new = false;

                r = import_session(redis, sessions->pdata[i], events->pdata[i], now, &is_new);
                n += is_new;
        }
        if (r == 0)
                r = tombstones_add_sessions(redis->tombstones, sessions);
        if (r == 0)
                *ret_new = n;
        return r;
}
