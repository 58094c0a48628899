/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What users owe, where the hosts of a fleet share it: three ledgers with one store, and clocks that do not agree. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>

#include "daemon/core/test-fake-clock.h"
#include "daemon/core/throttle-private.h"
#include "daemon/store/store-memory.h"

#define ALICE 1000
#define HOSTS 3
#define BURST 10

static const ThrottleSettings defaults = THROTTLE_SETTINGS_DEFAULT;
static const ThrottleAttempt at_console = { .uid = ALICE };
static const ThrottleAttempt from_afar = { .uid = ALICE, .rhost = "198.51.100.7" };

typedef struct Host {
        FakeClock clock;
        Store *store;
        int64_t offset; /* of its clock to the store's, ms */
        ThrottleShare share;
        Throttle *throttle;
        int broken; /* a negative errno: what the store says */
        bool stutters; /* it tells all twice */
        bool crowded;  /* somebody else always was there first */
        int swaps;
} Host;

typedef struct Fleet {
        Store *store;
        Host hosts[HOSTS];
} Fleet;

static int get(void *data, uid_t uid, const char *limit, const char *key, int64_t now, SharedDebt *ret) {
        Host *host = data;
        int r;

        if (host->broken < 0)
                return host->broken;
        r = store_shared_debt_get(host->store, uid, limit, key, now - host->offset, ret);
        g_usleep(100); /* as the way back takes: others come between */
        return r;
}

static int swap(void *data, SharedDebt *debt, int64_t now) {
        Host *host = data;

        host->swaps++;
        if (host->crowded)
                return STORE_E_STATE;
        return host->broken < 0 ? host->broken : store_shared_debt_swap(host->store, debt, now - host->offset);
}

static int list(void *data, uid_t uid, int64_t now, GPtrArray **ret) {
        Host *host = data;
        int r;

        if (host->broken < 0)
                return host->broken;
        r = store_shared_debt_list(host->store, uid, now - host->offset, ret);
        for (guint i = 0, n = r == 0 && host->stutters ? (*ret)->len : 0; i < n; i++)
                g_ptr_array_add(*ret, shared_debt_copy((*ret)->pdata[i]));
        return r;
}

static Fleet *fleet_new(void) {
        Fleet *fleet = g_new0(Fleet, 1);

        fleet->store = store_memory_new_shared();
        for (int i = 0; i < HOSTS; i++) {
                Host *host = &fleet->hosts[i];
                host->clock = (FakeClock) FAKE_CLOCK_INIT;
                host->offset = i * INT64_C(1000000); /* they were not started at the same time */
                host->clock.running += host->offset;
                host->clock.wall += i * 3600; /* and nobody has set them */
                host->store = fleet->store;
                host->share = (ThrottleShare) { get, swap, list, host };
                host->throttle = throttle_new_shared(&host->clock.clock, &host->share);
        }
        return fleet;
}

static void fleet_free(Fleet *fleet) {
        for (int i = 0; i < HOSTS; i++)
                throttle_free(fleet->hosts[i].throttle);
        store_free(fleet->store);
        g_free(fleet);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fleet, fleet_free)

static void fleet_forward(Fleet *fleet, int64_t seconds) {
        for (int i = 0; i < HOSTS; i++)
                fleet->hosts[i].clock.running += seconds * 1000;
}

static bool guess(Host *host, const ThrottleAttempt *attempt) {
        ThrottleRefusal refusal;
        ThrottleCharge charge;
        int r;

        r = throttle_charge(host->throttle, &defaults, attempt, &charge, &refusal);
        assert(r == 0 || r == THROTTLE_E_LIMITED);
        if (r == 0)
                throttle_failed(host->throttle, &charge);
        return r == 0;
}

static void succeed(Host *host, const ThrottleAttempt *attempt) {
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        assert(throttle_charge(host->throttle, &defaults, attempt, &charge, &refusal) == 0);
        throttle_succeeded(host->throttle, &charge);
}

