/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The one request that a browser brings back from a provider, and nothing else:
 *
 *         GET /callback?QUERY HTTP/1.1
 *         Host: 127.0.0.1:PORT
 *
 * Every program of this machine, and every page that the browser shows, can send something to a port of
 * 127.0.0.1. The Host keeps out pages whose name was made to point here (DNS rebinding); what a browser
 * says of its own accord keeps out what is no visit (an image, a prefetch). Whether the query is the
 * right one is for tessera-oidc to say, which knows the state.
 */

#include <stddef.h>

#define SIGN_IN_REQUEST_MAX (16 * 1024)
#define SIGN_IN_PATH "/callback"

typedef enum SignInRequest {
        SIGN_IN_REQUEST_BAD = 0,
        SIGN_IN_REQUEST_MORE, /* all right so far, and not at its end */
        SIGN_IN_REQUEST_GOOD,
} SignInRequest;

/* With GOOD the query, which points into @data. */
SignInRequest sign_in_request_read(const char *data, size_t size, unsigned port, const char **ret_query,
                                   size_t *ret_size);
