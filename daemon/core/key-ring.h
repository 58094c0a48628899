/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* How a ring is made, before anybody else sees it. Private to the key ring. */

#include "daemon/core/key-folder.h"
#include "daemon/core/key.h"

struct KeyRing {
        gatomicrefcount references;
        char *path;
        GPtrArray *keys; /* Key *, in order of creation */
};

/* A ring with the keys of @old (NULL: none). */
KeyRing *key_ring_new(const char *path, const KeyRing *old);
/* Takes @key over, in the place of the one with its kid, or behind all. */
void key_ring_put(KeyRing *ring, Key *key);
void key_ring_sort(KeyRing *ring);

/* The oldest of its kind, or NULL. */
Key *key_ring_find(const KeyRing *ring, KeyUse use, KeyState state);

/* Makes a key, writes it to the folder, puts it into @ring. */
int key_ring_make(KeyRing *ring, KeyFolder *folder, KeyUse use, KeyState state, int64_t now);