/* So many guesses until all are refused, at one host after the other. */
static unsigned fill(Fleet *fleet, const ThrottleAttempt *attempt) {
        unsigned n = 0;

        for (int i = 0; i < HOSTS; i++)
                while (guess(&fleet->hosts[i], attempt) || guess(&fleet->hosts[(i + 1) % HOSTS], attempt))
                        n++;
        return n;
}

static void test_T3_guesses_spread_over_hosts_get_one_budget(void) {
        g_autoptr(Fleet) fleet = fleet_new();

        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
        fleet_forward(fleet, 89);
        g_assert_cmpuint(fill(fleet, &at_console), ==, 0);
        fleet_forward(fleet, 1);
        g_assert_cmpuint(fill(fleet, &at_console), ==, 1);
        fleet_forward(fleet, 179);
        g_assert_cmpuint(fill(fleet, &at_console), ==, 0);
        fleet_forward(fleet, 1);
        g_assert_cmpuint(fill(fleet, &at_console), ==, 1);
}

static void test_a_success_elsewhere_is_one_here(void) {
        g_autoptr(Fleet) fleet = fleet_new();

        for (int i = 0; i < BURST - 1; i++)
                assert(guess(&fleet->hosts[0], &at_console));
        succeed(&fleet->hosts[1], &at_console);
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
}

static void test_a_success_counts_though_somebody_came_between(void) {
        g_autoptr(Fleet) fleet = fleet_new();
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        assert(throttle_charge(fleet->hosts[0].throttle, &defaults, &at_console, &charge, &refusal) == 0);
        assert(guess(&fleet->hosts[1], &at_console));
        throttle_succeeded(fleet->hosts[0].throttle, &charge);
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
}

static void test_what_was_never_judged_is_given_back(void) {
        g_autoptr(Fleet) fleet = fleet_new();
        ThrottleCharge charges[BURST];
        ThrottleRefusal refusal;

        for (int i = 0; i < BURST; i++)
                assert(throttle_charge(fleet->hosts[0].throttle, &defaults, &at_console, &charges[i], &refusal) == 0);
        assert(!guess(&fleet->hosts[1], &at_console));
        for (int i = 0; i < BURST; i++)
                throttle_refund(fleet->hosts[0].throttle, &charges[i]);
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
}

static void test_closed_to_strangers_here_is_opened_by_a_login_there(void) {
        g_autoptr(Fleet) fleet = fleet_new();

        for (int i = 0; i < 100; i++) {
                assert(guess(&fleet->hosts[i % HOSTS], &from_afar));
                fleet_forward(fleet, 2 * 3600);
        }
        fleet_forward(fleet, 365 * 24 * 3600);
        for (int i = 0; i < HOSTS; i++)
                assert(!guess(&fleet->hosts[i], &from_afar));
        throttle_reopen(fleet->hosts[2].throttle, &defaults, ALICE);
        assert(guess(&fleet->hosts[1], &from_afar));
}

static void test_an_administrator_resets_the_fleet(void) {
        g_autoptr(Fleet) fleet = fleet_new();
        g_autoptr(GPtrArray) views = NULL, none = NULL;
        bool changed = false;

        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
        assert(throttle_list(fleet->hosts[2].throttle, &defaults, 99, &views) == 0);
        g_assert_cmpuint(views->len, ==, 1);
        g_assert_cmpuint(((const ThrottleView *) views->pdata[0])->failures, ==, BURST);
        assert(throttle_reset_user(fleet->hosts[2].throttle, ALICE, &changed) == 0 && changed);
        assert(throttle_reset_user(fleet->hosts[0].throttle, ALICE, &changed) == 0 && !changed);
        assert(throttle_list(fleet->hosts[0].throttle, &defaults, 99, &none) == 0);
        g_assert_cmpuint(none->len, ==, 0);
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
}

/* Whoever has taken Redis over: what he says may be wrong, and no more than that. */
static void test_a_debt_that_is_told_twice_is_one(void) {
        g_autoptr(Fleet) fleet = fleet_new();
        g_autoptr(GPtrArray) views = NULL;
        bool changed = false;

        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
        fleet->hosts[0].stutters = true;
        assert(throttle_list(fleet->hosts[0].throttle, &defaults, 99, &views) == 0);
        g_assert_cmpuint(views->len, ==, 1);
        assert(throttle_reset_user(fleet->hosts[0].throttle, ALICE, &changed) == 0 && changed);
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
}

