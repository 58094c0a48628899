/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Time and randomness come in from outside, so that tests can hold both. */

#include <stddef.h>
#include <stdint.h>

typedef struct Clock Clock;

struct Clock {
        int64_t (*wall)(const Clock *clock);    /* Unix seconds */
        int64_t (*running)(const Clock *clock); /* CLOCK_BOOTTIME in milliseconds: never set back, counts sleep */
        void (*random)(const Clock *clock, void *buffer, size_t size); /* unpredictable; never fails */
};

/* The machine's: clock_gettime and libsodium. */
extern const Clock clock_system;

static inline int64_t clock_wall(const Clock *clock) {
        return clock->wall(clock);
}

static inline int64_t clock_running(const Clock *clock) {
        return clock->running(clock);
}

/* A fresh session id: 128 random bits as 32 hex digits. */
void clock_new_session_id(const Clock *clock, char ret_id[33]);
