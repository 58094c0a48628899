/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What is owed under the limits, and forgetting it; for who may administer (admin.h). */

#include "daemon/core/core.h"

typedef struct LimitView {
        const char *limit; /* "known-client", "known-host", "local", "other-hosts", "host", "api" */
        char *key;         /* "alice", "alice 192.0.2.1", "alice device 3f2a…", "192.0.2.1", "uid 1000" */
        unsigned failures;
        int64_t retry_at;  /* Unix seconds; 0: at once; INT64_MAX: closed until somebody resets it */
} LimitView;

#define LIMIT_VIEWS_MAX 1000

/* An array of LimitView *: users', then hosts', then those on calls; at most LIMIT_VIEWS_MAX, where hosts are left out first. */
int limit_list(Core *core, const Caller *caller, GPtrArray **ret);

/*
 * Exactly one of @user and @host (see network_from_string()): all that is owed there. CORE_E_INVALID,
 * CORE_E_NOT_FOUND (a user that is not enrolled). @ret_changed false: nothing was owed.
 */
int limit_reset(Core *core, const Caller *caller, const char *user, const char *host, bool *ret_changed);
