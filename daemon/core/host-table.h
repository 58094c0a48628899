/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What remote hosts owe: a table that never grows (65,536 places, 1 MiB). Where a host stands in it
 * is drawn with a secret key, so that nobody can aim at somebody else's place; a debt that is paid
 * makes room. Where all places that a host could have are owed, it has none: its caller takes that
 * for a limit that is reached, so that a full table is never an open door.
 *
 * Not locked: its owner is.
 */

#include "daemon/core/clock.h"
#include "daemon/core/debt.h"
#include "daemon/core/network.h"

#define HOST_TABLE_SIZE 65536

typedef struct HostTable HostTable;

HostTable *host_table_new(const Clock *clock);
HostTable *host_table_free(HostTable *table); /* accepts NULL, returns NULL */

/* What @network owes. False, and untouched, where it could have no place. Its failures are not kept: 0. */
bool host_table_get(const HostTable *table, const Network *network, int64_t now, Debt *ret);

/* Writes it down, in a place that host_table_get() found there to be. */
void host_table_set(HostTable *table, const Network *network, int64_t now, const Debt *debt);

/* The next one from *@cursor (0 at first) that owes something at @now, with what; false at the end. */
bool host_table_next(const HostTable *table, unsigned *cursor, int64_t now, Network *ret, Debt *ret_debt);
