/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "daemon/store/sqlite-debt-notes.h"
#include "daemon/store/sqlite-notes.h"
#include "daemon/store/store-internal.h"

#define SEEN_MAX 4096
#define EVENTS_MAX 4096
#define FAILURES_MAX 1024 /* users; so few that they are written at once */
#define WRITE_AT_ONCE 256 /* of the others each */
#define SEEN_DELAY (60 * G_USEC_PER_SEC)
#define EVENT_DELAY (1 * G_USEC_PER_SEC)
#define RETRY_DELAY (5 * G_USEC_PER_SEC)

typedef struct Seen {
        char id[SESSION_ID_SIZE];
        int64_t time;
        int64_t writing; /* what the transaction under way writes; 0: nothing */
} Seen;

typedef struct Failures {
        char *name, *from; /* whose; where the last came from */
        int64_t time;      /* of the last */
        unsigned count;
        unsigned writing;  /* so many of them are in the transaction under way */
} Failures;

struct Notes {
        pthread_mutex_t mutex;
        GHashTable *seen;     /* id → Seen * */
        GHashTable *failures; /* name → Failures * */
        GQueue events;        /* Event *, oldest first */
        DebtNotes *debts;
        unsigned writing_events, writing_seen; /* so many are in the transaction under way, the oldest events */
        int64_t seen_due, failures_due, events_due, debts_due;
        uint64_t dropped;
};

static Notes *notes_lock(Notes *notes) {
        pthread_mutex_lock(&notes->mutex);
        return notes;
}

static void notes_unlock(Notes **notes) {
        pthread_mutex_unlock(&(*notes)->mutex);
}

#define _cleanup_unlock_ _cleanup_(notes_unlock) G_GNUC_UNUSED

static void free_event(void *event) {
        event_free(event);
}

static void free_failures(void *data) {
        Failures *failures = data;

        g_free(failures->name);
        g_free(failures->from);
        g_free(failures);
}

Notes *notes_new(void) {
        Notes *notes = g_new0(Notes, 1);

        pthread_mutex_init(&notes->mutex, NULL);
        notes->seen = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
        notes->failures = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_failures);
        g_queue_init(&notes->events);
        notes->debts = debt_notes_new();
        notes->seen_due = notes->failures_due = notes->events_due = notes->debts_due = NOTES_NEVER;
        return notes;
}

Notes *notes_free(Notes *notes) {
        if (!notes)
                return NULL;
        g_hash_table_unref(notes->seen);
        g_hash_table_unref(notes->failures);
        g_queue_clear_full(&notes->events, free_event);
        (void) debt_notes_free(notes->debts);
        pthread_mutex_destroy(&notes->mutex);
        g_free(notes);
        return NULL;
}

static bool make_due(int64_t *due, int64_t time) {
        bool earlier = time < *due;

        *due = MIN(*due, time);
        return earlier;
}

bool notes_touch(Notes *notes, const char *id, int64_t now) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);
        Seen *seen = g_hash_table_lookup(notes->seen, id);

        if (seen) {
                seen->time = MAX(seen->time, now);
                return false;
        }
        if (g_hash_table_size(notes->seen) >= SEEN_MAX) {
                notes->dropped++;
                return make_due(&notes->seen_due, 0);
        }
        seen = g_new0(Seen, 1);
        memcpy(seen->id, id, SESSION_ID_SIZE);
        seen->time = now;
        g_hash_table_insert(notes->seen, seen->id, seen);
        return make_due(&notes->seen_due, g_get_monotonic_time() + SEEN_DELAY);
}

bool notes_event(Notes *notes, const Event *event) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);

        if (notes->events.length >= EVENTS_MAX) {
                notes->dropped++;
                return false;
        }
        g_queue_push_tail(&notes->events, event_copy(event));
        return make_due(&notes->events_due, g_get_monotonic_time() + EVENT_DELAY);
}

