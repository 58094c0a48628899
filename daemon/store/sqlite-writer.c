/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

#include "common/error.h"
#include "daemon/store/sqlite-writer.h"

#define STACK_SIZE (256 * 1024)
#define BATCH_MAX 128

/* The log is moved into the database when nobody asks anything, or when it has grown to 8 MiB. */
#define CHECKPOINT_PAGES 2048
#define CHECKPOINT_QUIET (2 * G_USEC_PER_SEC)
#define CHECKPOINT_RETRY (30 * G_USEC_PER_SEC) /* failed, or a reader was in the way */

typedef struct Waiting {
        Job *job;
        pthread_cond_t done;
        bool is_done;
        int r;
        struct Waiting *next;
} Waiting;

struct Writer {
        Notes *notes;
        pthread_t thread;

        /* Whoever made the writer busy has these, and nobody else. */
        Db *db;
        int64_t checkpoint_due, checkpoint_pause; /* monotonic microseconds */

        pthread_mutex_t mutex; /* over what follows */
        pthread_cond_t wake;   /* the thread */
        int64_t sleeps_until;  /* the thread, monotonic microseconds; 0 while it is awake */
        bool busy;
        Waiting *first, **last;
        bool stop;
};

static void sleep_until(Writer *writer, int64_t due) {
        struct timespec time = {
                .tv_sec = due / G_USEC_PER_SEC,
                .tv_nsec = due % G_USEC_PER_SEC * 1000,
        };

        writer->sleeps_until = due;
        if (due == NOTES_NEVER)
                (void) pthread_cond_wait(&writer->wake, &writer->mutex);
        else
                (void) pthread_cond_timedwait(&writer->wake, &writer->mutex, &time);
        writer->sleeps_until = 0;
}

/* When there is something to do that nobody waits for. */
static int64_t writer_due(const Writer *writer) {
        int64_t checkpoint = writer->checkpoint_due;

        if (db_wal_pages(writer->db) >= CHECKPOINT_PAGES)
                checkpoint = MIN(checkpoint, writer->checkpoint_pause);
        return MIN(notes_due(writer->notes), checkpoint);
}

static Waiting *take_batch(Writer *writer) {
        Waiting *batch = writer->first, *last = batch;

        for (unsigned n = 1; last && last->next && n < BATCH_MAX; n++)
                last = last->next;
        if (!last)
                return NULL;
        writer->first = last->next;
        if (!writer->first)
                writer->last = &writer->first;
        last->next = NULL;
        return batch;
}

/* Makes the writer busy, with the jobs that are queued, if any. */
static Waiting *begin(Writer *writer) {
        writer->busy = true;
        return take_batch(writer);
}

/* What is left is the thread's. */
static void end(Writer *writer) {
        writer->busy = false;
        if (writer->sleeps_until > 0 &&
            (writer->first || writer->stop || writer_due(writer) < writer->sleeps_until))
                pthread_cond_signal(&writer->wake);
}

/* Waits for jobs that nobody else does, for something due, or for the end. */
static Waiting *wait_for_work(Writer *writer, bool *ret_stop) {
        Waiting *batch;

        pthread_mutex_lock(&writer->mutex);
        for (;;) {
                int64_t due = writer->busy ? NOTES_NEVER : writer_due(writer);

                if (!writer->busy && (writer->first || writer->stop || due <= g_get_monotonic_time()))
                        break;
                sleep_until(writer, due);
        }
        batch = begin(writer);
        *ret_stop = writer->stop && !writer->first;
        pthread_mutex_unlock(&writer->mutex);
        return batch;
}

/* An error may have ended the whole transaction: then there is nothing left to undo, or to commit. */
static int undo(Writer *writer) {
        int r;

        if (!db_in_transaction(writer->db))
                return error_trace(-EIO);
        r = db_run(writer->db, "ROLLBACK TO job");
        if (r == 0)
                r = db_run(writer->db, "RELEASE job");
        return error_trace(r);
}

/* 0 where the transaction goes on; the job's own result is in @ret. */
static int run_in_savepoint(Writer *writer, Job *job, bool all_notes, int *ret) {
        int r;

        r = db_run(writer->db, "SAVEPOINT job");
        if (r < 0)
                return error_trace(r);
        *ret = job ? job->run(job, writer->db) : notes_write(writer->notes, writer->db, all_notes);
        if (*ret == 0)
                return db_run(writer->db, "RELEASE job");
        r = undo(writer);
        return r < 0 && *ret < 0 ? *ret : r; /* the first error says more */
}

/* Notes wait for nobody, and nobody for them: until they are due they make no commit longer. */
static bool needs_notes(const Writer *writer, const Waiting *batch) {
        for (; batch; batch = batch->next)
                if (batch->job->after_notes)
                        return true;
        return notes_due(writer->notes) <= g_get_monotonic_time();
}

static int run_batch(Writer *writer, Waiting *batch, bool notes, bool all_notes, int *ret_notes) {
        int r;

        *ret_notes = 0;
        r = db_run(writer->db, "BEGIN IMMEDIATE");
        if (r == 0 && notes)
                r = run_in_savepoint(writer, NULL, all_notes, ret_notes);
        for (Waiting *waiting = batch; r == 0 && waiting; waiting = waiting->next)
                r = run_in_savepoint(writer, waiting->job, /* all_notes= */ false, &waiting->r);
        if (r == 0)
                r = db_run(writer->db, "COMMIT");
        if (r < 0 && db_in_transaction(writer->db))
                (void) db_run(writer->db, "ROLLBACK"); /* nothing of it was acknowledged; ignoring */
        return r;
}

