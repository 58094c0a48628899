/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* JSON from outside, without forgiveness: one object, no member twice, nothing behind it, no NULs. */

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef json_t Json;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_decref)

/*
 * For the whole program, before it first reads JSON: where jansson finds no memory, the program ends, as it
 * does where GLib finds none. jansson 2.14 forgets the character for which its buffer could not grow: a
 * subject of 15 characters or more would become another one. What cjose reads is covered by this, too.
 */
void strict_json_need_memory(void);

/* The object that @text is, or NULL. Take it in a g_autoptr(Json). */
Json *strict_json_object(const char *text, size_t size);

/* The member's string, which is @object's, with at most @max bytes and at least one; NULL when it is anything else. */
const char *strict_json_string(const Json *object, const char *name, size_t max);

/* Is there such a member, of whatever type? */
bool strict_json_has(const Json *object, const char *name);

/* The member's whole number; false when it is anything else. */
bool strict_json_integer(const Json *object, const char *name, int64_t *ret);

/* UTF-8 without control characters, C1 among them: what may be shown to people. */
bool strict_json_is_plain(const char *text);