bool notes_failed(Notes *notes, const char *name, const char *from, int64_t now) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);
        Failures *failures = g_hash_table_lookup(notes->failures, name);

        if (!failures && g_hash_table_size(notes->failures) >= FAILURES_MAX) {
                notes->dropped++;
                return false;
        }
        if (!failures) {
                failures = g_new0(Failures, 1);
                failures->name = g_strdup(name);
                g_hash_table_insert(notes->failures, failures->name, failures);
        }
        failures->count += failures->count < UINT_MAX;
        failures->time = now;
        g_free(failures->from);
        failures->from = g_strdup(from);
        return make_due(&notes->failures_due, g_get_monotonic_time() + EVENT_DELAY);
}

bool notes_debt(Notes *notes, const UserDebt *debt) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);

        debt_notes_add(notes->debts, debt);
        return make_due(&notes->debts_due, g_get_monotonic_time() + EVENT_DELAY);
}

void notes_overlay(Notes *notes, Session *session) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);
        const Seen *seen = g_hash_table_lookup(notes->seen, session->id);

        if (seen && session->state == SESSION_ACTIVE)
                session->seen = MAX(session->seen, seen->time);
}

bool notes_any_failed(Notes *notes) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);

        return g_hash_table_size(notes->failures) > 0;
}

uint64_t notes_dropped(Notes *notes) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);

        return notes->dropped;
}

int64_t notes_due(Notes *notes) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);

        return MIN(MIN(notes->seen_due, notes->debts_due), MIN(notes->failures_due, notes->events_due));
}

int notes_write_seen(Db *db, const char *id, int64_t seen) {
        _cleanup_query_ Query query = db_query(db, "UPDATE session SET seen = ?1"
                                                   " WHERE id = ?2 AND state = 'active' AND seen < ?1");

        query_int(&query, seen);
        query_text(&query, id);
        return query_run(&query);
}

/* The session's key, and the number of its last event. 0 when there is no such session. */
static int find_session(Db *db, const char *id, int64_t *ret_key, int64_t *ret_number) {
        _cleanup_query_ Query query = db_query(
                db, "SELECT key, (SELECT max(number) FROM event WHERE event.session = session.key)"
                    " FROM session WHERE id = ?");
        int r;

        query_text(&query, id);
        r = query_step(&query);
        if (r > 0) {
                *ret_key = query_column_int(&query, 0);
                *ret_number = query_column_int(&query, 1);
        }
        return r;
}

static int insert_event(Db *db, int64_t key, int64_t number, const Event *event) {
        _cleanup_query_ Query query = db_query(
                db, "INSERT INTO event (session, number, time, event, service, detail) VALUES (?, ?, ?, ?, ?, ?)");

        query_int(&query, key);
        query_int(&query, number);
        query_int(&query, event->time);
        query_text(&query, event->event);
        query_text(&query, event->service);
        query_text(&query, event->detail);
        return query_run(&query);
}

static int forget_events(Db *db, int64_t key, int64_t last) {
        _cleanup_query_ Query query = db_query(db, "DELETE FROM event WHERE session = ? AND number <= ?");

        query_int(&query, key);
        query_int(&query, last);
        return query_run(&query);
}

static int write_event(Db *db, const Event *event) {
        int64_t key, number;
        int r;

        r = find_session(db, event->session, &key, &number);
        if (r <= 0)
                return r;
        r = insert_event(db, key, number + 1, event);
        if (r == 0)
                r = forget_events(db, key, number + 1 - STORE_EVENTS_KEPT);
        return r;
}

static int write_failures(Db *db, const Failures *failures) {
        _cleanup_query_ Query query = db_query(
                db, "UPDATE user SET failures = failures + ?, failed = ?, failed_from = ? WHERE name = ?");

        query_int(&query, failures->count);
        query_int(&query, failures->time);
        query_text(&query, failures->from);
        query_text(&query, failures->name);
        return query_run(&query);
}

/* What is to be written now, as copies, so that nobody who adds waits while it is. */
static void collect_failures(Notes *notes, GPtrArray *failures) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);
        GHashTableIter i;
        void *value;

        g_hash_table_iter_init(&i, notes->failures);
        while (g_hash_table_iter_next(&i, NULL, &value)) {
                Failures *copy = g_memdup2(value, sizeof(Failures));

                ((Failures *) value)->writing = copy->count;
                copy->name = g_strdup(copy->name);
                copy->from = g_strdup(copy->from);
                g_ptr_array_add(failures, copy);
        }
}

