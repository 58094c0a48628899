/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "daemon/core/key-folder.h"
#include "daemon/core/key-ring.h"
#include "daemon/core/ticket.h"
#include "daemon/core/token-gate.h"
#include "daemon/core/token.h"

static void destroy_key(gpointer key) {
        (void) key_unref(key);
}

KeyRing *key_ring_new(const char *path, const KeyRing *old) {
        KeyRing *ring = g_new0(KeyRing, 1);

        g_atomic_ref_count_init(&ring->references);
        ring->path = g_strdup(path);
        ring->keys = g_ptr_array_new_with_free_func(destroy_key);
        for (guint i = 0; old && i < old->keys->len; i++)
                g_ptr_array_add(ring->keys, key_ref(old->keys->pdata[i]));
        return ring;
}

KeyRing *key_ring_ref(KeyRing *ring) {
        g_atomic_ref_count_inc(&ring->references);
        return ring;
}

KeyRing *key_ring_unref(KeyRing *ring) {
        if (!ring || !g_atomic_ref_count_dec(&ring->references))
                return NULL;
        g_ptr_array_unref(ring->keys);
        g_free(ring->path);
        g_free(ring);
        return NULL;
}

static int compare_keys(gconstpointer a, gconstpointer b) {
        const Key *first = *(const Key *const *) a, *second = *(const Key *const *) b;

        if (first->created != second->created)
                return first->created < second->created ? -1 : 1;
        if (first->use != second->use)
                return first->use < second->use ? -1 : 1;
        return strcmp(first->kid, second->kid);
}

void key_ring_sort(KeyRing *ring) {
        g_ptr_array_sort(ring->keys, compare_keys);
}

void key_ring_put(KeyRing *ring, Key *key) {
        for (guint i = 0; i < ring->keys->len; i++) {
                Key *old = ring->keys->pdata[i];

                if (strcmp(old->kid, key->kid) != 0)
                        continue;
                ring->keys->pdata[i] = key;
                (void) key_unref(old);
                return;
        }
        g_ptr_array_add(ring->keys, key);
}

Key *key_ring_find(const KeyRing *ring, KeyUse use, KeyState state) {
        for (guint i = 0; i < ring->keys->len; i++) {
                Key *key = ring->keys->pdata[i];

                if (key->use == use && key->state == state)
                        return key;
        }
        return NULL;
}

int key_ring_make(KeyRing *ring, KeyFolder *folder, KeyUse use, KeyState state, int64_t now) {
        g_autoptr(Key) key = NULL;
        int r;

        do {
                (void) key_unref(key);
                key = key_generate(use, state, now);
                if (!key)
                        return key_folder_complain_errno(folder, -ENOMEM, NULL);
        } while (key_folder_has(folder, key->kid)); /* a kid names one key, of whatever use */
        r = key_folder_write(folder, key);
        if (r == 0)
                key_ring_put(ring, g_steal_pointer(&key));
        return r;
}

/* Opening */

static bool has_use(const KeyRing *ring, KeyUse use) {
        for (int state = 0; state < _KEY_STATE_MAX; state++)
                if (key_ring_find(ring, use, (KeyState) state))
                        return true;
        return false;
}

/* The first keys of a new host; the second alone where its first start was cut off between them. */
static int make_first(KeyRing *ring, KeyFolder *folder, int64_t now) {
        int r = 0;

        if (ring->keys->len == 0)
                r = key_ring_make(ring, folder, KEY_TOKEN, KEY_SIGNING, now);
        if (r == 0 && key_ring_find(ring, KEY_TOKEN, KEY_SIGNING) && !has_use(ring, KEY_TICKET))
                r = key_ring_make(ring, folder, KEY_TICKET, KEY_SIGNING, now);
        return r;
}

/* Of two that sign, the one that the other came to replace; NULL when there are not two, or that is not clear. */
static Key *find_replaced(const KeyRing *ring, KeyUse use) {
        Key *found[2] = { NULL, NULL };
        size_t n = 0;

        for (guint i = 0; i < ring->keys->len; i++) {
                Key *key = ring->keys->pdata[i];

                if (key->use != use || key->state != KEY_SIGNING)
                        continue;
                if (n == G_N_ELEMENTS(found))
                        return NULL;
                found[n++] = key;
        }
        if (n < 2 || (g_strcmp0(found[0]->replaces, found[1]->kid) == 0) ==
                             (g_strcmp0(found[1]->replaces, found[0]->kid) == 0))
                return NULL;
        return g_strcmp0(found[0]->replaces, found[1]->kid) == 0 ? found[1] : found[0];
}

/* A rotation that was cut off between its two files: the old key may have signed until a moment ago. */
static int finish_rotation(KeyRing *ring, KeyFolder *folder, KeyUse use, int64_t now) {
        static const int64_t longest[_KEY_USE_MAX] = {
                [KEY_TOKEN] = TOKEN_LIFETIME_MAX,
                [KEY_TICKET] = TICKET_LIFETIME_MAX,
        };
        const Key *replaced = find_replaced(ring, use);
        g_autoptr(Key) over = NULL;
        int r;

        if (!replaced)
                return 0;
        over = key_copy(replaced, KEY_VERIFYING);
        if (!over)
                return key_folder_complain_errno(folder, -ENOMEM, replaced->kid);
        over->until = now + longest[use];
        r = key_folder_write(folder, over);
        if (r == 0)
                key_ring_put(ring, g_steal_pointer(&over));
        return r;
}

