/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>

#include "daemon/core/refusals.h"
#include "daemon/core/test-fake-clock.h"

#define ALICE 1000
#define BOB 1001

static unsigned count(Refusals *refusals, uid_t uid, unsigned tries, unsigned *ret_silent) {
        unsigned told = 0, silent;

        *ret_silent = 0;
        for (unsigned i = 0; i < tries; i++) {
                told += refusals_tell(refusals, uid, &silent);
                *ret_silent += silent;
        }
        return told;
}

static void test_a_flood_is_written_a_hundred_times_and_then_counted(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Refusals *refusals = refusals_new(&clock.clock);
        unsigned silent;

        g_assert_cmpuint(count(refusals, ALICE, 8437, &silent), ==, REFUSALS_BURST);
        g_assert_cmpuint(silent, ==, 0);
        g_assert_cmpuint(count(refusals, BOB, 3, &silent), ==, 3); /* one's flood silences nobody else */
        fake_clock_forward(&clock, REFUSALS_PAY_BACK_MS / 1000);
        g_assert_cmpuint(count(refusals, ALICE, 10, &silent), ==, 1);
        g_assert_cmpuint(silent, ==, 8437 - REFUSALS_BURST);
        refusals_free(refusals);
}

static void test_roots_are_all_written(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Refusals *refusals = refusals_new(&clock.clock);
        unsigned silent;

        g_assert_cmpuint(count(refusals, 0, 1000, &silent), ==, 1000);
        refusals_free(refusals);
}

static void test_uids_are_bounded(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Refusals *refusals = refusals_new(&clock.clock);
        unsigned silent, told = 0;

        for (uid_t uid = 1; uid <= 10000; uid++)
                told += refusals_tell(refusals, uid, &silent);
        g_assert_cmpuint(told, ==, 4096);
        fake_clock_forward(&clock, REFUSALS_PAY_BACK_MS / 1000);
        assert(refusals_tell(refusals, 10001, &silent)); /* paid back: there is room again */
        refusals_free(refusals);
}

int main(void) {
        test_a_flood_is_written_a_hundred_times_and_then_counted();
        test_roots_are_all_written();
        test_uids_are_bounded();
        return 0;
}
