/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Keys and the host's name, changed while the daemon serves, by who may administer: else as
 * admin_check(). Who may look at the keys' public halves is the edge's to say.
 */

#include "daemon/core/core.h"

/* The ring of now; a reference of the caller's own. */
KeyRing *key_admin_ring(Core *core);

/* As key_ring_prepare() and key_ring_rotate(); the core goes on with the new ring. CORE_E_NOT_PREPARED. */
int key_admin_prepare(Core *core, const Caller *caller, bool *ret_changed);
int key_admin_rotate(Core *core, const Caller *caller);

/*
 * Renames this host: its name in the store, of its sessions, and in every token from now on.
 * CORE_E_INVALID for what cannot be a host's name; CORE_E_DENIED while tessera.conf names it.
 */
int key_admin_rename(Core *core, const Caller *caller, const char *name, bool *ret_changed);
