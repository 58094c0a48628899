/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "common/error.h"
#include "daemon/core/admin.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/health.h"
#include "daemon/core/store-admin.h"

int store_admin_look(Core *core, StoreFound *ret) {
        int r;

        r = store_look(core->store, ret);
        return r == -EOPNOTSUPP ? CORE_E_INVALID : error_trace(r);
}

static int find_faults(Core *core, char ***ret) {
        g_auto(GStrv) faults = NULL, warnings = NULL;
        int r;

        r = health_check_store(core, &faults, &warnings);
        if (r < 0)
                return error_trace(r);
        if (!faults[0])
                return 0;
        *ret = g_steal_pointer(&faults);
        return CORE_E_INVALID;
}

static void report(Core *core, const Caller *caller, const StoreFound *found) {
        g_autofree char *by = admin_name(core, caller), *message = NULL;

        if (g_str_equal(found->id, found->known))
                message = g_strdup_printf("users who are gone from the store (%" G_GUINT64_FORMAT ") are unknown here from now on",
                                          found->lost);
        else
                message = g_strdup_printf("the store %s is this host's from now on (users: %" G_GUINT64_FORMAT "), no longer %s",
                                          found->id[0] ? found->id : "that was empty", found->users, found->known);
        core_audit(core, &(AuditEvent) { .event = "store-adopted", .message = message, .by = by });
}

/* Whoever has proved himself as to the store before, and is not in yet, does not come into this one by that. */
static int adopt(Core *core, const char *wanted, StoreFound *ret, bool *ret_changed) {
        int r;

        pending_bar(core->pending, UID_UNSET);
        sign_ins_drop(core->sign_ins, /* user= */ NULL);
        r = store_adopt(core->store, wanted, ret, ret_changed);
        pending_unbar(core->pending, UID_UNSET);
        return r == STORE_E_NOT_FOUND ? CORE_E_NOT_FOUND : error_trace(r);
}

int store_admin_adopt(Core *core, const Caller *caller, const char *wanted, char ***ret_faults, bool *ret_changed) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&core->changing);
        StoreFound found;
        bool changed = false;
        int r;

        r = store_admin_look(core, &found);
        if (r == 0)
                r = find_faults(core, ret_faults);
        if (r == 0 && !store_is_adopted(&found))
                r = adopt(core, wanted, &found, &changed);
        if (r != 0)
                return r;
        if (changed)
                report(core, caller, &found);
        *ret_changed = changed;
        return 0;
}

char *store_admin_problem(Core *core, int r) {
        return store_problem_of(core->store, r);
}
