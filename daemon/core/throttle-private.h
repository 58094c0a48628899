/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * One lock over everything; while it is held nothing is waited for but other attempts (a condition)
 * and the share, and nothing else called but ThrottleKeep. Where there is a share it alone knows what
 * is owed: a lane is pulled before it is looked at, and pushed after it was changed. A lane is what
 * one user owes under one key; it exists while something is owed. An attempt under way remembers what it
 * was charged in each place, by value: places may come and go meanwhile.
 */

#include "daemon/core/host-table.h"
#include "daemon/core/throttle.h"

typedef struct Lane {
        uid_t uid;
        ThrottleLimit limit;
        char *key; /* "" where there is one only */
        Debt debt;
        Network host; /* the last that was charged beside it; NETWORK_NONE: none since the daemon's start */
        uint64_t version; /* of the shared debt */
} Lane;

typedef struct UnderWay {
        uint64_t number;
        Lane *lane; /* owned by lanes, where it stays while an attempt is under way; NULL */
        DebtRate lane_rate;
        int64_t lane_cost;
        Network hosts[2]; /* NETWORK_NONE: not charged */
        int64_t host_costs[2];
        bool takes_long; /* nobody waits for it */
} UnderWay;

struct Throttle {
        const Clock *clock;
        ThrottleKeep keep;
        void *data;
        const ThrottleShare *share; /* NULL: what users owe is this ledger's alone */
        GMutex lock;
        GCond settled;
        GHashTable *lanes; /* Lane → itself */
        HostTable *hosts;
        GArray *under_way; /* UnderWay */
        uint64_t number;
};

/* With the lock held. */

Lane *lane_get(Throttle *throttle, uid_t uid, ThrottleLimit limit, const char *key);
/* Lanes where nothing is owed are not kept, unless an attempt under way knows them. NULL is ignored. */
void lane_put(Throttle *throttle, Lane *lane);
/* Forgets what it owes, but not what is under way: that is charged anew, and gets no room from it. */
void lane_clear(Throttle *throttle, Lane *lane);
/* Of a kind of which there are ever new ones: a client, a known host. */
bool lane_is_passing(const Lane *lane);

/* The longest that one can owe, in seconds: more than this was kept by another clock, or other settings. */
int64_t throttle_longest(const ThrottleSettings *settings);

/* Tells ThrottleKeep what is owed now. */
void lane_keep(Throttle *throttle, const Lane *lane);

enum {
        _LANE_E_SUCCESS = 0,
        LANE_E_AGAIN, /* it was changed elsewhere since it was pulled */
};

/* Reads what is owed, where that is shared. 0 or a negative errno. NULL is ignored. */
int lane_pull(Throttle *throttle, Lane *lane);
/* Makes what is owed last. LANE_E_AGAIN or a negative errno: it does not. NULL is ignored. */
int lane_push(Throttle *throttle, Lane *lane);

typedef void (*LaneChange)(Throttle *throttle, Lane *lane, const void *data);

/*
 * Pulls, changes and pushes until nobody came between; lets it be where @change has changed nothing. 0 or a negative
 * errno; what this process knows is changed all the same, which a next pull corrects.
 */
int lane_change(Throttle *throttle, Lane *lane, LaneChange change, const void *data);

/* Is it time to give up? Else lets others go first. @tries counts. */
bool lane_gives_up(Throttle *throttle, unsigned *tries);

DebtRate rate_of(const ThrottleSettings *settings, ThrottleLimit limit);
DebtRate rate_of_host(const ThrottleSettings *settings, const Network *network);
