/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * When to try again what failed: after a while that doubles up to a bound, and that is cut or drawn
 * out by up to a half at random, so that a fleet does not come back all at once.
 */

#include <stdint.h>

#define BACKOFF_FIRST (100 * 1000)    /* microseconds */
#define BACKOFF_LONGEST (2000 * 1000) /* without what is drawn out */

typedef struct Backoff {
        unsigned failures; /* since something worked; 0: nothing to wait for */
        int64_t again;     /* monotonic microseconds */
} Backoff;

/* @random: from 0 up to 1. */
void backoff_failed(Backoff *backoff, int64_t now, double random);
