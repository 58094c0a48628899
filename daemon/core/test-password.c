/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/wire.h"
#include "daemon/core/password.h"

#define MEMORY (8U << 20)
#define PASSES 2

static PasswordHasher *hasher;

static Secret *secret(const void *data, size_t size) {
        Secret *made = secret_new(size);

        assert(made);
        memcpy(made->data, data, size);
        return made;
}

static int verify(const char *hash, const void *data, size_t size) {
        _cleanup_secret_ Secret *password = secret(data, size);
        bool rehash = false;
        int r;

        r = password_verify(hasher, hash, password, &rehash);
        assert(!rehash);
        return r;
}

static char *hash_of(const char *text) {
        _cleanup_secret_ Secret *password = secret(text, strlen(text));
        char *hash = NULL;

        assert(password_hash(hasher, password, &hash) == 0);
        return hash;
}

static void test_a_password_matches_itself_and_nothing_else(void) {
        g_autofree char *hash = hash_of("correct horse"), *again = hash_of("correct horse");
        char junk[] = "\b\n\r\177INCORRECT";

        assert(g_str_has_prefix(hash, "$argon2id$v=19$m=8192,t=2,p=1$"));
        assert(strcmp(hash, again) != 0);
        assert(verify(hash, "correct horse", 13) == 0 && verify(again, "correct horse", 13) == 0);
        assert(verify(hash, "correct hors", 12) == PASSWORD_E_MISMATCH);
        assert(verify(hash, "correct horse ", 14) == PASSWORD_E_MISMATCH);
        assert(verify(hash, "correct horse\n", 14) == PASSWORD_E_MISMATCH);
        assert(verify(hash, "", 0) == PASSWORD_E_MISMATCH);
        assert(verify(hash, junk, strlen(junk)) == PASSWORD_E_MISMATCH); /* what sshd sends for unknown users */
        assert(verify(NULL, "correct horse", 13) == PASSWORD_E_MISMATCH);
        assert(verify(NULL, "", 0) == PASSWORD_E_MISMATCH);
}

static void test_a_nul_ends_no_password(void) {
        g_autofree char *hash = hash_of("correct horse");

        assert(verify(hash, "correct horse\0", 14) == PASSWORD_E_MISMATCH);
        assert(verify(hash, "correct horse\0battery", 21) == PASSWORD_E_MISMATCH);
        assert(verify(hash, "\0", 1) == PASSWORD_E_MISMATCH);
        /* Not even one that was hashed with it. */
        char with_nul[crypto_pwhash_STRBYTES];
        assert(crypto_pwhash_str(with_nul, "a\0b", 3, PASSES, MEMORY) == 0);
        assert(verify(with_nul, "a\0b", 3) == PASSWORD_E_MISMATCH);
}

static void test_what_may_become_a_password(void) {
        static const struct {
                const char *what, *text;
                size_t size;
                int r;
        } rows[] = {
                { "eight characters", "12345678", 8, 0 },
                { "seven", "1234567", 7, PASSWORD_E_SHORT },
                { "none", "", 0, PASSWORD_E_SHORT },
                { "seven characters of two bytes", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 14,
                  PASSWORD_E_SHORT },
                { "eight characters of two bytes", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 16, 0 },
                { "blanks", "        ", 8, 0 },
                { "a line break behind", "12345678\n", 9, PASSWORD_E_FORM },
                { "a carriage return inside", "1234\r5678", 9, PASSWORD_E_FORM },
                { "a NUL inside", "1234\0" "5678", 9, PASSWORD_E_FORM },
                { "a NUL behind", "12345678\0", 9, PASSWORD_E_FORM },
                { "bytes that are no UTF-8", "12345678\xff", 9, PASSWORD_E_FORM },
                { "a surrogate", "12345678\xed\xa0\x80", 11, PASSWORD_E_FORM },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                _cleanup_secret_ Secret *password = secret(rows[i].text, rows[i].size);
                g_autofree char *hash = NULL;
                int r = password_hash(hasher, password, &hash);
                if (r != rows[i].r)
                        fprintf(stderr, "%s: %d instead of %d\n", rows[i].what, r, rows[i].r);
                assert(r == rows[i].r && (r == 0) == (hash != NULL));
        }
}

static void test_the_longest_password(void) {
        g_autofree char *text = g_strnfill(WIRE_PASSWORD_MAX + 1, 'x'), *hash = NULL;
        _cleanup_secret_ Secret *longest = secret(text, WIRE_PASSWORD_MAX), *longer = secret(text, WIRE_PASSWORD_MAX + 1);
        char *none = NULL;

        assert(password_hash(hasher, longer, &none) == PASSWORD_E_LONG && !none);
        assert(password_hash(hasher, longest, &hash) == 0);
        assert(verify(hash, text, WIRE_PASSWORD_MAX) == 0);
        assert(verify(hash, text, WIRE_PASSWORD_MAX - 1) == PASSWORD_E_MISMATCH);
        assert(verify(hash, text, WIRE_PASSWORD_MAX + 1) == PASSWORD_E_MISMATCH);
}

