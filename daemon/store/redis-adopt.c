/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "common/error.h"
#include "daemon/store/adopt.h"
#include "daemon/store/redis-store.h"

#define SCHEMA "1"

static int read_found(const RedisReply *reply, StoreFound *ret) {
        uint64_t *const counts[] = { &ret->active, &ret->ended, &ret->devices, &ret->users };

        if (reply->type != REPLY_ARRAY || reply->size != 2 + G_N_ELEMENTS(counts) ||
            reply->elements[0]->type != REPLY_TEXT || reply->elements[1]->type != REPLY_TEXT)
                return error_trace(-EUCLEAN);
        if (reply->elements[1]->data[0] && !redis_reply_is_text(reply->elements[1], SCHEMA))
                return error_trace(-EPROTO);
        /* It is shown to root, who is asked about it. */
        if (reply->elements[0]->data[0] && !redis_is_id(reply->elements[0]->data))
                return error_trace(-EUCLEAN);
        (void) g_strlcpy(ret->id, reply->elements[0]->data, sizeof(ret->id)); /* it fits; ignoring */
        for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
                *counts[i] = (uint64_t) MAX(reply->elements[2 + i]->integer, 0);
        return 0;
}

/* Whom this host saw in the store that it knows, and who is not there. */
static int count_lost(RedisStore *redis, StoreFound *found) {
        g_autoptr(GHashTable) names = NULL;
        int r;

        if (!found->id[0] || !g_str_equal(found->id, found->known))
                return 0;
        r = redis_user_names(redis, &names);
        if (r == 0)
                found->lost = tombstones_count_others(redis->tombstones, names);
        return r;
}

int store_look(Store *store, StoreFound *ret) {
        StoreFound found = { .users = 0 };
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        RedisStore *redis = redis_store(store);
        g_autofree char *known = NULL;
        int r;

        if (store->backend != &redis_backend)
                return error_trace(-EOPNOTSUPP);
        redis_link_reopen(redis->link);
        r = redis_call_look(redis, &reply);
        if (r == 0)
                r = read_found(reply, &found);
        if (r < 0)
                return r;
        known = local_facts_get(redis->facts, FACT_STORE);
        (void) g_strlcpy(found.known, known ?: "", sizeof(found.known));
        r = count_lost(redis, &found);
        if (r == 0)
                *ret = found;
        return r;
}

bool store_is_adopted(const StoreFound *found) {
        return found->id[0] && g_str_equal(found->id, found->known) && found->lost == 0;
}

/* Of another one nobody was seen yet: who is not there is unknown, and who is will be seen. */
static int unsee(RedisStore *redis, bool same) {
        g_autoptr(GHashTable) names = NULL;
        int r = 0;

        if (same)
                r = redis_user_names(redis, &names);
        else
                names = g_hash_table_new(g_str_hash, g_str_equal);
        if (r == 0)
                tombstones_unsee_others(redis->tombstones, names);
        return r;
}

int store_adopt(Store *store, const char *wanted, StoreFound *ret, bool *ret_changed) {
        StoreFound found;
        bool same;
        int r;

        r = store_look(store, &found);
        if (r < 0)
                return r;
        same = found.id[0] && g_str_equal(found.id, found.known);
        if (!store_is_adopted(&found)) {
                r = redis_call_adopt(redis_store(store), wanted);
                if (r == 0)
                        r = unsee(redis_store(store), same);
                if (r == 0 && !same)
                        tombstones_forget_position(redis_store(store)->tombstones);
                if (r != 0)
                        return r;
        }
        *ret_changed = !store_is_adopted(&found);
        *ret = found;
        return 0;
}

static char *get_problem(Store *store, int r, bool whatever) {
        RedisStore *redis = redis_store(store);
        char *problem = NULL;

        if (store->backend != &redis_backend)
                return NULL;
        pthread_mutex_lock(&redis->mutex);
        if (whatever || redis->problem_errno == r)
                problem = g_strdup(redis->problem);
        pthread_mutex_unlock(&redis->mutex);
        return problem;
}

char *store_problem(Store *store) {
        return get_problem(store, /* r= */ 0, /* whatever= */ true);
}

char *store_problem_of(Store *store, int r) {
        return get_problem(store, r, /* whatever= */ false);
}
