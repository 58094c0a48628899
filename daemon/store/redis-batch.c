/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <limits.h>
#include <string.h>

#include "common/error.h"
#include "daemon/store/redis-batch.h"
#include "daemon/store/redis-store.h"

#define AT_ONCE 1024 /* of each */

typedef struct Failures {
        char *name, *from; /* whose; where the last came from */
        int64_t time;      /* of the last */
        unsigned count;
} Failures;

struct RedisBatch {
        uint64_t number;
        GArray *seen;        /* Seen */
        GPtrArray *events;   /* Event * */
        GPtrArray *failures; /* Failures * */
};

/* What waits */

static void free_event(void *event) {
        event_free(event);
}

static void free_failures(void *data) {
        Failures *failures = data;

        g_free(failures->name);
        g_free(failures->from);
        g_free(failures);
}

void waiting_init(Waiting *waiting) {
        waiting->seen = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
        waiting->failures = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_failures);
        g_queue_init(&waiting->events);
}

void waiting_deinit(Waiting *waiting) {
        g_hash_table_unref(waiting->seen);
        g_hash_table_unref(waiting->failures);
        g_queue_clear_full(&waiting->events, free_event);
}

Seen *waiting_get_seen(Waiting *waiting, const char *id, bool make) {
        Seen *seen = g_hash_table_lookup(waiting->seen, id);

        if (seen || !make || g_hash_table_size(waiting->seen) >= SEEN_MAX)
                return seen;
        seen = g_new0(Seen, 1);
        memcpy(seen->id, id, SESSION_ID_SIZE);
        g_hash_table_insert(waiting->seen, seen->id, seen);
        return seen;
}

bool waiting_add_event(Waiting *waiting, const Event *event) {
        if (waiting->events.length >= EVENTS_MAX)
                return false;
        g_queue_push_tail(&waiting->events, event_copy(event));
        return true;
}

bool waiting_add_failure(Waiting *waiting, const char *name, const char *from, int64_t now) {
        Failures *failures = g_hash_table_lookup(waiting->failures, name);

        if (!failures && g_hash_table_size(waiting->failures) >= FAILURES_MAX)
                return false;
        if (!failures) {
                failures = g_new0(Failures, 1);
                failures->name = g_strdup(name);
                g_hash_table_insert(waiting->failures, failures->name, failures);
        }
        failures->count += failures->count < INT_MAX;
        failures->time = now;
        g_free(failures->from);
        failures->from = g_strdup(from);
        return true;
}

/* Batches */

static void take_seen(GHashTable *table, GArray *seen) {
        GHashTableIter i;
        void *value;

        g_hash_table_iter_init(&i, table);
        while (seen->len < AT_ONCE && g_hash_table_iter_next(&i, NULL, &value)) {
                ((Seen *) value)->writing = ((Seen *) value)->time;
                g_array_append_vals(seen, value, 1);
        }
}

static void take(GHashTable *table, GPtrArray *values) {
        GHashTableIter i;
        void *value;

        g_hash_table_iter_init(&i, table);
        while (values->len < AT_ONCE && g_hash_table_iter_next(&i, NULL, &value)) {
                g_hash_table_iter_steal(&i);
                g_ptr_array_add(values, value);
        }
}

RedisBatch *redis_batch_take(Waiting *waiting, uint64_t number, bool seen, bool *ret_more) {
        RedisBatch *batch = g_new(RedisBatch, 1);

        *batch = (RedisBatch) {
                .number = number,
                .seen = g_array_new(FALSE, FALSE, sizeof(Seen)),
                .events = g_ptr_array_new_with_free_func(free_event),
                .failures = g_ptr_array_new_with_free_func(free_failures),
        };
        while (batch->events->len < AT_ONCE && waiting->events.length > 0)
                g_ptr_array_add(batch->events, g_queue_pop_head(&waiting->events));
        take(waiting->failures, batch->failures);
        if (seen)
                take_seen(waiting->seen, batch->seen);
        *ret_more = waiting->events.length > 0 || g_hash_table_size(waiting->failures) > 0 ||
                    (seen && g_hash_table_size(waiting->seen) > batch->seen->len);
        return batch;
}

bool redis_batch_is_empty(const RedisBatch *batch) {
        return batch->seen->len == 0 && redis_batch_count(batch) == 0;
}

unsigned redis_batch_count(const RedisBatch *batch) {
        return batch->events->len + batch->failures->len;
}

static void add_seen(RedisCall *call, const Seen *seen) {
        redis_call_text(call, seen->last ? "last" : "seen");
        redis_call_text(call, seen->id);
        redis_call_int(call, seen->time);
}

static void add_event(RedisCall *call, const Event *event) {
        redis_call_text(call, "event");
        redis_call_text(call, event->session);
        redis_call_take(call, redis_pack_event(event));
}

static void add_failures(RedisCall *call, const Failures *failures) {
        redis_call_text(call, "failed");
        redis_call_text(call, failures->name);
        redis_call_int(call, failures->count);
        redis_call_int(call, failures->time);
        redis_call_optional(call, failures->from);
}

int redis_batch_write(RedisStore *redis, const RedisBatch *batch) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_NOTES);

        redis_call_int(&call, (int64_t) batch->number);
        for (guint i = 0; i < batch->seen->len; i++)
                add_seen(&call, &g_array_index(batch->seen, Seen, i));
        for (guint i = 0; i < batch->events->len; i++)
                add_event(&call, batch->events->pdata[i]);
        for (guint i = 0; i < batch->failures->len; i++)
                add_failures(&call, batch->failures->pdata[i]);
        return redis_call_outcome(redis, &call, 1, NULL);
}

static gboolean settle_seen(void *id, void *value, void *written) {
        Seen *seen = value;
        bool done = written && seen->writing > 0 && seen->writing == seen->time;

        seen->writing = 0;
        return done;
}

void redis_batch_settle(Waiting *waiting, bool written) {
        (void) g_hash_table_foreach_remove(waiting->seen, settle_seen, written ? waiting : NULL); /* however many; ignoring */
}

RedisBatch *redis_batch_free(RedisBatch *batch) {
        if (!batch)
                return NULL;
        g_array_unref(batch->seen);
        g_ptr_array_unref(batch->events);
        g_ptr_array_unref(batch->failures);
        g_free(batch);
        return NULL;
}
