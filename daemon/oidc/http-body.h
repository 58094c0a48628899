/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What comes in: counted before it is kept, kept where secrets are. Private to http.c. */

#include <stdbool.h>
#include <stddef.h>

#include "common/secret.h"

typedef struct HttpBody {
        Secret *data; /* NULL: nothing came; grows */
        size_t size, header_size;
        bool too_large;
} HttpBody;

void http_body_deinit(HttpBody *body);

/* NUL-terminated; never NULL. */
const char *http_body_text(const HttpBody *body);

/* libcurl's callbacks, of a HttpBody *: whatever is not taken ends the request. */
size_t http_body_write(char *data, size_t one, size_t size, void *body);
size_t http_body_header(char *data, size_t one, size_t size, void *body);

/* application/json or application/…+json, whatever parameters follow. NULL is not. */
bool http_type_is_json(const char *type);
