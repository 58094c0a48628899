/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Changes are made one at a time. Who comes while nobody writes does so itself, in its own thread:
 * that is the usual case, and hands nothing over. Who comes meanwhile is queued, and then a thread
 * of the writer's takes all that are waiting, runs each job in a savepoint of its own, commits them
 * together (one fdatasync for all) and only then wakes the callers:
 *
 *      caller ──job──> BEGIN  job  COMMIT ──> has its result
 *      caller ──job──┐
 *      caller ──job──┼──────────────────────> BEGIN  job  job  job  COMMIT ──> every caller has its result
 *      caller ──job──┘
 *
 * A job that fails is rolled back alone. A commit that fails fails every job of its batch. What
 * nobody waits for (notes, checkpoints of the write-ahead log) the thread does in between.
 */

#include "daemon/store/sqlite-db.h"
#include "daemon/store/sqlite-notes.h"

typedef struct Writer Writer;

/*
 * Embedded in what a job needs. @run changes the database; anything but 0 undoes what it did. What
 * it hands out counts only when writer_run() returned 0.
 */
typedef struct Job Job;

struct Job {
        int (*run)(Job *job, Db *db);
        bool after_notes; /* those that wait are to be written before */
};

/* Takes over @db; @notes outlive the writer. */
int writer_new(Db *db, Notes *notes, Writer **ret);

/* Finishes the jobs that are queued, writes all notes, ends the thread, closes the database. */
Writer *writer_free(Writer *writer);

/* Runs @job and returns its result; 0 only when it is durable. */
int writer_run(Writer *writer, Job *job);

/* Writes the notes that wait, as before a job that is to come after them. */
int writer_write_notes(Writer *writer);

/* Something came due earlier than before. */
void writer_wake(Writer *writer);
