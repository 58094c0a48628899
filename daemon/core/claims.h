/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What the claims of tokens and of tickets have in common. Private to both. */

#include <stdbool.h>

#include "daemon/core/types.h"

#define CLAIMS_SID_SIZE 23 /* a session's id as 22 characters of base64url, and the end */

struct json_t; /* jansson's */

/*
 * For the whole program, before it first reads JSON: where jansson finds no memory, the program ends,
 * as it does where GLib finds none. Left to itself, jansson 2.14 forgets the character for which its
 * buffer could not grow: a string says something else, and where it was the closing quote, what is read
 * and written runs on past both buffers. libjwt's use of it is covered by this, too.
 */
void claims_need_memory(void);

bool claims_is_session(const char id[SESSION_ID_SIZE]);

/* "pwd", or "oidc:" and the name of a provider. */
bool claims_is_method(const char *text);

/* Is each of @list (NULL: none)? */
bool claims_all_are(char *const *list, bool (*is)(const char *));

/* Sets @name to the strings of @list, or leaves it out where there are none. */
bool claims_put_list(struct json_t *object, const char *name, char *const *list);

/* Strings only; @ret stays NULL for a member that is absent. */
bool claims_get_list(const struct json_t *array, char ***ret);

bool claims_sid_from_session(const char session[SESSION_ID_SIZE], char ret_sid[CLAIMS_SID_SIZE]);
bool claims_session_from_sid(const char *sid, char ret_session[SESSION_ID_SIZE]);

/* The text of @object, without white space and in alphabetical order; g_free. NULL when out of memory. */
char *claims_dump(const struct json_t *object);
