/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sodium.h>
#include <stdlib.h>

#include "common/secret.h"

Secret *secret_new(size_t size) {
        Secret *secret;

        secret = calloc(1, sizeof(*secret));
        if (!secret)
                return NULL;
        secret->data = sodium_malloc(size + 1);
        if (!secret->data) {
                free(secret);
                return NULL;
        }
        sodium_memzero(secret->data, size + 1);
        secret->size = size;
        return secret;
}

Secret *secret_free(Secret *secret) {
        if (!secret)
                return NULL;
        sodium_free(secret->data); /* wipes first */
        free(secret);
        return NULL;
}
