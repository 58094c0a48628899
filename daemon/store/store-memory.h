/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The reference: the contract in its plainest form, for tests of core and as the measure for other
 * backends. Nothing outlives the process, and look-ups may walk through everything.
 */

#include "daemon/store/store.h"

Store *store_memory_new(void);

/* One that is shared: what users owe is kept as the hosts of a fleet keep it (store_is_shared()). */
Store *store_memory_new_shared(void);
