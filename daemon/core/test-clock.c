/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <string.h>
#include <time.h>

#include "daemon/core/clock.h"

static void fixed_random(const Clock *clock, void *buffer, size_t size) {
        for (size_t i = 0; i < size; i++)
                ((unsigned char *) buffer)[i] = (unsigned char) (0xf0 + i);
}

static void test_ids_are_all_of_the_randomness(void) {
        static const Clock clock = { .random = fixed_random };
        char id[33], other[33];

        clock_new_session_id(&clock, id);
        assert(strcmp(id, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff") == 0);
        clock_new_session_id(&clock_system, id);
        clock_new_session_id(&clock_system, other);
        assert(strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32 && strcmp(id, other) != 0);
}

static void test_the_system_s_clocks(void) {
        int64_t wall = clock_wall(&clock_system), running = clock_running(&clock_system);
        const struct timespec pause = { .tv_nsec = 20000000 };

        assert(wall >= (int64_t) time(NULL) - 1 && wall <= (int64_t) time(NULL) + 1);
        assert(nanosleep(&pause, NULL) == 0);
        assert(clock_running(&clock_system) >= running + 20);
}

int main(void) {
        test_ids_are_all_of_the_randomness();
        test_the_system_s_clocks();
        return 0;
}
