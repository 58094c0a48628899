/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The fleet's store, where it is not the one any more that this host knows: for root, who looks and decides, while the
 * daemon serves. Who may call is the edge's to say.
 */

#include "daemon/core/core.h"
#include "daemon/store/adopt.h"

/* As store_look(). CORE_E_INVALID: this host's store is its own. */
int store_admin_look(Core *core, StoreFound *ret);

/*
 * As store_adopt(). What is under way is dropped: it was begun as to the store before. Sessions that
 * are not there are none any more; the logins themselves live on, and are told nothing.
 *
 * CORE_E_INVALID: this host's store is its own, or the server is not fit for one: then @ret_faults (g_strfreev) says
 * why. CORE_E_NOT_FOUND: @wanted is not there. Nothing has changed then.
 */
int store_admin_adopt(Core *core, const Caller *caller, const char *wanted, char ***ret_faults, bool *ret_changed);

/* What the store says of a failure that came to @r, in words, for who looks after it: g_free; NULL. */
char *store_admin_problem(Core *core, int r);
