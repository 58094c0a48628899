/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Does the time that a refusal takes tell how much of a MAC was right? As dudect does it (Reparaz,
 * Balasch, Verbauwhede, 2017): two classes of input in random order, and a t-test over their times.
 * |t| stays below 4.5 where the classes cannot be told apart.
 *
 * The classes are MACs that differ from the right one in the first byte, and in the last. They differ
 * in their characters as well, which the gate's branches may take differently: that tells of the text
 * that was sent, and nothing of the right one. So the test is over many keys. For each there are
 * other characters, and what they do has no direction; a comparison that stops has one.
 */

#undef NDEBUG
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/core/test-forge.h"
#include "daemon/core/token.h"

#define LIMIT 4.5
#define ATTEMPTS 3
#define KEYS 200
#define LINE 64 /* of a cache */
#define TEXT_SIZE 512

G_STATIC_ASSERT(TEXT_SIZE >= WIRE_ACCESS_TOKEN_MAX + 1);

/* What is measured: the text of a token of one class or the other. */
typedef void (*Act)(const char *text, size_t size, void *data);

typedef struct Sample {
        double time;
        int class;
} Sample;

static double nanoseconds(void) {
        struct timespec now;

        assert(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
        return (double) now.tv_sec * 1e9 + (double) now.tv_nsec;
}

static int compare_samples(const void *a, const void *b) {
        double first = ((const Sample *) a)->time, second = ((const Sample *) b)->time;

        return (first > second) - (first < second);
}

/* By how much the second class is slower (ns), over the faster half of each: interruptions are no part of the question. */
static double difference(Sample *samples, size_t count) {
        size_t total[2] = { 0 }, n[2] = { 0 };
        double sum[2] = { 0 };

        qsort(samples, count, sizeof(*samples), compare_samples);
        for (size_t i = 0; i < count; i++)
                total[samples[i].class]++;
        for (size_t i = 0; i < count; i++) {
                int class = samples[i].class;

                if (n[class] < total[class] / 2) {
                        n[class]++;
                        sum[class] += samples[i].time;
                }
        }
        assert(n[0] > 0 && n[1] > 0);
        return sum[1] / (double) n[1] - sum[0] / (double) n[0];
}

static double measure(const char *const texts[2], size_t count, Act act, void *data) {
        __attribute__((__aligned__(LINE))) char classes[2][TEXT_SIZE], text[TEXT_SIZE];
        g_autofree Sample *samples = g_new(Sample, count);
        size_t size = strlen(texts[0]);

        assert(size <= TEXT_SIZE && strlen(texts[1]) == size);
        memcpy(classes[0], texts[0], size);
        memcpy(classes[1], texts[1], size);
        for (size_t i = 0; i < count; i++) {
                int class = (int) randombytes_uniform(2);
                double begin;

                /* One place for both, from places that lie alike, and all of it there before the time begins. */
                memcpy(text, classes[class], size);
                __atomic_thread_fence(__ATOMIC_SEQ_CST);
                begin = nanoseconds();
                act(text, size, data);
                samples[i] = (Sample) { nanoseconds() - begin, class };
        }
        return difference(samples, count);
}

/* Student's t of @values against 0. */
static double student(const double values[KEYS]) {
        double mean = 0, sum = 0;

        for (int i = 0; i < KEYS; i++)
                mean += values[i] / KEYS;
        for (int i = 0; i < KEYS; i++)
                sum += (values[i] - mean) * (values[i] - mean);
        return mean / sqrt(sum / (KEYS - 1) / KEYS + 1e-9);
}

static void verify(const char *text, size_t size, void *data) {
        g_autoptr(TokenClaims) claims = NULL;

        assert(token_verify(data, "web1", "web1", 1000, text, size, &claims) == TOKEN_INVALID);
}

/* The MAC of @token with @mask over the byte @at. */
static char *with_other_mac(const char *token, size_t at) {
        const char *end = strrchr(token, '.') + 1;
        g_autofree char *head = g_strndup(token, (size_t) (end - token)), *text = NULL;
        unsigned char mac[32];

        assert(sodium_base642bin(mac, sizeof(mac), end, strlen(end), NULL, NULL, NULL,
                                 sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0);
        mac[at] ^= 0x55;
        text = forge_base64url(mac, sizeof(mac));
        return g_strconcat(head, text, NULL);
}

static double measure_verify(size_t count) {
        g_autoptr(KeyRing) keys = forge_key_ring();
        char *token = forge_good_token(keys);
        g_autofree char *early = with_other_mac(token, 0), *late = with_other_mac(token, 31);
        const char *const texts[] = { early, late };
        double slower = measure(texts, count, verify, keys);

        token_free(token);
        return slower;
}

static void test_J15_a_wrong_mac_takes_one_time(size_t count) {
        double t = INFINITY;

        for (int attempt = 0; attempt < ATTEMPTS && !(fabs(t) < LIMIT); attempt++) {
                double values[KEYS];

                for (int i = 0; i < KEYS; i++)
                        values[i] = measure_verify(count / KEYS);
                t = student(values);
        }
        fprintf(stderr, "verify: |t| = %.2f over %zu\n", fabs(t), count);
        assert(fabs(t) < LIMIT);
}

/* What strcmp() did in libjwt before CVE-2024-25189. */
static void compare_and_stop(const char *text, size_t size, void *data) {
        const char *wanted = data;
        volatile size_t i = 0;

        while (i < size && text[i] == wanted[i])
                i = i + 1;
        assert(i < size);
}

/* The measurement itself: it finds a comparison that stops at the first difference. */
static void test_J15_the_measurement_finds_a_leak(size_t count) {
        g_autofree char *right = g_strnfill(43, 'A'), *early = g_strdup(right), *late = g_strdup(right);
        const char *const texts[] = { early, late };
        double values[KEYS], t;

        early[0] = late[42] = 'B';
        for (int i = 0; i < KEYS; i++)
                values[i] = measure(texts, count / KEYS, compare_and_stop, right);
        t = student(values);
        fprintf(stderr, "a comparison that stops: |t| = %.2f over %zu\n", fabs(t), count);
        assert(fabs(t) > LIMIT);
}

int main(void) {
        size_t count = getenv("TESSERA_SOAK") ? 1000000 : 200000;

        test_J15_the_measurement_finds_a_leak(count);
        test_J15_a_wrong_mac_takes_one_time(count);
        return 0;
}
