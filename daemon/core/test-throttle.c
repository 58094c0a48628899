/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <string.h>

#include "daemon/core/test-fake-clock.h"
#include "daemon/core/throttle.h"

#define ALICE 1000
#define BOB 1001
#define HOME "192.0.2.1"
#define STRANGER "198.51.100.7"

static const ThrottleSettings defaults = THROTTLE_SETTINGS_DEFAULT;

typedef struct World {
        FakeClock clock;
        Throttle *throttle;
        GHashTable *kept; /* "UID LIMIT KEY" → UserDebt */
} World;

static void free_debt(gpointer debt) {
        (void) user_debt_free(debt);
}

static void keep_debt(const UserDebt *debt, void *data) {
        World *world = data;
        char *name = g_strdup_printf("%u %s %s", (unsigned) debt->uid, debt->limit, debt->key);

        if (debt->failures > 0) {
                (void) g_hash_table_replace(world->kept, name, user_debt_copy(debt));
                return;
        }
        (void) g_hash_table_remove(world->kept, name);
        g_free(name);
}

static World *world_new(void) {
        World *world = g_new0(World, 1);

        world->clock = (FakeClock) FAKE_CLOCK_INIT;
        world->kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_debt);
        world->throttle = throttle_new(&world->clock.clock, keep_debt, world);
        return world;
}

