/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>

#include "daemon/bus/admission.h"

struct Admission {
        GMutex lock;
        GHashTable *calls; /* uid → number, without those that have none */
        unsigned root, others;
};

Admission *admission_new(void) {
        Admission *admission = g_new0(Admission, 1);

        g_mutex_init(&admission->lock);
        admission->calls = g_hash_table_new(NULL, NULL);
        return admission;
}

Admission *admission_free(Admission *admission) {
        if (!admission)
                return NULL;
        g_hash_table_unref(admission->calls);
        g_mutex_clear(&admission->lock);
        g_free(admission);
        return NULL;
}

static bool enter_root(Admission *admission) {
        if (admission->root >= ADMISSION_ROOT_MAX)
                return false;
        admission->root++;
        return true;
}

static bool enter_other(Admission *admission, gpointer key) {
        unsigned calls = GPOINTER_TO_UINT(g_hash_table_lookup(admission->calls, key));

        if (calls >= ADMISSION_PER_UID || admission->others >= ADMISSION_MAX)
                return false;
        g_hash_table_insert(admission->calls, key, GUINT_TO_POINTER(calls + 1));
        admission->others++;
        return true;
}

bool admission_enter(Admission *admission, uid_t uid) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&admission->lock);

        return uid == 0 ? enter_root(admission) : enter_other(admission, GUINT_TO_POINTER(uid));
}

void admission_leave(Admission *admission, uid_t uid) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&admission->lock);
        unsigned calls;

        if (uid == 0) {
                g_assert(admission->root > 0);
                admission->root--;
                return;
        }
        calls = GPOINTER_TO_UINT(g_hash_table_lookup(admission->calls, GUINT_TO_POINTER(uid)));
        g_assert(calls > 0 && admission->others > 0);
        if (calls > 1)
                g_hash_table_insert(admission->calls, GUINT_TO_POINTER(uid), GUINT_TO_POINTER(calls - 1));
        else
                g_hash_table_remove(admission->calls, GUINT_TO_POINTER(uid));
        admission->others--;
}

unsigned admission_under_way(Admission *admission) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&admission->lock);

        return admission->root + admission->others;
}
