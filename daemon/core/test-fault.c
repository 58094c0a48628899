/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/test-fault.h"

#define ONE_IN 400

/* Of the sanitizer, where there is one. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static struct {
        enum { NEVER, NTH, SELDOM } when;
        size_t nth, count, failed;
        uint64_t state;
        bool spares_libcrypto;
        size_t blocks;
} fault;

/* xorshift64* */
static uint64_t next_random(void) {
        fault.state ^= fault.state >> 12;
        fault.state ^= fault.state << 25;
        fault.state ^= fault.state >> 27;
        return fault.state * 0x2545f4914f6cdd1d;
}

static bool fails(void) {
        bool it_does;

        if (fault.when == NEVER)
                return false;
        fault.count++;
        it_does = fault.when == NTH ? fault.count == fault.nth : (next_random() >> 32) % ONE_IN == 0;
        fault.failed += it_does;
        return it_does;
}

static bool fails_in_libcrypto(void) {
        return !(fault.when == SELDOM && fault.spares_libcrypto) && fails();
}

static void *allocate(size_t size, const char *file, int line) {
        void *block;

        /* A sanitizer would report what libjwt forgets (test-token-fault.c): these blocks are counted instead. */
        if (__lsan_disable)
                __lsan_disable();
        block = fails_in_libcrypto() ? NULL : malloc(size);
        if (__lsan_enable)
                __lsan_enable();
        fault.blocks += block != NULL;
        return block;
}

static void release(void *block, const char *file, int line) {
        fault.blocks -= block != NULL;
        free(block);
}

static void *reallocate(void *block, size_t size, const char *file, int line) {
        if (!block)
                return allocate(size, file, line);
        if (size == 0) {
                release(block, file, line);
                return NULL;
        }
        return fails_in_libcrypto() ? NULL : realloc(block, size);
}

/* libjwt asks malloc() for -1 bytes where libcrypto had none for it, and takes the no for an answer. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
        return "allocator_may_return_null=1";
}

void fault_install(void) {
        assert(CRYPTO_set_mem_functions(allocate, reallocate, release) == 1);
}

void fault_nth(size_t nth) {
        fault.when = NTH;
        fault.nth = nth;
        fault.count = fault.failed = 0;
}

void fault_seldom(uint64_t seed) {
        fault.when = SELDOM;
        fault.state = seed | 1;
        fault.spares_libcrypto = seed & 1;
        fault.count = fault.failed = 0;
}

size_t fault_end(size_t *ret_failed) {
        fault.when = NEVER;
        *ret_failed = fault.failed;
        return fault.count;
}

size_t fault_blocks(void) {
        ERR_clear_error();
        return fault.blocks;
}

/* FNV-1a */
uint64_t fault_seed_of(const void *data, size_t size) {
        uint64_t hash = 0xcbf29ce484222325;

        for (const unsigned char *byte = data; size > 0; byte++, size--)
                hash = (hash ^ *byte) * 0x100000001b3;
        return hash;
}

/* Calls of ours: @no is what they answer where there is no memory. */

#define WRAP(type, name, parameters, no, arguments)                                                             \
        type __real_##name parameters;                                                                          \
        type __wrap_##name parameters;                                                                          \
        type __wrap_##name parameters {                                                                         \
                return fails() ? (no) : __real_##name arguments;                                                \
        }

WRAP(void *, sodium_malloc, (size_t size), NULL, (size))
WRAP(json_t *, json_array, (void), NULL, ())
WRAP(json_t *, json_string, (const char *text), NULL, (text))
WRAP(json_t *, json_integer, (json_int_t number), NULL, (number))
WRAP(char *, json_dumps, (const json_t *json, size_t flags), NULL, (json, flags))
WRAP(int, json_object_set_new, (json_t *object, const char *key, json_t *value), (json_decref(value), -1),
     (object, key, value))
WRAP(int, json_array_append_new, (json_t *array, json_t *value), (json_decref(value), -1), (array, value))
WRAP(int, jwt_new, (jwt_t **ret), ENOMEM, (ret))
WRAP(int, jwt_decode, (jwt_t **ret, const char *text, const unsigned char *key, int size), (*ret = NULL, ENOMEM),
     (ret, text, key, size))
WRAP(int, jwt_set_alg, (jwt_t *jwt, jwt_alg_t alg, const unsigned char *key, int size), ENOMEM, (jwt, alg, key, size))
WRAP(int, jwt_add_header, (jwt_t *jwt, const char *name, const char *value), ENOMEM, (jwt, name, value))
WRAP(int, jwt_add_grants_json, (jwt_t *jwt, const char *json), ENOMEM, (jwt, json))
WRAP(char *, jwt_encode_str, (jwt_t *jwt), (errno = ENOMEM, NULL), (jwt))

json_t *__real_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t size, size_t flags, json_error_t *error) {
        if (!fails())
                return __real_json_loadb(text, size, flags, error);
        if (error) /* as jansson leaves it where it has no memory to begin with */
                *error = (json_error_t) { .line = -1, .column = -1 };
        return NULL;
}

json_t *__wrap_json_pack(const char *format, ...);
json_t *__wrap_json_pack(const char *format, ...) {
        json_t *json = NULL;
        va_list list;

        va_start(list, format);
        if (!fails())
                json = json_vpack_ex(NULL, 0, format, list);
        va_end(list);
        return json;
}

int __wrap_json_unpack_ex(json_t *json, json_error_t *error, size_t flags, const char *format, ...);
int __wrap_json_unpack_ex(json_t *json, json_error_t *error, size_t flags, const char *format, ...) {
        va_list list;
        int r = -1;

        va_start(list, format);
        if (!fails())
                r = json_vunpack_ex(json, error, flags, format, list);
        va_end(list);
        return r;
}
