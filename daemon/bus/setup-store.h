/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The store of a fleet, as [store] of tessera.conf describes it. */

#include "daemon/store/store.h"
#include "policy/store-settings.h"

/* In the state folder: what a host of a fleet keeps for itself. */
#define SETUP_STORE_REDIS_FILE "fleet"

/*
 * Opens it, once its files and its server are found to be fit; warnings are logged. @only_look: which store it is, is
 * not remembered. @now: seconds since 1970. 0 or a negative errno, with file, line, what is wrong and what to do in
 * @ret_message (g_free).
 */
int setup_store_redis(const StoreSettings *settings, const char *state_dir, bool only_look, int64_t now, Store **ret,
                      char **ret_message);
