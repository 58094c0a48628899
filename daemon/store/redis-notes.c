/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "daemon/store/redis-batch.h"
#include "daemon/store/redis-store.h"

#define NEVER INT64_MAX
#define SEEN_DELAY (10 * G_USEC_PER_SEC)
#define DELAY (1 * G_USEC_PER_SEC)
#define RETRY_DELAY (2 * G_USEC_PER_SEC)

struct RedisNotes {
        RedisStore *redis;
        pthread_t thread;
        pthread_mutex_t mutex; /* over what follows */
        pthread_cond_t wake, written;
        Waiting waiting;
        RedisBatch *unanswered; /* goes again before all others */
        uint64_t number;        /* of the last batch */
        int64_t due, seen_due;
        uint64_t flush_wanted, flush_done;     /* calls of flush */
        uint64_t flush_seen_wanted;            /* the last that wants seen times, too */
        uint64_t flush_failed;                 /* up to this one they failed, */
        int failure;                           /* with that */
        uint64_t dropped;
        bool stop;
};

static RedisNotes *notes_lock(RedisNotes *notes) {
        pthread_mutex_lock(&notes->mutex);
        return notes;
}

static void notes_unlock(RedisNotes **notes) {
        pthread_mutex_unlock(&(*notes)->mutex);
}

#define _cleanup_unlock_ _cleanup_(notes_unlock) G_GNUC_UNUSED

/* Adding */

static void make_due(RedisNotes *notes, int64_t *due, int64_t delay) {
        int64_t at = g_get_monotonic_time() + delay;

        if (at < *due) {
                *due = at;
                pthread_cond_signal(&notes->wake);
        }
}

void redis_notes_touch(RedisNotes *notes, const char *id, int64_t now) {
        _cleanup_unlock_ RedisNotes *locked = notes_lock(notes);
        Seen *seen = waiting_get_seen(&notes->waiting, id, /* make= */ true);

        if (!seen) {
                notes->dropped++;
                make_due(notes, &notes->seen_due, 0);
        } else if (!seen->last) {
                seen->time = MAX(seen->time, now);
                make_due(notes, &notes->seen_due, SEEN_DELAY);
        }
}

void redis_notes_event(RedisNotes *notes, const Event *event) {
        _cleanup_unlock_ RedisNotes *locked = notes_lock(notes);

        notes->dropped += !waiting_add_event(&notes->waiting, event);
        make_due(notes, &notes->due, DELAY);
}

void redis_notes_failed(RedisNotes *notes, const char *name, const char *from, int64_t now) {
        _cleanup_unlock_ RedisNotes *locked = notes_lock(notes);

        notes->dropped += !waiting_add_failure(&notes->waiting, name, from, now);
        make_due(notes, &notes->due, DELAY);
}

void redis_notes_ended(RedisNotes *notes, Session *session) {
        _cleanup_unlock_ RedisNotes *locked = notes_lock(notes);
        Seen *seen = waiting_get_seen(&notes->waiting, session->id, /* make= */ false);

        if (!seen)
                return;
        seen->last = true;
        seen->writing = 0; /* as one that is active it may have come too late */
        session->seen = MAX(session->seen, seen->time);
        make_due(notes, &notes->seen_due, DELAY);
}

/* Looking */

void redis_notes_overlay(RedisNotes *notes, Session *session) {
        _cleanup_unlock_ RedisNotes *locked = notes_lock(notes);
        const Seen *seen = waiting_get_seen(&notes->waiting, session->id, /* make= */ false);

        if (seen && (seen->last || session->state == SESSION_ACTIVE))
                session->seen = MAX(session->seen, seen->time);
}

int64_t redis_notes_get_seen(RedisNotes *notes, const char *id) {
        _cleanup_unlock_ RedisNotes *locked = notes_lock(notes);
        const Seen *seen = waiting_get_seen(&notes->waiting, id, /* make= */ false);

        return seen ? seen->time : 0;
}

bool redis_notes_any_failed(RedisNotes *notes) {
        _cleanup_unlock_ RedisNotes *locked = notes_lock(notes);

        return g_hash_table_size(notes->waiting.failures) > 0 || notes->unanswered;
}

uint64_t redis_notes_dropped(RedisNotes *notes) {
        _cleanup_unlock_ RedisNotes *locked = notes_lock(notes);

        return notes->dropped;
}

/* Writing */

/* What the server refused for good would stand in everybody's way. */
static bool is_hopeless(int r) {
        return r == -E2BIG || r == -EUCLEAN || r == -EINVAL;
}