static void world_free(World *world) {
        throttle_free(world->throttle);
        g_hash_table_unref(world->kept);
        g_free(world);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

/* As after a crash and @seconds: what is in memory is gone, and the running clock has begun anew. */
static void world_restart(World *world, int64_t seconds) {
        g_autoptr(GPtrArray) debts = g_ptr_array_new();
        GHashTableIter iter;
        gpointer debt;

        throttle_free(world->throttle);
        world->clock.wall += seconds;
        world->clock.running = 5000;
        world->throttle = throttle_new(&world->clock.clock, keep_debt, world);
        g_hash_table_iter_init(&iter, world->kept);
        while (g_hash_table_iter_next(&iter, NULL, &debt))
                g_ptr_array_add(debts, debt);
        throttle_load(world->throttle, &defaults, debts);
}

static bool reset_user(World *world, uid_t uid) {
        bool changed = false;

        assert(throttle_reset_user(world->throttle, uid, &changed) == 0);
        return changed;
}

static const ThrottleAttempt at_console = { .uid = ALICE };
static const ThrottleAttempt at_home = { .uid = ALICE, .rhost = HOME, .known_host = true };
static const ThrottleAttempt on_laptop = { .uid = ALICE, .rhost = HOME, .known_host = true, .client = "device 1" };
static const ThrottleAttempt from_afar = { .uid = ALICE, .rhost = STRANGER };

static ThrottleAttempt from(uid_t uid, const char *rhost) {
        return (ThrottleAttempt) { .uid = uid, .rhost = rhost };
}

static bool fail(World *world, const ThrottleAttempt *attempt) {
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        if (throttle_charge(world->throttle, &defaults, attempt, &charge, &refusal) != 0)
                return false;
        throttle_failed(world->throttle, &charge);
        return true;
}

static bool succeed(World *world, const ThrottleAttempt *attempt) {
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        if (throttle_charge(world->throttle, &defaults, attempt, &charge, &refusal) != 0)
                return false;
        throttle_succeeded(world->throttle, &charge);
        return true;
}

/* How many failures get through at once. */
static unsigned fill(World *world, const ThrottleAttempt *attempt) {
        unsigned n = 0;

        while (fail(world, attempt))
                n++;
        return n;
}

static ThrottleRefusal refused(World *world, const ThrottleAttempt *attempt) {
        ThrottleRefusal refusal = { .wait = 0 };
        ThrottleCharge charge;

        assert(throttle_charge(world->throttle, &defaults, attempt, &charge, &refusal) == THROTTLE_E_LIMITED);
        return refusal;
}

static void test_ten_failures_and_then_one_in_90_s(void) {
        g_autoptr(World) world = world_new();

        g_assert_cmpuint(fill(world, &at_console), ==, 10);
        g_assert_cmpint(refused(world, &at_console).wait, ==, 90);
        assert(refused(world, &at_console).limit == THROTTLE_LOCAL);
        fake_clock_forward(&world->clock, 89);
        g_assert_cmpint(refused(world, &at_console).wait, ==, 1);
        fake_clock_forward(&world->clock, 1);
        g_assert_cmpuint(fill(world, &at_console), ==, 1);
}

/* Who is where, and whose failures make him wait: the sentence is the promise. */
static void test_T2_T15_strangers_never_make_a_user_wait(void) {
        static const struct {
                const char *sentence;
                const ThrottleAttempt *filled, *tried;
                bool passes;
        } rows[] = {
                { "strangers do not close the console", &from_afar, &at_console, true },
                { "strangers do not close a known host", &from_afar, &at_home, true },
                { "strangers do not close a device", &from_afar, &on_laptop, true },
                { "strangers close the door to strangers", &from_afar, &from_afar, false },
                { "a known host closes itself", &at_home, &at_home, false },
                { "a known host does not close a device that is there", &at_home, &on_laptop, true },
                { "a known host does not close the console", &at_home, &at_console, true },
                { "a known host does not close the door to strangers", &at_home, &from_afar, true },
                { "the console does not close a known host", &at_console, &at_home, true },
                { "a device closes itself", &on_laptop, &on_laptop, false },
                { "a device does not close the host where it is", &on_laptop, &at_home, true },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(World) world = world_new();

                g_assert_cmpuint(fill(world, rows[i].filled), ==, 10);
                if (succeed(world, rows[i].tried) != rows[i].passes)
                        g_error("%s", rows[i].sentence);
        }
}

static void test_T3_hosts_together_get_one_budget(void) {
        g_autoptr(World) world = world_new();
        unsigned n = 0;

        for (unsigned i = 0; i < 200; i++) {
                g_autofree char *rhost = g_strdup_printf("203.0.113.%u", i);
                ThrottleAttempt attempt = from(ALICE, rhost);
                n += fail(world, &attempt);
        }
        g_assert_cmpuint(n, ==, 10);
        n = 0;
        for (unsigned second = 0; second < 10 * 86400; second += 30) {
                g_autofree char *rhost = g_strdup_printf("10.0.%u.%u", second / 30 % 250, second / 7500 % 250);
                ThrottleAttempt attempt = from(ALICE, rhost);
                n += fail(world, &attempt);
                fake_clock_forward(&world->clock, 30);
        }
        g_assert_cmpuint(n + 10, ==, 100);
        g_assert_cmpint(refused(world, &from_afar).wait, ==, INT64_MAX);
        throttle_reopen(world->throttle, &defaults, BOB);
        assert(!succeed(world, &from_afar));
        throttle_reopen(world->throttle, &defaults, ALICE);
        assert(succeed(world, &from_afar));
}

static void test_T9_success_clears_its_own_key_and_never_a_host(void) {
        g_autoptr(World) world = world_new();
        ThrottleAttempt bob = from(BOB, STRANGER);

        for (int i = 0; i < 9; i++)
                assert(fail(world, &from_afar));
        assert(succeed(world, &bob)); /* the attacker has an account of his own */
        assert(fail(world, &from_afar));
        assert(!fail(world, &bob)); /* ten from there, whoever they were for */
        assert(refused(world, &bob).limit == THROTTLE_HOST);
        for (int i = 0; i < 9; i++)
                assert(fail(world, &at_home));
        assert(succeed(world, &at_home));
        g_assert_cmpuint(fill(world, &at_home), ==, 10);
}

static void test_unknown_names_charge_their_host_alone(void) {
        g_autoptr(World) world = world_new();
        ThrottleAttempt nobody = from(UID_UNSET, STRANGER), alice = from(ALICE, "203.0.113.1");

        g_assert_cmpuint(fill(world, &nobody), ==, 10);
        assert(refused(world, &from_afar).limit == THROTTLE_HOST);
        assert(succeed(world, &alice));
        g_assert_cmpuint(g_hash_table_size(world->kept), ==, 0);
        for (int i = 0; i < 100; i++)
                assert(fail(world, &(ThrottleAttempt) { .uid = UID_UNSET })); /* and no host: nothing */
}

static void test_T5_a_48_owes_sixteen_times_as_much(void) {
        g_autoptr(World) world = world_new();
        unsigned n = 0;

        for (unsigned i = 0; i < 1000; i++) {
                g_autofree char *rhost = g_strdup_printf("2001:db8:1:%x::1", i);
                ThrottleAttempt attempt = from(UID_UNSET, rhost);
                n += fail(world, &attempt);
        }
        g_assert_cmpuint(n, ==, 160);
        g_assert_cmpuint(fill(world, &(ThrottleAttempt) { .uid = UID_UNSET, .rhost = "2001:db8:2:1::1" }), ==, 10);
}

static void test_T12_what_was_never_judged_costs_nothing(void) {
        g_autoptr(World) world = world_new();
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        for (int i = 0; i < 50; i++) {
                assert(throttle_charge(world->throttle, &defaults, &from_afar, &charge, &refusal) == 0);
                throttle_refund(world->throttle, &charge);
        }
        g_assert_cmpuint(g_hash_table_size(world->kept), ==, 0);
        g_assert_cmpuint(fill(world, &from_afar), ==, 10);
}

/* Under way when the machine stops: that attempt has been charged, and is not given back. */
static void test_T13_an_attempt_that_crashes_the_daemon_has_been_charged(void) {
        g_autoptr(World) world = world_new();
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        for (int i = 0; i < 10; i++) {
                assert(throttle_charge(world->throttle, &defaults, &at_console, &charge, &refusal) == 0);
                world_restart(world, 1);
        }
        assert(!fail(world, &at_console));
}

static void test_T7_a_restart_forgets_nothing_of_users(void) {
        g_autoptr(World) world = world_new();

        (void) fill(world, &from_afar);
        (void) fill(world, &at_home);
        (void) fill(world, &on_laptop);
        world_restart(world, 10);
        g_assert_cmpint(refused(world, &from_afar).wait, ==, 80);
        g_assert_cmpint(refused(world, &at_home).wait, ==, 80);
        assert(refused(world, &on_laptop).limit == THROTTLE_CLIENT);
        assert(succeed(world, &at_console));
        world_restart(world, 100);
        g_assert_cmpuint(fill(world, &at_home), ==, 1);
}

/* However the wall clock was set meanwhile: no debt is longer than one can become, and none is gone before its time within one run. */
static void test_T8_set_clocks_neither_forgive_nor_punish(void) {
        g_autoptr(World) world = world_new();
        int64_t wait;

        (void) fill(world, &at_console);
        world->clock.wall += 10 * 365 * 86400;
        assert(!fail(world, &at_console)); /* it is the running clock that counts */
        world->clock.wall -= 20 * 365 * 86400;
        assert(!fail(world, &at_console));
        world_restart(world, 0);
        wait = refused(world, &at_console).wait;
        assert(wait > 0 && wait <= 3600 + 10 * 90);
}

/* A row that somebody or a disk has spoilt is a debt like any other: at most the longest, at least paid. */
static void test_T14_no_time_that_is_kept_is_too_far(void) {
        static const struct {
                int64_t until;
                bool passes;
        } rows[] = { { INT64_MIN, true }, { INT64_MIN + 1, true }, { 0, true }, { INT64_MAX, false } };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(World) world = world_new();
                g_autoptr(GPtrArray) debts = g_ptr_array_new();
                UserDebt row = { .uid = ALICE, .limit = (char *) "local", .key = (char *) "", .until = rows[i].until,
                                 .failures = UINT_MAX };

                g_ptr_array_add(debts, &row);
                throttle_load(world->throttle, &defaults, debts);
                if (!rows[i].passes)
                        g_assert_cmpint(refused(world, &at_console).wait, <=, 3600 + 10 * 90);
                g_assert_cmpint(fail(world, &at_console), ==, rows[i].passes);
        }
}

