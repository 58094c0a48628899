/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/core/throttle-private.h"

/* The /48 of an IPv6 host holds 65,536 of its /64: it may owe more, but not that much more. */
#define WIDER_BURST 16

static const char *const limits[_THROTTLE_LIMIT_MAX] = {
        [THROTTLE_CLIENT] = "known-client",
        [THROTTLE_KNOWN_HOST] = "known-host",
        [THROTTLE_LOCAL] = "local",
        [THROTTLE_OTHER_HOSTS] = "other-hosts",
        [THROTTLE_HOST] = "host",
};

const char *throttle_limit_to_string(ThrottleLimit limit) {
        g_assert(limit >= 0 && limit < _THROTTLE_LIMIT_MAX);
        return limits[limit];
}

ThrottleLimit throttle_limit_from_string(const char *text) {
        for (int limit = 0; text && limit < _THROTTLE_LIMIT_MAX; limit++)
                if (strcmp(limits[limit], text) == 0)
                        return (ThrottleLimit) limit;
        return _THROTTLE_LIMIT_INVALID;
}

/* Lanes */

static guint lane_hash(gconstpointer data) {
        const Lane *lane = data;

        return (guint) lane->uid * 31 + (guint) lane->limit * 7 + g_str_hash(lane->key);
}

static gboolean lane_equal(gconstpointer a, gconstpointer b) {
        const Lane *left = a, *right = b;

        return left->uid == right->uid && left->limit == right->limit && strcmp(left->key, right->key) == 0;
}

static void lane_free(gpointer data) {
        Lane *lane = data;

        g_free(lane->key);
        g_free(lane);
}

Throttle *throttle_new(const Clock *clock, ThrottleKeep keep, void *data) {
        Throttle *throttle = g_new0(Throttle, 1);

        throttle->clock = clock;
        throttle->keep = keep;
        throttle->data = data;
        g_mutex_init(&throttle->lock);
        g_cond_init(&throttle->settled);
        throttle->lanes = g_hash_table_new_full(lane_hash, lane_equal, lane_free, NULL);
        throttle->hosts = host_table_new(clock);
        throttle->under_way = g_array_new(FALSE, FALSE, sizeof(UnderWay));
        return throttle;
}

Throttle *throttle_new_shared(const Clock *clock, const ThrottleShare *share) {
        Throttle *throttle = throttle_new(clock, /* keep= */ NULL, NULL);

        throttle->share = share;
        return throttle;
}

Throttle *throttle_free(Throttle *throttle) {
        if (!throttle)
                return NULL;
        g_hash_table_unref(throttle->lanes);
        (void) host_table_free(throttle->hosts);
        g_array_unref(throttle->under_way);
        g_mutex_clear(&throttle->lock);
        g_cond_clear(&throttle->settled);
        g_free(throttle);
        return NULL;
}

Lane *lane_get(Throttle *throttle, uid_t uid, ThrottleLimit limit, const char *key) {
        const Lane wanted = { .uid = uid, .limit = limit, .key = (char *) key };
        Lane *lane = g_hash_table_lookup(throttle->lanes, &wanted);

        if (lane)
                return lane;
        lane = g_new0(Lane, 1);
        lane->uid = uid;
        lane->limit = limit;
        lane->key = g_strdup(key);
        (void) g_hash_table_add(throttle->lanes, lane);
        return lane;
}

static bool lane_is_under_way(const Throttle *throttle, const Lane *lane) {
        for (guint i = 0; i < throttle->under_way->len; i++)
                if (g_array_index(throttle->under_way, UnderWay, i).lane == lane)
                        return true;
        return false;
}

void lane_put(Throttle *throttle, Lane *lane) {
        if (lane && lane->debt.failures == 0 && !lane_is_under_way(throttle, lane))
                (void) g_hash_table_remove(throttle->lanes, lane);
}

static bool limit_is_passing(ThrottleLimit limit) {
        return limit == THROTTLE_CLIENT || limit == THROTTLE_KNOWN_HOST;
}