/* Under the lock. */
static void answer(Waiting *batch, int r) {
        while (batch) {
                Waiting *next = batch->next; /* the caller's, and gone once it is woken */

                if (r < 0)
                        batch->r = r;
                batch->is_done = true;
                pthread_cond_signal(&batch->done);
                batch = next;
        }
}

/* Between begin() and end(). */
static int commit(Writer *writer, Waiting *batch, bool all_notes) {
        bool notes = all_notes || needs_notes(writer, batch);
        int r, notes_r;

        r = run_batch(writer, batch, notes, all_notes, &notes_r);
        if (notes)
                notes_settle(writer->notes, r == 0 && notes_r == 0);
        (void) error_origin(); /* each caller raises it in its own thread */
        if (db_wal_pages(writer->db) > 0)
                writer->checkpoint_due = MIN(writer->checkpoint_due, g_get_monotonic_time() + CHECKPOINT_QUIET);
        pthread_mutex_lock(&writer->mutex);
        answer(batch, r);
        pthread_mutex_unlock(&writer->mutex);
        return r < 0 ? r : notes_r != 0 ? -EIO : 0;
}

static void checkpoint(Writer *writer) {
        bool large = db_wal_pages(writer->db) >= CHECKPOINT_PAGES;
        int64_t now = g_get_monotonic_time();
        int r;

        if (writer->checkpoint_due > now && (!large || writer->checkpoint_pause > now))
                return;
        r = db_checkpoint(writer->db);
        (void) error_origin(); /* a full disk fails the commits as well, and there it is reported; ignoring */
        writer->checkpoint_due = NOTES_NEVER;
        if (r < 0 || db_wal_pages(writer->db) > 0)
                writer->checkpoint_due = writer->checkpoint_pause = now + CHECKPOINT_RETRY;
}

static void *writer_main(void *data) {
        Writer *writer = data;
        bool stop = false;

        while (!stop) {
                Waiting *batch = wait_for_work(writer, &stop);

                if (batch || notes_due(writer->notes) <= g_get_monotonic_time())
                        (void) commit(writer, batch, /* all_notes= */ false); /* each caller is told; ignoring */
                checkpoint(writer);
                while (stop && notes_due(writer->notes) != NOTES_NEVER)
                        if (commit(writer, NULL, /* all_notes= */ true) < 0)
                                break;
                pthread_mutex_lock(&writer->mutex);
                end(writer);
                pthread_mutex_unlock(&writer->mutex);
        }
        return NULL;
}

static int start_thread(Writer *writer) {
        pthread_attr_t attributes;
        int r;

        r = pthread_attr_init(&attributes);
        if (r > 0)
                return error_trace(-r);
        r = pthread_attr_setstacksize(&attributes, STACK_SIZE);
        if (r == 0)
                r = pthread_create(&writer->thread, &attributes, writer_main, writer);
        (void) pthread_attr_destroy(&attributes);
        return error_trace(-r);
}

static void deinit(Writer *writer) {
        pthread_cond_destroy(&writer->wake);
        pthread_mutex_destroy(&writer->mutex);
        db_free(writer->db);
        g_free(writer);
}

int writer_new(Db *db, Notes *notes, Writer **ret) {
        Writer *writer = g_new0(Writer, 1);
        pthread_condattr_t attributes;
        int r;

        writer->db = db;
        writer->notes = notes;
        writer->checkpoint_due = NOTES_NEVER;
        writer->last = &writer->first;
        pthread_mutex_init(&writer->mutex, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&writer->wake, &attributes);
        pthread_condattr_destroy(&attributes);
        r = start_thread(writer);
        if (r < 0) {
                deinit(writer);
                return r;
        }
        *ret = writer;
        return 0;
}

Writer *writer_free(Writer *writer) {
        if (!writer)
                return NULL;
        pthread_mutex_lock(&writer->mutex);
        writer->stop = true;
        pthread_cond_signal(&writer->wake);
        pthread_mutex_unlock(&writer->mutex);
        (void) pthread_join(writer->thread, NULL);
        deinit(writer);
        return NULL;
}

int writer_run(Writer *writer, Job *job) {
        Waiting waiting = { .job = job, .done = PTHREAD_COND_INITIALIZER };

        pthread_mutex_lock(&writer->mutex);
        *writer->last = &waiting;
        writer->last = &waiting.next;
        if (!writer->busy) {
                Waiting *batch = begin(writer);

                pthread_mutex_unlock(&writer->mutex);
                (void) commit(writer, batch, /* all_notes= */ false); /* what became of ours is in @waiting; ignoring */
                pthread_mutex_lock(&writer->mutex);
                end(writer);
        }
        while (!waiting.is_done)
                pthread_cond_wait(&waiting.done, &writer->mutex);
        pthread_mutex_unlock(&writer->mutex);
        pthread_cond_destroy(&waiting.done);
        return error_trace(waiting.r);
}

static int run_nothing(Job *job, Db *db) {
        return 0;
}

int writer_write_notes(Writer *writer) {
        Job barrier = { .run = run_nothing, .after_notes = true };

        return writer_run(writer, &barrier);
}

void writer_wake(Writer *writer) {
        pthread_mutex_lock(&writer->mutex);
        if (notes_due(writer->notes) < writer->sleeps_until)
                pthread_cond_signal(&writer->wake);
        pthread_mutex_unlock(&writer->mutex);
}
