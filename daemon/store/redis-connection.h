/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * One connection: opened at its first call, signed in, then a command and its reply at a time. Waits
 * as long as it takes; the pool cancels it at the deadline.
 */

#include "daemon/store/redis-reply.h"

typedef struct RedisConnection RedisConnection;

RedisConnection *redis_connection_new(void);
RedisConnection *redis_connection_free(RedisConnection *connection);

/* From any thread, until it is freed. */
void redis_connection_cancel(RedisConnection *connection);

/* As redis_link_call(); -ECANCELED: it was cancelled. Words only where it fails; the caller's. */
int redis_connection_call(RedisConnection *connection, const RedisLinkSettings *settings, const char *command,
                          size_t size, RedisReply **ret, char **ret_problem);

bool redis_connection_is_sound(const RedisConnection *connection);          /* may be called again */
bool redis_connection_is_quiet(RedisConnection *connection);                /* neither closed nor sent to in between */
bool redis_connection_heard(const RedisConnection *connection);             /* anything since it signed in */
bool redis_connection_answered(const RedisConnection *connection);          /* in whole, the last call */
const char *redis_connection_late_words(const RedisConnection *connection); /* what took too long, if it was too long */