static const ThrottleAttempt on_laptop = { .uid = ALICE, .client = "device 1" };

static void assert_owed(Host *host, const char *expected) {
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GPtrArray) views = NULL;

        assert(throttle_list(host->throttle, &defaults, 99, &views) == 0);
        for (guint i = 0; i < views->len; i++) {
                const ThrottleView *view = views->pdata[i];
                if (view->limit != THROTTLE_HOST)
                        g_string_append_printf(text, "%s %u;", throttle_limit_to_string(view->limit), view->failures);
        }
        g_assert_cmpstr(text->str, ==, expected);
}

/* What there are ever new ones of is forgotten; what strangers did is not, whoever sweeps. */
static void test_what_passes_is_forgotten_by_itself(void) {
        g_autoptr(Fleet) fleet = fleet_new();

        assert(guess(&fleet->hosts[0], &on_laptop));
        assert(guess(&fleet->hosts[0], &from_afar));
        fleet_forward(fleet, THROTTLE_KEEP);
        assert_owed(&fleet->hosts[1], "known-client 1;other-hosts 1;");
        fleet_forward(fleet, 3600);
        throttle_sweep(fleet->hosts[0].throttle);
        assert_owed(&fleet->hosts[0], "other-hosts 1;");
        assert_owed(&fleet->hosts[1], "other-hosts 1;");
}

/* What is seen last here says nothing; and it does not stay for ever. */
static void test_nothing_of_a_fleet_stays_in_memory(void) {
        g_autoptr(Fleet) fleet = fleet_new();

        assert(guess(&fleet->hosts[0], &at_console));
        succeed(&fleet->hosts[1], &at_console);
        fleet_forward(fleet, THROTTLE_KEEP + 3600);
        fleet->hosts[0].swaps = 0;
        g_assert_cmpuint(g_hash_table_size(fleet->hosts[0].throttle->lanes), ==, 1);
        throttle_sweep(fleet->hosts[0].throttle);
        g_assert_cmpuint(g_hash_table_size(fleet->hosts[0].throttle->lanes), ==, 0);
        g_assert_cmpint(fleet->hosts[0].swaps, ==, 0);
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
}

/* Who never gets his turn is told so, and is not charged. */
static void test_T4_where_too_many_are_at_one_users_door(void) {
        g_autoptr(Fleet) fleet = fleet_new();
        Host *host = &fleet->hosts[0];
        ThrottleRefusal refusal;
        ThrottleCharge charge;
        bool changed = false;

        assert(guess(host, &at_console));
        host->crowded = true;
        g_assert_cmpint(throttle_charge(host->throttle, &defaults, &at_console, &charge, &refusal), ==, -EBUSY);
        g_assert_cmpint(throttle_reset_user(host->throttle, ALICE, &changed), ==, -EBUSY);
        host->crowded = false;
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST - 1);
}

/* R12: nobody is looked at while nobody can say what he owes, and nobody is charged. */
static void test_R12_without_the_store_nothing_is_looked_at(void) {
        static const int errors[] = { -ETIMEDOUT, -ECONNREFUSED, -EAGAIN, -EBUSY, -EPROTO };
        g_autoptr(Fleet) fleet = fleet_new();
        Host *host = &fleet->hosts[0];
        ThrottleRefusal refusal;
        ThrottleCharge charge;
        bool changed = false;

        assert(guess(host, &at_console));
        for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
                GPtrArray *views = NULL;

                host->broken = errors[i];
                g_assert_cmpint(throttle_charge(host->throttle, &defaults, &at_console, &charge, &refusal), ==, errors[i]);
                g_assert_cmpint(throttle_list(host->throttle, &defaults, 9, &views), ==, errors[i]);
                g_assert_cmpint(throttle_reset_user(host->throttle, ALICE, &changed), ==, errors[i]);
                throttle_reopen(host->throttle, &defaults, ALICE);
                throttle_sweep(host->throttle);
        }
        host->broken = 0;
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST - 1);
}

