/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/core/turns.h"

struct Turns {
        GMutex lock;
        GCond passed;
        GHashTable *taken; /* names */
};

Turns *turns_new(void) {
        Turns *turns = g_new0(Turns, 1);

        g_mutex_init(&turns->lock);
        g_cond_init(&turns->passed);
        turns->taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        return turns;
}

Turns *turns_free(Turns *turns) {
        if (!turns)
                return NULL;
        g_hash_table_unref(turns->taken);
        g_cond_clear(&turns->passed);
        g_mutex_clear(&turns->lock);
        g_free(turns);
        return NULL;
}

void turns_take(Turns *turns, const char *name) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&turns->lock);

        while (g_hash_table_contains(turns->taken, name))
                g_cond_wait(&turns->passed, &turns->lock);
        (void) g_hash_table_add(turns->taken, g_strdup(name));
}

void turns_pass(Turns *turns, const char *name) {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&turns->lock);

        (void) g_hash_table_remove(turns->taken, name);
        g_cond_broadcast(&turns->passed);
}
