/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>

#include "daemon/core/debt.h"

static int64_t add(int64_t a, int64_t b) {
        int64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? DEBT_NEVER : sum;
}

int64_t debt_later(int64_t now, int64_t left) {
        return add(now, left);
}

/* What the next failure costs after @failures. */
static int64_t cost_after(const DebtRate *rate, uint32_t failures) {
        int64_t cost = rate->pay_back;

        for (uint32_t past = rate->burst; past <= failures && cost < rate->cap; past++)
                cost = cost > rate->cap / 2 ? rate->cap : cost * 2;
        return cost;
}

int64_t debt_retry_at(const Debt *debt, const DebtRate *rate, int64_t now) {
        int64_t room;

        if (rate->closed_at > 0 && debt->failures >= rate->closed_at)
                return DEBT_NEVER;
        if (__builtin_mul_overflow((int64_t) rate->burst - 1, rate->pay_back, &room))
                return now;
        return debt->until <= now ? now : debt->until - MIN(room, debt->until);
}

int64_t debt_charge(Debt *debt, const DebtRate *rate, int64_t now) {
        int64_t cost = cost_after(rate, debt->failures), before = MAX(debt->until, now);

        debt->until = add(before, cost);
        if (debt->failures < UINT32_MAX)
                debt->failures++;
        return debt->until - before;
}

void debt_refund(Debt *debt, int64_t cost) {
        debt->until -= MIN(cost, MAX(debt->until, 0));
        if (debt->failures > 0)
                debt->failures--;
}

void debt_reopen(Debt *debt, const DebtRate *rate) {
        uint32_t dearest = rate->burst;

        while (cost_after(rate, dearest) < rate->cap)
                dearest++;
        if (rate->closed_at > 0 && debt->failures >= rate->closed_at)
                debt->failures = MIN(dearest, rate->closed_at - 1);
}
