/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Sessions, changing. */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

/* Ending */

static const char *const events[_SESSION_EVENT_MAX] = {
        [SESSION_EVENT_CLOSE] = "close",
        [SESSION_EVENT_REVOKE] = "revoke",
        [SESSION_EVENT_EXPIRE] = "expire",
};

static void add_selector(RedisCall *call, const SessionSelector *selector) {
        bool by_id = selector->id || selector->device;

        redis_call_text(call, selector->id ? "id" : selector->device ? "device" : selector->all ? "all" : "user");
        if (by_id)
                redis_call_text(call, selector->id ?: selector->device);
        else
                redis_call_int(call, selector->uid);
        redis_call_optional(call, by_id ? NULL : selector->except);
        redis_call_int(call, selector->keep_login);
}

/* Those that this call ended are added to @ended, as far as it came. */
static int end_some(RedisStore *redis, const SessionSelector *selector, SessionEvent event, const char *reason,
                    int64_t now, GPtrArray *ended, bool *ret_more) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_END);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        redis_call_text(&call, events[event]);
        redis_call_optional(&call, reason);
        redis_call_int(&call, now);
        add_selector(&call, selector);
        r = redis_call_run(redis, &call, &reply);
        if (r < 0)
                return r;
        if (reply->type != REPLY_ARRAY || reply->size != 2 || reply->elements[0]->type != REPLY_INTEGER)
                return error_trace(-EUCLEAN);
        *ret_more = reply->elements[0]->integer == 1;
        return redis_read_sessions(reply->elements[1], ended);
}

int redis_end_rest(RedisStore *redis, const RedisReply *more, const SessionSelector *selector, SessionEvent event,
                   const char *reason, int64_t now, GPtrArray *ended) {
        bool any = more->type == REPLY_INTEGER && more->integer == 1;
        int r = more->type == REPLY_INTEGER ? 0 : error_trace(-EUCLEAN);

        while (r == 0 && any)
                r = end_some(redis, selector, event, reason, now, ended, &any);
        redis_settle_ended(redis, ended);
        return r;
}

int redis_session_end(Store *store, const SessionSelector *selector, SessionEvent event, const char *reason,
                      int64_t now, GPtrArray **ret_ended) {
        static const RedisReply more = { .type = REPLY_INTEGER, .integer = 1 };
        g_autoptr(GPtrArray) ended = store_session_array();
        int r = 0;

        if (selector->id || selector->device || selector->all || selector->uid != UID_UNSET)
                r = redis_end_rest(redis_store(store), &more, selector, event, reason, now, ended);
        /* Where only some were ended, the hosts learn of them by the feed; the rest is ended by asking again. */
        if (r == 0)
                *ret_ended = g_steal_pointer(&ended);
        return r;
}

/* Sweeping */

int redis_session_sweep(Store *store, const char *host, const char *boot_id, int64_t now, int64_t idle, int64_t keep,
                        unsigned limit, GPtrArray **ret_ended, bool *ret_more) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_SWEEP);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        g_autoptr(GPtrArray) ended = store_session_array();
        RedisStore *redis = redis_store(store);
        int r;

        /* Who was seen here must not be idle there. */
        r = redis_notes_flush(redis->notes, /* seen= */ true);
        if (r < 0)
                return r;
        redis_call_text(&call, host);
        redis_call_text(&call, boot_id);
        redis_call_int(&call, now);
        redis_call_int(&call, now - idle);
        redis_call_int(&call, now - keep);
        redis_call_int(&call, limit);
        r = redis_call_run(redis, &call, &reply);
        if (r < 0)
                return r;
        if (reply->type != REPLY_ARRAY || reply->size != 2 || reply->elements[0]->type != REPLY_INTEGER)
                return error_trace(-EUCLEAN);
        r = redis_read_sessions(reply->elements[1], ended);
        if (r < 0)
                return r;
        redis_settle_ended(redis, ended);
        tombstones_sweep(redis->tombstones, now);
        *ret_more = reply->elements[0]->integer == 0;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}

/* Stepping up */

int redis_session_authenticated(Store *store, const char *id, int64_t auth_time, const char *method,
                                const Granted *granted) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_AUTHENTICATED);
        RedisStore *redis = redis_store(store);

        if (tombstones_has_session(redis->tombstones, id))
                return STORE_E_STATE;
        redis_call_text(&call, id);
        redis_call_int(&call, auth_time);
        redis_call_text(&call, method);
        redis_call_int(&call, granted != NULL);
        if (granted)
                redis_add_granted(&call, granted);
        return redis_call_outcome(redis, &call, 1, NULL);
}

/* Without waiting */

void redis_session_touch(Store *store, const char *id, int64_t now) {
        redis_notes_touch(redis_store(store)->notes, id, now);
}

void redis_event_add(Store *store, const Event *event) {
        redis_notes_event(redis_store(store)->notes, event);
}
