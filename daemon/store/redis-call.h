/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Calling the scripts: arguments put together, the script loaded where the server does not have it, the store
 * recognised (store-redis.h), and whatever is not an answer turned into a negative errno:
 *
 *  -ESTALE  the store lost what it held, or is another one      -EPROTO   its schema is another program's
 *  -ENOSPC  it is full                                          -EROFS    it is a replica
 *  -EIO     it cannot write to its disk, or to its replicas     -EUCLEAN  what it holds is damaged
 *  -EHOSTDOWN  another script runs, or it is still loading      and those of redis-link.h
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/store/redis-link.h"

#define REDIS_ID_SIZE 33     /* 32 hex digits and the end */
#define REDIS_DIGEST_SIZE 41 /* 40 of SHA-1, by which Redis calls a script */

typedef enum RedisScript {
        SCRIPT_ASSIGNMENT_REMOVE,
        SCRIPT_ASSIGNMENT_SET,
        SCRIPT_ASSIGNMENT_SWEEP,
        SCRIPT_AUTHENTICATED,
        SCRIPT_BOUND,
        SCRIPT_CHECK,
        SCRIPT_DEBT_GET,
        SCRIPT_DEBT_LIST,
        SCRIPT_DEBT_SWAP,
        SCRIPT_DEVICE_ADD,
        SCRIPT_DEVICE_IDS,
        SCRIPT_DEVICE_REVOKE,
        SCRIPT_DEVICE_SWEEP,
        SCRIPT_DEVICE_USE,
        SCRIPT_END,
        SCRIPT_EVENTS,
        SCRIPT_FEED_END,
        SCRIPT_FIND,
        SCRIPT_GET,
        SCRIPT_HASHES,
        SCRIPT_IDENTITY_ADD,
        SCRIPT_IDENTITY_FIND,
        SCRIPT_IDENTITY_LIST,
        SCRIPT_IDENTITY_REMOVE,
        SCRIPT_IMPORT_DEVICE,
        SCRIPT_IMPORT_SESSION,
        SCRIPT_IMPORT_USER,
        SCRIPT_INIT,
        SCRIPT_KNOWN_NETWORK,
        SCRIPT_LIST,
        SCRIPT_LOOK,
        SCRIPT_NOTES,
        SCRIPT_OPEN,
        SCRIPT_RENAME,
        SCRIPT_SWEEP,
        SCRIPT_TICKET_USE,
        SCRIPT_TICKET_USED,
        SCRIPT_USERS,
        SCRIPT_USER_ADD,
        SCRIPT_USER_CHANGE,
        SCRIPT_USER_ENABLE,
        SCRIPT_USER_REHASH,
        _SCRIPT_MAX,
} RedisScript;

/* g_free */
char *redis_script_text(RedisScript script);

typedef struct RedisStore RedisStore;

/* A call that is put together. Texts are borrowed until it was run, the rest is its own and wiped. */
typedef struct RedisCall {
        RedisScript script;
        GArray *args;     /* RedisArg */
        GPtrArray *owned; /* GString * */
} RedisCall;

RedisCall redis_call_new(RedisScript script);
void redis_call_deinit(RedisCall *call);

#define _cleanup_call_ __attribute__((__cleanup__(redis_call_deinit)))

void redis_call_text(RedisCall *call, const char *text);
void redis_call_optional(RedisCall *call, const char *text);
void redis_call_int(RedisCall *call, int64_t number);
void redis_call_take(RedisCall *call, GString *bytes);
/* A field and its value; nothing where the value is NULL. */
void redis_call_field(RedisCall *call, const char *name, const char *value);
void redis_call_field_int(RedisCall *call, const char *name, int64_t value);

/* Before the first call: the scripts' digests, and a name for this process. */
int redis_call_prepare(RedisStore *redis);

/* Runs it. 0 and a reply that is no error. */
int redis_call_run(RedisStore *redis, RedisCall *call, RedisReply **ret);

/*
 * The same, of a script that returns {word, …}, with at least @n elements where the word is "ok": 0, and for
 * the other words STORE_E_NOT_FOUND, _EXISTS, _AMBIGUOUS and _STATE. @ret may be NULL.
 */
int redis_call_outcome(RedisStore *redis, RedisCall *call, size_t n, RedisReply **ret);

/* What it does with the reply. */
int redis_call_read_outcome(const RedisReply *reply, size_t n);

/* The same as redis_call_run(), of one that returns 0 or 1. */
int redis_call_bool(RedisStore *redis, RedisCall *call, bool *ret);

/* The answer of the one script that asks no store which it is: look.lua. */
int redis_call_look(RedisStore *redis, RedisReply **ret);

/* What store_problem() says from now on: takes @problem. Returns @r. */
int redis_call_set_problem(RedisStore *redis, char *problem, int r);

/*
 * Makes the store that is there, which must be @wanted ("": none yet), this host's; calls that are under way as to
 * the one before fail. STORE_E_NOT_FOUND: it is another one, and nothing has changed.
 */
int redis_call_adopt(RedisStore *redis, const char *wanted);

/* How often that was done: who remembers something of the store itself has to forget it then. */
unsigned redis_call_adopted(RedisStore *redis);