bool lane_is_passing(const Lane *lane) {
        return limit_is_passing(lane->limit);
}

void lane_clear(Throttle *throttle, Lane *lane) {
        int64_t now = clock_running(throttle->clock);

        lane->debt = (Debt) { .failures = 0 };
        for (guint i = 0; i < throttle->under_way->len; i++) {
                UnderWay *attempt = &g_array_index(throttle->under_way, UnderWay, i);
                if (attempt->lane == lane)
                        attempt->lane_cost = debt_charge(&lane->debt, &attempt->lane_rate, now);
        }
}

/* Rates */

DebtRate rate_of(const ThrottleSettings *settings, ThrottleLimit limit) {
        return (DebtRate) {
                .burst = settings->burst,
                .pay_back = settings->pay_back * 1000,
                .cap = (limit == THROTTLE_HOST ? settings->pay_back : MAX(settings->cap, settings->pay_back)) * 1000,
                .closed_at = limit == THROTTLE_OTHER_HOSTS ? settings->stranger_limit : 0,
        };
}

DebtRate rate_of_host(const ThrottleSettings *settings, const Network *network) {
        DebtRate rate = rate_of(settings, THROTTLE_HOST);

        if (network->kind == NETWORK_V6_48)
                rate.burst *= WIDER_BURST;
        return rate;
}

int64_t throttle_longest(const ThrottleSettings *settings) {
        return MAX(settings->cap, settings->pay_back) + (int64_t) settings->burst * settings->pay_back;
}

/* Keeping */

void lane_keep(Throttle *throttle, const Lane *lane) {
        int64_t left;

        if (!throttle->keep)
                return;
        left = lane->debt.until - clock_running(throttle->clock);
        throttle->keep(&(UserDebt) {
                .uid = lane->uid,
                .limit = (char *) throttle_limit_to_string(lane->limit),
                .key = lane->key,
                .until = clock_wall(throttle->clock) + (left > 0 ? left + 999 : left) / 1000,
                .failures = lane->debt.failures,
        }, throttle->data);
}

/* What of it counts, in seconds; false: it is none. */
static bool read_kept(const ThrottleSettings *settings, const UserDebt *debt, int64_t wall, ThrottleLimit *ret_limit,
                      int64_t *ret_left) {
        ThrottleLimit limit = throttle_limit_from_string(debt->limit);

        if (limit < 0 || limit >= _THROTTLE_USERS_MAX || debt->failures == 0)
                return false;
        *ret_limit = limit;
        *ret_left = CLAMP(debt->until, wall - THROTTLE_KEEP, wall + throttle_longest(settings)) - wall;
        return true;
}

void throttle_load(Throttle *throttle, const ThrottleSettings *settings, const GPtrArray *debts) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        int64_t now = clock_running(throttle->clock), wall = clock_wall(throttle->clock);

        for (guint i = 0; i < debts->len; i++) {
                const UserDebt *debt = debts->pdata[i];
                ThrottleLimit limit;
                int64_t left;
                Lane *lane;

                if (!read_kept(settings, debt, wall, &limit, &left))
                        continue;
                lane = lane_get(throttle, debt->uid, limit, debt->key);
                lane->debt = (Debt) { .until = now + left * 1000, .failures = debt->failures };
        }
}

bool throttle_share_kept(const ThrottleSettings *settings, const UserDebt *debt, int64_t wall, SharedDebt *ret) {
        ThrottleLimit limit;
        int64_t left;

        if (!read_kept(settings, debt, wall, &limit, &left) || (limit_is_passing(limit) && left <= -THROTTLE_KEEP))
                return false;
        *ret = (SharedDebt) {
                .uid = debt->uid,
                .limit = debt->limit,
                .key = debt->key,
                .left = left * 1000,
                .failures = debt->failures,
                .keep = limit_is_passing(limit) ? THROTTLE_KEEP * INT64_C(1000) : 0,
        };
        return true;
}
