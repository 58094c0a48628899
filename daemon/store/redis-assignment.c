/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

#define SWEEP_AT_ONCE 500

enum { USER, UNTIL, BY, REASON, CREATED, N_TEXTS }; /* packed; the time of creation last: lua/assignment_set.lua */

void redis_add_assignment(RedisCall *call, const Assignment *assignment) {
        g_autofree char *until = g_strdup_printf("%" PRIi64, assignment->until);
        g_autofree char *created = g_strdup_printf("%" PRIi64, assignment->created);
        const char *const texts[N_TEXTS] = { assignment->user, until, assignment->by, assignment->reason, created };

        redis_call_text(call, assignment->role);
        redis_call_int(call, assignment->until);
        redis_call_take(call, redis_pack(N_TEXTS, texts));
}

static bool read_numbers(const char *uid, char **texts, Assignment *assignment) {
        gint64 number;

        if (!texts[USER] || !texts[UNTIL] || !texts[BY] || !texts[CREATED])
                return false;
        if (!g_ascii_string_to_signed(uid, 10, 0, (gint64) UID_UNSET - 1, &number, NULL))
                return false;
        assignment->uid = (uid_t) number;
        if (!g_ascii_string_to_signed(texts[UNTIL], 10, 0, INT64_MAX, &number, NULL))
                return false;
        assignment->until = number;
        if (!g_ascii_string_to_signed(texts[CREATED], 10, INT64_MIN, INT64_MAX, &number, NULL))
                return false;
        assignment->created = number;
        return true;
}

static int read_assignment(const char *uid, const RedisReply *role, const RedisReply *packed, GPtrArray *assignments) {
        g_autoptr(Assignment) assignment = assignment_new();
        char *texts[N_TEXTS];
        bool good;
        int r;

        r = role->type == REPLY_TEXT ? redis_unpack(packed, N_TEXTS, texts) : error_trace(-EUCLEAN);
        if (r < 0)
                return r;
        good = read_numbers(uid, texts, assignment);
        assignment->user = g_strdup(texts[USER]);
        assignment->role = g_strdup(role->data);
        assignment->by = g_strdup(texts[BY]);
        assignment->reason = g_strdup(texts[REASON]);
        redis_unpack_free(N_TEXTS, texts);
        if (!good)
                return error_trace(-EUCLEAN);
        g_ptr_array_add(assignments, g_steal_pointer(&assignment));
        return 0;
}

static int compare(const void *a, const void *b) {
        const Assignment *first = *(Assignment *const *) a, *second = *(Assignment *const *) b;
        int order = strcmp(first->user, second->user);

        return order != 0 ? order : strcmp(first->role, second->role);
}

int redis_assignment_set(Store *store, const Assignment *assignment, unsigned max, bool *ret_changed) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_ASSIGNMENT_SET);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        redis_call_text(&call, assignment->user);
        redis_call_int(&call, assignment->uid);
        redis_add_assignment(&call, assignment);
        redis_call_int(&call, max);
        r = redis_call_outcome(redis_store(store), &call, 2, &reply);
        if (r == 0)
                *ret_changed = reply->elements[1]->integer == 1;
        return r;
}

int redis_assignment_remove(Store *store, uid_t uid, const char *role, bool *ret_changed) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_ASSIGNMENT_REMOVE);

        redis_call_int(&call, uid);
        redis_call_text(&call, role);
        return redis_call_bool(redis_store(store), &call, ret_changed);
}

/* {uid, {role, packed, …}} */
static int read_row(RedisStore *redis, const RedisReply *row, void *assignments) {
        const char *uid = redis_row_name(row);
        const RedisReply *roles;
        int r = 0;

        if (!uid || row->elements[1]->type != REPLY_ARRAY)
                return error_trace(-EUCLEAN);
        roles = row->elements[1];
        for (size_t i = 0; r == 0 && i + 1 < roles->size; i += 2)
                r = read_assignment(uid, roles->elements[i], roles->elements[i + 1], assignments);
        return r;
}

int redis_assignment_list(Store *store, uid_t uid, GPtrArray **ret) {
        g_autoptr(GPtrArray) uids = NULL, assignments = store_assignment_array();
        const RedisLoad load = { SCRIPT_HASHES, "roles:", read_row, assignments };
        int r;

        r = redis_user_uids(redis_store(store), uid, &uids);
        if (r == 0)
                r = redis_load(redis_store(store), &load, uids->len, uids->pdata);
        if (r < 0)
                return r;
        g_ptr_array_sort(assignments, compare);
        *ret = g_steal_pointer(&assignments);
        return 0;
}

static int sweep_some(RedisStore *redis, int64_t now, GPtrArray *ended, bool *ret_more) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_ASSIGNMENT_SWEEP);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        redis_call_int(&call, now);
        redis_call_int(&call, SWEEP_AT_ONCE);
        r = redis_call_run(redis, &call, &reply);
        if (r == 0 && reply->type != REPLY_ARRAY)
                r = error_trace(-EUCLEAN);
        for (size_t i = 0; r == 0 && i < reply->size; i++) {
                const RedisReply *row = reply->elements[i];

                if (row->type != REPLY_ARRAY || row->size != 3 || row->elements[2]->type != REPLY_TEXT)
                        return error_trace(-EUCLEAN);
                r = read_assignment(row->elements[2]->data, row->elements[0], row->elements[1], ended);
        }
        if (r == 0)
                *ret_more = reply->size == SWEEP_AT_ONCE;
        return r;
}

int redis_assignment_sweep(Store *store, int64_t now, GPtrArray **ret_ended) {
        g_autoptr(GPtrArray) ended = store_assignment_array();
        bool more = true;
        int r = 0;

        while (r == 0 && more)
                r = sweep_some(redis_store(store), now, ended, &more);
        if (r < 0)
                return r;
        g_ptr_array_sort(ended, compare);
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}
