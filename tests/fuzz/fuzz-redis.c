/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * What a Redis server sends. The first byte of an input says after how many bytes the network breaks it in two,
 * the rest is one reply: taken at once it says the same as taken in parts. What is in it is read as each record
 * that the store keeps, and as each packed text, which is written again as it was.
 */

#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "daemon/store/redis-reply.h"
#include "daemon/store/redis-store.h"

#define TEXTS_MAX 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Exactly its bytes: a sanitizer sees a read past the end. NULL: no reply, or none yet. */
static RedisReply *take(const uint8_t *data, size_t size, size_t first) {
        const size_t sizes[] = { first, size - first };
        RedisReader *reader = redis_reader_new();
        RedisReply *reply = NULL;
        int r = 0;

        for (size_t i = 0; r == 0 && !reply && i < G_N_ELEMENTS(sizes); i++) {
                g_autofree uint8_t *part = g_memdup2(data, sizes[i]);
                const char *problem = NULL;

                r = redis_reader_take(reader, part, sizes[i], &reply, &problem);
                assert(r == 0 || (problem && !reply));
                data += sizes[i];
        }
        assert(redis_reader_free(reader) == NULL);
        return reply;
}

static bool is_same(const RedisReply *a, const RedisReply *b) {
        if (a->type != b->type || a->integer != b->integer || a->size != b->size)
                return false;
        if (a->type != REPLY_ARRAY)
                return a->size == 0 || memcmp(a->data, b->data, a->size) == 0;
        for (size_t i = 0; i < a->size; i++)
                if (!is_same(a->elements[i], b->elements[i]))
                        return false;
        return true;
}

static void check_record(const RedisReply *reply) {
        g_autoptr(Session) session = NULL;
        g_autoptr(Device) device = NULL;
        g_autoptr(User) user = NULL;

        if (redis_read_session(reply, &session) == 0) {
                assert(strlen(session->id) == SESSION_ID_SIZE - 1 && session->uid != UID_UNSET);
                assert(session->user && session->host && session->service && session->state != SESSION_PENDING);
        }
        if (redis_read_user("alice", reply, &user) == 0)
                assert(user->uid != UID_UNSET);
        if (redis_read_device("00000000000000000000000000000001", reply, &device) == 0)
                assert(device->name && device->user && device->audience && device->uid != UID_UNSET);
}

static void check_packed(const RedisReply *reply) {
        char *texts[TEXTS_MAX];

        for (size_t n = 1; n <= TEXTS_MAX; n++) {
                GString *again;

                if (redis_unpack(reply, n, texts) < 0)
                        continue;
                again = redis_pack(n, (const char *const *) texts);
                assert(again->len == reply->size && memcmp(again->str, reply->data, again->len) == 0);
                (void) g_string_free(again, TRUE);
                redis_unpack_free(n, texts);
        }
}

static void check(const RedisReply *reply, unsigned depth) {
        assert(depth <= REDIS_REPLY_DEPTH_MAX + 1);
        check_record(reply);
        check_packed(reply);
        for (size_t i = 0; reply->type == REPLY_ARRAY && i < reply->size; i++)
                check(reply->elements[i], depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_redis_reply_ RedisReply *whole = NULL, *parts = NULL;

        if (size < 2)
                return 0;
        whole = take(data + 1, size - 1, 0);
        parts = take(data + 1, size - 1, MIN(data[0], size - 1));
        if (!whole)
                return 0; /* in parts it may be one that ends where it was broken */
        assert(parts && is_same(whole, parts));
        check(whole, 1);
        return 0;
}