/* It went away between the charge and the answer: what cannot be forgiven stays owed, and the ledger goes on. */
static void test_R12_a_store_that_goes_in_the_middle(void) {
        g_autoptr(Fleet) fleet = fleet_new();
        Host *host = &fleet->hosts[0];
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        assert(throttle_charge(host->throttle, &defaults, &at_console, &charge, &refusal) == 0);
        host->broken = -ETIMEDOUT;
        throttle_succeeded(host->throttle, &charge);
        host->broken = 0;
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST - 1);
}

typedef struct Crowd {
        Host *host;
        bool right;
        gint checked;
} Crowd;

static gpointer member(gpointer data) {
        Crowd *crowd = data;
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        if (throttle_charge(crowd->host->throttle, &defaults, &at_console, &charge, &refusal) != 0)
                return NULL;
        (void) g_atomic_int_add(&crowd->checked, 1);
        g_usleep(1000);
        if (crowd->right)
                throttle_succeeded(crowd->host->throttle, &charge);
        else
                throttle_failed(crowd->host->throttle, &charge);
        return NULL;
}

static void run(Crowd *crowds, unsigned n) {
        GThread *threads[HOSTS * 60];

        for (unsigned i = 0; i < n * 60; i++)
                threads[i] = g_thread_new("member", member, &crowds[i % n]);
        for (unsigned i = 0; i < n * 60; i++)
                (void) g_thread_join(threads[i]);
}

static void test_T4_guesses_at_all_hosts_at_once_get_one_budget(void) {
        g_autoptr(Fleet) fleet = fleet_new();
        Crowd crowds[HOSTS];
        int checked = 0;

        for (int i = 0; i < HOSTS; i++)
                crowds[i] = (Crowd) { .host = &fleet->hosts[i] };
        run(crowds, HOSTS);
        for (int i = 0; i < HOSTS; i++)
                checked += crowds[i].checked;
        g_assert_cmpint(checked, ==, BURST);
}

static void test_T4_right_answers_at_once_all_pass(void) {
        g_autoptr(Fleet) fleet = fleet_new();
        Crowd crowd = { .host = &fleet->hosts[1], .right = true };

        run(&crowd, 1);
        g_assert_cmpint(crowd.checked, ==, 60);
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
}

/* The server's clock was ahead when it was owed, and somebody has set it right. */
static void test_T8_nobody_owes_more_than_one_can(void) {
        g_autoptr(Fleet) fleet = fleet_new();
        SharedDebt debt = {
                .uid = ALICE, .limit = (char *) "local", .key = (char *) "",
                .left = INT64_C(365) * 24 * 3600 * 1000, .failures = 1,
        };

        assert(store_shared_debt_swap(fleet->store, &debt, fleet->hosts[0].clock.running) == 0);
        g_assert_cmpuint(fill(fleet, &at_console), ==, 0);
        fleet_forward(fleet, defaults.cap + defaults.burst * defaults.pay_back);
        g_assert_cmpuint(fill(fleet, &at_console), ==, BURST);
}

int main(void) {
        test_T3_guesses_spread_over_hosts_get_one_budget();
        test_a_success_elsewhere_is_one_here();
        test_a_success_counts_though_somebody_came_between();
        test_what_was_never_judged_is_given_back();
        test_closed_to_strangers_here_is_opened_by_a_login_there();
        test_an_administrator_resets_the_fleet();
        test_a_debt_that_is_told_twice_is_one();
        test_what_passes_is_forgotten_by_itself();
        test_nothing_of_a_fleet_stays_in_memory();
        test_T4_where_too_many_are_at_one_users_door();
        test_R12_without_the_store_nothing_is_looked_at();
        test_R12_a_store_that_goes_in_the_middle();
        test_T4_guesses_at_all_hosts_at_once_get_one_budget();
        test_T4_right_answers_at_once_all_pass();
        test_T8_nobody_owes_more_than_one_can();
        return 0;
}
