/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>

#include "daemon/core/limit.h"
#include "daemon/core/test-fake-clock.h"
#include "daemon/core/types.h"

#define ALICE 1000
#define BOB 1001

/* Guesses wrongly; false when the limit was reached. */
static bool fail(Limit *limit, uid_t uid, const char *rhost) {
        LimitCharge charge;

        if (!limit_charge(limit, uid, rhost, &charge))
                return false;
        limit_keep(limit, &charge);
        return true;
}

static bool succeed(Limit *limit, uid_t uid, const char *rhost) {
        LimitCharge charge;

        if (!limit_charge(limit, uid, rhost, &charge))
                return false;
        limit_refund(limit, &charge, /* success= */ true);
        return true;
}

static void fill(Limit *limit, uid_t uid, const char *rhost) {
        for (int i = 0; i < LIMIT_FAILURES; i++)
                assert(fail(limit, uid, rhost));
        assert(!fail(limit, uid, rhost));
}

static void test_ten_failures_in_the_window(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Limit *limit = limit_new(&clock.clock);

        for (int i = 0; i < LIMIT_FAILURES; i++) {
                assert(fail(limit, ALICE, NULL));
                fake_clock_forward(&clock, 60);
        }
        assert(!fail(limit, ALICE, NULL));
        assert(!succeed(limit, ALICE, NULL));
        fake_clock_forward(&clock, 299);
        assert(!fail(limit, ALICE, NULL));
        fake_clock_forward(&clock, 1); /* the first has left the window, the second not */
        assert(fail(limit, ALICE, NULL));
        assert(!fail(limit, ALICE, NULL));
        limit_free(limit);
}

static void test_the_console_is_not_closed_from_the_network(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Limit *limit = limit_new(&clock.clock);

        fill(limit, ALICE, "192.0.2.1");
        assert(!fail(limit, ALICE, "192.0.2.2")); /* another host, the same user */
        assert(succeed(limit, ALICE, NULL));
        assert(succeed(limit, BOB, "192.0.2.2"));
        limit_free(limit);
}

static void test_success_clears_the_user_and_never_the_host(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Limit *limit = limit_new(&clock.clock);

        for (int i = 0; i < LIMIT_FAILURES - 1; i++)
                assert(fail(limit, ALICE, "192.0.2.1"));
        assert(succeed(limit, ALICE, "192.0.2.1"));
        assert(fail(limit, ALICE, "192.0.2.1"));
        assert(!fail(limit, BOB, "192.0.2.1")); /* ten from this host by now */
        assert(!fail(limit, UID_UNSET, "192.0.2.1"));
        for (int i = 0; i < LIMIT_FAILURES - 1; i++)
                assert(fail(limit, ALICE, "192.0.2.9"));
        assert(!fail(limit, ALICE, "192.0.2.10"));
        limit_free(limit);
}

static void test_what_was_never_checked_is_given_back(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Limit *limit = limit_new(&clock.clock);
        LimitCharge charge;

        for (int i = 0; i < LIMIT_FAILURES - 1; i++)
                assert(fail(limit, ALICE, "192.0.2.1"));
        for (int i = 0; i < 3; i++) {
                assert(limit_charge(limit, ALICE, "192.0.2.1", &charge));
                limit_refund(limit, &charge, /* success= */ false);
        }
        assert(fail(limit, ALICE, "192.0.2.1"));
        assert(!fail(limit, ALICE, "192.0.2.1"));
        limit_free(limit);
}

static void test_unknown_names_charge_the_host_alone(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Limit *limit = limit_new(&clock.clock);

        for (int i = 0; i < 100; i++)
                assert(fail(limit, UID_UNSET, NULL));
        fill(limit, UID_UNSET, "192.0.2.1");
        assert(!succeed(limit, ALICE, "192.0.2.1"));
        assert(succeed(limit, ALICE, "192.0.2.2"));
        limit_free(limit);
}

