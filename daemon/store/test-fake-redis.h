/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A server on loopback that reads calls and says what the test wants; each connection has a thread. */

#include <glib.h>
#include <stdint.h>

#include "daemon/store/redis-link.h"

typedef struct FakeRedis FakeRedis;

/* Serves one connection, which is closed when it returns. */
typedef void (*FakeServe)(FakeRedis *fake, int fd);

struct FakeRedis {
        FakeServe serve;
        const char *answer; /* to each call but AUTH and SELECT */
        size_t answer_size;
        uint16_t port;
        int listener;
        GThread *thread;

        GMutex mutex; /* over what follows */
        GCond changed;
        GPtrArray *threads;
        GArray *sockets; /* -1: closed by its own thread */
        GString *log;    /* the calls, one a line, the arguments apart by spaces */
        unsigned connections, open, open_most, calls;
        bool hold; /* answers wait until it is false */
};

/* @answer: a literal, may hold NULs. */
#define fake_redis_new(serve, answer) fake_redis_start((serve), (answer), sizeof(answer) - 1, 0)
FakeRedis *fake_redis_start(FakeServe serve, const char *answer, size_t size, uint16_t port);
/* Closes all, waits for all threads. */
FakeRedis *fake_redis_free(FakeRedis *fake);

static inline void cleanup_fake_redis(FakeRedis **fake) {
        *fake = fake_redis_free(*fake);
}

#define _cleanup_fake_redis_ __attribute__((__cleanup__(cleanup_fake_redis)))

/* Servers */

void fake_answer(FakeRedis *fake, int fd);       /* every call; AUTH and SELECT with OK */
void fake_answer_bytewise(FakeRedis *fake, int fd); /* the same, a byte in 10 ms */
void fake_stay_silent(FakeRedis *fake, int fd);

/* One call, noted. False at the end of the connection. */
bool fake_read_call(FakeRedis *fake, int fd, GString *ret);
void fake_write(int fd, const void *data, size_t size);
/* Returns when the other side, or the test, has closed. */
void fake_wait_closed(int fd);

/* Tells the servers that wait to go on. */
void fake_release(FakeRedis *fake);
unsigned fake_count(FakeRedis *fake, const unsigned *counter);

/* Links */

RedisLink *fake_link(const FakeRedis *fake, int64_t deadline);
/* One call of these words. */
int fake_call(RedisLink *link, const char *words, RedisReply **ret);
/* The same, and it is what comes of it. */
void fake_call_is(RedisLink *link, const char *words, int expected);

static inline void cleanup_redis_link(RedisLink **link) {
        *link = redis_link_free(*link);
}

#define _cleanup_redis_link_ __attribute__((__cleanup__(cleanup_redis_link)))
