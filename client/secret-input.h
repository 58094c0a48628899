/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * How a password or token comes in: typed at the terminal without echo, or from a descriptor.
 * Never by argument or environment, which every process of the user and the shell's history see.
 *
 * Whatever ends a prompt (the answer, a signal, the time) puts the terminal back with TCSAFLUSH:
 * what was typed of a password and not yet read is dropped, instead of reaching the next reader,
 * the shell, that would echo it.
 */

#include <stddef.h>

#include "common/wire.h"

#define SECRET_INPUT_TIMEOUT 300 /* s, for the prompts of the command */

/* Wiped by secret_input_wipe(); holds no terminator. */
typedef struct SecretInput {
        size_t size;
        char data[WIRE_SECRET_MAX];
} SecretInput;

void secret_input_wipe(SecretInput *secret);

#define _cleanup_secret_input_ __attribute__((__cleanup__(secret_input_wipe)))

/*
 * Asks with @prompt on the controlling terminal for one line. Returns 0, or -ENXIO without a
 * terminal, -ETIMEDOUT after @timeout seconds, -E2BIG for an answer that is too long, -ENODATA at
 * its end (^D), or another negative errno. A signal that ends the process does so, once the
 * terminal is as it was; a stopped process asks again when it goes on.
 */
int secret_input_prompt(const char *prompt, int timeout, SecretInput *ret);

/* The same for a question whose answer is no secret: it is shown as it is typed. */
int secret_input_question(const char *prompt, int timeout, SecretInput *ret);

/* One line of @fd without its newline, and not a byte more. 0; -ENODATA at its end, -E2BIG, another errno. */
int secret_input_line(int fd, SecretInput *ret);

/* All of @fd but one newline at the end. 0 (also when empty), -E2BIG or another negative errno. */
int secret_input_all(int fd, SecretInput *ret);
