/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * One connection's bytes, plain or by TLS: GIO, and nothing of Redis. Calls wait as long as it takes;
 * who wants a deadline cancels from another thread.
 */

#include "daemon/store/redis-link.h"

typedef struct RedisStream RedisStream;

RedisStream *redis_stream_new(void);
/* Closes without a farewell, which could wait for the server. Accepts NULL, returns NULL. */
RedisStream *redis_stream_free(RedisStream *stream);

/* From any thread, until it is freed: what waits now, and what is called later, fails. */
void redis_stream_cancel(RedisStream *stream);

/* What fails says in words why, which are the caller's. -ECANCELED after redis_stream_cancel(). */

/* Connects, once. */
int redis_stream_connect(RedisStream *stream, const RedisLinkSettings *settings, char **ret_problem);
/* TLS over it; the server's certificate is checked for settings->host. */
int redis_stream_secure(RedisStream *stream, const RedisLinkSettings *settings, char **ret_problem);
int redis_stream_write(RedisStream *stream, const void *data, size_t size, char **ret_problem);
/* At least one byte, or -ECONNRESET at the end. */
int redis_stream_read(RedisStream *stream, void *buffer, size_t size, size_t *ret_n, char **ret_problem);

/* Nothing has come that nobody asked for, and it is not closed. Waits for nothing. */
bool redis_stream_is_quiet(RedisStream *stream);