static void test_what_the_store_does_not_know_how_to_say_is_ignored(void) {
        g_autoptr(World) world = world_new();
        UserDebt strange[] = {
                { .uid = ALICE, .limit = (char *) "host", .key = (char *) "", .until = INT64_MAX, .failures = 99 },
                { .uid = ALICE, .limit = (char *) "wizard", .key = (char *) "", .until = INT64_MAX, .failures = 99 },
                { .uid = ALICE, .limit = (char *) "local", .key = (char *) "", .until = INT64_MAX, .failures = 0 },
        };
        g_autoptr(GPtrArray) debts = g_ptr_array_new();

        for (size_t i = 0; i < G_N_ELEMENTS(strange); i++)
                g_ptr_array_add(debts, &strange[i]);
        throttle_load(world->throttle, &defaults, debts);
        g_assert_cmpuint(fill(world, &at_console), ==, 10);
}

/* Of a host that joins a fleet: as long as in its own store, and no longer than one can owe. */
static void test_T7_what_is_kept_is_shared_for_as_long(void) {
        static const struct {
                const char *limit;
                int64_t until;
                unsigned failures;
                int64_t left, keep; /* left: -1: nothing is shared */
        } rows[] = {
                { "known-client", 1000 + 90, 3, 90000, THROTTLE_KEEP * INT64_C(1000) },
                { "known-host", 1000 + 90, 3, 90000, THROTTLE_KEEP * INT64_C(1000) },
                { "known-host", 1000 - THROTTLE_KEEP, 3, -1, 0 },
                { "local", 1000 + 90, 3, 90000, 0 },
                { "local", INT64_MAX, 3, (3600 + 10 * 90) * 1000, 0 },
                { "other-hosts", INT64_MIN, 99, -THROTTLE_KEEP * INT64_C(1000), 0 },
                { "host", 1000 + 90, 3, -1, 0 },
                { "local", 1000 + 90, 0, -1, 0 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                UserDebt debt = { .uid = ALICE, .limit = (char *) rows[i].limit, .key = (char *) "k", .until = rows[i].until,
                                  .failures = rows[i].failures };
                SharedDebt shared = { .left = -1 };

                g_assert_cmpint(throttle_share_kept(&defaults, &debt, 1000, &shared), ==, rows[i].left != -1);
                g_assert_cmpint(shared.left, ==, rows[i].left);
                g_assert_cmpint(shared.keep, ==, rows[i].keep);
                g_assert_cmpuint(shared.failures, ==, rows[i].left != -1 ? rows[i].failures : 0);
        }
}

static void test_reset(void) {
        g_autoptr(World) world = world_new();

        (void) fill(world, &from_afar);
        (void) fill(world, &at_home);
        assert(!reset_user(world, BOB));
        assert(reset_user(world, ALICE));
        assert(!reset_user(world, ALICE));
        g_assert_cmpuint(g_hash_table_size(world->kept), ==, 0);
        assert(succeed(world, &at_home));
        assert(succeed(world, &from_afar)); /* and the host that he failed from */
}

static void test_reset_of_a_host(void) {
        g_autoptr(World) world = world_new();
        ThrottleAttempt nobody = from(UID_UNSET, STRANGER);
        Network stranger = network_of("::ffff:" STRANGER), other = network_of("203.0.113.1");

        for (int i = 0; i < 10; i++)
                assert(fail(world, &nobody));
        assert(!succeed(world, &nobody));
        assert(!throttle_reset_host(world->throttle, &other));
        assert(throttle_reset_host(world->throttle, &stranger));
        assert(!throttle_reset_host(world->throttle, &stranger));
        assert(succeed(world, &nobody));
}

/* Clients come and go; strangers who have guessed are not forgiven by waiting. */
static void test_sweep(void) {
        const int64_t month = 30 * 24 * 3600;
        g_autoptr(World) world = world_new();

        assert(fail(world, &on_laptop) && fail(world, &at_home) && fail(world, &at_console) && fail(world, &from_afar));
        fake_clock_forward(&world->clock, month);
        throttle_sweep(world->throttle);
        g_assert_cmpuint(g_hash_table_size(world->kept), ==, 4); /* paid back 90 s after */
        world_restart(world, 100); /* the time since is not forgotten either */
        throttle_sweep(world->throttle);
        g_assert_cmpuint(g_hash_table_size(world->kept), ==, 2);
        assert(g_hash_table_contains(world->kept, "1000 local ") && g_hash_table_contains(world->kept, "1000 other-hosts "));
}

static void test_list(void) {
        g_autoptr(World) world = world_new();
        g_autoptr(GPtrArray) views = NULL, few = NULL;
        const ThrottleView *view;

        (void) fill(world, &from_afar);
        assert(fail(world, &on_laptop));
        assert(throttle_list(world->throttle, &defaults, 100, &views) == 0);
        g_assert_cmpuint(views->len, ==, 3);
        view = views->pdata[0];
        assert(view->limit == THROTTLE_CLIENT && view->uid == ALICE && view->failures == 1 && view->retry_at == 0);
        g_assert_cmpstr(view->key, ==, "device 1");
        view = views->pdata[1];
        assert(view->limit == THROTTLE_OTHER_HOSTS && view->failures == 10 && !view->key);
        g_assert_cmpint(view->retry_at, ==, world->clock.wall + 90);
        view = views->pdata[2];
        assert(view->limit == THROTTLE_HOST && view->uid == UID_UNSET && view->failures == 10);
        g_assert_cmpstr(view->key, ==, STRANGER);
        assert(throttle_list(world->throttle, &defaults, 1, &few) == 0);
        g_assert_cmpuint(few->len, ==, 1);
}

/* Spraying addresses and names fills the table: what users owe stays, and a newcomer counts as limited. */
static void test_T1_a_full_table_forgets_nothing_and_opens_nothing(void) {
        g_autoptr(World) world = world_new();
        ThrottleAttempt alice = from(ALICE, "203.0.113.77");
        unsigned charged = 0;

        (void) fill(world, &at_home);
        g_assert_cmpuint(fill(world, &from_afar), ==, 10);
        for (unsigned i = 0; i < 250000; i++) {
                char rhost[16];
                ThrottleAttempt attempt = { .uid = UID_UNSET, .rhost = rhost };

                (void) g_snprintf(rhost, sizeof(rhost), "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
                charged += fail(world, &attempt);
        }
        g_assert_cmpuint(charged, >, 60000);
        g_assert_cmpuint(charged, <=, 65536);
        assert(!fail(world, &at_home));
        assert(refused(world, &from_afar).limit == THROTTLE_OTHER_HOSTS);
        assert(reset_user(world, ALICE));
        assert(succeed(world, &from_afar)); /* in the place of its own that was reset with him */
        assert(!succeed(world, &alice));
        assert(succeed(world, &at_home));
        fake_clock_forward(&world->clock, 90); /* paid back: there is room again */
        assert(succeed(world, &alice));
}

typedef struct Crowd {
        World *world;
        const ThrottleAttempt *attempt;
        bool right;
        gint checked, refused, at_once, most_at_once;
} Crowd;

static void *member_run(void *data) {
        ThrottleRefusal refusal;
        ThrottleCharge charge;
        Crowd *crowd = data;
        int n;

        if (throttle_charge(crowd->world->throttle, &defaults, crowd->attempt, &charge, &refusal) != 0) {
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
                throttle_succeeded(crowd->world->throttle, &charge);
        else
                throttle_failed(crowd->world->throttle, &charge);
        return NULL;
}

static void crowd_run(Crowd *crowd) {
        GThread *threads[200];

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("member", member_run, crowd);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                (void) g_thread_join(threads[i]);
}

static void keep_nothing(const UserDebt *debt, void *data) {
}

static void test_T4_parallel_guesses_get_no_more_than_the_burst(void) {
        g_autoptr(World) world = world_new();
        Crowd crowd = { .world = world, .attempt = &from_afar };

        throttle_free(world->throttle);
        world->throttle = throttle_new(&world->clock.clock, keep_nothing, NULL);
        crowd_run(&crowd);
        g_assert_cmpint(crowd.checked, ==, 10);
        g_assert_cmpint(crowd.refused, ==, 190);
}

/* No more of them at once than of guesses, which nobody can tell from them yet; and the hashes' queue stays short. */
static void test_T4_parallel_right_answers_wait_and_pass(void) {
        static const ThrottleAttempt *const places[] = { &from_afar, &at_home, &at_console, &on_laptop };

        for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
                g_autoptr(World) world = world_new();
                Crowd crowd = { .world = world, .attempt = places[i], .right = true };

                throttle_free(world->throttle);
                world->throttle = throttle_new(&world->clock.clock, keep_nothing, NULL);
                crowd_run(&crowd);
                g_assert_cmpint(crowd.checked, ==, 200);
                g_assert_cmpint(crowd.most_at_once, <=, 10);
        }
}

typedef struct Slow {
        gint calls;
        unsigned failures; /* as kept last */
} Slow;

/* The first one, the charge, is held up on its way. */
static void keep_slowly(const UserDebt *debt, void *data) {
        Slow *slow = data;

        if (g_atomic_int_add(&slow->calls, 1) == 0)
                g_usleep(100 * 1000);
        slow->failures = debt->failures;
}

static void *guess_once(void *throttle) {
        ThrottleRefusal refusal;
        ThrottleCharge charge;

        assert(throttle_charge(throttle, &defaults, &at_console, &charge, &refusal) == 0);
        throttle_failed(throttle, &charge);
        return NULL;
}

static unsigned owed_at_console(World *world) {
        g_autoptr(GPtrArray) views = NULL;

        assert(throttle_list(world->throttle, &defaults, 1, &views) == 0);
        return views->len > 0 ? ((const ThrottleView *) views->pdata[0])->failures : 0;
}

/* A debt that was forgotten, and is told to the store before it was made, would come back with the next start. */
static void test_T7_what_is_kept_last_is_what_is_owed(void) {
        g_autoptr(World) world = world_new();
        Slow slow = { .calls = 0 };
        GThread *guess;

        throttle_free(world->throttle);
        world->throttle = throttle_new(&world->clock.clock, keep_slowly, &slow);
        guess = g_thread_new("guess", guess_once, world->throttle);
        while (g_atomic_int_get(&slow.calls) < 1)
                g_usleep(1000);
        assert(reset_user(world, ALICE));
        (void) g_thread_join(guess);
        g_assert_cmpuint(slow.failures, ==, owed_at_console(world)); /* 1 where it was still being judged, else 0 */
        (void) reset_user(world, ALICE);
        g_assert_cmpuint(slow.failures, ==, 0);
}

/* A right answer forgets what came before it, not a wrong one that was being judged beside it. */
static void test_T4_a_success_does_not_forgive_a_guess_under_way(void) {
        g_autoptr(World) world = world_new();
        ThrottleCharge guess[10], right;
        ThrottleRefusal refusal;

        for (int i = 0; i < 9; i++)
                assert(throttle_charge(world->throttle, &defaults, &at_home, &guess[i], &refusal) == 0);
        assert(throttle_charge(world->throttle, &defaults, &at_home, &right, &refusal) == 0);
        throttle_succeeded(world->throttle, &right);
        for (int i = 0; i < 9; i++)
                throttle_failed(world->throttle, &guess[i]);
        g_assert_cmpuint(fill(world, &at_home), ==, 1);
}

int main(void) {
        test_ten_failures_and_then_one_in_90_s();
        test_T2_T15_strangers_never_make_a_user_wait();
        test_T3_hosts_together_get_one_budget();
        test_T9_success_clears_its_own_key_and_never_a_host();
        test_unknown_names_charge_their_host_alone();
        test_T5_a_48_owes_sixteen_times_as_much();
        test_T12_what_was_never_judged_costs_nothing();
        test_T13_an_attempt_that_crashes_the_daemon_has_been_charged();
        test_T7_a_restart_forgets_nothing_of_users();
        test_T8_set_clocks_neither_forgive_nor_punish();
        test_T14_no_time_that_is_kept_is_too_far();
        test_T7_what_is_kept_is_shared_for_as_long();
        test_what_the_store_does_not_know_how_to_say_is_ignored();
        test_reset();
        test_reset_of_a_host();
        test_sweep();
        test_list();
        test_T1_a_full_table_forgets_nothing_and_opens_nothing();
        test_T4_parallel_guesses_get_no_more_than_the_burst();
        test_T4_parallel_right_answers_wait_and_pass();
        test_T4_a_success_does_not_forgive_a_guess_under_way();
        test_T7_what_is_kept_last_is_what_is_owed();
        return 0;
}
