/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The database as a file: whose it is, what it claims to be, and how a new one comes into being.
 * Everything is looked at before SQLite is let near it, so that a file that is refused stays as it
 * is, byte for byte.
 */

#include <stdbool.h>

#include "daemon/store/sqlite-db.h"

/*
 * Finds the database at @path, or makes an empty one there unless @must_exist; checks it, brings it
 * up to date and returns the connection that writes to it. @ret_path (g_free) is @path without
 * symlinks in its folders. On failure @ret_message (g_free) says what is wrong, where, and what to do.
 */
int sqlite_file_open(const char *path, bool must_exist, Db **ret, char **ret_path, char **ret_message);
