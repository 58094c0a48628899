/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Many records, some hundreds in one call: no other host waits long for it. */

#include <errno.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

#define PAGE 500

typedef enum UserPart { UID, NAME } UserPart;

/* Calls @each for that part of every user, in any order. */
static int each_user(RedisStore *redis, UserPart part, void (*each)(const char *text, void *data), void *data) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_USERS);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        r = redis_call_run(redis, &call, &reply);
        if (r == 0 && reply->type != REPLY_ARRAY)
                r = error_trace(-EUCLEAN);
        for (size_t i = 0; r == 0 && i + 1 < reply->size; i += 2)
                if (reply->elements[i]->type == REPLY_TEXT && reply->elements[i + 1]->type == REPLY_TEXT)
                        each(reply->elements[i + part]->data, data);
                else
                        r = error_trace(-EUCLEAN);
        return r;
}

static void add_to_set(const char *name, void *names) {
        (void) g_hash_table_add(names, g_strdup(name)); /* new or not; ignoring */
}

int redis_user_names(RedisStore *redis, GHashTable **ret) {
        g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        int r;

        r = each_user(redis, NAME, add_to_set, names);
        if (r == 0)
                *ret = g_steal_pointer(&names);
        return r;
}

static void add_to_array(const char *uid, void *uids) {
        g_ptr_array_add(uids, g_strdup(uid));
}

int redis_user_uids(RedisStore *redis, uid_t uid, GPtrArray **ret) {
        g_autoptr(GPtrArray) uids = g_ptr_array_new_with_free_func(g_free);
        int r = 0;

        if (uid == UID_UNSET)
                r = each_user(redis, UID, add_to_array, uids);
        else
                g_ptr_array_add(uids, g_strdup_printf("%u", (unsigned) uid));
        if (r == 0)
                *ret = g_steal_pointer(&uids);
        return r;
}

static int load_page(RedisStore *redis, const RedisLoad *load, size_t n, void *const *names) {
        _cleanup_call_ RedisCall call = redis_call_new(load->script);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        if (load->kind)
                redis_call_text(&call, load->kind);
        for (size_t i = 0; i < n; i++)
                redis_call_text(&call, names[i]);
        r = redis_call_run(redis, &call, &reply);
        if (r == 0 && reply->type != REPLY_ARRAY)
                r = error_trace(-EUCLEAN);
        for (size_t i = 0; r == 0 && i < reply->size; i++)
                r = load->row(redis, reply->elements[i], load->data);
        return r;
}

int redis_load(RedisStore *redis, const RedisLoad *load, size_t n, void *const *names) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i += PAGE)
                r = load_page(redis, load, MIN(n - i, PAGE), names + i);
        return r;
}

const char *redis_row_name(const RedisReply *row) {
        bool whole = row->type == REPLY_ARRAY && row->size == 2 && row->elements[0]->type == REPLY_TEXT;

        return whole ? row->elements[0]->data : NULL;
}
