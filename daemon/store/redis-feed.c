/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "common/error.h"
#include "daemon/store/redis-feed-entry.h"

#define BLOCK_MS 1000 /* after so long without an entry it looks whether the store is what it was */
#define COUNT "500"
#define RETRY_MIN (100 * G_TIME_SPAN_MILLISECOND)
#define RETRY_MAX (2 * G_TIME_SPAN_SECOND)
#define NUMBER_MAX ((INT64_C(1) << 53) - 1) /* the scripts could not count on from there */

struct StoreFeed {
        FeedHearer hearer;
        RedisLink *link;
        char *key;
        char *position; /* the id of the last entry that was told; NULL: none ever */
        int64_t number; /* and its number */
        bool behind;    /* the stream ended behind that when we looked */
        unsigned adopted; /* redis_call_adopted() of the store that this is the feed of */
        pthread_t thread;
        pthread_mutex_t mutex;
        pthread_cond_t wake;
        bool stop;
};

/* Gaps */

/* Who was removed while we did not hear of it, where the feed went on. Else the store went back, and may have lost him. */
static int unsee_removed(RedisStore *redis) {
        g_autoptr(GHashTable) names = NULL;
        int r;

        r = redis_user_names(redis, &names);
        if (r == 0)
                tombstones_unsee_others(redis->tombstones, names);
        return r;
}

static int bury_listed(RedisStore *redis) {
        g_autoptr(GPtrArray) sessions = NULL, devices = NULL;
        g_autofree char *host = NULL;
        SessionFilter filter = { .uid = UID_UNSET, .ended = true };
        int r;

        r = redis_bury_users(redis);
        if (r == 0)
                r = redis_device_list(&redis->store, UID_UNSET, &devices);
        for (guint i = 0; r == 0 && i < devices->len; i++) {
                const Device *device = devices->pdata[i];

                if (device->revoked != 0)
                        (void) tombstones_add_device(redis->tombstones, device->id, device->ends); /* as above; ignoring */
        }
        /* Those of other hosts are nothing that is asked for here. */
        if (r < 0 || redis_meta_get(&redis->store, STORE_META_NAME, &host) != 0)
                return r;
        filter.host = host;
        r = redis_session_list(&redis->store, &filter, &sessions);
        if (r == 0)
                (void) tombstones_add_sessions(redis->tombstones, sessions); /* the same; ignoring */
        return r;
}

static void move_to(StoreFeed *feed, const char *id, int64_t number) {
        g_free(feed->position);
        feed->position = g_strdup(id);
        feed->number = number;
}

/* Where it cannot be kept, entries are told twice after a restart. */
static void keep_position(StoreFeed *feed) {
        if (feed->position)
                (void) tombstones_set_position(feed->hearer.redis->tombstones, feed->position, feed->number); /* ignoring */
}

/* What is there now is read, and only then is this the position: nothing falls in between. */
static int handle_gap(StoreFeed *feed, const char *id, int64_t number) {
        int r;

        if (redis_call_adopted(feed->hearer.redis) != feed->adopted) /* that is one of its own: begin_anew() */
                return error_trace(-EAGAIN);
        r = bury_listed(feed->hearer.redis);
        if (r == 0 && number > feed->number)
                r = unsee_removed(feed->hearer.redis);
        if (r < 0)
                return r;
        if (!feed->hearer.handler.gap(feed->hearer.handler.data))
                return error_trace(-EAGAIN);
        move_to(feed, id, number);
        keep_position(feed);
        return 0;
}

/* As Redis makes them: it ends up in a line of a file. */
static bool is_entry_id(const RedisReply *id) {
        return id->type == REPLY_TEXT && id->size > 0 && strspn(id->data, "0123456789-") == id->size;
}

/* Where does it end? Nothing came for a while, so it is where we are, or we missed something. */
static int look_at_end(StoreFeed *feed) {
        _cleanup_call_ RedisCall call = redis_call_new(SCRIPT_FEED_END);
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        gint64 number;
        int r;

        r = redis_call_run(feed->hearer.redis, &call, &reply);
        if (r < 0)
                return r;
        if (reply->type != REPLY_ARRAY || reply->size != 2 || reply->elements[0]->type != REPLY_TEXT ||
            !is_entry_id(reply->elements[1]) ||
            !g_ascii_string_to_signed(reply->elements[0]->data, 10, 0, NUMBER_MAX, &number, NULL))
                return error_trace(-EUCLEAN);
        if (feed->position && number == feed->number && g_str_equal(reply->elements[1]->data, feed->position))
                return 0;
        if (feed->position && number > feed->number && !feed->behind) {
                feed->behind = true; /* what came just now is told by the next read */
                return 0;
        }
        feed->behind = false;
        return handle_gap(feed, reply->elements[1]->data, number);
}

/* Reading */

static int take_entry(StoreFeed *feed, const RedisReply *entry) {
        const RedisReply *flat;
        int64_t number;
        int r = 0;

        if (entry->type != REPLY_ARRAY || entry->size != 2 || !is_entry_id(entry->elements[0]))
                return error_trace(-EUCLEAN);
        flat = entry->elements[1];
        if (redis_field_int(flat, "n", 1, NUMBER_MAX, &number) < 0)
                return handle_gap(feed, entry->elements[0]->data, feed->number); /* else it would be read for ever */
        if (number != feed->number + 1)
                r = handle_gap(feed, entry->elements[0]->data, number);
        if (r == 0 && !feed_tell(&feed->hearer, flat))
                r = handle_gap(feed, entry->elements[0]->data, number);
        if (r == 0)
                move_to(feed, entry->elements[0]->data, number);
        return r;
}

