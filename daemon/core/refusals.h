/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * How many refusals of one uid are written down: a hundred, and then one in nine seconds. Whoever may not
 * call something may try as often as he likes, and journald would let go of what matters to others.
 * Root's are all written.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/core/clock.h"

#define REFUSALS_BURST 100
#define REFUSALS_PAY_BACK_MS 9000

typedef struct Refusals Refusals;

Refusals *refusals_new(const Clock *clock);
Refusals *refusals_free(Refusals *refusals); /* accepts NULL, returns NULL */

/*
 * Is this one of @uid's to be written? @ret_silent: it is, and so many that were not written since the
 * last one are to be told with it.
 */
bool refusals_tell(Refusals *refusals, uid_t uid, unsigned *ret_silent);
