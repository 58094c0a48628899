/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The arithmetic of a limit: a failure is debt that time pays back. This is GCRA (the generic cell
 * rate algorithm, ITU-T I.371): one time for each key, and here a count of failures, which makes
 * what comes past the burst dearer. Plain values: who keeps them, and locks, is throttle.h.
 *
 * All times are milliseconds of clock_running(). Nothing here overflows, whatever is put in.
 */

#include <stdbool.h>
#include <stdint.h>

#define DEBT_NEVER INT64_MAX

typedef struct DebtRate {
        unsigned burst;     /* so many at once; from 1 */
        int64_t pay_back;   /* how long one takes to be paid back; from 1 */
        int64_t cap;        /* past the burst each takes twice as long as the one before, up to this; pay_back: the same */
        unsigned closed_at; /* so many failures close it, whatever time has passed; 0: never */
} DebtRate;

typedef struct Debt {
        int64_t until;     /* then all is paid back; in the past: nothing is owed */
        uint32_t failures; /* since the last success */
} Debt;

/* A time that far from @now; the last that there is where there is none. */
int64_t debt_later(int64_t now, int64_t left);

/* When the next attempt may be made: not after @now, or DEBT_NEVER. */
int64_t debt_retry_at(const Debt *debt, const DebtRate *rate, int64_t now);

static inline bool debt_may_try(const Debt *debt, const DebtRate *rate, int64_t now) {
        return debt_retry_at(debt, rate, now) <= now;
}

/* Counts one attempt as a failure, whether it may be made or not. What it costs (ms), for debt_refund(). */
int64_t debt_charge(Debt *debt, const DebtRate *rate, int64_t now);

/* Takes back one charge. */
void debt_refund(Debt *debt, int64_t cost);

/* A debt that is closed is open again, with what it has learnt: each attempt costs as much as one can. */
void debt_reopen(Debt *debt, const DebtRate *rate);
