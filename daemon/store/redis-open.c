/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Sessions, opening: see lua/open.lua. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

typedef struct SessionOpen {
        const Session *session;
        unsigned max_per_user;
        bool is_login;
        const char *network;
        const RedisReply *others; /* {"overlay", ids of the sessions of which some will be closed}; NULL: not asked yet */
} SessionOpen;

static int run_once(RedisStore *redis, const SessionOpen *open, RedisReply **ret) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_OPEN);
        const Session *session = open->session;
        g_autoptr(Session) revoked = NULL;

        if (store_session_has_login(session))
                revoked = tombstones_get_login(redis->tombstones, session->boot_id, session->audit_id, session->uid);
        redis_call_int(&call, open->max_per_user);
        redis_call_int(&call, revoked != NULL);
        redis_call_int(&call, open->is_login);
        redis_call_optional(&call, open->network);
        redis_call_int(&call, tombstones_get_user(redis->tombstones, TOMBSTONE_USER, session->uid));
        redis_call_int(&call, open->others ? (int64_t) open->others->size - 1 : -1);
        for (size_t i = 1; open->others && i < open->others->size; i++) {
                const RedisReply *id = open->others->elements[i];

                if (id->type != REPLY_TEXT)
                        return error_trace(-EUCLEAN);
                redis_call_text(&call, id->data);
                redis_call_int(&call, redis_notes_get_seen(redis->notes, id->data));
        }
        redis_add_session(&call, session);
        return redis_call_run(redis, &call, ret);
}

static bool is_overlay(const RedisReply *reply) {
        return reply->type == REPLY_ARRAY && reply->size > 0 && redis_reply_is_text(reply->elements[0], "overlay");
}

static int read_news(const RedisReply *flat, LoginNews *ret) {
        int64_t last = 0, failures = 0, failed = 0;
        int r = 0;

        if (redis_field(flat, "last_login"))
                r = redis_field_int(flat, "last_login", INT64_MIN, INT64_MAX, &last);
        if (r == 0 && redis_field(flat, "failures"))
                r = redis_field_int(flat, "failures", 0, INT64_MAX, &failures);
        if (r == 0 && redis_field(flat, "failed"))
                r = redis_field_int(flat, "failed", INT64_MIN, INT64_MAX, &failed);
        if (r < 0)
                return r;
        *ret = (LoginNews) {
                .last = last,
                .last_from = g_strdup(redis_field(flat, "last_from")),
                .failures = (unsigned) MIN(failures, INT_MAX),
                .failed = failed,
                .failed_from = g_strdup(redis_field(flat, "failed_from")),
        };
        return 0;
}

/* Parents and devices that are known to be revoked are not active, whatever the store says. */
static bool is_orphan(RedisStore *redis, const Session *session) {
        return (session->parent[0] && tombstones_has_session(redis->tombstones, session->parent)) ||
               (session->device[0] && tombstones_has_device(redis->tombstones, session->device));
}

static int open_session(RedisStore *redis, SessionOpen *open, bool *ret_bound, GPtrArray **ret_ended, LoginNews *ret_news) {
        _cleanup_redis_reply_ RedisReply *others = NULL, *reply = NULL;
        g_autoptr(GPtrArray) ended = store_session_array();
        int r;

        if (is_orphan(redis, open->session))
                return STORE_E_STATE;
        r = run_once(redis, open, &reply);
        if (r == 0 && is_overlay(reply)) {
                open->others = others = reply;
                reply = NULL;
                r = run_once(redis, open, &reply);
        }
        if (r == 0)
                r = redis_call_read_outcome(reply, 4);
        if (r != 0)
                return r;
        if (reply->elements[1]->type != REPLY_INTEGER)
                return error_trace(-EUCLEAN);
        r = redis_read_sessions(reply->elements[2], ended);
        if (r == 0 && ret_news)
                r = read_news(reply->elements[3], ret_news);
        if (r < 0)
                return r;
        redis_settle_ended(redis, ended);
        *ret_bound = reply->elements[1]->integer == 1;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}

int redis_session_open(Store *store, const Session *session, unsigned max_per_user, bool *ret_bound,
                       GPtrArray **ret_ended) {
        SessionOpen open = { .session = session, .max_per_user = max_per_user };

        return open_session(redis_store(store), &open, ret_bound, ret_ended, /* ret_news= */ NULL);
}

int redis_session_open_login(Store *store, const Session *session, unsigned max_per_user, const char *network,
                             bool *ret_bound, GPtrArray **ret_ended, LoginNews *ret_news) {
        SessionOpen open = { .session = session, .max_per_user = max_per_user, .is_login = true, .network = network };
        RedisStore *redis = redis_store(store);

        /* What is not written is told at the next login: nobody is kept out for it. */
        if (redis_notes_any_failed(redis->notes))
                (void) redis_notes_flush(redis->notes, /* seen= */ false);
        return open_session(redis, &open, ret_bound, ret_ended, ret_news);
}
