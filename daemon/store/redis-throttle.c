/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What users owe, and the networks that they logged in from. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

#define PAGE 500

int redis_known_network(Store *store, uid_t uid, const char *network, int64_t since, bool *ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_KNOWN_NETWORK);

        redis_call_int(&call, uid);
        redis_call_text(&call, network);
        redis_call_int(&call, since);
        return redis_call_bool(redis_store(store), &call, ret);
}

void redis_debt_set(Store *store, const UserDebt *debt) {
        redis_notes_debt(redis_store(store)->notes, debt);
}

static int add_uid(const char *uid, const char *name, void *data) {
        g_ptr_array_add(data, g_strdup(uid));
        return 0;
}

/* "UNTIL FAILURES" */
static bool read_value(const RedisReply *value, UserDebt *debt) {
        const char *space = value->type == REPLY_TEXT ? strchr(value->data, ' ') : NULL;
        g_autofree char *until = space ? g_strndup(value->data, (gsize) (space - value->data)) : NULL;
        gint64 number;

        if (!until || !g_ascii_string_to_signed(until, 10, INT64_MIN, INT64_MAX, &number, NULL))
                return false;
        debt->until = number;
        if (!g_ascii_string_to_signed(space + 1, 10, 1, UINT_MAX, &number, NULL))
                return false;
        debt->failures = (unsigned) number;
        return true;
}

static int read_debt(uid_t uid, const RedisReply *name, const RedisReply *value, GPtrArray *debts) {
        UserDebt debt = { .uid = uid };
        char *texts[2];
        bool good;
        int r;

        r = redis_unpack(name, G_N_ELEMENTS(texts), texts);
        if (r < 0)
                return r;
        debt.limit = texts[0];
        debt.key = texts[1];
        good = texts[0] && texts[1] && read_value(value, &debt);
        if (good)
                g_ptr_array_add(debts, user_debt_copy(&debt));
        redis_unpack_free(G_N_ELEMENTS(texts), texts);
        return good ? 0 : error_trace(-EUCLEAN);
}

/* {uid, {packed limit and key, value, …}} */
static int read_row(const RedisReply *row, GPtrArray *debts) {
        const RedisReply *flat;
        gint64 uid;
        int r = 0;

        if (row->type != REPLY_ARRAY || row->size != 2 || row->elements[0]->type != REPLY_TEXT ||
            row->elements[1]->type != REPLY_ARRAY ||
            !g_ascii_string_to_signed(row->elements[0]->data, 10, 0, (gint64) UID_UNSET - 1, &uid, NULL))
                return error_trace(-EUCLEAN);
        flat = row->elements[1];
        for (size_t i = 0; r == 0 && i + 1 < flat->size; i += 2)
                r = read_debt((uid_t) uid, flat->elements[i], flat->elements[i + 1], debts);
        return r;
}

static int load(RedisStore *redis, RedisCall *call, GPtrArray *debts) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        r = redis_call_run(redis, call, &reply);
        if (r == 0 && reply->type != REPLY_ARRAY)
                r = error_trace(-EUCLEAN);
        for (size_t i = 0; r == 0 && i < reply->size; i++)
                r = read_row(reply->elements[i], debts);
        return r;
}

int redis_debt_list(Store *store, GPtrArray **ret) {
        g_autoptr(GPtrArray) uids = g_ptr_array_new_with_free_func(g_free), debts = store_debt_array();
        RedisStore *redis = redis_store(store);
        int r;

        r = redis_notes_flush(redis->notes, /* seen= */ false);
        if (r == 0)
                r = redis_each_user(redis, add_uid, uids);
        for (guint i = 0; r == 0 && i < uids->len; i += PAGE) {
                _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_HASHES);

                redis_call_text(&call, "debts:");
                for (guint j = i; j < MIN(i + PAGE, uids->len); j++)
                        redis_call_text(&call, uids->pdata[j]);
                r = load(redis, &call, debts);
        }
        if (r == 0)
                *ret = g_steal_pointer(&debts);
        return r;
}
