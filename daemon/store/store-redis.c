/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"
#include "daemon/store/store-redis.h"

#define HASH_TAG "{tessera}:"

static void redis_free(Store *store) {
        RedisStore *redis = redis_store(store);

        (void) redis_notes_free(redis->notes);
        (void) redis_link_free(redis->link);
        redis_settings_deinit(&redis->settings);
        (void) tombstones_free(redis->tombstones);
        (void) local_facts_free(redis->facts);
        pthread_mutex_destroy(&redis->mutex);
        g_free(redis->problem);
        g_free(redis->base);
        g_free(redis);
}

static uint64_t redis_dropped(Store *store) {
        return redis_notes_dropped(redis_store(store)->notes);
}

const StoreBackend redis_backend = {
        .free = redis_free,
        .dropped = redis_dropped,
        .check = redis_check,
        .probe = redis_store_probe,
        .meta_get = redis_meta_get,
        .meta_set = redis_meta_set,
        .user_get = redis_user_get,
        .user_list = redis_user_list,
        .user_add = redis_user_add,
        .user_rehash = redis_user_rehash,
        .user_enable = redis_user_enable,
        .user_disable = redis_user_disable,
        .user_remove = redis_user_remove,
        .user_change_password = redis_user_change_password,
        .user_failed = redis_user_failed,
        .rename_host = redis_rename_host,
        .session_get = redis_session_get,
        .session_find = redis_session_find,
        .session_bound = redis_session_bound,
        .session_list = redis_session_list,
        .session_open = redis_session_open,
        .session_open_login = redis_session_open_login,
        .session_touch = redis_session_touch,
        .session_authenticated = redis_session_authenticated,
        .session_end = redis_session_end,
        .session_sweep = redis_session_sweep,
        .assignment_set = redis_assignment_set,
        .assignment_remove = redis_assignment_remove,
        .assignment_list = redis_assignment_list,
        .assignment_sweep = redis_assignment_sweep,
        .identity_add = redis_identity_add,
        .identity_find = redis_identity_find,
        .identity_list = redis_identity_list,
        .identity_remove = redis_identity_remove,
        .device_add = redis_device_add,
        .device_get = redis_device_get,
        .device_list = redis_device_list,
        .device_use = redis_device_use,
        .device_revoke = redis_device_revoke,
        .device_sweep = redis_device_sweep,
        .ticket_use = redis_ticket_use,
        .ticket_used = redis_ticket_used,
        .known_network = redis_known_network,
        .shared_debt_get = redis_shared_debt_get,
        .shared_debt_swap = redis_shared_debt_swap,
        .shared_debt_list = redis_shared_debt_list,
        .event_add = redis_event_add,
        .event_list = redis_event_list,
};

static int connect_store(RedisStore *redis, const RedisLinkSettings *settings, char **ret_message) {
        int r;

        r = redis_settings_copy(settings, &redis->settings);
        if (r == 0)
                r = redis_link_new(settings, &redis->link);
        if (r == 0)
                r = redis_call_prepare(redis);
        if (r == 0) {
                redis->notes = redis_notes_new(redis);
                r = redis->notes ? 0 : -EAGAIN;
        }
        if (r < 0)
                *ret_message = g_strdup_printf("the store cannot be used: %s", g_strerror(-r));
        return error_trace(r);
}

int store_redis_open(const StoreRedisSettings *settings, Store **ret, char **ret_message) {
        RedisStore *redis = g_new0(RedisStore, 1);
        g_autoptr(Store) store = &redis->store;
        int r;

        store->backend = &redis_backend;
        redis->only_looks = settings->only_looks;
        pthread_mutex_init(&redis->mutex, NULL);
        redis->base = g_strconcat(settings->prefix, HASH_TAG, NULL);
        r = local_facts_open(settings->state_folder, &redis->facts, ret_message);
        if (r == 0)
                r = tombstones_open(settings->state_folder, &redis->tombstones, ret_message);
        if (r == 0)
                r = connect_store(redis, &settings->link, ret_message);
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&store);
        return 0;
}