/* {{key, {{id, {field, value, …}}, …}}} */
static int take_entries(StoreFeed *feed, const RedisReply *reply) {
        const RedisReply *entries;
        int r = 0;

        if (reply->type != REPLY_ARRAY || reply->size != 1 || reply->elements[0]->type != REPLY_ARRAY ||
            reply->elements[0]->size != 2 || reply->elements[0]->elements[1]->type != REPLY_ARRAY)
                return error_trace(-EUCLEAN);
        entries = reply->elements[0]->elements[1];
        feed->behind = false;
        for (size_t i = 0; r == 0 && i < entries->size; i++)
                r = take_entry(feed, entries->elements[i]);
        keep_position(feed);
        return r;
}

static int read_once(StoreFeed *feed) {
        const char *const words[] = {
                "XREAD", "COUNT", COUNT, "BLOCK", G_STRINGIFY(BLOCK_MS), "STREAMS", feed->key, feed->position,
        };
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        RedisArg argv[G_N_ELEMENTS(words)];
        int r;

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                argv[i] = redis_arg(words[i]);
        r = redis_link_call(feed->link, G_N_ELEMENTS(argv), argv, &reply);
        if (r == -EPROTO) { /* what is too large for a reply would be so for ever */
                feed->behind = true;
                return look_at_end(feed);
        }
        if (r < 0)
                return error_trace(r);
        if (reply->type == REPLY_ERROR)
                return error_trace(-EIO);
        return reply->type == REPLY_NIL ? look_at_end(feed) : take_entries(feed, reply);
}

/* Another store was adopted: its feed is read from its end on, once what is there was read, at wherever it is now. */
static void begin_anew(StoreFeed *feed, unsigned adopted) {
        feed->adopted = adopted;
        feed->behind = false;
        move_to(feed, /* id= */ NULL, 0);
        tombstones_forget_position(feed->hearer.redis->tombstones);
        redis_link_reopen(feed->link);
}

/* The thread */

static bool stops(StoreFeed *feed) {
        bool stop;

        pthread_mutex_lock(&feed->mutex);
        stop = feed->stop;
        pthread_mutex_unlock(&feed->mutex);
        return stop;
}

static void wait_for(StoreFeed *feed, int64_t delay) {
        int64_t until = g_get_monotonic_time() + delay;
        struct timespec at = { .tv_sec = until / G_USEC_PER_SEC, .tv_nsec = until % G_USEC_PER_SEC * 1000 };

        pthread_mutex_lock(&feed->mutex);
        if (!feed->stop)
                (void) pthread_cond_timedwait(&feed->wake, &feed->mutex, &at); /* in time or not; ignoring */
        pthread_mutex_unlock(&feed->mutex);
}

static void *run(void *data) {
        StoreFeed *feed = data;
        int64_t delay = RETRY_MIN;

        while (!stops(feed)) {
                unsigned adopted = redis_call_adopted(feed->hearer.redis);
                int r;

                if (adopted != feed->adopted)
                        begin_anew(feed, adopted);
                r = feed->position ? read_once(feed) : look_at_end(feed);
                if (r == 0) {
                        delay = RETRY_MIN;
                        continue;
                }
                wait_for(feed, delay);
                delay = MIN(2 * delay, RETRY_MAX);
        }
        return NULL;
}

/* Life */

static int connect_feed(StoreFeed *feed) {
        RedisLinkSettings settings = feed->hearer.redis->settings;

        settings.deadline += BLOCK_MS * G_TIME_SPAN_MILLISECOND;
        return redis_link_new(&settings, &feed->link);
}

static void feed_deinit(StoreFeed *feed) {
        (void) redis_link_free(feed->link);
        pthread_cond_destroy(&feed->wake);
        pthread_mutex_destroy(&feed->mutex);
        g_free(feed->position);
        g_free(feed->key);
        g_free(feed);
}

int store_feed_new(Store *store, const StoreFeedHandler *handler, StoreFeed **ret) {
        pthread_condattr_t monotonic;
        StoreFeed *feed;
        int r;

        if (store->backend != &redis_backend)
                return error_trace(-EOPNOTSUPP);
        feed = g_new0(StoreFeed, 1);
        feed->hearer = (FeedHearer) { .redis = redis_store(store), .handler = *handler };
        feed->key = g_strconcat(feed->hearer.redis->base, "feed", NULL);
        feed->adopted = redis_call_adopted(feed->hearer.redis);
        feed->position = tombstones_get_position(feed->hearer.redis->tombstones, &feed->number);
        pthread_mutex_init(&feed->mutex, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&feed->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        r = connect_feed(feed);
        if (r == 0)
                r = -pthread_create(&feed->thread, NULL, run, feed);
        if (r < 0) {
                feed_deinit(feed);
                return error_trace(r);
        }
        *ret = feed;
        return 0;
}

StoreFeed *store_feed_free(StoreFeed *feed) {
        if (!feed)
                return NULL;
        pthread_mutex_lock(&feed->mutex);
        feed->stop = true;
        pthread_cond_signal(&feed->wake);
        pthread_mutex_unlock(&feed->mutex);
        redis_link_stop(feed->link);
        (void) pthread_join(feed->thread, NULL); /* it is ours; ignoring */
        feed_deinit(feed);
        return NULL;
}
