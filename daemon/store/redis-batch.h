/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What redis-notes.c keeps: what is waiting, in tables, and batches taken out of them. Nothing here locks or
 * waits but redis_batch_write().
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/types.h"

#define SEEN_MAX 4096
#define EVENTS_MAX 4096
#define FAILURES_MAX 1024 /* users */

typedef struct RedisStore RedisStore;

typedef struct Seen {
        char id[SESSION_ID_SIZE];
        int64_t time;
        int64_t writing; /* what the batch under way writes; 0: nothing */
        bool last;       /* the session ended: no touch counts any more, and this is written all the same */
} Seen;

typedef struct Waiting {
        GHashTable *seen;     /* id → Seen *; stay until they are written, for who reads */
        GHashTable *failures; /* name → Failures * */
        GQueue events;        /* Event *, oldest first */
} Waiting;

void waiting_init(Waiting *waiting);
void waiting_deinit(Waiting *waiting);

/* The one of a session, made where there is none; NULL: there are too many. */
Seen *waiting_get_seen(Waiting *waiting, const char *id, bool make);
/* false: let go, there are too many. */
bool waiting_add_event(Waiting *waiting, const Event *event);
bool waiting_add_failure(Waiting *waiting, const char *name, const char *from, int64_t now);

typedef struct RedisBatch RedisBatch;

/* So many of each; the next number is the next call's. *@ret_more: something is left. Never NULL. */
RedisBatch *redis_batch_take(Waiting *waiting, uint64_t number, bool seen, bool *ret_more);
bool redis_batch_is_empty(const RedisBatch *batch);
/* So many that redis_batch_free() would let go unwritten. */
unsigned redis_batch_count(const RedisBatch *batch);
int redis_batch_write(RedisStore *redis, const RedisBatch *batch);
/* Takes those seen times that the batch wrote out of the table; or, where it did not, marks them as waiting. */
void redis_batch_settle(Waiting *waiting, bool written);
RedisBatch *redis_batch_free(RedisBatch *batch);
