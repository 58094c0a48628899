/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Reading the database through while it is in use: on a connection of its own, which sees one state
 * of it and holds nobody up. One statement does it all and looks at no clock, so a second thread ends it.
 */

#include <errno.h>

#include "common/error.h"
#include "daemon/store/sqlite-schema.h"
#include "daemon/store/sqlite-store.h"

typedef struct Watch {
        GMutex mutex;
        GCond cond;
        bool done;
        int64_t until;
        Db *db;
} Watch;

/* Comes again until it is heeded: an interrupt between two statements has no effect on the second. */
static gpointer watch(gpointer data) {
        Watch *w = data;

        g_mutex_lock(&w->mutex);
        while (!w->done) {
                if (g_cond_wait_until(&w->cond, &w->mutex, w->until) || w->done)
                        continue;
                db_interrupt(w->db);
                w->until = g_get_monotonic_time() + 10 * G_TIME_SPAN_MILLISECOND;
        }
        g_mutex_unlock(&w->mutex);
        return NULL;
}

static int check_watched(Db *db, int64_t limit, char **ret_problem) {
        Watch w = { .until = g_get_monotonic_time() + limit, .db = db };
        GThread *thread;
        int r;

        g_mutex_init(&w.mutex);
        g_cond_init(&w.cond);
        thread = g_thread_try_new("check", watch, &w, NULL);
        r = thread ? schema_check_whole(db, ret_problem) : -EAGAIN;
        g_mutex_lock(&w.mutex);
        w.done = true;
        g_cond_signal(&w.cond);
        g_mutex_unlock(&w.mutex);
        if (thread)
                (void) g_thread_join(thread);
        g_mutex_clear(&w.mutex);
        g_cond_clear(&w.cond);
        return r;
}

int sqlite_check(Store *store, int64_t limit, char **ret_problem) {
        g_autoptr(Db) db = NULL;
        int r;

        r = db_open(sqlite_store(store)->path, DB_READ, &db);
        if (r == 0)
                r = check_watched(db, limit, ret_problem);
        /* A page that is none at all ends the statement, without a line about it. */
        if (r == -EUCLEAN && !*ret_problem)
                *ret_problem = g_strdup(db ? db_error_text(db) : "it is no database");
        return error_trace(r);
}
