/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Charging an attempt before its secret is looked at, and settling it after. */

#include <errno.h>

#include "common/error.h"
#include "daemon/core/throttle-private.h"

/* All that one attempt has to answer for. */
typedef struct Places {
        Lane *lane; /* NULL: nobody's account */
        DebtRate lane_rate;
        Network hosts[2]; /* NETWORK_NONE: not asked */
        DebtRate host_rates[2];
} Places;

static ThrottleLimit limit_of(const ThrottleAttempt *attempt, const Network *network) {
        if (attempt->client)
                return THROTTLE_CLIENT;
        if (network->kind == NETWORK_NONE)
                return THROTTLE_LOCAL;
        return attempt->known_host && network->kind != NETWORK_OTHER ? THROTTLE_KNOWN_HOST : THROTTLE_OTHER_HOSTS;
}

static Lane *find_lane(Throttle *throttle, const ThrottleAttempt *attempt, ThrottleLimit limit,
                       const Network *network) {
        char key[NETWORK_TEXT_MAX] = "";

        if (limit == THROTTLE_KNOWN_HOST)
                network_to_string(network, key);
        return lane_get(throttle, attempt->uid, limit, limit == THROTTLE_CLIENT ? attempt->client : key);
}

static Places find_places(Throttle *throttle, const ThrottleSettings *settings, const ThrottleAttempt *attempt) {
        Network network = network_of(attempt->rhost);
        ThrottleLimit limit = limit_of(attempt, &network);
        Places places = { .lane = NULL };

        if (attempt->uid != UID_UNSET) {
                places.lane = find_lane(throttle, attempt, limit, &network);
                places.lane_rate = rate_of(settings, limit);
        }
        if (attempt->uid != UID_UNSET && limit != THROTTLE_OTHER_HOSTS)
                return places;
        places.hosts[0] = network;
        places.hosts[1] = network_wider(&network);
        for (int i = 0; i < 2; i++)
                places.host_rates[i] = rate_of_host(settings, &places.hosts[i]);
        return places;
}

/* What the attempts under way would give back, if they were all right. */
static Debt without_lane_under_way(const Throttle *throttle, const Lane *lane) {
        Debt debt = lane->debt;

        for (guint i = 0; i < throttle->under_way->len; i++) {
                const UnderWay *other = &g_array_index(throttle->under_way, UnderWay, i);
                if (other->lane == lane && !other->takes_long)
                        debt_refund(&debt, other->lane_cost);
        }
        return debt;
}

static void refund_host_under_way(const Throttle *throttle, const Network *network, Debt *debt) {
        for (guint i = 0; i < throttle->under_way->len; i++) {
                const UnderWay *other = &g_array_index(throttle->under_way, UnderWay, i);
                for (int j = 0; j < 2 && !other->takes_long; j++)
                        if (network_equal(&other->hosts[j], network))
                                debt_refund(debt, other->host_costs[j]);
        }
}

typedef enum Room {
        ROOM_NONE, /* and no attempt under way can make it */
        ROOM_PERHAPS,
        ROOM_THERE,
} Room;

static Room refuse(ThrottleRefusal *refusal, ThrottleLimit limit, int64_t retry_at, int64_t now) {
        refusal->limit = limit;
        refusal->wait = retry_at == DEBT_NEVER ? INT64_MAX : MAX(1, (retry_at - now + 999) / 1000);
        return ROOM_NONE;
}

static Room lane_room(const Throttle *throttle, const Places *places, int64_t now, ThrottleRefusal *refusal) {
        Debt best;

        if (!places->lane || debt_may_try(&places->lane->debt, &places->lane_rate, now))
                return ROOM_THERE;
        best = without_lane_under_way(throttle, places->lane);
        if (debt_may_try(&best, &places->lane_rate, now))
                return ROOM_PERHAPS;
        return refuse(refusal, places->lane->limit, debt_retry_at(&places->lane->debt, &places->lane_rate, now), now);
}

