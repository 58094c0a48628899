/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <glib.h>
#include <hiredis/hiredis.h>

#include "common/error.h"
#include "daemon/store/redis-reply.h"

/* Of all but a bulk's bytes. hiredis looks for a line's end from its beginning, at every read again. */
#define LINE_MAX_SIZE (16 * 1024)

#define REPLY_NO_REDIS "this is no Redis"
#define REPLY_TOO_LARGE "a reply above the cap"

struct RedisReader {
        redisReader *reader;
        size_t taken;    /* bytes of the reply so far */
        size_t elements; /* in its arrays */
        const char *problem;
};

/* Building: what hiredis calls for each value. NULL ends the reply, as an error of the reader. */

static RedisReader *reader_of(const redisReadTask *task) {
        return task->privdata;
}

static void *refuse(const redisReadTask *task, const char *problem) {
        reader_of(task)->problem = problem;
        return NULL;
}

static void *place(const redisReadTask *task, RedisReply *reply) {
        RedisReply *parent = task->parent ? task->parent->obj : NULL;

        if (parent)
                parent->elements[task->idx] = reply;
        return reply;
}

static void *create_text(const redisReadTask *task, char *text, size_t size) {
        RedisReply *reply;

        if (task->type != REDIS_REPLY_STRING && task->type != REDIS_REPLY_STATUS && task->type != REDIS_REPLY_ERROR)
                return refuse(task, REPLY_NO_REDIS);
        reply = g_new0(RedisReply, 1);
        reply->type = task->type == REDIS_REPLY_ERROR ? REPLY_ERROR : REPLY_TEXT;
        reply->size = size;
        reply->data = g_malloc(size + 1);
        memcpy(reply->data, text, size);
        reply->data[size] = '\0';
        return place(task, reply);
}

static unsigned depth_of(const redisReadTask *task) {
        unsigned depth = 1;

        while ((task = task->parent))
                depth++;
        return depth;
}

static void *create_elements(const redisReadTask *task, size_t n) {
        RedisReader *reader = reader_of(task);
        RedisReply *reply;

        if (task->type != REDIS_REPLY_ARRAY)
                return refuse(task, REPLY_NO_REDIS);
        if (n > REDIS_REPLY_ELEMENTS_MAX - reader->elements || depth_of(task) > REDIS_REPLY_DEPTH_MAX)
                return refuse(task, REPLY_TOO_LARGE);
        reader->elements += n;
        reply = g_new0(RedisReply, 1);
        reply->type = REPLY_ARRAY;
        reply->size = n;
        reply->elements = g_new0(RedisReply *, MAX(n, 1));
        return place(task, reply);
}

static void *create_integer(const redisReadTask *task, long long value) {
        RedisReply *reply = g_new0(RedisReply, 1);

        reply->type = REPLY_INTEGER;
        reply->integer = value;
        return place(task, reply);
}

static void *create_nil(const redisReadTask *task) {
        RedisReply *reply = g_new0(RedisReply, 1);

        reply->type = REPLY_NIL;
        return place(task, reply);
}

static void free_object(void *object) {
        (void) redis_reply_free(object);
}

#if HIREDIS_MAJOR >= 1
/* It knows RESP3, which nobody asked for. */
static void *create_array(const redisReadTask *task, size_t n) {
        return create_elements(task, n);
}

static void *create_double(const redisReadTask *task, double value, char *text, size_t size) {
        return refuse(task, REPLY_NO_REDIS);
}

static void *create_bool(const redisReadTask *task, int value) {
        return refuse(task, REPLY_NO_REDIS);
}
#else
static void *create_array(const redisReadTask *task, int n) {
        return n < 0 ? refuse(task, REPLY_NO_REDIS) : create_elements(task, (size_t) n);
}
#endif

static redisReplyObjectFunctions functions = {
        .createString = create_text,
        .createArray = create_array,
        .createInteger = create_integer,
        .createNil = create_nil,
#if HIREDIS_MAJOR >= 1
        .createDouble = create_double,
        .createBool = create_bool,
#endif
        .freeObject = free_object,
};

/* Reading */

RedisReader *redis_reader_new(void) {
        RedisReader *reader = g_new0(RedisReader, 1);

        reader->reader = redisReaderCreateWithFunctions(&functions);
        g_assert(reader->reader); /* GLib's allocations end the program likewise */
        reader->reader->privdata = reader;
        return reader;
}

