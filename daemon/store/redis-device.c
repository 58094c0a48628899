/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Devices and tickets. */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

#define FORGET_AT_ONCE 500

/* Looking */

static int read_row(RedisStore *redis, const RedisReply *row, void *devices) {
        const char *id = redis_row_name(row);
        Device *device;
        int r;

        if (!id)
                return error_trace(-EUCLEAN);
        r = redis_read_device(id, row->elements[1], &device);
        if (r < 0)
                return r == -EUCLEAN ? 0 : r; /* damaged, and as good as none: nobody comes in with it */
        redis_settle_device(redis, device);
        g_ptr_array_add(devices, device);
        return 0;
}

static int load(RedisStore *redis, size_t n, void *const *ids, GPtrArray *devices) {
        return redis_load(redis, &(RedisLoad) { SCRIPT_HASHES, "device:", read_row, devices }, n, ids);
}

int redis_device_get(Store *store, const char *id, Device **ret) {
        g_autoptr(GPtrArray) devices = store_device_array();
        int r;

        r = load(redis_store(store), 1, &(void *) { (char *) id }, devices);
        if (r < 0)
                return r;
        if (devices->len == 0)
                return STORE_E_NOT_FOUND;
        *ret = g_ptr_array_steal_index(devices, 0);
        return 0;
}

static int ask_ids(RedisStore *redis, uid_t uid, RedisReply **ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_DEVICE_IDS);
        g_autofree char *text = uid == UID_UNSET ? NULL : g_strdup_printf("%u", (unsigned) uid);

        redis_call_optional(&call, text);
        return redis_call_run(redis, &call, ret);
}

static int compare_created(const void *a, const void *b) {
        const Device *x = *(Device *const *) a, *y = *(Device *const *) b;

        return x->created < y->created ? -1 : x->created > y->created;
}

int redis_device_list(Store *store, uid_t uid, GPtrArray **ret) {
        g_autoptr(GPtrArray) devices = store_device_array(), ids = g_ptr_array_new();
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        r = ask_ids(redis_store(store), uid, &reply);
        if (r == 0 && reply->type != REPLY_ARRAY)
                r = error_trace(-EUCLEAN);
        for (size_t i = 0; r == 0 && i < reply->size; i++)
                if (reply->elements[i]->type == REPLY_TEXT)
                        g_ptr_array_add(ids, reply->elements[i]->data);
        if (r == 0)
                r = load(redis_store(store), ids->len, ids->pdata, devices);
        if (r < 0)
                return r;
        g_ptr_array_sort(devices, compare_created); /* stable: of two made at once, the one added first */
        *ret = g_steal_pointer(&devices);
        return 0;
}

/* Changing */

int redis_device_add(Store *store, const Device *device, unsigned max) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_DEVICE_ADD);
        RedisStore *redis = redis_store(store);

        redis_call_int(&call, max);
        redis_call_text(&call, DEVICE_REASON_REUSE);
        redis_call_int(&call, tombstones_get_user(redis->tombstones, TOMBSTONE_USER, device->uid));
        redis_add_device(&call, device);
        return redis_call_outcome(redis, &call, 1, NULL);
}

int redis_device_revoke(Store *store, const char *id, const char *reason, int64_t now, bool *ret_changed,
                        GPtrArray **ret_ended) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_DEVICE_REVOKE);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        SessionSelector rest = { .device = id, .uid = UID_UNSET };
        g_autoptr(GPtrArray) ended = store_session_array();
        RedisStore *redis = redis_store(store);
        gint64 ends;
        int r;

        redis_call_text(&call, id);
        redis_call_optional(&call, reason);
        redis_call_int(&call, now);
        r = redis_call_outcome(redis, &call, 5, &reply);
        if (r != 0)
                return r;
        if (reply->elements[2]->type != REPLY_TEXT ||
            !g_ascii_string_to_signed(reply->elements[2]->data, 10, INT64_MIN, INT64_MAX, &ends, NULL))
                return error_trace(-EUCLEAN);
        (void) tombstones_add_device(redis->tombstones, id, ends); /* done is done, and it is tried again; ignoring */
        r = redis_read_sessions(reply->elements[4], ended);
        if (r == 0)
                r = redis_end_rest(redis, reply->elements[3], &rest, SESSION_EVENT_REVOKE, reason, now, ended);
        if (r < 0)
                return r;
        *ret_changed = reply->elements[1]->integer == 1;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}

