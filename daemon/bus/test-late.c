/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>

#include "daemon/bus/late.h"

#define FAR (G_TIME_SPAN_HOUR)

static GMutex lock;
static GString *order;

static void on_done(void *letter) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);

        g_string_append_c(order, (char) GPOINTER_TO_INT(letter));
}

static void add(Late *late, int64_t due, char letter) {
        assert(late_add(late, due, on_done, GINT_TO_POINTER(letter)));
}

static bool order_is(const char *expected) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);

        return g_str_equal(order->str, expected);
}

static void wait_for(const char *expected) {
        while (!order_is(expected))
                g_usleep(100);
}

/* A later one that is due earlier goes first, and none goes before its time. */
static void test_each_at_its_time(void) {
        Late *late = late_new();
        int64_t now = g_get_monotonic_time();

        order = g_string_new(NULL);
        add(late, now + FAR, 'c');
        add(late, now + 60000, 'b');
        add(late, now + 30000, 'a');
        wait_for("ab");
        assert(g_get_monotonic_time() >= now + 60000);
        late = late_free(late);
        assert(order_is("abc")); /* nobody waits for an hour */
        (void) g_string_free(order, TRUE);
}

static void test_stopped_holds_nothing_back(void) {
        Late *late = late_new();
        int64_t now = g_get_monotonic_time();

        order = g_string_new(NULL);
        add(late, now + FAR, 'a');
        late_stop(late);
        wait_for("a");
        assert(!late_add(late, now, on_done, GINT_TO_POINTER('b')));
        late = late_free(late);
        assert(order_is("a"));
        (void) g_string_free(order, TRUE);
}

int main(void) {
        test_each_at_its_time();
        test_stopped_holds_nothing_back();
        return 0;
}
