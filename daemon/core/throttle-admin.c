/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Looking at what is owed, and forgetting it. */

#include "daemon/core/throttle-private.h"

typedef bool (*LaneMatch)(const Lane *lane, int64_t what);

static bool is_of(const Lane *lane, int64_t uid) {
        return lane->uid == (uid_t) uid;
}

static bool is_any(const Lane *lane, int64_t unused) {
        return true;
}

static bool is_stale(const Lane *lane, int64_t now) {
        return (lane->limit == THROTTLE_CLIENT || lane->limit == THROTTLE_KNOWN_HOST) &&
               lane->debt.until <= now - THROTTLE_KEEP * INT64_C(1000);
}

/* The lanes that owe something and that @matches, which stay the throttle's. */
static GPtrArray *find_lanes(Throttle *throttle, LaneMatch matches, int64_t what) {
        GPtrArray *found = g_ptr_array_new();
        GHashTableIter iter;
        gpointer lane;

        g_hash_table_iter_init(&iter, throttle->lanes);
        while (g_hash_table_iter_next(&iter, &lane, NULL))
                if (((const Lane *) lane)->debt.failures > 0 && matches(lane, what))
                        g_ptr_array_add(found, lane);
        return found;
}

static void forget_lanes(Throttle *throttle, const GPtrArray *lanes) {
        for (guint i = 0; i < lanes->len; i++) {
                lane_clear(throttle, lanes->pdata[i]);
                lane_keep(throttle, lanes->pdata[i]);
                lane_put(throttle, lanes->pdata[i]);
        }
}

void throttle_sweep(Throttle *throttle) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        g_autoptr(GPtrArray) lanes = find_lanes(throttle, is_stale, clock_running(throttle->clock));

        forget_lanes(throttle, lanes);
}

void throttle_drop_client(Throttle *throttle, uid_t uid, const char *client) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        Lane *lane = lane_get(throttle, uid, THROTTLE_CLIENT, client);

        if (lane->debt.failures > 0) {
                lane_clear(throttle, lane);
                lane_keep(throttle, lane);
        }
        lane_put(throttle, lane);
}

void throttle_reopen(Throttle *throttle, const ThrottleSettings *settings, uid_t uid) {
        DebtRate rate = rate_of(settings, THROTTLE_OTHER_HOSTS);
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        Lane *lane = lane_get(throttle, uid, THROTTLE_OTHER_HOSTS, "");

        if (debt_retry_at(&lane->debt, &rate, clock_running(throttle->clock)) == DEBT_NEVER) {
                debt_reopen(&lane->debt, &rate);
                lane_keep(throttle, lane);
        }
        lane_put(throttle, lane);
}

static bool reset_network(Throttle *throttle, const Network *network, int64_t now) {
        Debt debt;

        if (network->kind == NETWORK_NONE || !host_table_get(throttle->hosts, network, now, &debt) ||
            debt.until <= now)
                return false;
        host_table_set(throttle->hosts, network, now, &(Debt) { .failures = 0 });
        return true;
}

static void reset_hosts_of(Throttle *throttle, const GPtrArray *lanes) {
        int64_t now = clock_running(throttle->clock);

        for (guint i = 0; i < lanes->len; i++) {
                const Lane *lane = lanes->pdata[i];
                Network wider = network_wider(&lane->host);

                (void) reset_network(throttle, &lane->host, now);
                (void) reset_network(throttle, &wider, now);
        }
}

bool throttle_reset_user(Throttle *throttle, uid_t uid) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        g_autoptr(GPtrArray) lanes = find_lanes(throttle, is_of, uid);

        reset_hosts_of(throttle, lanes);
        forget_lanes(throttle, lanes);
        g_cond_broadcast(&throttle->settled);
        return lanes->len > 0;
}

bool throttle_reset_host(Throttle *throttle, const Network *network) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        Network wider = network_wider(network);
        int64_t now = clock_running(throttle->clock);
        bool narrow_did = reset_network(throttle, network, now), wide_did = reset_network(throttle, &wider, now);

        g_cond_broadcast(&throttle->settled);
        return narrow_did || wide_did;
}

/* Listing */

void throttle_view_free(ThrottleView *view) {
        if (!view)
                return;
        g_free(view->key);
        g_free(view);
}

static void destroy_view(gpointer view) {
        throttle_view_free(view);
}

/* When a next attempt may be made, as of the wall. */
static int64_t retry_on_wall(const Throttle *throttle, const Debt *debt, const DebtRate *rate, int64_t now) {
        int64_t retry_at = debt_retry_at(debt, rate, now);

        if (retry_at == DEBT_NEVER)
                return INT64_MAX;
        return retry_at <= now ? 0 : clock_wall(throttle->clock) + (retry_at - now + 999) / 1000;
}

static ThrottleView *view_lane(const Throttle *throttle, const ThrottleSettings *settings, const Lane *lane,
                               int64_t now) {
        DebtRate rate = rate_of(settings, lane->limit);
        ThrottleView *view = g_new0(ThrottleView, 1);

        *view = (ThrottleView) {
                .limit = lane->limit,
                .uid = lane->uid,
                .key = lane->key[0] ? g_strdup(lane->key) : NULL,
                .failures = lane->debt.failures,
                .retry_at = retry_on_wall(throttle, &lane->debt, &rate, now),
        };
        return view;
}

static ThrottleView *view_host(const Throttle *throttle, const ThrottleSettings *settings, const Network *network,
                               const Debt *debt, int64_t now) {
        DebtRate rate = rate_of_host(settings, network);
        ThrottleView *view = g_new0(ThrottleView, 1);
        char text[NETWORK_TEXT_MAX];

        network_to_string(network, text);
        *view = (ThrottleView) {
                .limit = THROTTLE_HOST,
                .uid = UID_UNSET,
                .key = g_strdup(text),
                .failures = (unsigned) ((debt->until - now + rate.pay_back - 1) / rate.pay_back),
                .retry_at = retry_on_wall(throttle, debt, &rate, now),
        };
        return view;
}

static int compare_lanes(gconstpointer a, gconstpointer b) {
        const Lane *left = *(const Lane *const *) a, *right = *(const Lane *const *) b;

        if (left->uid != right->uid)
                return left->uid < right->uid ? -1 : 1;
        return left->limit != right->limit ? (int) left->limit - (int) right->limit : g_strcmp0(left->key, right->key);
}

GPtrArray *throttle_list(Throttle *throttle, const ThrottleSettings *settings, unsigned max) {
        GPtrArray *views = g_ptr_array_new_with_free_func(destroy_view);
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        g_autoptr(GPtrArray) lanes = find_lanes(throttle, is_any, 0);
        int64_t now = clock_running(throttle->clock);
        unsigned cursor = 0;
        Network network;
        Debt debt;

        g_ptr_array_sort(lanes, compare_lanes);
        for (guint i = 0; i < lanes->len && views->len < max; i++)
                g_ptr_array_add(views, view_lane(throttle, settings, lanes->pdata[i], now));
        while (views->len < max && host_table_next(throttle->hosts, &cursor, now, &network, &debt))
                g_ptr_array_add(views, view_host(throttle, settings, &network, &debt, now));
        return views;
}
