/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Does the time that a refusal takes tell how much of a MAC was right? As dudect does it (Reparaz,
 * Balasch, Verbauwhede, 2017): two classes of input in random order, and Welch's t-test over their
 * times. |t| stays below 4.5 where the classes cannot be told apart.
 *
 * The classes are MACs that differ from the right one in the first byte, and in the last.
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
#define ATTEMPTS 4

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

/* Welch's t of the fastest @kept samples. */
static double welch(const Sample *samples, size_t kept) {
        double n[2] = { 0 }, mean[2] = { 0 }, sum[2] = { 0 };

        for (size_t i = 0; i < kept; i++) {
                int class = samples[i].class;
                double delta = samples[i].time - mean[class];

                n[class]++;
                mean[class] += delta / n[class];
                sum[class] += delta * (samples[i].time - mean[class]);
        }
        if (n[0] < 2 || n[1] < 2)
                return INFINITY;
        return (mean[0] - mean[1]) / sqrt(sum[0] / (n[0] - 1) / n[0] + sum[1] / (n[1] - 1) / n[1] + 1e-9);
}

static double largest(double a, double b) {
        return fmax(fabs(a), fabs(b));
}

static double measure(const char *const texts[2], size_t count, Act act, void *data) {
        Sample *samples = g_new(Sample, count);
        char text[WIRE_ACCESS_TOKEN_MAX];
        size_t size = strlen(texts[0]);
        double t;

        for (size_t i = 0; i < count; i++) {
                int class = (int) randombytes_uniform(2);
                double begin;

                memcpy(text, texts[class], size); /* one place for both: caches know no difference */
                begin = nanoseconds();
                act(text, size, data);
                samples[i] = (Sample) { nanoseconds() - begin, class };
        }
        qsort(samples, count, sizeof(*samples), compare_samples);
        /* Interruptions are no part of the question, and the quickest runs are the most alike. */
        t = largest(welch(samples, count / 10 * 9), largest(welch(samples, count / 2), welch(samples, count / 10)));
        g_free(samples);
        return t;
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

/* A busy machine makes one measurement out of many look bad; what leaks looks bad each time. */
static void test_J15_a_wrong_mac_takes_one_time(KeyRing *keys, size_t count) {
        char *token = forge_good_token(keys);
        g_autofree char *early = with_other_mac(token, 0), *late = with_other_mac(token, 31);
        const char *const texts[] = { early, late };
        double t = INFINITY;

        for (int i = 0; i < ATTEMPTS && !(fabs(t) < LIMIT); i++)
                t = measure(texts, count, verify, keys);
        fprintf(stderr, "verify: |t| = %.2f over %zu\n", fabs(t), count);
        assert(fabs(t) < LIMIT);
        token_free(token);
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
        double t = 0;

        early[0] = late[42] = 'B';
        for (int i = 0; i < ATTEMPTS && !(fabs(t) > LIMIT); i++)
                t = measure(texts, count, compare_and_stop, right);
        fprintf(stderr, "a comparison that stops: |t| = %.2f over %zu\n", fabs(t), count);
        assert(fabs(t) > LIMIT);
}

int main(void) {
        size_t count = getenv("TESSERA_SOAK") ? 1000000 : 50000;
        g_autoptr(KeyRing) keys = forge_key_ring();

        test_J15_the_measurement_finds_a_leak(count);
        test_J15_a_wrong_mac_takes_one_time(keys, count);
        return 0;
}
