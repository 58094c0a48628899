/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What users owe, and the networks that they logged in from. */

#include <errno.h>
#include <limits.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"


int redis_known_network(Store *store, uid_t uid, const char *network, int64_t since, bool *ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_KNOWN_NETWORK);

        redis_call_int(&call, uid);
        redis_call_text(&call, network);
        redis_call_int(&call, since);
        return redis_call_bool(redis_store(store), &call, ret);
}

/* Times beyond it are no different to anybody, and Lua could not tell them apart: 35,000 years in ms. */
#define LEFT_MAX (INT64_C(1) << 50)

static GString *pack_name(const char *limit, const char *key) {
        const char *const texts[] = { limit, key };

        return redis_pack(G_N_ELEMENTS(texts), texts);
}

static bool read_number(const RedisReply *text, gint64 min, gint64 max, gint64 *ret) {
        return text->type == REPLY_TEXT && g_ascii_string_to_signed(text->data, 10, min, max, ret, NULL);
}

/* {left, failures, keep, version} */
static int read_debt(RedisReply *const *texts, SharedDebt *debt) {
        gint64 left, failures, keep, version;

        if (!read_number(texts[0], INT64_MIN, INT64_MAX, &left) || !read_number(texts[1], 0, UINT_MAX, &failures) ||
            !read_number(texts[2], 0, INT64_MAX, &keep) || !read_number(texts[3], 0, INT64_MAX, &version))
                return error_trace(-EUCLEAN);
        debt->left = CLAMP(left, -LEFT_MAX, LEFT_MAX); /* sums of it stay within 64 bits, whatever was sent */
        debt->failures = (unsigned) failures;
        debt->keep = keep;
        debt->version = (uint64_t) version;
        return 0;
}

int redis_shared_debt_get(Store *store, uid_t uid, const char *limit, const char *key, int64_t now, SharedDebt *ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_DEBT_GET);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        SharedDebt debt = { .left = 0 };
        int r;

        redis_call_int(&call, uid);
        redis_call_take(&call, pack_name(limit, key));
        r = redis_call_run(redis_store(store), &call, &reply);
        if (r < 0)
                return r;
        if (reply->type != REPLY_ARRAY || reply->size != 4)
                return error_trace(-EUCLEAN);
        r = read_debt(reply->elements, &debt);
        if (r < 0)
                return r;
        ret->left = debt.left;
        ret->failures = debt.failures;
        ret->version = debt.version;
        return 0;
}

int redis_shared_debt_swap(Store *store, SharedDebt *debt, int64_t now) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_DEBT_SWAP);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        gint64 version;
        int r;

        redis_call_int(&call, debt->uid);
        redis_call_take(&call, pack_name(debt->limit, debt->key));
        redis_call_int(&call, (int64_t) debt->version);
        redis_call_int(&call, CLAMP(debt->left, -LEFT_MAX, LEFT_MAX));
        redis_call_int(&call, debt->failures);
        redis_call_int(&call, MIN(debt->keep, LEFT_MAX));
        r = redis_call_outcome(redis_store(store), &call, 2, &reply);
        if (r != 0)
                return r;
        if (!read_number(reply->elements[1], 0, INT64_MAX, &version))
                return error_trace(-EUCLEAN);
        debt->version = (uint64_t) version;
        return 0;
}

/* {uid, packed limit and key, left, failures, keep, version} */
static int read_row(RedisStore *redis, const RedisReply *row, void *debts) {
        g_autoptr(SharedDebt) debt = g_new0(SharedDebt, 1);
        char *texts[2];
        gint64 uid;
        int r;

        if (row->type != REPLY_ARRAY || row->size != 6 || !read_number(row->elements[0], 0, (gint64) UID_UNSET - 1, &uid))
                return error_trace(-EUCLEAN);
        r = redis_unpack(row->elements[1], G_N_ELEMENTS(texts), texts);
        if (r < 0)
                return r;
        debt->uid = (uid_t) uid;
        debt->limit = texts[0];
        debt->key = texts[1];
        r = debt->limit && debt->key ? read_debt(row->elements + 2, debt) : error_trace(-EUCLEAN);
        if (r == 0)
                g_ptr_array_add(debts, g_steal_pointer(&debt));
        return r;
}

int redis_shared_debt_list(Store *store, uid_t uid, int64_t now, GPtrArray **ret) {
        g_autoptr(GPtrArray) uids = NULL, debts = store_shared_debt_array();
        const RedisLoad load = { .script = SCRIPT_DEBT_LIST, .row = read_row, .data = debts };
        int r;

        r = redis_user_uids(redis_store(store), uid, &uids);
        if (r == 0)
                r = redis_load(redis_store(store), &load, uids->len, uids->pdata);
        if (r == 0)
                *ret = g_steal_pointer(&debts);
        return r;
}