static Room host_room(const Throttle *throttle, const Places *places, int i, int64_t now, ThrottleRefusal *refusal) {
        const Network *network = &places->hosts[i];
        const DebtRate *rate = &places->host_rates[i];
        int64_t retry_at;
        Debt debt;

        if (network->kind == NETWORK_NONE)
                return ROOM_THERE;
        if (!host_table_get(throttle->hosts, network, now, &debt))
                return refuse(refusal, THROTTLE_HOST, now + rate->pay_back, now);
        if (debt_may_try(&debt, rate, now))
                return ROOM_THERE;
        retry_at = debt_retry_at(&debt, rate, now);
        refund_host_under_way(throttle, network, &debt);
        if (debt_may_try(&debt, rate, now))
                return ROOM_PERHAPS;
        return refuse(refusal, THROTTLE_HOST, retry_at, now);
}

static Room find_room(const Throttle *throttle, const Places *places, int64_t now, ThrottleRefusal *refusal) {
        Room room = lane_room(throttle, places, now, refusal);

        for (int i = 0; i < 2 && room != ROOM_NONE; i++)
                room = MIN(room, host_room(throttle, places, i, now, refusal));
        return room;
}

/* The user's first: who came between has changed it. 0, LANE_E_AGAIN or a negative errno: nothing is charged then. */
static int charge_lane(Throttle *throttle, const Places *places, int64_t now, UnderWay *attempt) {
        Debt before;
        int r;

        if (!places->lane)
                return 0;
        before = places->lane->debt;
        attempt->lane_rate = places->lane_rate;
        attempt->lane_cost = debt_charge(&places->lane->debt, &places->lane_rate, now);
        r = lane_push(throttle, places->lane);
        if (r != 0)
                places->lane->debt = before;
        else
                places->lane->host = places->hosts[0];
        return r;
}

static int charge_places(Throttle *throttle, const Places *places, int64_t now, ThrottleCharge *ret) {
        UnderWay attempt = { .number = throttle->number + 1, .lane = places->lane };
        int r;

        r = charge_lane(throttle, places, now, &attempt);
        if (r != 0)
                return r;
        for (int i = 0; i < 2; i++) {
                Debt debt;

                if (places->hosts[i].kind == NETWORK_NONE ||
                    !host_table_get(throttle->hosts, &places->hosts[i], now, &debt))
                        continue;
                attempt.hosts[i] = places->hosts[i];
                attempt.host_costs[i] = debt_charge(&debt, &places->host_rates[i], now);
                host_table_set(throttle->hosts, &places->hosts[i], now, &debt);
        }
        (void) g_array_append_val(throttle->under_way, attempt);
        ret->number = ++throttle->number;
        return 0;
}

enum {
        _TRY_E_SUCCESS = 0,
        TRY_E_LIMITED,
        TRY_E_WAIT,  /* for those under way */
        TRY_E_AGAIN, /* somebody came between */
};

/* What is longer than it can become is cut where it is kept: else it would be as long again at the next look. */
static int pull_lane(Throttle *throttle, const ThrottleSettings *settings, Lane *lane) {
        int64_t last;
        int r;

        r = lane_pull(throttle, lane);
        last = debt_later(clock_running(throttle->clock), throttle_longest(settings) * 1000);
        if (r < 0 || !lane || !throttle->share || lane->debt.until <= last)
                return r;
        lane->debt.until = last;
        return lane_push(throttle, lane);
}

static int try_charge(Throttle *throttle, const ThrottleSettings *settings, const ThrottleAttempt *attempt,
                      ThrottleCharge *ret, ThrottleRefusal *ret_refusal) {
        Places places = find_places(throttle, settings, attempt);
        int64_t now;
        Room room;
        int r;

        r = pull_lane(throttle, settings, places.lane);
        now = clock_running(throttle->clock);
        room = r != 0 ? ROOM_NONE : find_room(throttle, &places, now, ret_refusal);
        if (room == ROOM_THERE)
                r = charge_places(throttle, &places, now, ret);
        if (room == ROOM_THERE && r == 0)
                return 0;
        lane_put(throttle, places.lane);
        if (r != 0)
                return r == LANE_E_AGAIN ? TRY_E_AGAIN : r;
        return room == ROOM_PERHAPS ? TRY_E_WAIT : TRY_E_LIMITED;
}

int throttle_charge(Throttle *throttle, const ThrottleSettings *settings, const ThrottleAttempt *attempt,
                    ThrottleCharge *ret, ThrottleRefusal *ret_refusal) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        unsigned tries = 0;
        int r;

        for (;;) {
                r = try_charge(throttle, settings, attempt, ret, ret_refusal);
                if (r == TRY_E_LIMITED)
                        return THROTTLE_E_LIMITED;
                if (r <= 0)
                        return r;
                if (r == TRY_E_WAIT)
                        g_cond_wait(&throttle->settled, &throttle->lock);
                else if (lane_gives_up(throttle, &tries))
                        return error_trace(-EBUSY);
        }
}

