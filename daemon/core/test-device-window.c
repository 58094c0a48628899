/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/device-window.h"

#define NOW 1700000000
#define LATE DEVICE_LATE_S
#define FULL_WINDOW (DEVICE_WINDOW + 10)

typedef struct Step {
        uint32_t counter;
        int64_t after; /* seconds after NOW */
        DeviceUse expected;
} Step;

static void assert_steps(const char *name, const Step *steps, size_t n) {
        DeviceWindow window = {};

        for (size_t i = 0; i < n; i++) {
                printf("%s: %u at %" G_GINT64_FORMAT "\n", name, steps[i].counter, steps[i].after);
                g_assert_cmpint(device_window_use(&window, steps[i].counter, NOW + steps[i].after), ==,
                                steps[i].expected);
        }
        device_window_deinit(&window);
}

#define ASSERT_STEPS(...) \
        assert_steps(__func__, (const Step[]) { __VA_ARGS__ }, G_N_ELEMENTS(((const Step[]) { __VA_ARGS__ })))

#define NEXT(counter, after) { counter, after, DEVICE_USE_NEXT }
#define OUT_OF_GAP(counter, after) { counter, after, DEVICE_USE_LATE }
#define AGAIN(counter, after) { counter, after, DEVICE_USE_AGAIN }

/* Tables */

static void test_R4_in_order(void) {
        ASSERT_STEPS(AGAIN(0, 0), NEXT(1, 0), AGAIN(1, 0), NEXT(2, 0), AGAIN(1, 0), AGAIN(2, 0), NEXT(3, 9999999),
                     AGAIN(0, 0));
}

static void test_R4_out_of_order(void) {
        ASSERT_STEPS(NEXT(5, 0), OUT_OF_GAP(3, 1), AGAIN(3, 1), OUT_OF_GAP(1, 2), OUT_OF_GAP(4, 3), OUT_OF_GAP(2, 4),
                     AGAIN(1, 5), AGAIN(2, 5), AGAIN(4, 5), AGAIN(5, 5), NEXT(6, 5));
}

/* Skipped counts until LATE seconds have gone, whichever way the clock went; a split keeps the time. */
static void test_R4_skipped_too_long_ago(void) {
        ASSERT_STEPS(NEXT(10, 0), OUT_OF_GAP(4, LATE), AGAIN(5, LATE + 1));
        ASSERT_STEPS(NEXT(10, 0), OUT_OF_GAP(4, LATE - 1), OUT_OF_GAP(5, LATE), AGAIN(6, LATE + 1));
        ASSERT_STEPS(NEXT(10, 0), OUT_OF_GAP(4, -LATE), AGAIN(5, -LATE - 1));
        ASSERT_STEPS(NEXT(10, 0), NEXT(20, 100), AGAIN(5, LATE + 1), OUT_OF_GAP(15, LATE + 1));
}

/* What a use found closed does not open again when the clock is set back. */
static void test_R4_closed_stays_closed(void) {
        ASSERT_STEPS(NEXT(10, 0), NEXT(11, LATE + 1), AGAIN(5, 0));
}

static void test_R4_older_than_the_window(void) {
        ASSERT_STEPS(NEXT(FULL_WINDOW, 0), AGAIN(9, 0), OUT_OF_GAP(10, 0), OUT_OF_GAP(11, 0));
        ASSERT_STEPS(NEXT(FULL_WINDOW, 0), NEXT(FULL_WINDOW + 5, 0), AGAIN(14, 0), OUT_OF_GAP(15, 0));
        ASSERT_STEPS(NEXT(3, 0), NEXT(DEVICE_WINDOW + 1, 0), OUT_OF_GAP(1, 0), OUT_OF_GAP(2, 0));
        ASSERT_STEPS(NEXT(3, 0), NEXT(DEVICE_WINDOW + 2, 0), AGAIN(1, 0), OUT_OF_GAP(2, 0));
}

