/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/core/clock.h"

static struct timespec read_clock(clockid_t id) {
        struct timespec now = { 0 };

        /* Both clocks have been in every kernel we can run on; without a clock nothing expires. */
        if (clock_gettime(id, &now) < 0)
                abort();
        return now;
}

static int64_t system_wall(const Clock *clock) {
        return read_clock(CLOCK_REALTIME).tv_sec;
}

static int64_t system_running(const Clock *clock) {
        struct timespec now = read_clock(CLOCK_BOOTTIME);

        return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* libsodium ends the process when the kernel has no randomness to give. */
static void system_random(const Clock *clock, void *buffer, size_t size) {
        randombytes_buf(buffer, size);
}

const Clock clock_system = {
        .wall = system_wall,
        .running = system_running,
        .random = system_random,
};

void clock_new_session_id(const Clock *clock, char ret_id[33]) {
        unsigned char random[16];

        clock->random(clock, random, sizeof(random));
        (void) sodium_bin2hex(ret_id, 33, random, sizeof(random));
}
