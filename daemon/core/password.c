/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Argon2id by libsodium, which maps a hash's memory for the call and unmaps it afterwards: what a
 * storm of logins took goes back to the system by itself.
 *
 * The gate is a queue of numbers, as in a shop: call number n may hash once fewer than `slots` of
 * those before it are unfinished, so that many hash at a time as there are processors, in the order
 * they came. A bounded number waits; the rest hear PASSWORD_E_BUSY at once.
 */

#include <errno.h>
#include <glib.h>
#include <sodium.h>
#include <string.h>

#include "common/error.h"
#include "common/wire.h"
#include "daemon/core/password-compare.h"
#include "daemon/core/password.h"

#define TIMES_KEPT 64

typedef struct Parameters {
        size_t memory;
        unsigned passes, min_length;
} Parameters;

struct PasswordHasher {
        GMutex lock; /* over everything below */
        GCond turn;
        Parameters parameters;
        unsigned slots;
        uint64_t taken, finished; /* numbers */
        int64_t times[TIMES_KEPT]; /* what the last checks took, without their wait in the queue, in µs */
        unsigned n_times;          /* so many of them; the oldest is overwritten */
        unsigned next_time;
};

int password_hasher_new(uint64_t memory, unsigned passes, unsigned min_length, PasswordHasher **ret) {
        PasswordHasher *hasher;

        if (memory < crypto_pwhash_MEMLIMIT_MIN || memory > crypto_pwhash_MEMLIMIT_MAX ||
            passes < crypto_pwhash_OPSLIMIT_MIN)
                return error_trace(-EINVAL);
        if (sodium_init() < 0)
                return error_trace(-ENOSYS);
        hasher = g_new0(PasswordHasher, 1);
        g_mutex_init(&hasher->lock);
        g_cond_init(&hasher->turn);
        hasher->slots = g_get_num_processors();
        password_hasher_configure(hasher, memory, passes, min_length);
        *ret = hasher;
        return 0;
}

PasswordHasher *password_hasher_free(PasswordHasher *hasher) {
        if (!hasher)
                return NULL;
        g_assert(hasher->taken == hasher->finished);
        g_mutex_clear(&hasher->lock);
        g_cond_clear(&hasher->turn);
        g_free(hasher);
        return NULL;
}

void password_hasher_configure(PasswordHasher *hasher, uint64_t memory, unsigned passes, unsigned min_length) {
        g_mutex_lock(&hasher->lock);
        if (hasher->parameters.memory != memory || hasher->parameters.passes != passes)
                hasher->n_times = hasher->next_time = 0; /* a check takes another time from now on */
        hasher->parameters = (Parameters) {
                .memory = memory,
                .passes = passes,
                .min_length = min_length,
        };
        g_mutex_unlock(&hasher->lock);
}

static Parameters parameters_of_now(PasswordHasher *hasher) {
        Parameters parameters;

        g_mutex_lock(&hasher->lock);
        parameters = hasher->parameters;
        g_mutex_unlock(&hasher->lock);
        return parameters;
}

/* Waits for a processor; 0, or PASSWORD_E_BUSY without having waited. */
static int hasher_enter(PasswordHasher *hasher) {
        int r = PASSWORD_E_BUSY;

        g_mutex_lock(&hasher->lock);
        if (hasher->taken - hasher->finished < hasher->slots + PASSWORD_QUEUE_MAX) {
                uint64_t number = hasher->taken++;
                while (number >= hasher->finished + hasher->slots)
                        g_cond_wait(&hasher->turn, &hasher->lock);
                r = 0;
        }
        g_mutex_unlock(&hasher->lock);
        return r;
}

static void hasher_leave(PasswordHasher *hasher) {
        g_mutex_lock(&hasher->lock);
        hasher->finished++;
        g_cond_broadcast(&hasher->turn);
        g_mutex_unlock(&hasher->lock);
}

/* What nobody could type at a prompt cannot be anybody's password. */
static int check_form(const Secret *password, unsigned min_length) {
        if (password->size > WIRE_PASSWORD_MAX)
                return PASSWORD_E_LONG;
        if (memchr(password->data, '\r', password->size) || memchr(password->data, '\n', password->size))
                return PASSWORD_E_FORM;
        if (!g_utf8_validate_len(password->data, password->size, NULL)) /* refuses NULs as well */
                return PASSWORD_E_FORM;
        if (password->size == 0 || g_utf8_strlen(password->data, (gssize) password->size) < (glong) min_length)
                return PASSWORD_E_SHORT;
        return 0;
}

