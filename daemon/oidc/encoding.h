/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Text forms of the web: base64url, forms and queries. What may be secret goes into Secret. */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/secret.h"

/*
 * Decodes unpadded base64url into a buffer of its own. NULL unless @text is the one spelling of what
 * it says: alphabet, no padding, no white space, no bits left over. Empty text is no spelling.
 */
Secret *encoding_base64url_decode(const char *text, size_t size);

/* The other way. */
Secret *encoding_base64url(const void *data, size_t size);

/* @bytes random bytes as base64url. */
Secret *encoding_random(size_t bytes);

/* SHA-256 of @text, or its left half, as base64url. */
Secret *encoding_sha256(const char *text, size_t size, bool half);

/* Are the two the same? Takes as long whatever their bytes are. */
bool encoding_same(const char *a, size_t a_size, const char *b, size_t b_size);

/* A form (application/x-www-form-urlencoded) that grows. */

typedef GString Form;

Form *form_new(void);
/* "&NAME=VALUE"; NULL leaves it out. */
void form_add(Form *form, const char *name, const char *value);
/* Its text; the form is freed. NULL when out of memory. */
Secret *form_finish(Form *form);
/* @url with what the form holds behind "?" or "&"; frees the form; g_free. */
char *form_finish_url(Form *form, const char *url);

/*
 * "Basic …" for a client's id and secret, each encoded as in a form first (RFC 6749, 2.3.1). NULL
 * when out of memory.
 */
Secret *encoding_basic(const char *id, const char *secret);

/*
 * Takes a query apart: calls @each for every name and value, decoded. False when it is none: a
 * name twice, a broken escape, a NUL or invalid UTF-8, more than 32 names; or when @each says so.
 * @name and @value are valid for the call only.
 */
typedef bool (*QueryEach)(const char *name, const char *value, gpointer data);
bool encoding_query(const char *text, size_t size, QueryEach each, gpointer data);