static void test_R4_far_ahead(void) {
        ASSERT_STEPS(NEXT(1, 0), NEXT(1000000, 0), OUT_OF_GAP(999999, 0), AGAIN(2, 0));
        ASSERT_STEPS(NEXT(1, 0), NEXT(UINT32_MAX - 1, 0), NEXT(UINT32_MAX, 0), AGAIN(UINT32_MAX, 0), AGAIN(0, 0),
                     OUT_OF_GAP(UINT32_MAX - 2, 0), OUT_OF_GAP(UINT32_MAX - DEVICE_WINDOW, 0),
                     AGAIN(UINT32_MAX - DEVICE_WINDOW - 1, 0));
}

static void test_times_at_the_edge(void) {
        DeviceWindow window = {};

        assert(device_window_use(&window, 10, INT64_MIN) == DEVICE_USE_NEXT);
        assert(device_window_use(&window, 5, INT64_MAX) == DEVICE_USE_AGAIN);
        assert(device_window_use(&window, 20, INT64_MAX) == DEVICE_USE_NEXT);
        assert(device_window_use(&window, 15, INT64_MAX) == DEVICE_USE_LATE);
        assert(device_window_use(&window, 16, INT64_MIN) == DEVICE_USE_AGAIN);
        device_window_deinit(&window);
}

/*
 * R2: a thief and the owner of one device. The owner never repeats a counter, so whoever of the two
 * comes second with one is found: at once where their counters meet, and where the thief jumped
 * ahead, at the owner's first login once what was passed over has closed.
 */
static void test_R2_thief_and_owner(void) {
        static const uint32_t jumps[] = { 1, 2, 3, 10, 100, 1000, 1023, 1024, 1025, 2000 };

        for (size_t i = 0; i < G_N_ELEMENTS(jumps); i++) {
                for (int64_t after = 0; after <= LATE + 1; after += LATE + 1) {
                        DeviceWindow window = {};
                        bool passed_over = jumps[i] > 1 && jumps[i] - 1 <= DEVICE_WINDOW && after <= LATE;

                        assert(device_window_use(&window, 50, NOW) == DEVICE_USE_NEXT);
                        assert(device_window_use(&window, 50 + jumps[i], NOW) == DEVICE_USE_NEXT); /* the thief */
                        g_assert_cmpint(device_window_use(&window, 51, NOW + after), ==,
                                        passed_over ? DEVICE_USE_LATE : DEVICE_USE_AGAIN);
                        device_window_deinit(&window);
                }
        }
}

/* Owner and thief in lock-step: one of the two is always second. */
static void test_R2_lock_step(void) {
        DeviceWindow window = {};

        for (uint32_t counter = 1; counter <= 100; counter++) {
                assert(device_window_use(&window, counter, NOW + counter) == DEVICE_USE_NEXT);
                assert(device_window_use(&window, counter, NOW + counter) == DEVICE_USE_AGAIN);
        }
        device_window_deinit(&window);
}

/* Any order */

#define IN_FLIGHT 64

/* Any of them, but none that the window has left behind meanwhile. */
static unsigned pick(GRand *random, const uint32_t flight[IN_FLIGHT], uint32_t highest) {
        unsigned oldest = 0;

        for (unsigned i = 1; i < IN_FLIGHT; i++)
                if (flight[i] < flight[oldest])
                        oldest = i;
        if (highest > flight[oldest] && highest - flight[oldest] > DEVICE_WINDOW - IN_FLIGHT)
                return oldest;
        return (unsigned) g_rand_int_range(random, 0, IN_FLIGHT);
}

/* 64 in flight at every moment, any of which arrives next, or never does: no alarm, and each counts once. */
static void test_R4_64_in_flight(GRand *random) {
        for (unsigned run = 0; run < 200; run++) {
                uint32_t flight[IN_FLIGHT], next = 1;
                DeviceWindow window = {};

                for (unsigned i = 0; i < IN_FLIGHT; i++)
                        flight[i] = next++;
                for (int64_t step = 0; step <= 12 * LATE; step++) {
                        unsigned i = pick(random, flight, window.highest);
                        int64_t now = NOW + step / 12; /* all of it within what a login may take */

                        if (g_rand_int_range(random, 0, 10) > 0) {
                                assert(device_window_use(&window, flight[i], now) != DEVICE_USE_AGAIN);
                                assert(device_window_use(&window, flight[i], now) == DEVICE_USE_AGAIN);
                        }
                        flight[i] = next++;
                }
                device_window_deinit(&window);
        }
}

