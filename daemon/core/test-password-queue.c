/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The gate in front of Argon2id, with hashes that end when the test says so: this program brings
 * its own crypto_pwhash_str_alg(), which the linker prefers to libsodium's.
 */

#undef NDEBUG
#include <assert.h>
#include <glib.h>
#include <sodium.h>
#include <string.h>

#include "daemon/core/password.h"

static struct {
        GMutex lock;
        GCond turn;
        unsigned inside, most, may_end;
} gate;

__attribute__((visibility("default"))) int crypto_pwhash_str_alg(char out[crypto_pwhash_STRBYTES], const char *passwd,
                                                                 unsigned long long passwdlen,
                                                                 unsigned long long opslimit, size_t memlimit, int alg) {
        g_mutex_lock(&gate.lock);
        gate.inside++;
        gate.most = MAX(gate.most, gate.inside);
        g_cond_broadcast(&gate.turn);
        while (gate.may_end == 0)
                g_cond_wait(&gate.turn, &gate.lock);
        gate.may_end--;
        gate.inside--;
        g_mutex_unlock(&gate.lock);
        strcpy(out, "$argon2id$");
        return 0;
}

static gpointer run(gpointer data) {
        _cleanup_secret_ Secret *password = secret_new(8);

        memset(password->data, 'x', 8);
        return GINT_TO_POINTER(password_verify(data, /* hash= */ NULL, password, /* ret_rehash= */ NULL));
}

static void wait_until_inside(unsigned number) {
        g_mutex_lock(&gate.lock);
        while (gate.inside < number)
                g_cond_wait(&gate.turn, &gate.lock);
        g_mutex_unlock(&gate.lock);
}

static void let_end(unsigned number) {
        g_mutex_lock(&gate.lock);
        gate.may_end += number;
        g_cond_broadcast(&gate.turn);
        g_mutex_unlock(&gate.lock);
}

static void test_one_hash_per_processor_and_64_that_wait(void) {
        unsigned slots = g_get_num_processors(), room = slots + PASSWORD_QUEUE_MAX, extra = 40, busy = 0;
        g_autofree GThread **threads = g_new(GThread *, room + extra);
        PasswordHasher *hasher = NULL;

        assert(password_hasher_new(1 << 20, 1, 8, &hasher) == 0);
        for (unsigned i = 0; i < room + extra; i++)
                threads[i] = g_thread_new("login", run, hasher);
        wait_until_inside(slots);
        /* No hash has ended; so exactly the extra ones come back, whichever they are. */
        g_usleep(200000);
        g_mutex_lock(&gate.lock);
        g_assert_cmpuint(gate.inside, ==, slots);
        g_mutex_unlock(&gate.lock);
        let_end(room);
        for (unsigned i = 0; i < room + extra; i++)
                busy += GPOINTER_TO_INT(g_thread_join(threads[i])) == PASSWORD_E_BUSY;
        g_assert_cmpuint(busy, ==, extra);
        g_assert_cmpuint(gate.most, ==, slots);
        g_assert_cmpuint(gate.may_end, ==, 0);
        /* And the queue is as good as new. */
        let_end(1);
        assert(GPOINTER_TO_INT(run(hasher)) == PASSWORD_E_MISMATCH);
        hasher = password_hasher_free(hasher);
}

/* The times that answers are held back for, of @count who were not checked, that are longer than @limit (µs). */
static unsigned count_longer(PasswordHasher *hasher, unsigned count, int64_t limit) {
        _cleanup_secret_ Secret *password = secret_new(8);
        unsigned longer = 0;
        int64_t delay;

        memset(password->data, 'x', 8);
        for (unsigned i = 0; i < count; i++) {
                g_assert_cmpint(password_take_time(hasher, password, &delay), ==, 0);
                longer += delay > limit;
        }
        return longer;
}

/* @count checks that begin together and end after @hold µs. */
static void check_at_once(PasswordHasher *hasher, unsigned count, int64_t hold, void (*meanwhile)(PasswordHasher *)) {
        g_autofree GThread **threads = g_new(GThread *, count);

        for (unsigned i = 0; i < count; i++)
                threads[i] = g_thread_new("login", run, hasher);
        g_usleep((unsigned long) hold);
        if (meanwhile)
                meanwhile(hasher);
        let_end(count);
        for (unsigned i = 0; i < count; i++)
                g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(threads[i])), ==, PASSWORD_E_MISMATCH);
}

static void expect_busy(PasswordHasher *hasher) {
        _cleanup_secret_ Secret *password = secret_new(8);
        int64_t delay;

        memset(password->data, 'x', 8);
        g_assert_cmpint(password_take_time(hasher, password, &delay), ==, PASSWORD_E_BUSY);
}

static void expect_to_wait(PasswordHasher *hasher) {
        g_assert_cmpuint(count_longer(hasher, 100, 50000), >, 90);
}

/* Who is not checked must not be told from who is, by a queue that was there earlier, or that is there now. */
static void test_T10_the_queue_of_now_counts_and_no_earlier_one(void) {
        unsigned slots = g_get_num_processors(), room = slots + PASSWORD_QUEUE_MAX;
        PasswordHasher *hasher = NULL;

        assert(password_hasher_new(1 << 20, 1, 8, &hasher) == 0);
        let_end(64);
        for (unsigned i = 0; i < 64; i++)
                (void) run(hasher);
        g_assert_cmpuint(count_longer(hasher, 100, 100000), <, 100);
        check_at_once(hasher, room, 400000, expect_busy);
        g_assert_cmpuint(count_longer(hasher, 100, 300000), <, 100);
        for (unsigned done = 0; done < 64; done += slots)
                check_at_once(hasher, slots, 20000, NULL);
        check_at_once(hasher, 3 * slots, 100000, expect_to_wait);
        hasher = password_hasher_free(hasher);
}

/* After a reload a check takes another time, and one that takes the old one is a throttled answer. */
static void test_T10_other_parameters_take_another_time(void) {
        _cleanup_secret_ Secret *password = secret_new(8);
        PasswordHasher *hasher = NULL;
        int64_t delay;

        memset(password->data, 'x', 8);
        assert(password_hasher_new(1 << 20, 1, 8, &hasher) == 0);
        let_end(64);
        for (unsigned i = 0; i < 64; i++)
                (void) run(hasher);
        password_hasher_configure(hasher, 1 << 20, 1, 12);
        assert(password_take_time(hasher, password, &delay) == 0);
        password_hasher_configure(hasher, 1 << 21, 1, 12);
        let_end(1);
        assert(password_take_time(hasher, password, &delay) == 0);
        g_assert_cmpint(delay, ==, 0);
        g_assert_cmpuint(gate.may_end, ==, 0); /* it was a check */
        hasher = password_hasher_free(hasher);
}

int main(void) {
        test_one_hash_per_processor_and_64_that_wait();
        test_T10_the_queue_of_now_counts_and_no_earlier_one();
        test_T10_other_parameters_take_another_time();
        return 0;
}
