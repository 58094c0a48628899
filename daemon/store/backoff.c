/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <limits.h>

#include "daemon/store/backoff.h"

void backoff_failed(Backoff *backoff, int64_t now, double random) {
        int64_t wait = BACKOFF_FIRST;

        for (unsigned i = 0; i < backoff->failures && wait < BACKOFF_LONGEST; i++)
                wait *= 2;
        if (wait > BACKOFF_LONGEST)
                wait = BACKOFF_LONGEST;
        if (backoff->failures < UINT_MAX)
                backoff->failures++;
        backoff->again = now + wait / 2 + (int64_t) ((double) wait * random);
}
