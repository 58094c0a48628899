/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What may be written later: when sessions were seen, wrong answers, what users owe, and events. Adding
 * takes a lock for the time of a table look-up and never waits for the disk. The writer takes seen times
 * after a minute, all else after a second. Until then the seen times here are newer than
 * the database's, and whoever reads a session lays them over it. Who reads events or wrong answers
 * does so in or after a job, before which they have been written (Job.after_notes).
 *
 * All are bounded. When more comes than can be written, the newest are let go and counted.
 */

#include "daemon/core/types.h"
#include "daemon/store/sqlite-db.h"

#define NOTES_NEVER INT64_MAX

typedef struct Notes Notes;

Notes *notes_new(void);
Notes *notes_free(Notes *notes);

/* All: true where the writer has to be woken, because its notes_due() has changed. */
bool notes_touch(Notes *notes, const char *id, int64_t now);
bool notes_event(Notes *notes, const Event *event);
bool notes_failed(Notes *notes, const char *name, const char *from, int64_t now);
bool notes_debt(Notes *notes, const UserDebt *debt);

/* Moves the session's seen to what is known here; only an active one's. */
void notes_overlay(Notes *notes, Session *session);

/* Are there wrong answers, of anybody, that are not in the database yet? */
bool notes_any_failed(Notes *notes);

uint64_t notes_dropped(Notes *notes);

/* The writer's side */

/* When (monotonic microseconds) there is something to write; NOTES_NEVER. */
int64_t notes_due(Notes *notes);

/*
 * Writes waiting events and wrong answers, and the seen times that are due or, with @all, every one; a
 * limited number at once, so that nobody waits long behind it. Inside a transaction; it counts when notes_settle()
 * says that this was committed, and is tried again later when not.
 */
int notes_write(Notes *notes, Db *db, bool all);
void notes_settle(Notes *notes, bool committed);

/* One session's, at once, for who cannot wait until it is due. */
int notes_write_seen(Db *db, const char *id, int64_t seen);
