/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A clock that stands still until a test moves it, with countable "randomness". */

#include <glib.h>
#include <string.h>

#include "daemon/core/clock.h"

typedef struct FakeClock {
        Clock clock;
        gint64 wall, running;
        gint counter;
} FakeClock;

static inline int64_t fake_clock_wall(const Clock *clock) {
        return ((const FakeClock *) clock)->wall;
}

static inline int64_t fake_clock_running(const Clock *clock) {
        return ((const FakeClock *) clock)->running;
}

static inline void fake_clock_random(const Clock *clock, void *buffer, size_t size) {
        FakeClock *fake = (FakeClock *) clock;
        unsigned n = (unsigned) g_atomic_int_add(&fake->counter, 1) + 1;

        memset(buffer, 0, size);
        for (size_t i = 0; i < size; i++) {
                ((unsigned char *) buffer)[i] = (unsigned char) (n * 167 + i * 59);
                if (i < sizeof(n))
                        ((unsigned char *) buffer)[i] ^= (unsigned char) (n >> (8 * i));
        }
}

#define FAKE_CLOCK_INIT                                                                              \
        {                                                                                            \
                .clock = { fake_clock_wall, fake_clock_running, fake_clock_random }, .wall = 1700000000, \
                .running = 1000000                                                                   \
        }

static inline void fake_clock_forward(FakeClock *fake, int64_t seconds) {
        fake->wall += seconds;
        fake->running += seconds * 1000;
}
