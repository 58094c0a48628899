/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The keys of this host: random, made at first start, one file each in keys/ (0600, the daemon's).
 * One algorithm and one purpose per key; the kid is the file's name. A key that is missing beside
 * an existing database, short, unreadable, a symlink or somebody else's stops the daemon:
 * nothing is silently replaced.
 *
 * File format, text, so that it can be looked at and backed up:
 *         tessera-key 1
 *         use=token
 *         alg=HS256
 *         state=signing
 *         created=1700000000
 *         until=1700000900           (of a verifying key, and of no other)
 *         secret=<43 characters of base64url>
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define KEY_HS256_SIZE 32

typedef enum KeyState {
        KEY_NEXT,
        KEY_SIGNING,
        KEY_VERIFYING,
        _KEY_STATE_MAX,
        _KEY_STATE_INVALID = -1,
} KeyState;

typedef struct Key {
        char *kid;           /* 1 to 8 of [a-z0-9] */
        const char *alg;     /* "HS256" */
        const char *use;     /* "token" */
        KeyState state;
        int64_t created;
        int64_t until;       /* verifying: until then; 0: unset */
        unsigned char *secret; /* KEY_HS256_SIZE bytes of sodium_malloc */
        char *header;        /* the constant JOSE header of every token under this key, base64url */
} Key;

typedef struct KeyRing KeyRing;

const char *key_state_to_string(KeyState state);

/*
 * Reads every key of the folder @path; where there is none and @create, makes the folder (0700) and
 * the first signing key. The ring is constant from then on: any thread may read it. 0, or a negative errno and in @ret_message (g_free) what is wrong, where, and what to do.
 */
int key_ring_open(const char *path, bool create, int64_t now, KeyRing **ret, char **ret_message);
KeyRing *key_ring_free(KeyRing *ring); /* wipes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyRing, key_ring_free)

/* The key that signs. Never NULL. */
const Key *key_ring_signing(const KeyRing *ring);
/* The key whose constant header equals @header byte for byte, or NULL. */
const Key *key_ring_by_header(const KeyRing *ring, const char *header, size_t size);
/* All, in order of creation; NULL beyond the last. */
const Key *key_ring_at(const KeyRing *ring, size_t index);
