/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Looking at what is owed, and forgetting it. */

#include "common/error.h"
#include "daemon/core/throttle-private.h"

/* The lanes of this process that owe something, of @uid (UID_UNSET: all); they stay the throttle's. */
static GPtrArray *find_own(Throttle *throttle, uid_t uid) {
        GPtrArray *found = g_ptr_array_new();
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, throttle->lanes);
        while (g_hash_table_iter_next(&iter, &value, NULL)) {
                const Lane *lane = value;
                if (lane->debt.failures > 0 && (uid == UID_UNSET || lane->uid == uid))
                        g_ptr_array_add(found, value);
        }
        return found;
}

/* The same, of all that share it; each once, whatever is told, as whoever forgets one frees it. */
static int find_lanes(Throttle *throttle, uid_t uid, GPtrArray **ret) {
        g_autoptr(GHashTable) found = g_hash_table_new(NULL, NULL);
        g_autoptr(GPtrArray) debts = NULL;
        int64_t now = clock_running(throttle->clock);
        int r;

        if (!throttle->share) {
                *ret = find_own(throttle, uid);
                return 0;
        }
        r = throttle->share->list(throttle->share->data, uid, now, &debts);
        if (r < 0)
                return error_trace(r);
        *ret = g_ptr_array_new();
        for (guint i = 0; i < debts->len; i++) {
                const SharedDebt *debt = debts->pdata[i];
                ThrottleLimit limit = throttle_limit_from_string(debt->limit);
                Lane *lane;

                if (limit < 0 || limit >= _THROTTLE_USERS_MAX || debt->failures == 0)
                        continue;
                lane = lane_get(throttle, debt->uid, limit, debt->key);
                lane->debt = (Debt) { .until = debt_later(now, debt->left), .failures = debt->failures };
                if (g_hash_table_add(found, lane))
                        g_ptr_array_add(*ret, lane);
        }
        return 0;
}

static void clear(Throttle *throttle, Lane *lane, const void *unused) {
        lane_clear(throttle, lane);
}

/* 0, or the first error there was: the others are forgotten all the same. */
static int forget_lanes(Throttle *throttle, const GPtrArray *lanes) {
        int r = 0;

        for (guint i = 0; i < lanes->len; i++) {
                int one = lane_change(throttle, lanes->pdata[i], clear, NULL);
                lane_put(throttle, lanes->pdata[i]);
                r = r < 0 ? r : one;
        }
        return r;
}

/* What is shared goes away where it is kept: here it is only what was seen of it last. */
static void forget_stale(Throttle *throttle, Lane *lane) {
        if (throttle->share)
                lane->debt = (Debt) { .failures = 0 };
        else
                (void) lane_change(throttle, lane, clear, NULL);
        lane_put(throttle, lane);
}

void throttle_sweep(Throttle *throttle) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        g_autoptr(GPtrArray) lanes = find_own(throttle, UID_UNSET);
        int64_t since = clock_running(throttle->clock) - THROTTLE_KEEP * INT64_C(1000);

        for (guint i = 0; i < lanes->len; i++) {
                Lane *lane = lanes->pdata[i];
                if (lane->debt.until <= since && (throttle->share || lane_is_passing(lane)))
                        forget_stale(throttle, lane);
        }
}

void throttle_drop_client(Throttle *throttle, uid_t uid, const char *client) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        Lane *lane = lane_get(throttle, uid, THROTTLE_CLIENT, client);

        (void) lane_change(throttle, lane, clear, NULL);
        lane_put(throttle, lane);
}

static void reopen(Throttle *throttle, Lane *lane, const void *settings) {
        DebtRate rate = rate_of(settings, THROTTLE_OTHER_HOSTS);

        if (debt_retry_at(&lane->debt, &rate, clock_running(throttle->clock)) == DEBT_NEVER)
                debt_reopen(&lane->debt, &rate);
}

void throttle_reopen(Throttle *throttle, const ThrottleSettings *settings, uid_t uid) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        Lane *lane = lane_get(throttle, uid, THROTTLE_OTHER_HOSTS, "");

        (void) lane_change(throttle, lane, reopen, settings);
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

int throttle_reset_user(Throttle *throttle, uid_t uid, bool *ret_changed) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        g_autoptr(GPtrArray) lanes = NULL;
        int r;

        r = find_lanes(throttle, uid, &lanes);
        if (r < 0)
                return r;
        reset_hosts_of(throttle, lanes);
        r = forget_lanes(throttle, lanes);
        g_cond_broadcast(&throttle->settled);
        *ret_changed = lanes->len > 0;
        return r;
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

int throttle_list(Throttle *throttle, const ThrottleSettings *settings, unsigned max, GPtrArray **ret) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        g_autoptr(GPtrArray) lanes = NULL;
        int64_t now = clock_running(throttle->clock);
        unsigned cursor = 0;
        Network network;
        GPtrArray *views;
        Debt debt;
        int r;

        r = find_lanes(throttle, UID_UNSET, &lanes);
        if (r < 0)
                return r;
        views = g_ptr_array_new_with_free_func(destroy_view);
        g_ptr_array_sort(lanes, compare_lanes);
        for (guint i = 0; i < lanes->len && views->len < max; i++)
                g_ptr_array_add(views, view_lane(throttle, settings, lanes->pdata[i], now));
        while (views->len < max && host_table_next(throttle->hosts, &cursor, now, &network, &debt))
                g_ptr_array_add(views, view_host(throttle, settings, &network, &debt, now));
        *ret = views;
        return 0;
}