static int read_use(const RedisReply *word, DeviceUse *ret) {
        static const char *const words[] = {
                [DEVICE_USE_AGAIN] = "again",
                [DEVICE_USE_NEXT] = "next",
                [DEVICE_USE_LATE] = "late",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                if (redis_reply_is_text(word, words[i])) {
                        *ret = (DeviceUse) i;
                        return 0;
                }
        return error_trace(-EUCLEAN);
}

/* {"ok", how, device, more, sessions} */
int redis_device_use(Store *store, const char *id, uint32_t counter, const char *from, int64_t now,
                     int64_t steady, DeviceUse *ret_use, Device **ret, GPtrArray **ret_ended) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_DEVICE_USE);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        SessionSelector rest = { .device = id, .uid = UID_UNSET };
        g_autoptr(GPtrArray) ended = store_session_array();
        RedisStore *redis = redis_store(store);
        g_autoptr(Device) device = NULL;
        DeviceUse use;
        int r;

        if (tombstones_has_device(redis->tombstones, id))
                return STORE_E_STATE;
        redis_call_text(&call, id);
        redis_call_int(&call, counter);
        redis_call_optional(&call, from);
        redis_call_int(&call, now);
        redis_call_int(&call, steady);
        redis_call_text(&call, DEVICE_REASON_REUSE);
        r = redis_call_outcome(redis, &call, 5, &reply);
        if (r == 0)
                r = read_use(reply->elements[1], &use);
        if (r == 0)
                r = redis_read_device(id, reply->elements[2], &device);
        if (r != 0)
                return r;
        if (device->revoked != 0)
                (void) tombstones_add_device(redis->tombstones, id, device->ends); /* the same; ignoring */
        r = redis_read_sessions(reply->elements[4], ended);
        if (r == 0)
                r = redis_end_rest(redis, reply->elements[3], &rest, SESSION_EVENT_REVOKE, DEVICE_REASON_REUSE, now, ended);
        if (r < 0)
                return r;
        *ret_use = use;
        *ret = g_steal_pointer(&device);
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}

int redis_device_sweep(Store *store, int64_t now, int64_t idle, int64_t keep) {
        RedisStore *redis = redis_store(store);
        bool more = true;
        int r = 0;

        while (r == 0 && more) {
                _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_DEVICE_SWEEP);

                redis_call_int(&call, now);
                redis_call_int(&call, now - keep);
                redis_call_int(&call, now - keep - idle);
                redis_call_int(&call, FORGET_AT_ONCE);
                r = redis_call_bool(redis, &call, &more);
        }
        if (r == 0)
                tombstones_sweep_tickets(redis->tombstones, now);
        return r;
}

/* Tickets */

static GString *pack_ticket(const char *issuer, const char *jti) {
        const char *const texts[] = { issuer, jti };

        return redis_pack(G_N_ELEMENTS(texts), texts);
}

/* Spent in the store and remembered here, before anybody is let in for it. */
int redis_ticket_use(Store *store, const char *issuer, const char *jti, int64_t until) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_TICKET_USE);
        RedisStore *redis = redis_store(store);
        int r;

        if (tombstones_has_ticket(redis->tombstones, issuer, jti))
                return STORE_E_EXISTS;
        redis_call_take(&call, pack_ticket(issuer, jti));
        redis_call_int(&call, until);
        r = redis_call_outcome(redis, &call, 1, NULL);
        return r == 0 ? tombstones_add_ticket(redis->tombstones, issuer, jti, until) : r;
}

int redis_ticket_used(Store *store, const char *issuer, const char *jti, bool *ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_TICKET_USED);
        RedisStore *redis = redis_store(store);
        bool used;
        int r;

        redis_call_take(&call, pack_ticket(issuer, jti));
        r = redis_call_bool(redis, &call, &used);
        if (r == 0)
                *ret = used || tombstones_has_ticket(redis->tombstones, issuer, jti);
        return r;
}
