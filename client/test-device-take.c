/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Which counter is taken, and when one has to wait. */

#undef NDEBUG
#include <glib.h>

#include "client/device-take.h"

#define NOW 1700000000

static bool alive(const DeviceOwner *owner) {
        return true;
}

static bool gone(const DeviceOwner *owner) {
        return false;
}

static DeviceOwner owner(int64_t pid) {
        return (DeviceOwner) { .pid = pid, .start = 1 };
}

static int take(DeviceFile *file, int64_t pid, int64_t now) {
        DeviceOwner it = owner(pid);

        return device_take_next(file, &it, now, alive);
}

static void test_one_after_the_other(void) {
        DeviceFile file = { 0 };

        for (uint32_t i = 1; i <= 10; i++) {
                g_assert_cmpint(take(&file, i, NOW), ==, 0);
                g_assert_cmpuint(file.counter, ==, i);
        }
}

static void test_once_for_a_process(void) {
        DeviceOwner again = { .pid = 1, .start = 2 }; /* the same pid, years later */
        DeviceFile file = { 0 };

        g_assert_cmpint(take(&file, 1, NOW), ==, 0);
        g_assert_cmpint(take(&file, 1, NOW + 1), ==, DEVICE_E_ANSWERED);
        g_assert_cmpuint(file.counter, ==, 1);
        g_assert_cmpint(device_take_next(&file, &again, NOW, alive), ==, 0);
}

static void test_R4_64_at_a_time(void) {
        DeviceOwner late = owner(1000);
        DeviceFile file = { 0 };

        for (int i = 1; i <= DEVICE_IN_FLIGHT_MAX; i++)
                g_assert_cmpint(take(&file, i, NOW), ==, 0);
        g_assert_cmpint(take(&file, 65, NOW), ==, DEVICE_E_BUSY);
        g_assert_cmpint(take(&file, 65, NOW + DEVICE_IN_FLIGHT_TIME - 1), ==, DEVICE_E_BUSY);
        g_assert_cmpuint(file.counter, ==, 64);
        g_assert_cmpint(take(&file, 65, NOW + DEVICE_IN_FLIGHT_TIME), ==, 0);
        g_assert_cmpuint(file.n_in_flight, ==, 1);
        /* Those whose process is gone do not count either, ... */
        for (int i = 100; i < 100 + DEVICE_IN_FLIGHT_MAX - 1; i++)
                g_assert_cmpint(take(&file, i, NOW + DEVICE_IN_FLIGHT_TIME), ==, 0);
        g_assert_cmpint(device_take_next(&file, &late, NOW + DEVICE_IN_FLIGHT_TIME, gone), ==, 0);
        /* ... and a clock that was set back holds nobody up. */
        g_assert_cmpint(take(&file, 2000, NOW - 100000), ==, 0);
        g_assert_cmpuint(file.n_in_flight, ==, 1);
}

static bool first_alive(const DeviceOwner *it) {
        return it->pid == 1;
}

/* A slow login never falls out of the window of 1,024 however many fast ones pass it. */
static void test_R4_slow_login_stays_in_the_window(void) {
        DeviceFile file = { 0 };
        int64_t pid = 1;

        g_assert_cmpint(take(&file, pid, NOW), ==, 0);
        for (int r = 0; r == 0;) {
                DeviceOwner fast = owner(++pid);
                r = device_take_next(&file, &fast, NOW, first_alive);
                g_assert_true(r == 0 || r == DEVICE_E_BUSY);
        }
        g_assert_cmpuint(file.counter, ==, 1 + DEVICE_SPREAD_MAX);
        g_assert_cmpuint(file.counter + DEVICE_IN_FLIGHT_MAX - 1, <=, 1024);
}

static void test_the_last_counter(void) {
        DeviceFile file = { .counter = UINT32_MAX - 1 };

        g_assert_cmpint(take(&file, 1, NOW), ==, 0);
        g_assert_cmpuint(file.counter, ==, UINT32_MAX);
        g_assert_cmpint(take(&file, 2, NOW), ==, DEVICE_E_EXHAUSTED);
}

int main(void) {
        test_one_after_the_other();
        test_once_for_a_process();
        test_R4_64_at_a_time();
        test_R4_slow_login_stays_in_the_window();
        test_the_last_counter();
        return 0;
}
