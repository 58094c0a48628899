/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The limit on failed attempts: 10 in 15 minutes per user (local and remote counted apart, so that
 * the console is never closed from the network) and per remote host.
 *
 * This is where the throttle's ledger will stand, so it has the ledger's form: an attempt is
 * charged before the secret is checked, and refunded when it was right or when it was not the
 * caller's fault. A hundred parallel guesses get no more than the limit. Hosts are compared as
 * addresses: IPv4 and v4-mapped are one, IPv6 counts by /64; everything else is one key.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/clock.h"

#define LIMIT_FAILURES 10
#define LIMIT_WINDOW_MS (15 * 60 * 1000)

typedef struct Limit Limit;

typedef struct LimitCharge {
        uint64_t user_key, host_key; /* 0: nothing was charged there */
} LimitCharge;

/*
 * Memory is bounded: there are two entries per user of tessera, and of hosts the oldest goes when
 * the table is full (never a user's: who sprays addresses must not wash a user's failures away).
 * NULL when out of memory.
 */
Limit *limit_new(const Clock *clock);
Limit *limit_free(Limit *limit);

/*
 * Charges one attempt. @uid UID_UNSET: an unknown name, charges the host alone. @rhost NULL: local.
 * Returns true, and the charge must be settled by exactly one of the two below; or false when the
 * limit is reached: then nothing was charged and the secret must not be looked at. While attempts
 * that are still being checked would fill the limit it waits for them, so that a hundred right
 * answers at once all pass.
 */
bool limit_charge(Limit *limit, uid_t uid, const char *rhost, LimitCharge *ret);

/* The answer was wrong: the charge stays until the window has passed. */
void limit_keep(Limit *limit, const LimitCharge *charge);

/*
 * Gives back what was charged: the answer was right (@success, which also forgets this user's
 * failures), or was never checked.
 */
void limit_refund(Limit *limit, const LimitCharge *charge, bool success);
