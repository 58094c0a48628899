/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/store/memory-store.h"

typedef struct MemoryNetwork {
        uid_t uid;
        char *network;
        int64_t seen;
} MemoryNetwork;

/* A debt, and when it is paid back and forgotten. */
typedef struct MemorySharedDebt {
        SharedDebt *debt;
        int64_t until;
} MemorySharedDebt;

static void free_shared_debt(void *data) {
        MemorySharedDebt *kept = data;

        shared_debt_free(kept->debt);
        g_free(kept);
}

static void free_network(void *data) {
        MemoryNetwork *network = data;

        g_free(network->network);
        g_free(network);
}

static void free_debt(void *debt) {
        user_debt_free(debt);
}

void memory_throttle_init(MemoryStore *memory) {
        memory->networks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_network);
        memory->debts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_debt);
        memory->shared_debts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_shared_debt);
}

void memory_throttle_deinit(MemoryStore *memory) {
        g_hash_table_unref(memory->networks);
        g_hash_table_unref(memory->debts);
        g_hash_table_unref(memory->shared_debts);
}

static char *network_key(uid_t uid, const char *network) {
        return g_strdup_printf("%u %s", (unsigned) uid, network);
}

static gboolean network_is_of(void *key, void *value, void *uid) {
        return ((const MemoryNetwork *) value)->uid == *(const uid_t *) uid;
}

static gboolean debt_is_of(void *key, void *value, void *uid) {
        return ((const UserDebt *) value)->uid == *(const uid_t *) uid;
}

static gboolean shared_debt_is_of(void *key, void *value, void *uid) {
        return ((const MemorySharedDebt *) value)->debt->uid == *(const uid_t *) uid;
}

void memory_throttle_forget(MemoryStore *memory, uid_t uid) {
        (void) g_hash_table_foreach_remove(memory->networks, network_is_of, &uid);
        (void) g_hash_table_foreach_remove(memory->debts, debt_is_of, &uid);
        (void) g_hash_table_foreach_remove(memory->shared_debts, shared_debt_is_of, &uid);
}

/* The one that was seen first goes, while the user has more than are kept. */
static void forget_oldest(MemoryStore *memory, uid_t uid) {
        const MemoryNetwork *oldest = NULL;
        g_autofree char *name = NULL;
        GHashTableIter iter;
        unsigned n = 0;
        void *value;

        g_hash_table_iter_init(&iter, memory->networks);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const MemoryNetwork *network = value;

                if (network->uid != uid)
                        continue;
                n++;
                if (!oldest || network->seen < oldest->seen)
                        oldest = network;
        }
        if (n <= STORE_NETWORKS_KEPT)
                return;
        name = network_key(uid, oldest->network);
        (void) g_hash_table_remove(memory->networks, name);
}

void memory_remember_network(MemoryStore *memory, uid_t uid, const char *network, int64_t now) {
        g_autofree char *name = network_key(uid, network);
        MemoryNetwork *known = g_hash_table_lookup(memory->networks, name);

        if (known) {
                known->seen = MAX(known->seen, now);
                return;
        }
        known = g_new(MemoryNetwork, 1);
        *known = (MemoryNetwork) { .uid = uid, .network = g_strdup(network), .seen = now };
        g_hash_table_insert(memory->networks, g_steal_pointer(&name), known);
        forget_oldest(memory, uid);
}

int memory_known_network(Store *store, uid_t uid, const char *network, int64_t since, bool *ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        g_autofree char *name = network_key(uid, network);
        const MemoryNetwork *known = g_hash_table_lookup(memory->networks, name);

        *ret = known && known->seen >= since;
        return 0;
}

void memory_debt_set(Store *store, const UserDebt *debt) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        g_autofree char *name = g_strdup_printf("%u %s %s", (unsigned) debt->uid, debt->limit, debt->key);

        if (debt->failures > 0)
                g_hash_table_insert(memory->debts, g_steal_pointer(&name), user_debt_copy(debt));
        else
                (void) g_hash_table_remove(memory->debts, name);
}

int memory_debt_list(Store *store, GPtrArray **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        GPtrArray *debts = store_debt_array();
        GHashTableIter iter;
        void *debt;

        g_hash_table_iter_init(&iter, memory->debts);
        while (g_hash_table_iter_next(&iter, NULL, &debt))
                g_ptr_array_add(debts, user_debt_copy(debt));
        *ret = debts;
        return 0;
}

/* What hosts share */

static char *debt_key(uid_t uid, const char *limit, const char *key) {
        return g_strdup_printf("%u %s %s", (unsigned) uid, limit, key);
}

static bool is_forgotten(const MemorySharedDebt *kept, int64_t now) {
        return kept->debt->keep > 0 && kept->until + kept->debt->keep <= now;
}

int memory_shared_debt_get(Store *store, uid_t uid, const char *limit, const char *key, int64_t now, SharedDebt *ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        g_autofree char *name = debt_key(uid, limit, key);
        const MemorySharedDebt *kept = g_hash_table_lookup(memory->shared_debts, name);
        bool is_owed = kept && !is_forgotten(kept, now);

        ret->left = is_owed ? kept->until - now : 0;
        ret->failures = is_owed ? kept->debt->failures : 0;
        ret->version = is_owed ? kept->debt->version : 0;
        return 0;
}

int memory_shared_debt_swap(Store *store, SharedDebt *debt, int64_t now) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        g_autofree char *name = debt_key(debt->uid, debt->limit, debt->key);
        MemorySharedDebt *kept = g_hash_table_lookup(memory->shared_debts, name);

        if ((kept && !is_forgotten(kept, now) ? kept->debt->version : 0) != debt->version)
                return STORE_E_STATE;
        debt->version = debt->failures > 0 ? ++memory->shared_version : 0;
        if (debt->failures == 0) {
                (void) g_hash_table_remove(memory->shared_debts, name);
                return 0;
        }
        kept = g_new(MemorySharedDebt, 1);
        *kept = (MemorySharedDebt) { .debt = shared_debt_copy(debt), .until = now + debt->left };
        g_hash_table_insert(memory->shared_debts, g_steal_pointer(&name), kept);
        return 0;
}

int memory_shared_debt_list(Store *store, uid_t uid, int64_t now, GPtrArray **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        GPtrArray *debts = store_shared_debt_array();
        GHashTableIter iter;
        void *value;

        g_hash_table_iter_init(&iter, memory->shared_debts);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                const MemorySharedDebt *kept = value;
                SharedDebt *debt;

                if (is_forgotten(kept, now) || (uid != UID_UNSET && kept->debt->uid != uid))
                        continue;
                debt = shared_debt_copy(kept->debt);
                debt->left = kept->until - now;
                g_ptr_array_add(debts, debt);
        }
        *ret = debts;
        return 0;
}
