/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What a name may look like, and how text from outside is made harmless. libc only. */

#include <stdbool.h>
#include <stddef.h>

/*
 * A Unix account's name as adduser(8) and LDAP directories make them: 1 to 32 of [A-Za-z0-9_.-@$],
 * first [A-Za-z0-9_], '$' only last, not all digits, not "." or "..". Everything else is nobody.
 */
bool name_is_user(const char *name);

/* A PAM service or role: 1 to 64 of [A-Za-z0-9_.-], first [A-Za-z0-9_]. */
bool name_is_word(const char *name);

/* A host as it stands in iss and aud: 1 to 64 of [a-z0-9.-], first and last [a-z0-9]. */
bool name_is_host(const char *name);

/*
 * Copies @text into @buffer (always terminated, cut at @size - 1) with every C0 and C1 control
 * character, DEL and byte of invalid UTF-8 replaced by '?'. For logs, prompts and replies.
 */
void name_clean(const char *text, char *buffer, size_t size);