/* Two spellings that must, or must not, share one limit. */
static void test_P17_hosts_count_as_addresses_and_are_never_resolved(void) {
        static const struct {
                const char *a, *b;
                bool same;
                const char *sentence;
        } rows[] = {
                { "192.0.2.1", "192.0.2.1", true, "an address is itself" },
                { "192.0.2.1", "192.0.2.2", false, "IPv4 counts by address" },
                { "::ffff:192.0.2.1", "192.0.2.1", true, "v4-mapped is IPv4" },
                { "::ffff:c000:201", "192.0.2.1", true, "in any spelling" },
                { "2001:db8::1", "2001:db8::ffff:1", true, "IPv6 counts by /64" },
                { "2001:db8:0:1::1", "2001:db8:0:2::1", false, "and no wider" },
                { "2001:DB8::1", "2001:db8:0:0:0:0:0:2", true, "spelling does not matter" },
                { "fe80::1%eth0", "fe80::1%wlan0", true, "a zone is no other host" },
                { "192.0.2.1%eth0", "192.0.2.1", false, "IPv4 has no zone" },
                { "UNKNOWN", "evil.example", true, "all that is no address is one" },
                { "localhost", "evil.example", true, "a name is not looked up" },
                { "localhost", "127.0.0.1", false, "a name is not looked up, the other way round" },
                { "", "UNKNOWN", true, "empty is no address" },
                { "192.0.2.1\n", "UNKNOWN", true, "control characters make no address" },
                { " 192.0.2.1", "UNKNOWN", true, "nor do blanks" },
                { "192.0.2.01", "UNKNOWN", true, "nor octal" },
                { "[2001:db8::1]", "UNKNOWN", true, "nor brackets" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                FakeClock clock = FAKE_CLOCK_INIT;
                Limit *limit = limit_new(&clock.clock);

                fill(limit, UID_UNSET, rows[i].a);
                if (fail(limit, UID_UNSET, rows[i].b) == rows[i].same)
                        g_error("\"%s\" and \"%s\": %s", rows[i].a, rows[i].b, rows[i].sentence);
                limit_free(limit);
        }
}

static void test_P17_a_name_of_a_mebibyte_is_one_more_name(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Limit *limit = limit_new(&clock.clock);
        g_autofree char *name = g_strnfill(1024 * 1024, '1');

        fill(limit, UID_UNSET, name);
        assert(!fail(limit, UID_UNSET, "UNKNOWN"));
        limit_free(limit);
}

/* Spraying addresses fills the table; it frees no user, and what is newest stays. */
static void test_T1_a_full_table_forgets_no_user(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Limit *limit = limit_new(&clock.clock);
        char host[64];

        fill(limit, ALICE, "192.0.2.1");
        fill(limit, UID_UNSET, "192.0.2.99");
        fake_clock_forward(&clock, 1);
        for (unsigned i = 0; i < 10000; i++) {
                (void) g_snprintf(host, sizeof(host), "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
                clock.running++;
                assert(fail(limit, UID_UNSET, host));
        }
        assert(!fail(limit, ALICE, "198.51.100.1"));
        assert(fail(limit, UID_UNSET, "192.0.2.99")); /* memory is bounded: the oldest host went */
        for (int i = 1; i < LIMIT_FAILURES; i++)
                assert(fail(limit, UID_UNSET, host));
        assert(!fail(limit, UID_UNSET, host));
        limit_free(limit);
}

typedef struct Crowd {
        Limit *limit;
        bool right;
        gint checked, refused, at_once, most_at_once;
} Crowd;

static void *member_run(void *data) {
        Crowd *crowd = data;
        LimitCharge charge;
        int n;

        if (!limit_charge(crowd->limit, ALICE, "192.0.2.1", &charge)) {
                g_atomic_int_inc(&crowd->refused);
                return NULL;
        }
        g_atomic_int_inc(&crowd->checked);
        n = g_atomic_int_add(&crowd->at_once, 1) + 1;
        for (int most; n > (most = g_atomic_int_get(&crowd->most_at_once));)
                (void) g_atomic_int_compare_and_exchange(&crowd->most_at_once, most, n);
        g_usleep(2000); /* what a hash takes */
        (void) g_atomic_int_add(&crowd->at_once, -1);
        if (crowd->right)
                limit_refund(crowd->limit, &charge, /* success= */ true);
        else
                limit_keep(crowd->limit, &charge);
        return NULL;
}

static void crowd_run(Crowd *crowd) {
        GThread *threads[100];

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("member", member_run, crowd);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                (void) g_thread_join(threads[i]);
}

static void test_T4_parallel_guesses_get_no_more_than_the_limit(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Crowd crowd = { .limit = limit_new(&clock.clock) };

        crowd_run(&crowd);
        g_assert_cmpint(crowd.checked, ==, LIMIT_FAILURES);
        g_assert_cmpint(crowd.refused, ==, 100 - LIMIT_FAILURES);
        limit_free(crowd.limit);
}

static void test_T4_parallel_right_answers_wait_and_pass(void) {
        FakeClock clock = FAKE_CLOCK_INIT;
        Crowd crowd = { .limit = limit_new(&clock.clock), .right = true };

        crowd_run(&crowd);
        g_assert_cmpint(crowd.checked, ==, 100);
        g_assert_cmpint(crowd.refused, ==, 0);
        g_assert_cmpint(crowd.most_at_once, <=, LIMIT_FAILURES);
        limit_free(crowd.limit);
}

int main(void) {
        test_ten_failures_in_the_window();
        test_the_console_is_not_closed_from_the_network();
        test_success_clears_the_user_and_never_the_host();
        test_what_was_never_checked_is_given_back();
        test_unknown_names_charge_the_host_alone();
        test_P17_hosts_count_as_addresses_and_are_never_resolved();
        test_P17_a_name_of_a_mebibyte_is_one_more_name();
        test_T1_a_full_table_forgets_no_user();
        test_T4_parallel_guesses_get_no_more_than_the_limit();
        test_T4_parallel_right_answers_wait_and_pass();
        return 0;
}
