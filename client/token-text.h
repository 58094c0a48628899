/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What a token's text says, without believing any of it. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Only base64url and dots, so that it may go to a terminal. */
bool token_text_is_plain(const char *token);

/*
 * Splits and decodes a compact JWT into its header and claims, which are the caller's. The
 * signature is not looked at. Returns false for anything else.
 */
bool token_text_decode(const char *text, size_t size, json_t **ret_header, json_t **ret_claims);

/* A member for people: times told relative to @now, the session's id as it is shown elsewhere; g_free. */
char *token_text_member(const char *name, const json_t *value, int64_t now);
