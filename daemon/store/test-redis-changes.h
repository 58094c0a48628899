/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#pragma once

/* Every change that the store makes by a script, for tests that disturb them one by one. */

#include "daemon/store/store.h"

typedef struct RedisChange {
        const char *name;
        int (*run)(Store *store);
        bool takes; /* it takes something away, and so has to work when there is no memory */
} RedisChange;

extern const RedisChange redis_changes[]; /* ends with a NULL name */

/*
 * A store in which each of them has something to do: alice with twenty sessions in a tree, bound and not, three
 * devices, roles, an identity; bob with one session.
 */
void redis_changes_prepare(Store *store);