static void settle(RedisNotes *notes, RedisBatch *batch, uint64_t flush, bool more, int r) {
        if (is_hopeless(r)) {
                notes->dropped += redis_batch_count(batch);
                r = 0;
        }
        redis_batch_settle(&notes->waiting, r == 0);
        if (r == 0)
                (void) redis_batch_free(batch);
        else
                notes->unanswered = batch;
        if (r != 0) {
                notes->flush_failed = flush;
                notes->flush_done = flush;
                notes->failure = r;
                notes->due = g_get_monotonic_time() + RETRY_DELAY;
                notes->seen_due = MAX(notes->seen_due, notes->due);
        } else if (more) {
                notes->due = 0;
        } else {
                notes->flush_done = flush;
        }
        pthread_cond_broadcast(&notes->written);
}

/* What is unanswered goes as it was, alone: the tables are looked at in the round behind it. */
static RedisBatch *next_batch(RedisNotes *notes, bool *ret_more) {
        int64_t now = g_get_monotonic_time();
        bool seen = notes->seen_due <= now || notes->flush_seen_wanted > notes->flush_done || notes->stop;
        RedisBatch *batch = g_steal_pointer(&notes->unanswered);

        *ret_more = true;
        if (!batch)
                batch = redis_batch_take(&notes->waiting, ++notes->number, seen, ret_more);
        notes->due = NEVER;
        if (seen)
                notes->seen_due = g_hash_table_size(notes->waiting.seen) > 0 ? now + SEEN_DELAY : NEVER;
        return batch;
}

/* With the lock held, but for the time of writing. */
static int write_once(RedisNotes *notes, bool *ret_more) {
        uint64_t flush = notes->flush_wanted;
        RedisBatch *batch = next_batch(notes, ret_more);
        int r = 0;

        if (!redis_batch_is_empty(batch)) {
                pthread_mutex_unlock(&notes->mutex);
                r = redis_batch_write(notes->redis, batch);
                pthread_mutex_lock(&notes->mutex);
        }
        settle(notes, batch, flush, *ret_more, r);
        return r;
}

static void wait_until_due(RedisNotes *notes) {
        int64_t due = MIN(notes->due, notes->seen_due);
        struct timespec at = { .tv_sec = due / G_USEC_PER_SEC, .tv_nsec = due % G_USEC_PER_SEC * 1000 };

        if (due == NEVER)
                (void) pthread_cond_wait(&notes->wake, &notes->mutex); /* always 0; ignoring */
        else
                (void) pthread_cond_timedwait(&notes->wake, &notes->mutex, &at); /* in time or not; ignoring */
}

static void *run(void *data) {
        RedisNotes *notes = data;
        bool more;

        pthread_mutex_lock(&notes->mutex);
        while (!notes->stop) {
                if (notes->flush_wanted > notes->flush_done || MIN(notes->due, notes->seen_due) <= g_get_monotonic_time())
                        (void) write_once(notes, &more); /* it comes again; ignoring */
                else
                        wait_until_due(notes);
        }
        while (write_once(notes, &more) == 0 && more)
                ;
        pthread_mutex_unlock(&notes->mutex);
        return NULL;
}

int redis_notes_flush(RedisNotes *notes, bool seen) {
        _cleanup_unlock_ RedisNotes *locked = notes_lock(notes);
        uint64_t own = ++notes->flush_wanted;

        if (seen)
                notes->flush_seen_wanted = own;
        pthread_cond_signal(&notes->wake);
        while (notes->flush_done < own)
                (void) pthread_cond_wait(&notes->written, &notes->mutex); /* always 0; ignoring */
        return notes->flush_failed >= own ? error_trace(notes->failure) : 0;
}

/* Life */

static void notes_free(RedisNotes *notes) {
        waiting_deinit(&notes->waiting);
        (void) redis_batch_free(notes->unanswered);
        pthread_cond_destroy(&notes->wake);
        pthread_cond_destroy(&notes->written);
        pthread_mutex_destroy(&notes->mutex);
        g_free(notes);
}

RedisNotes *redis_notes_new(RedisStore *redis) {
        RedisNotes *notes = g_new0(RedisNotes, 1);
        pthread_condattr_t monotonic;

        notes->redis = redis;
        notes->due = notes->seen_due = NEVER;
        pthread_mutex_init(&notes->mutex, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&notes->wake, &monotonic);
        pthread_cond_init(&notes->written, NULL);
        pthread_condattr_destroy(&monotonic);
        waiting_init(&notes->waiting);
        if (pthread_create(&notes->thread, NULL, run, notes) == 0)
                return notes;
        notes_free(notes);
        return NULL;
}

RedisNotes *redis_notes_free(RedisNotes *notes) {
        if (!notes)
                return NULL;
        pthread_mutex_lock(&notes->mutex);
        notes->stop = true;
        pthread_cond_signal(&notes->wake);
        pthread_mutex_unlock(&notes->mutex);
        (void) pthread_join(notes->thread, NULL); /* it is ours; ignoring */
        notes_free(notes);
        return NULL;
}
