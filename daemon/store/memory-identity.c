/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/store/memory-store.h"

static int compare(const void *a, const void *b) {
        const UserIdentity *first = *(UserIdentity *const *) a, *second = *(UserIdentity *const *) b;
        int order = strcmp(first->user, second->user);

        if (order == 0)
                order = strcmp(first->provider, second->provider);
        return order != 0 ? order : strcmp(first->issuer, second->issuer);
}

int memory_add_identity(MemoryStore *memory, const UserIdentity *identity) {
        for (guint i = 0; i < memory->identities->len; i++) {
                const UserIdentity *other = memory->identities->pdata[i];

                if (strcmp(other->issuer, identity->issuer) == 0 &&
                    (other->uid == identity->uid || strcmp(other->subject, identity->subject) == 0))
                        return STORE_E_EXISTS;
        }
        g_ptr_array_add(memory->identities, user_identity_copy(identity));
        g_ptr_array_sort(memory->identities, compare);
        return 0;
}

void memory_drop_identities(MemoryStore *memory, uid_t uid) {
        for (guint i = memory->identities->len; i > 0; i--)
                if (((UserIdentity *) memory->identities->pdata[i - 1])->uid == uid)
                        g_ptr_array_remove_index(memory->identities, i - 1);
}

static bool await_no_more(User *user, const char *provider) {
        if (g_strcmp0(user->awaits, provider) != 0)
                return false;
        g_clear_pointer(&user->awaits, g_free);
        return true;
}

int memory_identity_add(Store *store, const UserIdentity *identity, bool awaiting) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        User *user = g_hash_table_lookup(memory->users, identity->user);

        if (!user || user->uid != identity->uid)
                return STORE_E_STATE;
        if (awaiting && (!user->enabled || g_strcmp0(user->awaits, identity->provider) != 0))
                return STORE_E_STATE;
        if (memory_add_identity(memory, identity) != 0)
                return STORE_E_EXISTS;
        (void) await_no_more(user, identity->provider);
        return 0;
}

int memory_identity_find(Store *store, const char *issuer, const char *subject, UserIdentity **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);

        for (guint i = 0; i < memory->identities->len; i++) {
                const UserIdentity *identity = memory->identities->pdata[i];

                if (strcmp(identity->issuer, issuer) != 0 || strcmp(identity->subject, subject) != 0)
                        continue;
                *ret = user_identity_copy(identity);
                return 0;
        }
        return STORE_E_NOT_FOUND;
}

int memory_identity_list(Store *store, uid_t uid, GPtrArray **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        GPtrArray *copies = store_identity_array();

        for (guint i = 0; i < memory->identities->len; i++) {
                const UserIdentity *identity = memory->identities->pdata[i];

                if (uid == UID_UNSET || identity->uid == uid)
                        g_ptr_array_add(copies, user_identity_copy(identity));
        }
        *ret = copies;
        return 0;
}

static User *user_of(MemoryStore *memory, uid_t uid) {
        GHashTableIter i;
        void *user;

        g_hash_table_iter_init(&i, memory->users);
        while (g_hash_table_iter_next(&i, NULL, &user))
                if (((User *) user)->uid == uid)
                        return user;
        return NULL;
}

int memory_identity_remove(Store *store, uid_t uid, const char *provider, const char *issuer, bool *ret_changed) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        User *user = user_of(memory, uid);

        *ret_changed = user && await_no_more(user, provider);
        for (guint i = memory->identities->len; i > 0; i--) {
                const UserIdentity *identity = memory->identities->pdata[i - 1];

                if (identity->uid != uid ||
                    (strcmp(identity->provider, provider) != 0 && g_strcmp0(identity->issuer, issuer) != 0))
                        continue;
                g_ptr_array_remove_index(memory->identities, i - 1);
                *ret_changed = true;
        }
        return 0;
}
