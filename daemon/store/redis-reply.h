/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Bytes to replies, and calls to bytes: hiredis' reader and formatter, and nothing else of it. What a
 * server sends is capped here, before it is kept.
 */

#include "daemon/store/redis-link.h"

typedef struct RedisReader RedisReader;

RedisReader *redis_reader_new(void);
/* Accepts NULL, returns NULL. */
RedisReader *redis_reader_free(RedisReader *reader);

/*
 * Takes the next bytes of a server's. 0: the reply is not complete, *@ret is NULL; or it is, and the
 * caller's. -EPROTO and words, a literal: no reply, or one above the caps, or more behind its end than was
 * asked for; the reader is of no use then.
 */
int redis_reader_take(RedisReader *reader, const void *data, size_t size, RedisReply **ret,
                      const char **ret_problem);

/* A call as it is sent. -E2BIG: above the caps. */
int redis_command_new(size_t argc, const RedisArg *argv, char **ret, size_t *ret_size);
/* Wipes it. Accepts NULL. */
void redis_command_free(char *command, size_t size);

/* Of what a server says: letters, and not more than @max of them. It ends up in logs and on terminals. g_free. */
char *redis_text_plain(const char *text, size_t max);
