/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "common/error.h"
#include "daemon/store/redis-store.h"

#define LOAD_MAX 10 /* somebody may flush the scripts right behind us */

static int make_id(char ret[REDIS_ID_SIZE]) {
        unsigned char bytes[(REDIS_ID_SIZE - 1) / 2];

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return error_trace(-EIO);
        for (size_t i = 0; i < sizeof(bytes); i++)
                (void) g_snprintf(ret + 2 * i, 3, "%02x", bytes[i]); /* always two digits; ignoring */
        return 0;
}

int redis_call_prepare(RedisStore *redis) {
        for (size_t i = 0; i < _SCRIPT_MAX; i++) {
                g_autofree char *text = redis_script_text((RedisScript) i);
                g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA1, text, -1);

                (void) g_strlcpy(redis->digests[i], digest, REDIS_DIGEST_SIZE); /* always 40 digits; ignoring */
        }
        return make_id(redis->daemon);
}

/* Arguments */

static void free_bytes(void *data) {
        GString *bytes = data;

        explicit_bzero(bytes->str, bytes->len); /* some are hashes of passwords */
        g_string_free(bytes, TRUE);
}

RedisCall redis_call_new(RedisScript script) {
        return (RedisCall) {
                .script = script,
                .args = g_array_new(FALSE, FALSE, sizeof(RedisArg)),
                .owned = g_ptr_array_new_with_free_func(free_bytes),
        };
}

void redis_call_deinit(RedisCall *call) {
        g_array_unref(call->args);
        g_ptr_array_unref(call->owned);
}

static void add(RedisCall *call, const void *data, size_t size) {
        RedisArg arg = { .data = data, .size = size };

        g_array_append_val(call->args, arg);
}

void redis_call_text(RedisCall *call, const char *text) {
        add(call, text, strlen(text));
}

void redis_call_take(RedisCall *call, GString *bytes) {
        g_ptr_array_add(call->owned, bytes);
        add(call, bytes->str, bytes->len);
}

void redis_call_optional(RedisCall *call, const char *text) {
        GString *bytes = g_string_sized_new(text ? strlen(text) + 1 : 1);

        g_string_append_c(bytes, text ? '+' : '-');
        g_string_append(bytes, text ?: "");
        redis_call_take(call, bytes);
}

void redis_call_int(RedisCall *call, int64_t number) {
        GString *bytes = g_string_new(NULL);

        g_string_printf(bytes, "%" PRIi64, number);
        redis_call_take(call, bytes);
}

void redis_call_field(RedisCall *call, const char *name, const char *value) {
        if (!value)
                return;
        redis_call_text(call, name);
        redis_call_text(call, value);
}

void redis_call_field_int(RedisCall *call, const char *name, int64_t value) {
        redis_call_text(call, name);
        redis_call_int(call, value);
}

/* Errors */

int redis_call_set_problem(RedisStore *redis, char *problem, int r) {
        pthread_mutex_lock(&redis->mutex);
        g_free(redis->problem);
        redis->problem = problem;
        redis->problem_errno = r;
        pthread_mutex_unlock(&redis->mutex);
        return r;
}

