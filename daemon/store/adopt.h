/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A fleet's store that is another one than this host knows, or lost what it held: every call fails (store-redis.h) until
 * an administrator has looked and says that it be so.
 */

#include "daemon/store/store.h"

/* What stands at the address, whether or not it is this host's store. */
typedef struct StoreFound {
        char id[33];     /* which store it is; "": there is none yet */
        char known[33];  /* the one that this host knows; "": none yet */
        uint64_t users, active, ended, devices;
        uint64_t lost;   /* users who are gone from the one that this host knows though nobody removed them */
} StoreFound;

/* Changes nothing, neither there nor here. -EOPNOTSUPP: @store is no Redis. */
int store_look(Store *store, StoreFound *ret);

/* Is it this host's, with nobody lost: is there nothing to adopt? */
bool store_is_adopted(const StoreFound *found);

/*
 * From now on the store that is at this address is this host's, even where it is another one, was emptied, or lost
 * users: what an administrator says who knows why. From any thread, also while @store and its feed are in use: calls
 * that were asked of the one before fail, its feed tells a gap, notes of what is not there are let go, and who
 * is not there is unknown. What was revoked stays so: tombstones.h.
 *
 * @wanted: the id of what was looked at, "" where there was none yet. STORE_E_NOT_FOUND: that is not there any more,
 * and nothing has changed. @ret: what is there; *@ret_changed is false where nothing is left to do.
 */
int store_adopt(Store *store, const char *wanted, StoreFound *ret, bool *ret_changed);

/* What went wrong last, in words: g_free; NULL: nothing yet. Of a store that is no Redis NULL. */
char *store_problem(Store *store);
/* The same where it came to the negative errno @r; else NULL: then that is about something else. */
char *store_problem_of(Store *store, int r);