static int check_secrets(const KeyRing *ring, KeyFolder *folder) {
        for (guint i = 0; i < ring->keys->len; i++)
                for (guint j = 0; j < i; j++)
                        if (key_is_same_secret(ring->keys->pdata[i], ring->keys->pdata[j]))
                                return key_folder_complain(folder, -EBADMSG, ((Key *) ring->keys->pdata[i])->kid,
                                                           "holds the secret of another key",
                                                           "move the copy out of the folder");
        return 0;
}

/* What no single file can say: of each use one key signs. */
static int check_signing(const KeyRing *ring, KeyFolder *folder, KeyUse use) {
        g_autofree char *problem = NULL;
        const Key *signing = NULL;

        for (guint i = 0; i < ring->keys->len; i++) {
                const Key *key = ring->keys->pdata[i];

                if (key->use != use || key->state != KEY_SIGNING)
                        continue;
                if (signing) {
                        problem = g_strdup_printf("is the second in the state \"signing\" with use=%s",
                                                  key_use_to_string(use));
                        return key_folder_complain(folder, -EBADMSG, key->kid, problem,
                                                   "move one out of the folder, the older if in doubt");
                }
                signing = key;
        }
        if (signing)
                return 0;
        problem = g_strdup_printf("holds no key in the state \"signing\" with use=%s", key_use_to_string(use));
        return key_folder_complain(folder, -ENOENT, NULL, problem, KEY_FOLDER_RESTORE);
}

static int check_ring(const KeyRing *ring, KeyFolder *folder) {
        int r;

        if (ring->keys->len == 0)
                return key_folder_complain(folder, -ENOENT, NULL, "holds no key, and this host is not new",
                                           KEY_FOLDER_RESTORE);
        r = check_secrets(ring, folder);
        for (KeyUse use = 0; r == 0 && use < _KEY_USE_MAX; use++)
                r = check_signing(ring, folder, use);
        return r;
}

static int fill_ring(KeyRing *ring, KeyFolder *folder, bool create, int64_t now) {
        int r;

        if (sodium_init() < 0)
                return key_folder_complain_errno(folder, -ENOSYS, NULL);
        r = key_folder_open(folder, create);
        if (r == 0)
                r = key_folder_read(folder, ring->keys);
        key_ring_sort(ring); /* messages too are in that order */
        for (KeyUse use = 0; r == 0 && use < _KEY_USE_MAX; use++)
                r = finish_rotation(ring, folder, use, now);
        if (r == 0 && create)
                r = make_first(ring, folder, now);
        if (r == 0)
                r = check_ring(ring, folder);
        key_ring_sort(ring);
        return r;
}

int key_ring_open(const char *path, bool create, int64_t now, KeyRing **ret, char **ret_message) {
        g_autoptr(KeyRing) ring = key_ring_new(path, /* old= */ NULL);
        g_auto(KeyFolder) folder = { .path = path, .fd = -1 };
        int r;

        r = fill_ring(ring, &folder, create, now);
        if (r < 0) {
                *ret_message = g_steal_pointer(&folder.message);
                return r;
        }
        *ret = g_steal_pointer(&ring);
        return 0;
}

/* Asking */

const Key *key_ring_signing(const KeyRing *ring, KeyUse use) {
        const Key *key = key_ring_find(ring, use, KEY_SIGNING);

        g_assert(key); /* check_ring() */
        return key;
}

const Key *key_ring_by_header(const KeyRing *ring, KeyUse use, const char *header, size_t size) {
        for (guint i = 0; i < ring->keys->len; i++) {
                const Key *key = ring->keys->pdata[i];

                if (key->use == use && strlen(key->header) == size && memcmp(key->header, header, size) == 0)
                        return key;
        }
        return NULL;
}

const Key *key_ring_at(const KeyRing *ring, size_t index) {
        return index < ring->keys->len ? ring->keys->pdata[index] : NULL;
}

/* Written by hand: kids and base64url hold nothing that JSON would have to escape. */
char *key_ring_export(const KeyRing *ring) {
        g_autoptr(GString) text = g_string_new("{\"keys\":[");
        const char *separator = "";

        for (guint i = 0; i < ring->keys->len; i++) {
                const Key *key = ring->keys->pdata[i];
                unsigned char point[ES256_POINT_SIZE];
                char x[44], y[44];

                if (key->use != KEY_TICKET)
                        continue;
                if (!es256_point(key->pair, point))
                        return NULL;
                base64url_encode(point, sizeof(point) / 2, x);
                base64url_encode(point + sizeof(point) / 2, sizeof(point) / 2, y);
                g_string_append_printf(text, "%s{\"alg\":\"ES256\",\"crv\":\"P-256\",\"kid\":\"%s\",\"kty\":\"EC\","
                                             "\"use\":\"sig\",\"x\":\"%s\",\"y\":\"%s\"}",
                                       separator, key->kid, x, y);
                separator = ",";
        }
        g_string_append(text, "]}");
        return g_string_free(g_steal_pointer(&text), FALSE);
}