RedisReader *redis_reader_free(RedisReader *reader) {
        if (!reader)
                return NULL;
        redisReaderFree(reader->reader);
        g_free(reader);
        return NULL;
}

static int fail(RedisReader *reader, const char *problem, const char **ret_problem) {
        *ret_problem = problem;
        return error_trace(-EPROTO);
}

/*
 * What is left is the beginning of a value, with or without its first letter: only a bulk may be long, whose
 * length is told by a line of its own.
 */
static bool line_is_too_long(const redisReader *reader) {
        const char *value = reader->buf + reader->pos;
        size_t size = reader->len - reader->pos, n;

        if (size <= LINE_MAX_SIZE)
                return false;
        if (*value == '$')
                value++;
        n = strspn(value, "0123456789"); /* hiredis puts a NUL behind what it holds */
        return n == 0 || value[n] != '\r' || value[n + 1] != '\n';
}

int redis_reader_take(RedisReader *reader, const void *data, size_t size, RedisReply **ret,
                      const char **ret_problem) {
        _cleanup_redis_reply_ RedisReply *reply = NULL;
        void *object = NULL;

        if (size > REDIS_REPLY_SIZE_MAX - reader->taken)
                return fail(reader, REPLY_TOO_LARGE, ret_problem);
        reader->taken += size;
        reader->problem = REPLY_NO_REDIS;
        if (redisReaderFeed(reader->reader, data, size) != REDIS_OK ||
            redisReaderGetReply(reader->reader, &object) != REDIS_OK)
                return fail(reader, reader->problem, ret_problem);
        if (!object && line_is_too_long(reader->reader))
                return fail(reader, REPLY_TOO_LARGE, ret_problem);
        reply = object;
        if (reply && reader->reader->pos != reader->reader->len)
                return fail(reader, "more than one reply to one call", ret_problem);
        if (reply)
                reader->taken = reader->elements = 0;
        *ret = g_steal_pointer(&reply);
        return 0;
}

/* Writing */

int redis_command_new(size_t argc, const RedisArg *argv, char **ret, size_t *ret_size) {
        g_autofree const char **data = NULL;
        g_autofree size_t *sizes = NULL;
        size_t total = 0;
        int n;

        if (argc == 0)
                return error_trace(-EINVAL);
        if (argc > REDIS_CALL_ARGUMENTS_MAX)
                return error_trace(-E2BIG);
        data = g_new(const char *, argc);
        sizes = g_new(size_t, argc);
        for (size_t i = 0; i < argc; i++) {
                if (argv[i].size > REDIS_CALL_SIZE_MAX - total)
                        return error_trace(-E2BIG);
                total += argv[i].size;
                data[i] = argv[i].data ?: "";
                sizes[i] = argv[i].size;
        }
        n = redisFormatCommandArgv(ret, (int) argc, data, sizes);
        if (n < 0)
                return error_trace(-ENOMEM);
        *ret_size = (size_t) n;
        return 0;
}

void redis_command_free(char *command, size_t size) {
        if (!command)
                return;
        explicit_bzero(command, size);
        redisFreeCommand(command);
}

/* Replies */

RedisReply *redis_reply_free(RedisReply *reply) {
        if (!reply)
                return NULL;
        for (size_t i = 0; reply->elements && i < reply->size; i++)
                (void) redis_reply_free(reply->elements[i]); /* not deeper than REDIS_REPLY_DEPTH_MAX */
        g_free(reply->elements);
        if (reply->data)
                explicit_bzero(reply->data, reply->size);
        g_free(reply->data);
        g_free(reply);
        return NULL;
}

bool redis_reply_is_error(const RedisReply *reply, const char *code) {
        size_t size = strlen(code);

        return reply->type == REPLY_ERROR && reply->size >= size && memcmp(reply->data, code, size) == 0 &&
                (reply->size == size || reply->data[size] == ' ');
}

bool redis_reply_is_text(const RedisReply *reply, const char *text) {
        return reply->type == REPLY_TEXT && reply->size == strlen(text) && memcmp(reply->data, text, reply->size) == 0;
}

char *redis_text_plain(const char *text, size_t max) {
        char *plain = g_strndup(text, max);

        for (char *c = plain; *c; c++)
                if (!g_ascii_isprint(*c))
                        *c = '?';
        return plain;
}
