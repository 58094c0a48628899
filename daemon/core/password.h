/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Argon2id passwords. At most one hash per core is computed at a time; a bounded queue waits, and
 * beyond it callers are told to come back, so that a storm of logins costs a known amount of
 * memory. Every call takes as long for an unknown or disabled user as for a known one.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/secret.h"

#define PASSWORD_QUEUE_MAX 64 /* calls that wait for a processor */

typedef struct PasswordHasher PasswordHasher;

enum {
        _PASSWORD_E_SUCCESS = 0,
        PASSWORD_E_MISMATCH,
        PASSWORD_E_BUSY,   /* more than the queue holds are waiting */
        PASSWORD_E_SHORT,  /* shorter than min-length */
        PASSWORD_E_LONG,   /* longer than WIRE_PASSWORD_MAX */
        PASSWORD_E_FORM,   /* holds a NUL, CR or LF, or is not UTF-8: it could never be typed */
};

/* @memory in bytes. 0 or a negative errno. */
int password_hasher_new(uint64_t memory, unsigned passes, unsigned min_length, PasswordHasher **ret);
PasswordHasher *password_hasher_free(PasswordHasher *hasher);

/* New parameters (a reload); hashes under way keep theirs. */
void password_hasher_configure(PasswordHasher *hasher, uint64_t memory, unsigned passes, unsigned min_length);

/* PASSWORD_E_SHORT, _LONG, _FORM, _BUSY or 0 and the hash string, freed with g_free. */
int password_hash(PasswordHasher *hasher, const Secret *password, char **ret);

/*
 * Checks @password against @hash; a NULL @hash is compared with a made-up one, and never matches.
 * 0, PASSWORD_E_MISMATCH, PASSWORD_E_BUSY, or a negative errno (a hash that is none of ours, no
 * memory). @ret_rehash, set with 0 only, may be NULL: the parameters have changed since, hash it anew.
 */
int password_verify(PasswordHasher *hasher, const char *hash, const Secret *password, bool *ret_rehash);

/*
 * How long (µs) to hold an answer back that was not checked, so that it comes after the time of one
 * of the last 64 checks, behind those that wait now; PASSWORD_E_BUSY where a check would be refused.
 * The first times it makes a check, and that is all. 0, PASSWORD_E_BUSY or a negative errno.
 */
int password_take_time(PasswordHasher *hasher, const Secret *password, int64_t *ret_delay);