void throttle_takes_long(Throttle *throttle, const ThrottleCharge *charge) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);

        for (guint i = 0; i < throttle->under_way->len; i++) {
                UnderWay *attempt = &g_array_index(throttle->under_way, UnderWay, i);
                if (attempt->number == charge->number)
                        attempt->takes_long = true;
        }
        g_cond_broadcast(&throttle->settled); /* who waits for it already */
}

/* Settling */

typedef enum Outcome {
        OUTCOME_FAILED,
        OUTCOME_SUCCEEDED,
        OUTCOME_UNJUDGED,
} Outcome;

static UnderWay take_under_way(Throttle *throttle, uint64_t number) {
        for (guint i = 0; i < throttle->under_way->len; i++) {
                UnderWay attempt = g_array_index(throttle->under_way, UnderWay, i);
                if (attempt.number != number)
                        continue;
                (void) g_array_remove_index_fast(throttle->under_way, i);
                return attempt;
        }
        g_assert_not_reached(); /* settled twice, or never charged */
}

static void refund_hosts(Throttle *throttle, const UnderWay *attempt, int64_t now) {
        for (int i = 0; i < 2; i++) {
                Debt debt;

                if (attempt->hosts[i].kind == NETWORK_NONE ||
                    !host_table_get(throttle->hosts, &attempt->hosts[i], now, &debt))
                        continue;
                debt_refund(&debt, attempt->host_costs[i]);
                host_table_set(throttle->hosts, &attempt->hosts[i], now, &debt);
        }
}

static void clear(Throttle *throttle, Lane *lane, const void *unused) {
        lane_clear(throttle, lane);
}

static void refund(Throttle *throttle, Lane *lane, const void *cost) {
        debt_refund(&lane->debt, *(const int64_t *) cost);
}

/* What cannot be given back stays owed. */
static void settle_lane(Throttle *throttle, const UnderWay *attempt, Outcome outcome) {
        if (attempt->lane && outcome == OUTCOME_SUCCEEDED)
                (void) lane_change(throttle, attempt->lane, clear, NULL);
        else if (attempt->lane && outcome == OUTCOME_UNJUDGED)
                (void) lane_change(throttle, attempt->lane, refund, &attempt->lane_cost);
}

static void settle(Throttle *throttle, const ThrottleCharge *charge, Outcome outcome) {
        UnderWay attempt;
        int64_t now;

        if (charge->number == 0)
                return;
        g_mutex_lock(&throttle->lock);
        now = clock_running(throttle->clock);
        attempt = take_under_way(throttle, charge->number);
        if (outcome != OUTCOME_FAILED)
                refund_hosts(throttle, &attempt, now);
        settle_lane(throttle, &attempt, outcome);
        lane_put(throttle, attempt.lane);
        g_cond_broadcast(&throttle->settled);
        g_mutex_unlock(&throttle->lock);
}

void throttle_failed(Throttle *throttle, const ThrottleCharge *charge) {
        settle(throttle, charge, OUTCOME_FAILED);
}

void throttle_succeeded(Throttle *throttle, const ThrottleCharge *charge) {
        settle(throttle, charge, OUTCOME_SUCCEEDED);
}

void throttle_refund(Throttle *throttle, const ThrottleCharge *charge) {
        settle(throttle, charge, OUTCOME_UNJUDGED);
}

void throttle_forgive(Throttle *throttle, const ThrottleSettings *settings, const ThrottleAttempt *attempt) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
        int64_t now = clock_running(throttle->clock);
        Places places = find_places(throttle, settings, attempt);

        for (int i = 0; i < 2; i++) {
                Debt owed;

                if (places.hosts[i].kind == NETWORK_NONE ||
                    !host_table_get(throttle->hosts, &places.hosts[i], now, &owed))
                        continue;
                debt_refund(&owed, places.host_rates[i].pay_back); /* of hosts' every attempt costs that */
                host_table_set(throttle->hosts, &places.hosts[i], now, &owed);
        }
        if (places.lane)
                (void) lane_change(throttle, places.lane, clear, NULL);
        lane_put(throttle, places.lane);
        g_cond_broadcast(&throttle->settled);
}
