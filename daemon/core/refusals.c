/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>

#include "daemon/core/debt.h"
#include "daemon/core/refusals.h"

/* More uids than this at once are not people: what they are refused is not written until some have paid. */
#define UIDS_MAX 4096

typedef struct Refused {
        Debt debt;
        unsigned silent; /* not written since the last one that was */
} Refused;

struct Refusals {
        const Clock *clock;
        GMutex lock;
        GHashTable *uids; /* uid → Refused * */
};

Refusals *refusals_new(const Clock *clock) {
        Refusals *refusals = g_new0(Refusals, 1);

        refusals->clock = clock;
        g_mutex_init(&refusals->lock);
        refusals->uids = g_hash_table_new_full(NULL, NULL, NULL, g_free);
        return refusals;
}

Refusals *refusals_free(Refusals *refusals) {
        if (!refusals)
                return NULL;
        g_hash_table_unref(refusals->uids);
        g_mutex_clear(&refusals->lock);
        g_free(refusals);
        return NULL;
}

static gboolean is_paid(gpointer uid, gpointer refused, gpointer now) {
        return ((const Refused *) refused)->debt.until <= *(const int64_t *) now;
}

/* NULL where there is no room for one more. */
static Refused *find(Refusals *refusals, uid_t uid, int64_t now) {
        Refused *refused = g_hash_table_lookup(refusals->uids, GUINT_TO_POINTER(uid));

        if (refused)
                return refused;
        if (g_hash_table_size(refusals->uids) >= UIDS_MAX)
                (void) g_hash_table_foreach_remove(refusals->uids, is_paid, &now);
        if (g_hash_table_size(refusals->uids) >= UIDS_MAX)
                return NULL;
        refused = g_new0(Refused, 1);
        (void) g_hash_table_insert(refusals->uids, GUINT_TO_POINTER(uid), refused);
        return refused;
}

bool refusals_tell(Refusals *refusals, uid_t uid, unsigned *ret_silent) {
        static const DebtRate rate = {
                .burst = REFUSALS_BURST,
                .pay_back = REFUSALS_PAY_BACK_MS,
                .cap = REFUSALS_PAY_BACK_MS,
        };
        g_autoptr(GMutexLocker) locker = NULL;
        int64_t now = clock_running(refusals->clock);
        Refused *refused;

        *ret_silent = 0;
        if (uid == 0)
                return true;
        locker = g_mutex_locker_new(&refusals->lock);
        refused = find(refusals, uid, now);
        if (!refused)
                return false;
        if (!debt_may_try(&refused->debt, &rate, now)) {
                refused->silent++;
                return false;
        }
        (void) debt_charge(&refused->debt, &rate, now);
        *ret_silent = refused->silent;
        refused->silent = 0;
        return true;
}
