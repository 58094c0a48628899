/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The keys of this host: random, made at first start, one file each in keys/ (0600, the daemon's).
 * One algorithm and one purpose per key; the kid is the file's name, and no two keys share one. A
 * key that is missing beside an existing database, short, unreadable, a symlink or somebody else's
 * stops the daemon: nothing is silently replaced.
 *
 *     use=token    HS256   access tokens for this host; never leaves the daemon
 *     use=ticket   ES256   tickets for other hosts, which know the public key (trust.d)
 *
 * Of each use one key signs.
 *
 *     key prepare       makes a key of each use in the state "next"; its public half can be exported
 *     key rotate        next → signing, signing → verifying until what it signed last has expired
 *
 * File format, text, so that it can be looked at and backed up:
 *         tessera-key 1
 *         use=token
 *         alg=HS256
 *         state=signing
 *         created=1700000000
 *         until=1700000900           (of a verifying key, and of no other)
 *         replaces=a1b2              (of a signing key that came by rotation: the one before it)
 *         secret=<43 characters of base64url>     (HS256: 32 random bytes; ES256: the private scalar)
 *
 * A rotation writes two files for each use: first the new one, signing, with replaces=; then the old
 * one, verifying. Cut off in between it leaves two that are signing, and replaces= tells which of
 * them is over: opening the ring finishes what was begun.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/es256.h"

#define KEY_HS256_SIZE 32

typedef enum KeyState {
        KEY_NEXT,
        KEY_SIGNING,
        KEY_VERIFYING,
        _KEY_STATE_MAX,
        _KEY_STATE_INVALID = -1,
} KeyState;

typedef enum KeyUse {
        KEY_TOKEN,
        KEY_TICKET,
        _KEY_USE_MAX,
} KeyUse;

typedef struct Key {
        char *kid;           /* 1 to 8 of [a-z0-9] */
        const char *alg;     /* "HS256", "ES256" */
        KeyUse use;
        KeyState state;
        int64_t created;
        int64_t until;       /* verifying: until then; 0: unset */
        char *replaces;      /* NULL */
        unsigned char *secret; /* KEY_TOKEN: KEY_HS256_SIZE bytes of sodium_malloc; else NULL */
        Es256 *pair;           /* KEY_TICKET; else NULL */
        char *header;        /* the constant JOSE header of every token under this key, base64url */
} Key;

const char *key_state_to_string(KeyState state);
const char *key_use_to_string(KeyUse use); /* "token", "ticket" */

/*
 * A ring is immutable and counted by reference: a change makes another ring, and whoever still
 * holds the old one goes on with it. Any thread may read it.
 */
typedef struct KeyRing KeyRing;

/*
 * Reads every key of the folder @path; where there is none and @create, makes the folder (0700) and
 * the first signing keys, one of each use. 0, or a negative errno and in @ret_message (g_free) what is wrong, where,
 * and what to do.
 */
int key_ring_open(const char *path, bool create, int64_t now, KeyRing **ret, char **ret_message);
KeyRing *key_ring_ref(KeyRing *ring);
KeyRing *key_ring_unref(KeyRing *ring); /* the last one wipes; accepts NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyRing, key_ring_unref)

/* The key that signs. Never NULL. */
const Key *key_ring_signing(const KeyRing *ring, KeyUse use);
/* The key of @use whose constant header equals @header byte for byte, or NULL. */
const Key *key_ring_by_header(const KeyRing *ring, KeyUse use, const char *header, size_t size);
/* All, in order of creation, and then of use; NULL beyond the last. */
const Key *key_ring_at(const KeyRing *ring, size_t index);

/*
 * Changes, each written to the folder of @ring durably before it is in *@ret (a reference of the
 * caller's own). One at a time: the caller sees to that. 0, or a negative errno as above, and then
 * the old ring is what holds.
 */

/* Makes a next key of each use that has none; *@ret_changed false: there were. */
int key_ring_prepare(KeyRing *ring, int64_t now, KeyRing **ret, bool *ret_changed, char **ret_message);

/*
 * Lets the next keys sign. The old ones verify until @now + @token_lifetime (use=token), or
 * + @ticket_lifetime: the longest that what they signed may still live, whatever the setting is by
 * now. KEY_E_NOT_PREPARED where a next one is missing: trusted hosts have to know its
 * public half first.
 */
enum {
        _KEY_E_SUCCESS = 0,
        KEY_E_NOT_PREPARED,
};
int key_ring_rotate(KeyRing *ring, int64_t now, int64_t token_lifetime, int64_t ticket_lifetime, KeyRing **ret,
                    char **ret_message);

/* Removes the files of verifying keys whose time is over; *@ret is @ring itself where there are none. */
int key_ring_drop(KeyRing *ring, int64_t now, KeyRing **ret, char **ret_message);

/* The public halves of all ticket keys as a JWKS (RFC 7517): kid, kty, crv, x, y, alg, use. g_free; NULL: libcrypto failed. */
char *key_ring_export(const KeyRing *ring);
