/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What the configuration points to: secrets and authorities. */

#include <stdbool.h>

#include "common/secret.h"

#define TRUSTED_SECRET_MAX 1024

/*
 * The one line that @path holds, without its end. NULL unless it is a regular file of root's (no
 * symlink) that nobody else can write and nobody but our group can read; nor may it be empty, longer
 * than TRUSTED_SECRET_MAX, or hold control characters.
 */
Secret *trusted_file_secret(const char *path);

/* Is @path, no symlink, a regular file of root's that nobody but our group can read besides, nor anybody else write? */
bool trusted_file_is_private(const char *path);

/* Is @path, where symlinks lead to, a regular file of root's that nobody else can write? */
bool trusted_file_is(const char *path);
