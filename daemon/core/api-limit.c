/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/error.h"
#include "daemon/core/api-limit.h"
#include "daemon/core/core-internal.h"

/* More uids than this that owe something at once are not people: newcomers wait until some have paid. */
#define UIDS_MAX 65536

struct ApiLimit {
        GMutex lock;
        GHashTable *debts; /* uid → Debt * */
};

ApiLimit *api_limit_new(void) {
        ApiLimit *limit = g_new0(ApiLimit, 1);

        g_mutex_init(&limit->lock);
        limit->debts = g_hash_table_new_full(NULL, NULL, NULL, g_free);
        return limit;
}

ApiLimit *api_limit_free(ApiLimit *limit) {
        if (!limit)
                return NULL;
        g_hash_table_unref(limit->debts);
        g_mutex_clear(&limit->lock);
        g_free(limit);
        return NULL;
}

DebtRate api_limit_rate(const Settings *settings) {
        return (DebtRate) {
                .burst = settings->api_burst,
                .pay_back = settings->api_pay_back * 1000,
                .cap = settings->api_pay_back * 1000,
        };
}

static gboolean is_paid(gpointer uid, gpointer debt, gpointer now) {
        return ((const Debt *) debt)->until <= *(const int64_t *) now;
}

/* NULL where there is no room for one more. */
static Debt *debt_of(ApiLimit *limit, uid_t uid, int64_t now) {
        Debt *debt = g_hash_table_lookup(limit->debts, GUINT_TO_POINTER(uid));

        if (debt)
                return debt;
        if (g_hash_table_size(limit->debts) >= UIDS_MAX)
                (void) g_hash_table_foreach_remove(limit->debts, is_paid, &now);
        if (g_hash_table_size(limit->debts) >= UIDS_MAX)
                return NULL;
        debt = g_new0(Debt, 1);
        (void) g_hash_table_insert(limit->debts, GUINT_TO_POINTER(uid), debt);
        return debt;
}

/* What it cost; 0 where it may not be, with the wait. */
static int64_t charge(ApiLimit *limit, uid_t uid, const DebtRate *rate, int64_t now, int64_t *ret_wait) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&limit->lock);
        Debt *debt = debt_of(limit, uid, now);

        if (debt && debt_may_try(debt, rate, now))
                return debt_charge(debt, rate, now);
        *ret_wait = debt ? MAX(1, (debt_retry_at(debt, rate, now) - now + 999) / 1000) : rate->pay_back / 1000;
        return 0;
}

/* Asked only of who would have to wait: a look-up may take its time. */
static int is_exempt(Core *core, const Settings *settings, uid_t uid, bool *ret) {
        g_autoptr(Identity) identity = NULL;
        int r;

        *ret = false;
        if (!settings->exempt_users)
                return 0;
        r = core->identities->look_up(core->identities, NULL, uid, &identity);
        if (r < 0)
                return error_trace(r);
        *ret = r == 0 && g_strv_contains((const char *const *) settings->exempt_users, identity->name);
        return 0;
}

int core_api_charge(Core *core, uid_t uid, ApiCharge *ret, int64_t *ret_wait) {
        g_autoptr(CoreConfig) config = core_config(core);
        DebtRate rate = api_limit_rate(config->settings);
        bool exempt;
        int r;

        *ret = (ApiCharge) { .cost = 0 };
        if (uid == 0)
                return 0;
        ret->cost = charge(core->api_limit, uid, &rate, clock_running(core->clock), ret_wait);
        if (ret->cost > 0)
                return 0;
        r = is_exempt(core, config->settings, uid, &exempt);
        if (r < 0)
                return r;
        return exempt ? 0 : CORE_E_THROTTLED;
}

void core_api_refund(Core *core, uid_t uid, const ApiCharge *charged) {
        ApiLimit *limit = core->api_limit;
        g_autoptr(GMutexLocker) locker = NULL;
        Debt *debt;

        if (charged->cost == 0)
                return;
        locker = g_mutex_locker_new(&limit->lock);
        debt = g_hash_table_lookup(limit->debts, GUINT_TO_POINTER(uid));
        if (!debt)
                return;
        debt_refund(debt, charged->cost);
        if (debt->failures == 0)
                (void) g_hash_table_remove(limit->debts, GUINT_TO_POINTER(uid));
}

bool api_limit_reset(ApiLimit *limit, uid_t uid) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&limit->lock);

        return g_hash_table_remove(limit->debts, GUINT_TO_POINTER(uid));
}

void api_limit_each(ApiLimit *limit, int64_t now, ApiEach each, void *data) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&limit->lock);
        GHashTableIter iter;
        gpointer uid, debt;

        g_hash_table_iter_init(&iter, limit->debts);
        while (g_hash_table_iter_next(&iter, &uid, &debt))
                if (((const Debt *) debt)->until > now)
                        each(GPOINTER_TO_UINT(uid), debt, data);
}
