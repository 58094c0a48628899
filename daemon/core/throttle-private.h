/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * One lock over everything; while it is held nothing is waited for but other attempts (a condition),
 * and nothing called but ThrottleKeep. A lane is what one user owes under one key; it exists while something is
 * owed. An attempt under way remembers what it was charged in each place, by value: places may come
 * and go meanwhile.
 */

#include "daemon/core/host-table.h"
#include "daemon/core/throttle.h"

typedef struct Lane {
        uid_t uid;
        ThrottleLimit limit;
        char *key; /* "" where there is one only */
        Debt debt;
        Network host; /* the last that was charged beside it; NETWORK_NONE: none since the daemon's start */
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
/* Tells ThrottleKeep what is owed now. NULL is ignored. */
void lane_keep(Throttle *throttle, const Lane *lane);

DebtRate rate_of(const ThrottleSettings *settings, ThrottleLimit limit);
DebtRate rate_of_host(const ThrottleSettings *settings, const Network *network);
