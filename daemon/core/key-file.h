/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* One key and its text (key.h shows the format). Private to the key ring. */

#include <stdbool.h>

#include "daemon/core/key.h"

#define KEY_KID_MAX 8
#define KEY_KID_GENERATED 4  /* with so short a kid the largest token fits: docs/tokens.md */
#define KEY_FILE_SIZE_MAX 512

bool key_kid_is_valid(const char *kid);

/* A random key with a random kid, or NULL when there is no memory for its secret. */
Key *key_generate(KeyUse use, KeyState state, int64_t now);

/* The same key in another state, without until and replaces; NULL likewise. */
Key *key_copy(const Key *key, KeyState state);

/* Do two keys, of whatever use, have one secret? */
bool key_is_same_secret(const Key *one, const Key *other);

/*
 * Reads @text, of which nothing is kept. NULL and the key, or what is wrong with it in words that
 * follow the file's name.
 */
const char *key_parse(const char *kid, char *text, size_t size, Key **ret);

/* Writes the text of @key, to be wiped by the caller; returns its size. */
size_t key_format(const Key *key, char ret_text[KEY_FILE_SIZE_MAX]);

/* Rings share keys. */
Key *key_ref(Key *key);
Key *key_unref(Key *key); /* the last one wipes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Key, key_unref)
