/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Millions of names and addresses that somebody makes up, against the real ledger. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/core/test-fake-clock.h"
#include "daemon/core/throttle.h"

#define ALICE 1000
#define BOB 1001
#define HOME "192.0.2.1"
#define MEMORY_MAX (2U << 20)

static const ThrottleSettings defaults = THROTTLE_SETTINGS_DEFAULT;

static const ThrottleAttempt places[] = {
        { .uid = ALICE },
        { .uid = ALICE, .rhost = HOME, .known_host = true },
        { .uid = ALICE, .rhost = HOME, .client = "device 1" },
        { .uid = ALICE, .rhost = "198.51.100.7" },
};

/* This process's own, in bytes. */
static size_t memory(void) {
        g_autofree char *text = NULL;
        unsigned long all, resident, shared;

        assert(g_file_get_contents("/proc/self/statm", &text, NULL, NULL));
        g_assert_cmpint(sscanf(text, "%lu %lu %lu", &all, &resident, &shared), ==, 3);
        return (resident - shared) * (size_t) sysconf(_SC_PAGESIZE);
}

static bool try(Throttle *throttle, const ThrottleAttempt *attempt, bool right) {
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        if (throttle_charge(throttle, &defaults, attempt, &charge, &refusal) != 0)
                return false;
        (right ? throttle_succeeded : throttle_failed)(throttle, &charge);
        return true;
}

/* Kinds by turns: IPv4, IPv6 of one /48 and of many, and what is no address. */
static void make_up(GRand *random, unsigned i, char *ret, size_t size) {
        guint32 a = g_rand_int(random), b = g_rand_int(random);

        switch (i % 4) {
        case 0:
                (void) g_snprintf(ret, size, "%u.%u.%u.%u", 1 + (a >> 24) % 223, (a >> 16) & 255, (a >> 8) & 255, a & 255);
                return;
        case 1:
                (void) g_snprintf(ret, size, "2001:db8:1:%x::%x", a & 0xffff, b & 0xffff);
                return;
        case 2:
                (void) g_snprintf(ret, size, "2001:%x:%x:%x::1", a >> 16, a & 0xffff, b & 0xffff);
                return;
        default:
                (void) g_snprintf(ret, size, "h%x%x.example", a, b);
        }
}

static unsigned flood(Throttle *throttle, FakeClock *clock, unsigned count, guint32 seed) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        unsigned charged = 0;

        for (unsigned i = 0; i < count; i++) {
                char rhost[64];
                const ThrottleAttempt attempt = { .uid = UID_UNSET, .rhost = rhost };

                make_up(random, i, rhost, sizeof(rhost));
                charged += try(throttle, &attempt, /* right= */ false);
                if (i % 100000 == 99999)
                        fake_clock_forward(clock, 1);
        }
        return charged;
}

static void test_T1_made_up_names_and_hosts_cost_no_memory_and_no_debt(void) {
        unsigned count = getenv("TESSERA_SOAK") ? 5000000 : 250000;
        guint32 seed = getenv("TESSERA_SEED") ? (guint32) atoll(getenv("TESSERA_SEED")) : g_random_int();
        size_t before = memory(), after;
        FakeClock clock = FAKE_CLOCK_INIT;
        Throttle *throttle = throttle_new(&clock.clock, /* keep= */ NULL, NULL);
        g_autoptr(GPtrArray) owed = NULL;
        unsigned charged;

        for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
                for (int n = 0; n < 10; n++)
                        assert(try(throttle, &places[i], /* right= */ false));
        charged = flood(throttle, &clock, count, seed);
        after = memory();
        printf("seed %u: %u of %u charged, %zu KiB\n", seed, charged, count, (after - before) / 1024);
        g_assert_cmpuint(charged, >, 30000);
        g_assert_cmpuint(charged, <, 70000); /* the table has 65,536 places, and a newcomer opens none */
        g_assert_cmpuint(after - before, <=, MEMORY_MAX);
        for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
                assert(!try(throttle, &places[i], /* right= */ true));
        assert(throttle_list(throttle, &defaults, G_N_ELEMENTS(places), &owed) == 0);
        for (guint i = 0; i < owed->len; i++) {
                const ThrottleView *view = owed->pdata[i];

                g_assert_cmpuint(view->uid, ==, ALICE);
                g_assert_cmpuint(view->failures, ==, 10);
        }
        assert(try(throttle, &(ThrottleAttempt) { .uid = BOB }, /* right= */ true));
        assert(try(throttle, &(ThrottleAttempt) { .uid = BOB, .rhost = HOME, .known_host = true }, true));
        assert(try(throttle, &(ThrottleAttempt) { .uid = BOB, .rhost = HOME, .client = "device 2" }, true));
        throttle_free(throttle);
}

int main(void) {
        test_T1_made_up_names_and_hosts_cost_no_memory_and_no_debt();
        return 0;
}
