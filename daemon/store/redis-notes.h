/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What may be written later: when sessions were seen, wrong answers, and events. Adding takes
 * a lock for the time of a table look-up and never waits for the network. One thread writes them in
 * batches: seen times after some seconds, all else after a second. A batch that got no answer is sent again
 * before all others, and counts once (lua/notes.lua).
 *
 * All are bounded. When more comes than can be written, the newest are let go and counted.
 */

#include "daemon/core/types.h"

typedef struct RedisNotes RedisNotes;
typedef struct RedisStore RedisStore;

/* Writes by @redis, which outlives it. NULL where there is no thread to be had. */
RedisNotes *redis_notes_new(RedisStore *redis);
/* Writes what is left, if that can be done now. Accepts NULL, returns NULL. */
RedisNotes *redis_notes_free(RedisNotes *notes);

void redis_notes_touch(RedisNotes *notes, const char *id, int64_t now);
void redis_notes_event(RedisNotes *notes, const Event *event);
void redis_notes_failed(RedisNotes *notes, const char *name, const char *from, int64_t now);

/* Moves the session's seen to what is known here; an active one's, or one's that redis_notes_ended() was told of. */
void redis_notes_overlay(RedisNotes *notes, Session *session);
/* When an active one was last touched; 0: nothing is waiting. */
int64_t redis_notes_get_seen(RedisNotes *notes, const char *id);
/* This session ended by a call of this host: its seen is what is noted now, and later touches are nothing. */
void redis_notes_ended(RedisNotes *notes, Session *session);

/* Are there wrong answers, of anybody, that are not written yet? */
bool redis_notes_any_failed(RedisNotes *notes);

/*
 * Waits until all that was added before is written (seen times only with @seen), or once could not be: a negative
 * errno.
 */
int redis_notes_flush(RedisNotes *notes, bool seen);

uint64_t redis_notes_dropped(RedisNotes *notes);