/* What the server says instead of running a script, or what the scripts say that are not run to their end. */
static int error_to_errno(const RedisReply *error) {
        static const struct {
                const char *code;
                int r;
        } rows[] = {
                { "LOST", -ESTALE },      { "SCHEMA", -EPROTO },  { "OOM", -ENOSPC },     { "READONLY", -EROFS },
                { "BUSY", -EHOSTDOWN },   { "LOADING", -EHOSTDOWN }, { "MISCONF", -EIO }, { "NOREPLICAS", -EIO },
                { "WRONGTYPE", -EUCLEAN }, { "NOPERM", -EACCES }, { "MASTERDOWN", -EROFS },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                if (redis_reply_is_error(error, rows[i].code))
                        return rows[i].r;
        /* Raised inside a script the code stands behind Redis' own words. */
        if (strstr(error->data, "MISTYPED") || strstr(error->data, "MISSING") || strstr(error->data, "WRONGTYPE"))
                return -EUCLEAN;
        return strstr(error->data, "OOM command not allowed") ? -ENOSPC : -EIO;
}

static int link_call(RedisStore *redis, size_t argc, const RedisArg *argv, RedisReply **ret) {
        int r;

        r = redis_link_call(redis->link, argc, argv, ret);
        return r < 0 ? redis_call_set_problem(redis, redis_link_problem(redis->link), error_trace(r)) : 0;
}

static int load(RedisStore *redis, RedisScript script) {
        g_autofree char *text = redis_script_text(script);
        RedisArg argv[] = { redis_arg("SCRIPT"), redis_arg("LOAD"), redis_arg(text) };
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        r = link_call(redis, G_N_ELEMENTS(argv), argv, &reply);
        if (r < 0)
                return r;
        if (reply->type == REPLY_ERROR)
                return redis_call_set_problem(redis, g_strdup(reply->data), error_trace(error_to_errno(reply)));
        return redis_reply_is_text(reply, redis->digests[script]) ? 0 : error_trace(-EPROTO);
}

/* By digest. A server that does not know it has run nothing. */
static int run(RedisStore *redis, RedisScript script, GArray *argv, RedisReply **ret) {
        for (int i = 0;; i++) {
                _cleanup_redis_reply_ RedisReply *reply = NULL;
                int r;

                r = link_call(redis, argv->len, &g_array_index(argv, RedisArg, 0), &reply);
                if (r < 0)
                        return r;
                if (reply->type != REPLY_ERROR) {
                        *ret = reply;
                        reply = NULL;
                        return 0;
                }
                if (!redis_reply_is_error(reply, "NOSCRIPT") || i == LOAD_MAX)
                        return redis_call_set_problem(redis, g_strdup(reply->data), error_trace(error_to_errno(reply)));
                r = load(redis, script);
                if (r < 0)
                        return r;
        }
}

static GArray *begin(RedisStore *redis, RedisScript script) {
        RedisArg argv[] = { redis_arg("EVALSHA"), redis_arg(redis->digests[script]), redis_arg("1"), redis_arg(redis->base) };
        GArray *array = g_array_new(FALSE, FALSE, sizeof(RedisArg));

        return g_array_append_vals(array, argv, G_N_ELEMENTS(argv));
}

/* Which store this is */

_Static_assert(REDIS_ID_SIZE == SESSION_ID_SIZE, "one kind of id");

/*
 * Asks the store, which gets an id if it has none; and remembers it before anything is believed that it says.
 * @wanted: see redis_call_adopt(); NULL: whichever it is.
 */
static int learn_id(RedisStore *redis, const char *wanted, char ret[REDIS_ID_SIZE]) {
        g_autoptr(GArray) argv = begin(redis, SCRIPT_INIT);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        char fresh[REDIS_ID_SIZE];
        RedisArg args[2];
        int r;

        r = make_id(fresh);
        if (r < 0)
                return r;
        args[0] = redis_arg(fresh);
        args[1] = redis_arg(wanted ?: "");
        g_array_append_vals(argv, args, wanted ? 2 : 1);
        r = run(redis, SCRIPT_INIT, argv, &reply);
        if (r < 0)
                return r;
        if (wanted && reply->type == REPLY_NIL)
                return STORE_E_NOT_FOUND;
        if (reply->type != REPLY_TEXT || !redis_is_id(reply->data))
                return error_trace(-EUCLEAN);
        r = redis->only_looks ? 0 : local_facts_set(redis->facts, FACT_STORE, reply->data);
        if (r < 0)
                return error_trace(r);
        memcpy(ret, reply->data, REDIS_ID_SIZE);
        return 0;
}

static int get_id(RedisStore *redis, char ret[REDIS_ID_SIZE]) {
        g_autofree char *known = NULL;
        int r = 0;

        pthread_mutex_lock(&redis->mutex);
        memcpy(ret, redis->id, REDIS_ID_SIZE);
        pthread_mutex_unlock(&redis->mutex);
        if (ret[0])
                return 0;
        known = local_facts_get(redis->facts, FACT_STORE);
        if (!known)
                r = learn_id(redis, /* wanted= */ NULL, ret);
        else if (redis_is_id(known))
                memcpy(ret, known, REDIS_ID_SIZE);
        else
                r = error_trace(-EUCLEAN);
        if (r < 0)
                return r;
        pthread_mutex_lock(&redis->mutex);
        if (redis->id[0]) /* another one was adopted meanwhile, and that one counts */
                memcpy(ret, redis->id, REDIS_ID_SIZE);
        else
                memcpy(redis->id, ret, REDIS_ID_SIZE);
        pthread_mutex_unlock(&redis->mutex);
        return 0;
}

int redis_call_adopt(RedisStore *redis, const char *wanted) {
        char id[REDIS_ID_SIZE];
        int r;

        r = learn_id(redis, wanted, id);
        if (r != 0)
                return r;
        pthread_mutex_lock(&redis->mutex);
        memcpy(redis->id, id, REDIS_ID_SIZE);
        redis->adopted++;
        pthread_mutex_unlock(&redis->mutex);
        return 0;
}

unsigned redis_call_adopted(RedisStore *redis) {
        unsigned adopted;

        pthread_mutex_lock(&redis->mutex);
        adopted = redis->adopted;
        pthread_mutex_unlock(&redis->mutex);
        return adopted;
}

int redis_call_look(RedisStore *redis, RedisReply **ret) {
        g_autoptr(GArray) argv = begin(redis, SCRIPT_LOOK);

        return run(redis, SCRIPT_LOOK, argv, ret);
}

/* Running */

int redis_call_run(RedisStore *redis, RedisCall *call, RedisReply **ret) {
        g_autoptr(GArray) argv = begin(redis, call->script);
        char id[REDIS_ID_SIZE];
        RedisArg who[2];
        int r;

        r = get_id(redis, id);
        if (r < 0)
                return r;
        who[0] = redis_arg(id);
        who[1] = redis_arg(redis->daemon);
        g_array_append_vals(argv, who, G_N_ELEMENTS(who));
        if (call->args->len > 0)
                g_array_append_vals(argv, call->args->data, call->args->len);
        return run(redis, call->script, argv, ret);
}

static int outcome_from_word(const RedisReply *word) {
        static const struct {
                const char *word;
                int r;
        } rows[] = {
                { "ok", 0 },
                { "none", STORE_E_NOT_FOUND },
                { "exists", STORE_E_EXISTS },
                { "ambiguous", STORE_E_AMBIGUOUS },
                { "state", STORE_E_STATE },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                if (redis_reply_is_text(word, rows[i].word))
                        return rows[i].r;
        return error_trace(-EUCLEAN);
}

int redis_call_read_outcome(const RedisReply *reply, size_t n) {
        int r;

        if (reply->type != REPLY_ARRAY || reply->size == 0)
                return error_trace(-EUCLEAN);
        r = outcome_from_word(reply->elements[0]);
        return r == 0 && reply->size < n ? error_trace(-EUCLEAN) : r;
}

int redis_call_outcome(RedisStore *redis, RedisCall *call, size_t n, RedisReply **ret) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        r = redis_call_run(redis, call, &reply);
        if (r == 0)
                r = redis_call_read_outcome(reply, n);
        if (r == 0 && ret) {
                *ret = reply;
                reply = NULL;
        }
        return r;
}

int redis_call_bool(RedisStore *redis, RedisCall *call, bool *ret) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        int r;

        r = redis_call_run(redis, call, &reply);
        if (r < 0)
                return r;
        if (reply->type != REPLY_INTEGER)
                return error_trace(-EUCLEAN);
        *ret = reply->integer != 0;
        return 0;
}
