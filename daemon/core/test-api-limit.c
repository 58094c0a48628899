/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>

#include "daemon/core/api-limit.h"
#include "daemon/core/test-world.h"

#define API_BURST 100
#define API_PAY_BACK 9
#define UIDS_MAX 65536 /* of api-limit.c */

/* 0, or the seconds to wait; what it may is charged, and stays so. */
static int64_t call(World *world, uid_t uid) {
        ApiCharge charge;
        int64_t wait = 0;
        int r;

        r = core_api_charge(world->core, uid, &charge, &wait);
        assert(r == 0 || r == CORE_E_THROTTLED);
        assert(r == 0 || wait > 0);
        return r == 0 ? 0 : wait;
}

static unsigned fill(World *world, uid_t uid) {
        unsigned n = 0;

        while (call(world, uid) == 0)
                g_assert_cmpuint(++n, <=, API_BURST);
        return n;
}

static void test_B10_a_hundred_calls_and_then_one_in_9_s(void) {
        g_autoptr(World) world = world_new();

        g_assert_cmpuint(fill(world, ALICE), ==, API_BURST);
        g_assert_cmpint(call(world, ALICE), ==, API_PAY_BACK);
        fake_clock_forward(&world->clock, API_PAY_BACK - 1);
        g_assert_cmpint(call(world, ALICE), ==, 1);
        fake_clock_forward(&world->clock, 1);
        g_assert_cmpint(call(world, ALICE), ==, 0);
        g_assert_cmpint(call(world, ALICE), ==, API_PAY_BACK); /* it does not double */
        fake_clock_forward(&world->clock, API_BURST * API_PAY_BACK);
        g_assert_cmpuint(fill(world, ALICE), ==, API_BURST);
}

static void test_B10_one_uid_keeps_no_other(void) {
        g_autoptr(World) world = world_new();

        (void) fill(world, ALICE);
        g_assert_cmpint(call(world, BOB), ==, 0);
        for (int i = 0; i < 3 * API_BURST; i++)
                g_assert_cmpint(call(world, 0), ==, 0);
}

static void test_T12_what_is_given_back_costs_nothing(void) {
        g_autoptr(World) world = world_new();
        ApiCharge charge;
        int64_t wait;

        for (int i = 0; i < 3 * API_BURST; i++) {
                g_assert_cmpint(core_api_charge(world->core, ALICE, &charge, &wait), ==, 0);
                core_api_refund(world->core, ALICE, &charge);
        }
        assert(!api_limit_reset(world->core->api_limit, ALICE)); /* nothing is kept of it */
        (void) fill(world, ALICE);
        g_assert_cmpint(core_api_charge(world->core, ALICE, &charge, &wait), ==, CORE_E_THROTTLED);
        core_api_refund(world->core, ALICE, &charge); /* of what was never charged nothing comes back */
        g_assert_cmpint(call(world, ALICE), >, 0);
        g_assert_cmpint(core_api_charge(world->core, BOB, &charge, &wait), ==, 0);
        assert(api_limit_reset(world->core->api_limit, BOB));
        core_api_refund(world->core, BOB, &charge); /* an administrator was faster */
        g_assert_cmpuint(fill(world, BOB), ==, API_BURST);
}

static void test_who_is_exempt(void) {
        g_autoptr(World) world = world_new();
        Settings *settings = world_settings(world);
        ApiCharge charge;
        int64_t wait;

        g_strfreev(settings->exempt_users);
        settings->exempt_users = g_strsplit("carol alice", " ", -1);
        world_use_settings(world, settings);
        for (int i = 0; i < 3 * API_BURST; i++)
                g_assert_cmpint(call(world, ALICE), ==, 0);
        g_assert_cmpuint(fill(world, BOB), ==, API_BURST);
        world->identities.error = -EIO; /* who that is cannot be said: an outage, and no yes */
        g_assert_cmpint(core_api_charge(world->core, ALICE, &charge, &wait), <, 0);
        g_assert_cmpint(charge.cost, ==, 0);
}

static void test_a_reset_is_of_one(void) {
        g_autoptr(World) world = world_new();

        (void) fill(world, ALICE);
        (void) fill(world, BOB);
        assert(api_limit_reset(world->core->api_limit, ALICE));
        assert(!api_limit_reset(world->core->api_limit, ALICE));
        g_assert_cmpint(call(world, ALICE), ==, 0);
        g_assert_cmpint(call(world, BOB), >, 0);
}

/* More uids than there are people: containers', say. Their memory is bounded, and newcomers wait. */
static void test_T1_a_full_table_opens_nothing(void) {
        g_autoptr(World) world = world_new();

        (void) fill(world, ALICE);
        for (uid_t uid = 100000; uid < 100000 + UIDS_MAX - 1; uid++)
                g_assert_cmpint(call(world, uid), ==, 0);
        g_assert_cmpint(call(world, BOB), ==, API_PAY_BACK);
        g_assert_cmpint(call(world, 0), ==, 0);
        g_assert_cmpint(call(world, 100000), ==, 0); /* who is in it has his own */
        fake_clock_forward(&world->clock, 2 * API_PAY_BACK);
        g_assert_cmpint(call(world, BOB), ==, 0);
        g_assert_cmpuint(fill(world, ALICE), ==, 2); /* and nobody's debt was dropped for it */
}

int main(void) {
        test_B10_a_hundred_calls_and_then_one_in_9_s();
        test_B10_one_uid_keeps_no_other();
        test_T12_what_is_given_back_costs_nothing();
        test_who_is_exempt();
        test_a_reset_is_of_one();
        test_T1_a_full_table_opens_nothing();
        return 0;
}
