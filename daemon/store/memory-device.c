/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/store/memory-store.h"

/* Looking */

Device *memory_find_device(MemoryStore *memory, const char *id) {
        for (guint i = 0; i < memory->devices->len; i++)
                if (strcmp(((Device *) memory->devices->pdata[i])->id, id) == 0)
                        return memory->devices->pdata[i];
        return NULL;
}

int memory_device_get(Store *store, const char *id, Device **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        const Device *device = memory_find_device(memory, id);

        if (!device)
                return STORE_E_NOT_FOUND;
        *ret = device_copy(device);
        return 0;
}

static int compare_created(const void *a, const void *b) {
        const Device *x = *(Device *const *) a, *y = *(Device *const *) b;

        return x->created < y->created ? -1 : x->created > y->created;
}

int memory_device_list(Store *store, uid_t uid, GPtrArray **ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        GPtrArray *devices = store_device_array();

        for (guint i = 0; i < memory->devices->len; i++) {
                const Device *device = memory->devices->pdata[i];

                if (uid == UID_UNSET || device->uid == uid)
                        g_ptr_array_add(devices, device_copy(device));
        }
        g_ptr_array_sort(devices, compare_created); /* stable */
        *ret = devices;
        return 0;
}

/* Changing */

static int compare_revoked(const void *a, const void *b) {
        const Device *x = *(Device *const *) a, *y = *(Device *const *) b;
        bool x_reused = g_str_equal(x->revoke_reason, DEVICE_REASON_REUSE);
        bool y_reused = g_str_equal(y->revoke_reason, DEVICE_REASON_REUSE);

        if (x_reused != y_reused)
                return x_reused ? -1 : 1;
        return x->revoked > y->revoked ? -1 : x->revoked < y->revoked;
}

static void forget_revoked(MemoryStore *memory, uid_t uid, unsigned max) {
        g_autoptr(GPtrArray) revoked = g_ptr_array_new();

        for (guint i = memory->devices->len; i > 0; i--) {
                Device *device = memory->devices->pdata[i - 1];

                if (device->uid == uid && device->revoked != 0)
                        g_ptr_array_add(revoked, device);
        }
        g_ptr_array_sort(revoked, compare_revoked); /* stable: of two revoked at once, the one added last */
        for (guint i = max; i < revoked->len; i++)
                (void) g_ptr_array_remove(memory->devices, revoked->pdata[i]);
}

int memory_device_add(Store *store, const Device *device, unsigned max) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        const User *user = g_hash_table_lookup(memory->users, device->user);
        unsigned n = 0;

        if (memory_find_device(memory, device->id))
                return STORE_E_EXISTS;
        if (!user || user->uid != device->uid || !user->enabled)
                return STORE_E_STATE;
        for (guint i = 0; i < memory->devices->len; i++) {
                const Device *other = memory->devices->pdata[i];

                if (other->uid != device->uid || other->revoked != 0 || other->ends <= device->created)
                        continue;
                if (strcmp(other->name, device->name) == 0)
                        return STORE_E_EXISTS;
                n++;
        }
        if (n >= max)
                return STORE_E_STATE;
        g_ptr_array_add(memory->devices, device_copy(device));
        forget_revoked(memory, device->uid, max);
        return 0;
}

static bool revoke_one(Device *device, const char *reason, int64_t now) {
        if (device->revoked != 0)
                return false;
        device->revoked = store_revoked_at(now);
        device->revoke_reason = g_strdup(reason);
        return true;
}

void memory_revoke_devices(MemoryStore *memory, uid_t uid, const char *except, const char *reason, int64_t now) {
        g_autoptr(GHashTable) spared = memory_find_spared(memory, except);
        GHashTableIter i;
        void *id;

        for (guint j = 0; j < memory->devices->len; j++) {
                Device *device = memory->devices->pdata[j];
                bool spare = false;

                g_hash_table_iter_init(&i, spared);
                while (g_hash_table_iter_next(&i, &id, NULL))
                        spare |= strcmp(((Session *) g_hash_table_lookup(memory->by_id, id))->device, device->id) == 0;
                if (device->uid == uid && !spare)
                        (void) revoke_one(device, reason, now); /* what was already stays so; ignoring */
        }
}

static GPtrArray *revoke_device(MemoryStore *memory, Device *device, const char *reason, int64_t now, bool *ret_changed) {
        SessionSelector selector = { .device = device->id, .uid = UID_UNSET };

        *ret_changed = revoke_one(device, reason, now);
        return memory_end_selected(memory, &selector, SESSION_EVENT_REVOKE, reason, now);
}

int memory_device_revoke(Store *store, const char *id, const char *reason, int64_t now, bool *ret_changed,
                         GPtrArray **ret_ended) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        Device *device = memory_find_device(memory, id);

        if (!device)
                return STORE_E_NOT_FOUND;
        *ret_ended = revoke_device(memory, device, reason, now, ret_changed);
        return 0;
}

int memory_device_use(Store *store, const char *id, uint32_t counter, const char *from, int64_t now,
                      int64_t steady, DeviceUse *ret_use, Device **ret, GPtrArray **ret_ended) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        Device *device = memory_find_device(memory, id);
        bool changed;

        if (!device)
                return STORE_E_NOT_FOUND;
        if (device->revoked != 0)
                return STORE_E_STATE;
        *ret_use = device_window_use(&device->window, counter, steady);
        if (*ret_use == DEVICE_USE_AGAIN) {
                *ret_ended = revoke_device(memory, device, DEVICE_REASON_REUSE, now, &changed);
        } else {
                device->used = MAX(device->used, now);
                g_free(device->from);
                device->from = g_strdup(from);
                *ret_ended = store_session_array();
        }
        *ret = device_copy(device);
        return 0;
}

static gboolean is_over(void *key, void *until, void *now) {
        return *(int64_t *) until < *(int64_t *) now;
}

int memory_device_sweep(Store *store, int64_t now, int64_t idle, int64_t keep) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        int64_t before = now - keep;

        for (guint i = memory->devices->len; i > 0; i--) {
                const Device *device = memory->devices->pdata[i - 1];

                if ((device->revoked != 0 && device->revoked < before) || device->ends < before ||
                    MAX(device->used, device->created) < before - idle)
                        g_ptr_array_remove_index(memory->devices, i - 1);
        }
        g_hash_table_foreach_remove(memory->tickets, is_over, &now);
        return 0;
}

/* Tickets */

static char *ticket_key(const char *issuer, const char *jti) {
        return g_strdup_printf("%zu %s %s", strlen(issuer), issuer, jti);
}

int memory_ticket_use(Store *store, const char *issuer, const char *jti, int64_t until) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        g_autofree char *key = ticket_key(issuer, jti);

        if (g_hash_table_contains(memory->tickets, key))
                return STORE_E_EXISTS;
        g_hash_table_insert(memory->tickets, g_steal_pointer(&key), g_memdup2(&until, sizeof(until)));
        return 0;
}

int memory_ticket_used(Store *store, const char *issuer, const char *jti, bool *ret) {
        _cleanup_unlock_ MemoryStore *memory = memory_lock(store);
        g_autofree char *key = ticket_key(issuer, jti);

        *ret = g_hash_table_contains(memory->tickets, key);
        return 0;
}
