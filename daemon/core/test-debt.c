/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <glib.h>

#include "daemon/core/debt.h"

#define S INT64_C(1000)
#define START (1000 * S)

static const DebtRate person = { .burst = 10, .pay_back = 90 * S, .cap = 3600 * S };
static const DebtRate stranger = { .burst = 10, .pay_back = 90 * S, .cap = 3600 * S, .closed_at = 100 };
static const DebtRate host = { .burst = 10, .pay_back = 90 * S, .cap = 90 * S };

/* Fails as soon as it may, @n times from *@now on; how many ms the last wait was. */
static int64_t fail_patiently(Debt *debt, const DebtRate *rate, unsigned n, int64_t *now) {
        int64_t wait = 0;

        for (unsigned i = 0; i < n; i++) {
                int64_t at = debt_retry_at(debt, rate, *now);

                wait = at > *now ? at - *now : 0;
                *now += wait;
                (void) debt_charge(debt, rate, *now);
        }
        return wait;
}

static void test_the_burst_is_free_of_waiting_and_the_next_one_is_not(void) {
        Debt debt = { 0 };
        int64_t now = START;

        g_assert_cmpint(fail_patiently(&debt, &person, 10, &now), ==, 0);
        assert(!debt_may_try(&debt, &person, now));
        g_assert_cmpint(debt_retry_at(&debt, &person, now) - now, ==, 90 * S);
        assert(!debt_may_try(&debt, &person, now + 90 * S - 1));
        assert(debt_may_try(&debt, &person, now + 90 * S));
}

static void test_each_failure_past_the_burst_costs_twice_as_much_up_to_the_cap(void) {
        static const int64_t waits[] = { 90, 180, 360, 720, 1440, 2880, 3600, 3600, 3600 };
        Debt debt = { 0 };
        int64_t now = START;

        (void) fail_patiently(&debt, &person, 10, &now);
        for (size_t i = 0; i < G_N_ELEMENTS(waits); i++)
                g_assert_cmpint(fail_patiently(&debt, &person, 1, &now), ==, waits[i] * S);
}

static void test_a_host_pays_the_same_for_each(void) {
        Debt debt = { 0 };
        int64_t now = START;

        (void) fail_patiently(&debt, &host, 10, &now);
        for (int i = 0; i < 50; i++)
                g_assert_cmpint(fail_patiently(&debt, &host, 1, &now), ==, 90 * S);
}

/* Whoever waits for all to be paid back gets no second burst: what was learnt is not forgotten. */
static void test_T3_patience_buys_no_burst(void) {
        Debt debt = { 0 };
        int64_t now = START;

        (void) fail_patiently(&debt, &person, 16, &now);
        now = debt.until + 30 * 86400 * S;
        assert(debt_may_try(&debt, &person, now));
        (void) debt_charge(&debt, &person, now);
        g_assert_cmpint(debt_retry_at(&debt, &person, now) - now, ==, (3600 - 810) * S);
}

static void test_T3_a_hundred_failures_close_it_for_ever(void) {
        Debt debt = { 0 };
        int64_t now = START;

        (void) fail_patiently(&debt, &stranger, 100, &now);
        g_assert_cmpint(debt_retry_at(&debt, &stranger, now), ==, DEBT_NEVER);
        assert(!debt_may_try(&debt, &stranger, now + 10 * 365 * 86400 * S));
        debt_reopen(&debt, &stranger);
        now = debt.until;
        assert(debt_may_try(&debt, &stranger, now));
        g_assert_cmpint(debt_charge(&debt, &stranger, now), ==, 3600 * S); /* open, and as dear as before */
        (void) fail_patiently(&debt, &stranger, 100, &now);
        assert(debt_retry_at(&debt, &stranger, now) == DEBT_NEVER);
}

static void test_reopening_changes_nothing_that_is_open(void) {
        Debt debt = { 0 }, before;
        int64_t now = START;

        (void) fail_patiently(&debt, &stranger, 12, &now);
        before = debt;
        debt_reopen(&debt, &stranger);
        assert(debt.until == before.until && debt.failures == before.failures);
}

static void test_what_was_charged_can_be_taken_back(void) {
        Debt debt = { 0 };
        int64_t costs[14], now = START;

        for (size_t i = 0; i < G_N_ELEMENTS(costs); i++)
                costs[i] = debt_charge(&debt, &person, now);
        for (size_t i = G_N_ELEMENTS(costs); i-- > 0;)
                debt_refund(&debt, costs[i]);
        g_assert_cmpint(debt.until, ==, now);
        g_assert_cmpint(debt.failures, ==, 0);
        debt_refund(&debt, INT64_MAX);
        assert(debt.until == 0 && debt.failures == 0);
}

/* Whatever numbers come together, nothing wraps round into a debt that is paid. */
static void test_T14_nothing_overflows(void) {
        static const int64_t numbers[] = { 1, 90000, INT64_MAX / 2, INT64_MAX - 1, INT64_MAX };
        static const unsigned counts[] = { 1, 10, UINT32_MAX - 1, UINT32_MAX };

        for (size_t a = 0; a < G_N_ELEMENTS(numbers); a++)
                for (size_t b = 0; b < G_N_ELEMENTS(numbers); b++)
                        for (size_t c = 0; c < G_N_ELEMENTS(counts); c++) {
                                DebtRate rate = { .burst = counts[c], .pay_back = numbers[a],
                                                  .cap = MAX(numbers[a], numbers[b]) };
                                Debt debt = { .until = numbers[b], .failures = UINT32_MAX - 1 };

                                for (int i = 0; i < 4; i++) {
                                        int64_t until = debt.until, cost = debt_charge(&debt, &rate, START);

                                        assert(cost >= 0 && debt.until >= until && debt.failures >= UINT32_MAX - 1);
                                        (void) debt_retry_at(&debt, &rate, START);
                                }
                        }
}

/* At no moment more than the burst can have been made without paying, whatever the order of events. */
static void test_T14_no_window_holds_more_than_the_rate_allows(void) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(1);

        for (int round = 0; round < 200; round++) {
                int64_t now = START, made[4096];
                unsigned n = 0;
                Debt debt = { 0 };

                for (int i = 0; i < 4096; i++) {
                        now += g_rand_int_range(rand, 0, 60) * S;
                        if (!debt_may_try(&debt, &host, now))
                                continue;
                        (void) debt_charge(&debt, &host, now);
                        made[n++] = now;
                }
                for (unsigned i = 0; i + 10 < n; i++)
                        for (unsigned j = i + 10; j < n; j++)
                                assert(made[j] - made[i] >= (int64_t) (j - i - 9) * 90 * S);
        }
}

int main(void) {
        test_the_burst_is_free_of_waiting_and_the_next_one_is_not();
        test_each_failure_past_the_burst_costs_twice_as_much_up_to_the_cap();
        test_a_host_pays_the_same_for_each();
        test_T3_patience_buys_no_burst();
        test_T3_a_hundred_failures_close_it_for_ever();
        test_reopening_changes_nothing_that_is_open();
        test_what_was_charged_can_be_taken_back();
        test_T14_nothing_overflows();
        test_T14_no_window_holds_more_than_the_rate_allows();
        return 0;
}