/* Against a model that keeps every counter apart. */

typedef struct Skipped {
        bool used;
        int64_t since;
} Skipped;

typedef struct Model {
        GHashTable *counters; /* those at or below the highest: counter → Skipped * */
        uint32_t highest;
} Model;

static bool model_is_open(const Model *model, uint32_t counter, const Skipped *skipped, int64_t now) {
        return !skipped->used && llabs(now - skipped->since) <= LATE && model->highest - counter <= DEVICE_WINDOW;
}

static void model_close(Model *model, int64_t now) {
        GHashTableIter i;
        void *counter, *skipped;

        g_hash_table_iter_init(&i, model->counters);
        while (g_hash_table_iter_next(&i, &counter, &skipped))
                if (!model_is_open(model, GPOINTER_TO_UINT(counter), skipped, now))
                        ((Skipped *) skipped)->used = true;
}

static Skipped *model_add(Model *model, uint32_t counter, bool used, int64_t now) {
        Skipped *skipped = g_new(Skipped, 1);

        *skipped = (Skipped) { .used = used, .since = now };
        g_hash_table_insert(model->counters, GUINT_TO_POINTER(counter), skipped);
        return skipped;
}

static DeviceUse model_use(Model *model, uint32_t counter, int64_t now) {
        Skipped *skipped = g_hash_table_lookup(model->counters, GUINT_TO_POINTER(counter));
        DeviceUse use = DEVICE_USE_LATE;

        if (counter == 0)
                return DEVICE_USE_AGAIN;
        if (counter > model->highest) {
                while (++model->highest < counter)
                        model_add(model, model->highest, false, now);
                skipped = model_add(model, counter, false, now);
                use = DEVICE_USE_NEXT;
        }
        if (use == DEVICE_USE_LATE && !model_is_open(model, counter, skipped, now))
                return DEVICE_USE_AGAIN;
        skipped->used = true;
        model_close(model, now);
        return use;
}

static uint32_t random_counter(GRand *random, uint32_t highest) {
        uint32_t below = (uint32_t) g_rand_int_range(random, 0, g_rand_boolean(random) ? 8 : DEVICE_WINDOW + 50);

        switch (g_rand_int_range(random, 0, 10)) {
        case 0 ... 3:
                return highest + 1;
        case 4 ... 5:
                return highest + (uint32_t) g_rand_int_range(random, 2, 6);
        case 6:
                return highest + (uint32_t) g_rand_int_range(random, 2, g_rand_int_range(random, 0, 8) ? 70 : 1200);
        default:
                return highest > below ? highest - below : 0;
        }
}

static int64_t random_step(GRand *random) {
        switch (g_rand_int_range(random, 0, 12)) {
        case 0:
                return g_rand_int_range(random, -200, 200);
        case 1:
                return g_rand_int_range(random, -LATE - 1, LATE + 2);
        case 2 ... 5:
                return g_rand_int_range(random, 0, 20);
        default:
                return 0;
        }
}

/* What is kept is bounded and ordered, and its text is that window again. */
static void assert_sound(const DeviceWindow *window) {
        g_autofree char *text = device_window_gaps_to_string(window), *again = NULL;
        DeviceWindow read = {};

        if (window->gaps)
                g_assert_cmpuint(window->gaps->len, <=, DEVICE_WINDOW / 2);
        assert(device_window_gaps_from_string(text, window->highest, &read));
        again = device_window_gaps_to_string(&read);
        g_assert_cmpstr(text, ==, again);
        device_window_deinit(&read);
}

static void test_R4_model(GRand *random) {
        unsigned runs = getenv("TESSERA_SOAK") ? 1000 : 50;

        for (unsigned run = 0; run < runs; run++) {
                Model model = { .counters = g_hash_table_new_full(NULL, NULL, NULL, g_free) };
                DeviceWindow window = {};
                int64_t now = NOW;

                for (unsigned step = 0; step < 400; step++) {
                        uint32_t counter = random_counter(random, window.highest);
                        DeviceUse use = device_window_use(&window, counter, now);

                        g_assert_cmpint(use, ==, model_use(&model, counter, now));
                        g_assert_cmpuint(window.highest, ==, model.highest);
                        assert_sound(&window);
                        now += random_step(random);
                }
                device_window_deinit(&window);
                g_hash_table_unref(model.counters);
        }
}

