/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The form of the database, and how older forms become it.
 *
 * Version 1: meta, user, session, event.
 * Version 2: device and ticket; what is told at a user's next login; a session's device and cap of roles.
 * Version 3: assignment.
 * Version 4: network and debt.
 * Version 5: identity; what a user awaits.
 */

#include "daemon/store/sqlite-db.h"

#define SCHEMA_VERSION 5
#define SCHEMA_APPLICATION_ID 0x74737261 /* "tsra", at byte 68 of the file */

/* Brings an empty or older database to SCHEMA_VERSION, all steps in one transaction. */
int schema_upgrade(Db *db);

/*
 * 0 when this is a database of ours, not newer than we are, whose pages and tables are whole; then
 * @ret_version is the version it has. -EMEDIUMTYPE: not ours; -EPROTO: newer; -EUCLEAN: damaged;
 * @ret_problem (g_free) says more in all three. Reads only.
 */
int schema_check(Db *db, int64_t *ret_version, char **ret_problem);

/* The part of it that reads every page, which takes its time. 0, -EUCLEAN (with @ret_problem), or another. */
int schema_check_whole(Db *db, char **ret_problem);
