/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Where a browser comes back from a provider: a port of 127.0.0.1, and no other address. It takes one
 * request (sign-in-request.h), holds its connection until it is known what came of it, and answers it.
 * What else comes before gets a 400 and is no end, what comes after it a 410.
 *
 * Browsers open connections that they do not use, and others may: many are served at once, each for
 * SIGN_IN_PATIENCE_S at most, and the oldest makes room for the newest.
 */

#include <stdint.h>

#include "client/secret-input.h"

#define SIGN_IN_PATIENCE_S 5

typedef struct SignInListener SignInListener;

/* 0 or a negative errno. The port is drawn by the kernel. */
int sign_in_listener_new(SignInListener **ret);
SignInListener *sign_in_listener_free(SignInListener *listener); /* accepts NULL, returns NULL */

static inline void cleanup_sign_in_listener(SignInListener **listener) {
        *listener = sign_in_listener_free(*listener);
}

#define _cleanup_sign_in_listener_ __attribute__((__cleanup__(cleanup_sign_in_listener)))

unsigned sign_in_listener_port(const SignInListener *listener);

/*
 * Waits for that request until @deadline (CLOCK_MONOTONIC, microseconds), once. 0 and its query, which the
 * caller wipes; -ETIMEDOUT or another negative errno.
 */
int sign_in_listener_wait(SignInListener *listener, int64_t deadline, SecretInput *ret_query);

/* Sends @response to who waits, and tells whoever else came meanwhile that it is over; takes a second at most. */
void sign_in_listener_answer(SignInListener *listener, const char *response);
