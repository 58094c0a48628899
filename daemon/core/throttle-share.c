/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* One change of what is owed, wherever that is kept. */

#include <errno.h>

#include "common/error.h"
#include "daemon/core/throttle-private.h"

/* Others come between so often only where they are many at this very user's door. */
#define TRIES_MAX 40

int lane_pull(Throttle *throttle, Lane *lane) {
        int64_t now = clock_running(throttle->clock);
        SharedDebt shared = { .left = 0 };
        int r;

        if (!lane || !throttle->share)
                return 0;
        r = throttle->share->get(throttle->share->data, lane->uid, throttle_limit_to_string(lane->limit),
                                 lane->key, now, &shared);
        if (r < 0)
                return error_trace(r);
        lane->debt = shared.failures > 0 ? (Debt) { .until = debt_later(now, shared.left), .failures = shared.failures }
                                         : (Debt) { .failures = 0 };
        lane->version = shared.version;
        return 0;
}

static int push_shared(Throttle *throttle, Lane *lane) {
        int64_t now = clock_running(throttle->clock);
        SharedDebt shared = {
                .uid = lane->uid,
                .limit = (char *) throttle_limit_to_string(lane->limit),
                .key = lane->key,
                .left = lane->debt.until - now,
                .failures = lane->debt.failures,
                .keep = lane_is_passing(lane) ? THROTTLE_KEEP * INT64_C(1000) : 0,
                .version = lane->version,
        };
        int r;

        r = throttle->share->swap(throttle->share->data, &shared, now);
        if (r < 0)
                return error_trace(r);
        if (r != 0)
                return LANE_E_AGAIN;
        lane->version = shared.version;
        return 0;
}

int lane_push(Throttle *throttle, Lane *lane) {
        if (lane && throttle->share)
                return push_shared(throttle, lane);
        if (lane)
                lane_keep(throttle, lane);
        return 0;
}

bool lane_gives_up(Throttle *throttle, unsigned *tries) {
        uint16_t wait;

        if (++*tries >= TRIES_MAX)
                return true;
        throttle->clock->random(throttle->clock, &wait, sizeof(wait));
        g_usleep(wait % (*tries * 100)); /* µs: a round trip or so, longer each time */
        return false;
}

int lane_change(Throttle *throttle, Lane *lane, LaneChange change, const void *data) {
        unsigned tries = 0;
        int r;

        do {
                Debt before;

                r = lane_pull(throttle, lane);
                before = lane->debt;
                change(throttle, lane, data);
                if (r == 0 && (before.until != lane->debt.until || before.failures != lane->debt.failures))
                        r = lane_push(throttle, lane);
        } while (r == LANE_E_AGAIN && !lane_gives_up(throttle, &tries));
        return r == LANE_E_AGAIN ? -EBUSY : r;
}
