/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Changes of the ring: on disk first, then a ring that says so. Where a write fails, what was
 * written before it is taken back as far as the disk lets us, and the old ring holds; what could not
 * be taken back is what a crash would have left, and the next start deals with it.
 */

#include <errno.h>

#include "daemon/core/key-ring.h"

static int fail(KeyFolder *folder, int r, char **ret_message) {
        *ret_message = g_steal_pointer(&folder->message);
        return r;
}

int key_ring_prepare(KeyRing *ring, int64_t now, KeyRing **ret, bool *ret_changed, char **ret_message) {
        g_autoptr(KeyRing) changed = key_ring_new(ring->path, ring);
        g_auto(KeyFolder) folder = { .path = ring->path, .fd = -1 };
        bool any = false;
        int r;

        r = key_folder_open(&folder, /* create= */ false);
        for (KeyUse use = 0; r == 0 && use < _KEY_USE_MAX; use++) {
                if (key_ring_find(ring, use, KEY_NEXT))
                        continue;
                r = key_ring_make(changed, &folder, use, KEY_NEXT, now);
                any = true;
        }
        if (r < 0) {
                for (guint i = ring->keys->len; i < changed->keys->len; i++)
                        (void) key_folder_remove(&folder, ((Key *) changed->keys->pdata[i])->kid);
                return fail(&folder, r, ret_message);
        }
        key_ring_sort(changed);
        *ret_changed = any;
        *ret = g_steal_pointer(&changed);
        return 0;
}

/* Both files of each use, in the order in which they are written: all that begin to sign, then all that end. */
typedef struct Rotation {
        struct {
                const Key *was;
                Key *is;
        } steps[2 * _KEY_USE_MAX];
} Rotation;

static void rotation_clear(Rotation *rotation) {
        for (size_t i = 0; i < G_N_ELEMENTS(rotation->steps); i++)
                rotation->steps[i].is = key_unref(rotation->steps[i].is);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rotation, rotation_clear)

/* 0, KEY_E_NOT_PREPARED or -ENOMEM. */
static int plan_rotation(const KeyRing *ring, const int64_t until[_KEY_USE_MAX], Rotation *ret) {
        for (KeyUse use = 0; use < _KEY_USE_MAX; use++) {
                const Key *next = key_ring_find(ring, use, KEY_NEXT), *old = key_ring_signing(ring, use);
                Key *begins, *ends;

                if (!next)
                        return KEY_E_NOT_PREPARED;
                begins = key_copy(next, KEY_SIGNING);
                ends = key_copy(old, KEY_VERIFYING);
                ret->steps[use].was = next;
                ret->steps[use].is = begins;
                ret->steps[_KEY_USE_MAX + use].was = old;
                ret->steps[_KEY_USE_MAX + use].is = ends;
                if (!begins || !ends)
                        return -ENOMEM;
                begins->replaces = g_strdup(old->kid);
                ends->until = until[use];
        }
        return 0;
}

static int write_rotation(const Rotation *rotation, KeyFolder *folder) {
        size_t done = 0;
        int r = 0;

        while (r == 0 && done < G_N_ELEMENTS(rotation->steps))
                r = key_folder_write(folder, rotation->steps[done++].is);
        /* The last one too: it may have got there, and only the folder was not flushed. */
        while (r < 0 && done > 0)
                (void) key_folder_write(folder, rotation->steps[--done].was);
        return r;
}

int key_ring_rotate(KeyRing *ring, int64_t now, int64_t token_lifetime, int64_t ticket_lifetime, KeyRing **ret,
                    char **ret_message) {
        const int64_t until[_KEY_USE_MAX] = {
                [KEY_TOKEN] = now + token_lifetime,
                [KEY_TICKET] = now + ticket_lifetime,
        };
        g_autoptr(KeyRing) changed = key_ring_new(ring->path, ring);
        g_auto(KeyFolder) folder = { .path = ring->path, .fd = -1 };
        g_auto(Rotation) rotation = { 0 };
        int r;

        r = plan_rotation(ring, until, &rotation);
        if (r > 0)
                return r;
        if (r < 0)
                r = key_folder_complain_errno(&folder, r, NULL);
        if (r == 0)
                r = key_folder_open(&folder, /* create= */ false);
        if (r == 0)
                r = write_rotation(&rotation, &folder);
        if (r < 0)
                return fail(&folder, r, ret_message);
        for (size_t i = 0; i < G_N_ELEMENTS(rotation.steps); i++)
                key_ring_put(changed, g_steal_pointer(&rotation.steps[i].is));
        *ret = g_steal_pointer(&changed);
        return 0;
}

static bool is_over(const Key *key, int64_t now) {
        return key->state == KEY_VERIFYING && key->until <= now;
}

int key_ring_drop(KeyRing *ring, int64_t now, KeyRing **ret, char **ret_message) {
        g_autoptr(KeyRing) changed = key_ring_new(ring->path, ring);
        g_auto(KeyFolder) folder = { .path = ring->path, .fd = -1 };
        int r = 0;

        for (guint i = changed->keys->len; r == 0 && i-- > 0;) {
                const Key *key = changed->keys->pdata[i];

                if (!is_over(key, now))
                        continue;
                if (folder.fd < 0)
                        r = key_folder_open(&folder, /* create= */ false);
                if (r == 0)
                        r = key_folder_remove(&folder, key->kid);
                g_ptr_array_remove_index(changed->keys, i);
        }
        if (r < 0)
                return fail(&folder, r, ret_message);
        *ret = changed->keys->len == ring->keys->len ? key_ring_ref(ring) : g_steal_pointer(&changed);
        return 0;
}