static void test_changed_parameters_ask_for_a_new_hash(void) {
        g_autofree char *hash = hash_of("correct horse");
        _cleanup_secret_ Secret *right = secret("correct horse", 13), *wrong = secret("wrong horse", 11);
        bool rehash = true;

        assert(password_verify(hasher, hash, right, &rehash) == 0 && !rehash);
        password_hasher_configure(hasher, MEMORY, PASSES + 1, 8);
        assert(password_verify(hasher, hash, wrong, &rehash) == PASSWORD_E_MISMATCH && !rehash);
        assert(password_verify(hasher, hash, right, &rehash) == 0 && rehash);
        assert(password_verify(hasher, hash, right, NULL) == 0);
        password_hasher_configure(hasher, MEMORY * 2, PASSES, 20);
        rehash = false;
        assert(password_verify(hasher, hash, right, &rehash) == 0 && rehash);
        g_clear_pointer(&hash, g_free);
        assert(password_hash(hasher, right, &hash) == PASSWORD_E_SHORT); /* min-length counts at once */
        password_hasher_configure(hasher, MEMORY, PASSES, 8);
}

/* An outage is not a wrong password: nobody is charged for it. */
static void test_a_damaged_hash_is_no_mismatch(void) {
        static const char *const hashes[] = { "", "!", "*", "x", "$6$salt$hash", "$argon2id$", "$argon2id$v=19$m=8192",
                                              "$argon2i$v=19$m=8192,t=3,p=1$c2FsdHNhbHRzYWx0$aGFzaA" };

        for (size_t i = 0; i < G_N_ELEMENTS(hashes); i++) {
                if (verify(hashes[i], "correct horse", 13) >= 0)
                        fprintf(stderr, "hash \"%s\"\n", hashes[i]);
                assert(verify(hashes[i], "correct horse", 13) < 0);
        }
}

/* Who writes to a store that hosts share could keep all processors of each host busy for years by one guess. */
static void test_a_hash_that_costs_more_than_one_may(void) {
        static const char rest[] = ",p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        g_autofree char *most = g_strconcat("$argon2id$v=19$m=8,t=20", rest, NULL);
        g_autofree char *passes = g_strconcat("$argon2id$v=19$m=8,t=21", rest, NULL);
        g_autofree char *memory = g_strconcat("$argon2id$v=19$m=1048577,t=1", rest, NULL);

        assert(verify(most, "correct horse", 13) == PASSWORD_E_MISMATCH);
        assert(verify(passes, "correct horse", 13) == -EBADMSG);
        assert(verify(memory, "correct horse", 13) == -EBADMSG);
}

/* Of this thread's processor, in µs: what else the machine does hardly counts. The least of five. */
static long time_of(const char *hash, const void *data, size_t size) {
        long best = LONG_MAX;

        for (int i = 0; i < 5; i++) {
                struct timespec start, end;
                assert(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start) == 0);
                (void) verify(hash, data, size);
                assert(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end) == 0);
                best = MIN(best, (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000);
        }
        return best;
}

/* Within a factor of two; an answer without a hash would be a thousand times faster. */
static void test_every_answer_takes_as_long(void) {
        g_autofree char *hash = hash_of("correct horse"), *longest = g_strnfill(WIRE_SECRET_MAX, 'x');
        long base = time_of(hash, "correct horse", 13);
        const struct {
                const char *what;
                long time;
        } rows[] = {
                { "a wrong one", time_of(hash, "wrong horse", 11) },
                { "no such user", time_of(NULL, "correct horse", 13) },
                { "1 KiB", time_of(hash, longest, WIRE_PASSWORD_MAX) },
                { "1 KiB, no such user", time_of(NULL, longest, WIRE_PASSWORD_MAX) },
                { "8 KiB", time_of(hash, longest, WIRE_SECRET_MAX) },
                { "nothing", time_of(hash, "", 0) },
                { "a NUL", time_of(hash, "a\0b", 3) },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                if (rows[i].time < base / 2 || rows[i].time > base * 2)
                        fprintf(stderr, "%s: %ld us, a right one: %ld us\n", rows[i].what, rows[i].time, base);
                assert(rows[i].time >= base / 2 && rows[i].time <= base * 2);
        }
}

/* In KiB. */
static unsigned long resident(void) {
        g_autofree char *status = NULL;
        const char *line;

        assert(g_file_get_contents("/proc/self/status", &status, NULL, NULL));
        line = strstr(status, "VmRSS:");
        assert(line);
        return strtoul(line + strlen("VmRSS:"), NULL, 10);
}

static void test_the_memory_of_a_hash_goes_back(void) {
        unsigned long before, after;

        password_hasher_configure(hasher, 64U << 20, 1, 8);
        before = resident();
        assert(verify(NULL, "correct horse", 13) == PASSWORD_E_MISMATCH);
        after = resident();
        if (after > before + 1024)
                fprintf(stderr, "%lu KiB, then %lu KiB\n", before, after);
        assert(after <= before + 1024);
        password_hasher_configure(hasher, MEMORY, PASSES, 8);
}

static void test_parameters_that_cannot_be(void) {
        PasswordHasher *none = NULL;

        assert(password_hasher_new(4096, 2, 8, &none) == -EINVAL && !none);
        assert(password_hasher_new(MEMORY, 0, 8, &none) == -EINVAL && !none);
}

int main(void) {
        assert(password_hasher_new(MEMORY, PASSES, 8, &hasher) == 0);
        test_a_password_matches_itself_and_nothing_else();
        test_a_nul_ends_no_password();
        test_what_may_become_a_password();
        test_the_longest_password();
        test_changed_parameters_ask_for_a_new_hash();
        test_a_damaged_hash_is_no_mismatch();
        test_a_hash_that_costs_more_than_one_may();
        test_every_answer_takes_as_long();
        test_the_memory_of_a_hash_goes_back();
        test_parameters_that_cannot_be();
        hasher = password_hasher_free(hasher);
        return 0;
}
