/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * crypto_pwhash_str_verify() of libsodium up to 1.0.18 says the same of a wrong password and of one
 * that it had no memory to hash. The second is an outage: it charges nobody, and PAM is told so. So
 * the string is taken apart here and crypto_pwhash(), which fails for want of memory only, hashes.
 *
 * A string that costs more than the settings can ask for is none of ours: other hosts write to a store that is shared.
 */

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/password-compare.h"
#include "daemon/core/password.h"
#include "policy/settings.h"

#define HASH_SIZE 32

typedef struct Stored {
        unsigned memory_kib, passes;
        uint8_t salt[crypto_pwhash_argon2id_SALTBYTES], hash[HASH_SIZE];
} Stored;

/* Exactly @size bytes; what comes after them, or NULL. */
static const char *decode(const char *text, uint8_t *ret, size_t size) {
        const char *end = NULL;
        size_t n = 0;

        if (sodium_base642bin(ret, size, text, strlen(text), NULL, &n, &end,
                              sodium_base64_VARIANT_ORIGINAL_NO_PADDING) < 0 || n != size)
                return NULL;
        return end;
}

/* $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH */
static bool parse(const char *text, Stored *ret) {
        const char *end;
        int n = 0;

        if (sscanf(text, "$argon2id$v=19$m=%10u,t=%10u,p=1$%n", &ret->memory_kib, &ret->passes, &n) != 2 || n == 0)
                return false;
        if (ret->memory_kib > PASSWORD_MEMORY_MAX / 1024 || ret->passes > PASSWORD_PASSES_MAX)
                return false;
        end = decode(text + n, ret->salt, sizeof(ret->salt));
        if (!end || *end != '$')
                return false;
        end = decode(end + 1, ret->hash, sizeof(ret->hash));
        return end && *end == '\0';
}

int password_compare(const char *hash, const Secret *password) {
        uint8_t computed[HASH_SIZE];
        Stored stored;
        int r;

        if (!parse(hash, &stored))
                return -EBADMSG;
        errno = 0;
        r = crypto_pwhash(computed, sizeof(computed), password->data, password->size, stored.salt, stored.passes,
                          (size_t) stored.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13);
        if (r < 0)
                r = errno > 0 ? -errno : -ENOMEM;
        else
                r = sodium_memcmp(computed, stored.hash, sizeof(computed)) == 0 ? 0 : PASSWORD_E_MISMATCH;
        sodium_memzero(computed, sizeof(computed));
        sodium_memzero(&stored, sizeof(stored));
        return r;
}