static void collect(Notes *notes, bool all, GArray *seen, GPtrArray *events) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);
        GHashTableIter i;
        void *value;

        for (GList *link = notes->events.head; link && events->len < WRITE_AT_ONCE; link = link->next)
                g_ptr_array_add(events, event_copy(link->data));
        notes->writing_events = events->len;

        if (!all && notes->seen_due > g_get_monotonic_time())
                return;
        g_hash_table_iter_init(&i, notes->seen);
        while (seen->len < WRITE_AT_ONCE && g_hash_table_iter_next(&i, NULL, &value)) {
                ((Seen *) value)->writing = ((Seen *) value)->time;
                g_array_append_vals(seen, value, 1);
        }
        notes->writing_seen = seen->len;
}

static GPtrArray *collect_debts(Notes *notes) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);

        return debt_notes_collect(notes->debts);
}

int notes_write(Notes *notes, Db *db, bool all) {
        g_autoptr(GArray) seen = g_array_new(FALSE, FALSE, sizeof(Seen));
        g_autoptr(GPtrArray) events = store_event_array();
        g_autoptr(GPtrArray) failures = g_ptr_array_new_with_free_func(free_failures);
        g_autoptr(GPtrArray) debts = collect_debts(notes);
        int r;

        collect(notes, all, seen, events);
        collect_failures(notes, failures);
        r = debt_notes_write(db, debts);
        for (guint i = 0; r == 0 && i < failures->len; i++)
                r = write_failures(db, failures->pdata[i]);
        for (guint i = 0; r == 0 && i < events->len; i++)
                r = write_event(db, events->pdata[i]);
        for (guint i = 0; r == 0 && i < seen->len; i++)
                r = notes_write_seen(db, g_array_index(seen, Seen, i).id, g_array_index(seen, Seen, i).time);
        return error_trace(r);
}

static gboolean is_written(void *id, void *value, void *committed) {
        Seen *seen = value;
        bool written = committed && seen->writing > 0 && seen->writing == seen->time;

        seen->writing = 0;
        return written;
}

static gboolean are_written(void *name, void *value, void *committed) {
        Failures *failures = value;

        if (committed)
                failures->count -= failures->writing;
        failures->writing = 0;
        return failures->count == 0;
}

/* What is left was over the limit of one transaction, came meanwhile, or could not be written. */
static int64_t next_due(bool any, bool more, bool committed, int64_t delay) {
        if (!any)
                return NOTES_NEVER;
        if (!committed)
                return g_get_monotonic_time() + RETRY_DELAY;
        return more ? 0 : g_get_monotonic_time() + delay;
}

void notes_settle(Notes *notes, bool committed) {
        _cleanup_unlock_ Notes *locked = notes_lock(notes);

        if (notes->writing_events > 0) {
                bool more = notes->writing_events < notes->events.length;

                for (; committed && notes->writing_events > 0; notes->writing_events--)
                        event_free(g_queue_pop_head(&notes->events));
                notes->events_due = next_due(notes->events.length > 0, more, committed, EVENT_DELAY);
        }
        if (notes->writing_seen > 0) {
                bool more = notes->writing_seen < g_hash_table_size(notes->seen);

                g_hash_table_foreach_remove(notes->seen, is_written, committed ? notes : NULL);
                notes->seen_due = next_due(g_hash_table_size(notes->seen) > 0, more, committed, SEEN_DELAY);
        }
        if (g_hash_table_size(notes->failures) > 0) {
                g_hash_table_foreach_remove(notes->failures, are_written, committed ? notes : NULL);
                notes->failures_due = next_due(g_hash_table_size(notes->failures) > 0, /* more= */ false, committed,
                                               EVENT_DELAY);
        }
        if (debt_notes_any(notes->debts)) {
                debt_notes_settle(notes->debts, committed);
                notes->debts_due = next_due(debt_notes_any(notes->debts), /* more= */ false, committed, EVENT_DELAY);
        }
        notes->writing_events = notes->writing_seen = 0;
}
