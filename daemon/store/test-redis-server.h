/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#pragma once

/* A redis-server of the test's own: on loopback, in a folder that goes with it, ended by its pid. */

#include <sys/types.h>

#include "daemon/store/adopt.h"
#include "daemon/store/redis-link.h"
#include "daemon/store/store-redis.h"

typedef struct RedisServer {
        char *folder; /* "data" for the server, others for hosts' states */
        uint16_t port;
        pid_t pid; /* 0: it does not run */
        RedisLink *link; /* for the test itself */
} RedisServer;

/* @durable: appendonly, always synchronised. */
RedisServer *redis_server_new(bool durable);
/* Ends it, and removes its folder. */
RedisServer *redis_server_free(RedisServer *server);

static inline void cleanup_redis_server(RedisServer **server) {
        *server = redis_server_free(*server);
}

#define _cleanup_server_ __attribute__((__cleanup__(cleanup_redis_server)))

void redis_server_signal(RedisServer *server, int number);
/* SIGKILL, and waits until it is gone. */
void redis_server_kill(RedisServer *server);
/* Again, on the same port and folder, after redis_server_kill(); returns when it answers. */
void redis_server_start(RedisServer *server, bool durable);

/* A store on it, as host @host of a fleet whose keys begin with @prefix. Its state stays when it is closed. */
Store *redis_server_open(RedisServer *server, const char *prefix, const char *host);
Store *redis_server_open_hasty(RedisServer *server, const char *prefix, const char *host, int64_t deadline);

/* @store is that of a host to which an administrator says that it be so: there is something to adopt. */
void redis_server_adopt(Store *store);

/* One command, of words separated by spaces, which must not be answered with an error. */
RedisReply *redis_server_run(RedisServer *server, const char *command);
/* The same, where nobody looks at the answer. */
void redis_server_do(RedisServer *server, const char *command);

/*
 * What is under @prefix, one line for each key, for comparing: without that prefix, batch numbers, and what no two
 * runs have in common. g_free.
 */
char *redis_server_dump(RedisServer *server, const char *prefix);
