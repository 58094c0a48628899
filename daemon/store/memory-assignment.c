/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/store/memory-store.h"

static int compare(const void *a, const void *b) {
        const Assignment *first = *(Assignment *const *) a, *second = *(Assignment *const *) b;
        int order = strcmp(first->user, second->user);

        return order != 0 ? order : strcmp(first->role, second->role);
}

void memory_add_assignment(MemoryStore *memory, const Assignment *assignment) {
        g_ptr_array_add(memory->assignments, assignment_copy(assignment));
        g_ptr_array_sort(memory->assignments, compare);
}

void memory_drop_assignments(MemoryStore *memory, uid_t uid) {
        for (guint i = memory->assignments->len; i > 0; i--)
                if (((Assignment *) memory->assignments->pdata[i - 1])->uid == uid)
                        g_ptr_array_remove_index(memory->assignments, i - 1);
}

/* Where it is; and how many of other roles this user has. */
static bool find(const MemoryStore *memory, uid_t uid, const char *role, guint *ret_index, unsigned *ret_others) {
        bool found = false;

        *ret_others = 0;
        for (guint i = 0; i < memory->assignments->len; i++) {
                const Assignment *assignment = memory->assignments->pdata[i];

                if (assignment->uid != uid)
                        continue;
                if (strcmp(assignment->role, role) != 0) {
                        (*ret_others)++;
                        continue;
                }
                *ret_index = i;
                found = true;
        }
        return found;
}

int memory_assignment_set(Store *store, const Assignment *assignment, unsigned max, bool *ret_changed) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        const User *user = g_hash_table_lookup(memory->users, assignment->user);
        unsigned others;
        guint at = 0;
        bool found;

        if (!user || user->uid != assignment->uid)
                return STORE_E_STATE;
        found = find(memory, assignment->uid, assignment->role, &at, &others);
        if (others >= max)
                return STORE_E_STATE;
        *ret_changed = !found || !store_assignment_says_same(memory->assignments->pdata[at], assignment);
        if (!*ret_changed)
                return 0;
        if (found)
                g_ptr_array_remove_index(memory->assignments, at);
        memory_add_assignment(memory, assignment);
        return 0;
}

int memory_assignment_remove(Store *store, uid_t uid, const char *role, bool *ret_changed) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        unsigned others;
        guint at = 0;

        *ret_changed = find(memory, uid, role, &at, &others);
        if (*ret_changed)
                g_ptr_array_remove_index(memory->assignments, at);
        return 0;
}

int memory_assignment_list(Store *store, uid_t uid, GPtrArray **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        GPtrArray *copies = store_assignment_array();

        for (guint i = 0; i < memory->assignments->len; i++) {
                const Assignment *assignment = memory->assignments->pdata[i];

                if (uid == UID_UNSET || assignment->uid == uid)
                        g_ptr_array_add(copies, assignment_copy(assignment));
        }
        *ret = copies;
        return 0;
}

int memory_assignment_sweep(Store *store, int64_t now, GPtrArray **ret_ended) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        GPtrArray *ended = store_assignment_array();
        guint i = 0;

        while (i < memory->assignments->len) {
                const Assignment *assignment = memory->assignments->pdata[i];

                if (assignment->until != 0 && assignment->until <= now)
                        g_ptr_array_add(ended, g_ptr_array_steal_index(memory->assignments, i));
                else
                        i++;
        }
        *ret_ended = ended;
        return 0;
}
