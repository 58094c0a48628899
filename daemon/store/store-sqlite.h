/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The store in one SQLite file: commits that are durable, many callers to a commit, reads beside
 * them.
 */

#include "daemon/store/store.h"

/*
 * Opens the database at @path; makes an empty one there when nothing is there, unless @must_exist.
 * A database that is damaged, another program's, newer than this program, or a file that others may
 * have written to is refused and left as it is. Returns 0, or a negative errno and in @ret_message
 * (g_free) what is wrong, where, and what to do.
 */
int store_sqlite_open(const char *path, bool must_exist, Store **ret, char **ret_message);