/* Every second counter of a whole window: as many gaps as there can be. */
static void test_gaps_are_bounded(void) {
        DeviceWindow window = {}, copy = {};

        for (uint32_t counter = 2; counter < 10 * DEVICE_WINDOW; counter += 2)
                assert(device_window_use(&window, counter, NOW) == DEVICE_USE_NEXT);
        g_assert_cmpuint(window.gaps->len, ==, DEVICE_WINDOW / 2);
        assert_sound(&window);

        /* a copy is one's own */
        device_window_copy(&window, &copy);
        assert(device_window_use(&copy, copy.highest - 1, NOW) == DEVICE_USE_LATE);
        assert(device_window_use(&window, window.highest - 1, NOW) == DEVICE_USE_LATE);
        device_window_deinit(&copy);
        device_window_deinit(&window);
        g_assert_null(window.gaps);
}

/* Text */

static void test_text(void) {
        static const struct {
                const char *text;
                uint32_t highest;
        } good[] = {
                { "", 0 },
                { "", 7 },
                { "1-4@1700000000", 5 },
                { "1-1@0 3-3@-5 5-9@1700000000", 10 },
                { "4294966271-4294967294@9223372036854775807", UINT32_MAX },
                { "1-1023@-9223372036854775808", 1024 },
        }, bad[] = {
                { NULL, 5 },
                { " ", 5 },
                { "1-4", 5 },
                { "1-4@", 5 },
                { "1-4@x", 5 },
                { "1-4@1 ", 5 },
                { " 1-4@1", 5 },
                { "01-4@1", 5 },
                { "+1-4@1", 5 },
                { "1-4@+1", 5 },
                { "1-4@01", 5 },
                { "1-4@-0", 5 },
                { "1- 4@1", 5 },
                { "1--4@1", 5 },
                { "0-4@1", 5 },
                { "4-1@1", 5 },
                { "1-5@1", 5 },
                { "1-4@1", 0 },
                { "1-2@1  4-4@1", 5 },
                { "1-2@1 3-4@1", 5 },   /* nothing used between */
                { "1-2@1 2-4@1", 5 },
                { "4-4@1 1-2@1", 5 },
                { "1-1@1", 1026 },      /* older than the window */
                { "1-4294967296@1", 5 },
                { "1-4@9223372036854775808", 5 },
                { "1-4@1\n", 5 },
                { "1-4@1;3-3@1", 5 },
        };
        DeviceWindow window = {};

        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                g_autofree char *again = NULL;

                assert(device_window_gaps_from_string(good[i].text, good[i].highest, &window));
                g_assert_cmpuint(window.highest, ==, good[i].highest);
                again = device_window_gaps_to_string(&window);
                g_assert_cmpstr(again, ==, good[i].text);
                device_window_deinit(&window);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                printf("bad: \"%s\"\n", bad[i].text);
                assert(!device_window_gaps_from_string(bad[i].text, bad[i].highest, &window));
                g_assert_null(window.gaps);
        }
}

int main(int argc, char **argv) {
        const char *given = getenv("TESSERA_SEED");
        guint32 seed = given ? (guint32) g_ascii_strtoull(given, NULL, 10) : g_random_int();
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);

        setvbuf(stdout, NULL, _IOLBF, 0);
        printf("seed %u\n", seed);
        test_R4_in_order();
        test_R4_out_of_order();
        test_R4_skipped_too_long_ago();
        test_R4_closed_stays_closed();
        test_R4_older_than_the_window();
        test_R4_far_ahead();
        test_times_at_the_edge();
        test_R2_thief_and_owner();
        test_R2_lock_step();
        test_R4_64_in_flight(random);
        test_R4_model(random);
        test_gaps_are_bounded();
        test_text();
        return 0;
}