/* One hash under @parameters into @ret_hash. 0 or a negative errno. */
static int compute(const Parameters *parameters, const char *data, size_t size,
                   char ret_hash[crypto_pwhash_STRBYTES]) {
        errno = 0;
        if (crypto_pwhash_str_alg(ret_hash, data, size, parameters->passes, parameters->memory,
                                  crypto_pwhash_ALG_ARGON2ID13) < 0)
                return errno > 0 ? -errno : -ENOMEM;
        return 0;
}

int password_hash(PasswordHasher *hasher, const Secret *password, char **ret) {
        Parameters parameters = parameters_of_now(hasher);
        char hash[crypto_pwhash_STRBYTES];
        int r;

        r = check_form(password, parameters.min_length);
        if (r != 0)
                return r;
        r = hasher_enter(hasher);
        if (r != 0)
                return r;
        r = compute(&parameters, password->data, password->size, hash);
        hasher_leave(hasher);
        if (r < 0)
                return error_trace(r);
        *ret = g_strdup(hash);
        sodium_memzero(hash, sizeof(hash));
        return 0;
}

/*
 * The work of a check whose answer is settled. A fresh hash of the same bytes costs what comparing
 * with a stored one does: Argon2id is all of it.
 */
static int verify_in_vain(const Parameters *parameters, const Secret *password) {
        char hash[crypto_pwhash_STRBYTES];
        int r;

        r = compute(parameters, password->data, MIN(password->size, WIRE_PASSWORD_MAX), hash);
        sodium_memzero(hash, sizeof(hash));
        return r < 0 ? r : PASSWORD_E_MISMATCH;
}

/* What holds a NUL was never typed, and the part before it must not match either. */
static bool could_be_typed(const Secret *password) {
        return password->size > 0 && password->size <= WIRE_PASSWORD_MAX &&
               !memchr(password->data, '\0', password->size);
}

static void remember_time(PasswordHasher *hasher, int64_t took) {
        g_mutex_lock(&hasher->lock);
        hasher->times[hasher->next_time] = took;
        hasher->next_time = (hasher->next_time + 1) % TIMES_KEPT;
        hasher->n_times = MIN(hasher->n_times + 1, TIMES_KEPT);
        g_mutex_unlock(&hasher->lock);
}

static int64_t draw(const PasswordHasher *hasher) {
        return hasher->times[randombytes_uniform(TIMES_KEPT)];
}

/* How long one waits that comes after @ahead. */
static int64_t wait_after(const PasswordHasher *hasher, uint64_t ahead) {
        if (ahead < hasher->slots)
                return 0;
        return draw(hasher) * (int64_t) (ahead - hasher->slots + 1) / hasher->slots;
}

/*
 * What a check that begins now would take: as long as one of those that are remembered, drawn, after
 * the queue as it is now. A queue that is over was another's. -1 while there are too few to draw from.
 * 0, or PASSWORD_E_BUSY where a check would be refused.
 */
static int draw_time(PasswordHasher *hasher, int64_t *ret) {
        uint64_t ahead;
        int r = 0;

        g_mutex_lock(&hasher->lock);
        ahead = hasher->taken - hasher->finished;
        if (ahead >= hasher->slots + PASSWORD_QUEUE_MAX)
                r = PASSWORD_E_BUSY;
        else if (hasher->n_times < TIMES_KEPT)
                *ret = -1;
        else
                *ret = draw(hasher) + wait_after(hasher, ahead);
        g_mutex_unlock(&hasher->lock);
        return r;
}

int password_take_time(PasswordHasher *hasher, const Secret *password, int64_t *ret_delay) {
        int64_t time;
        int r;

        r = draw_time(hasher, &time);
        if (r != 0)
                return r;
        if (time < 0) {
                r = password_verify(hasher, /* hash= */ NULL, password, /* ret_rehash= */ NULL);
                if (r != PASSWORD_E_MISMATCH)
                        return r;
        }
        *ret_delay = MAX(time, 0);
        return 0;
}

int password_verify(PasswordHasher *hasher, const char *hash, const Secret *password, bool *ret_rehash) {
        Parameters parameters = parameters_of_now(hasher);
        int64_t began;
        int r;

        r = hasher_enter(hasher);
        if (r != 0)
                return r;
        began = g_get_monotonic_time();
        if (hash && could_be_typed(password))
                r = password_compare(hash, password);
        else
                r = verify_in_vain(&parameters, password);
        remember_time(hasher, g_get_monotonic_time() - began);
        hasher_leave(hasher);
        if (r < 0)
                return error_trace(r);
        if (r == 0 && ret_rehash)
                *ret_rehash = crypto_pwhash_str_needs_rehash(hash, parameters.passes, parameters.memory) != 0;
        return r;
}
