/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * For tests: what the code of tokens and tickets asks for fails when the test says so. That is
 *
 *         every allocation of libcrypto, ours and libjwt's (CRYPTO_set_mem_functions), and
 *         every call of ours of jansson, libjwt and sodium_malloc() that may say no (ld --wrap, with
 *         the arguments that daemon/core/meson.build has in fault_link_args).
 *
 * What stays out, of Debian 12's: libjwt 1.10 has no hook for its own malloc(), so its calls fail as a
 * whole; jansson 2.14 must not see a failure at all (claims.h), so neither do its calls get any further;
 * GLib ends the program by design. test-memory-fault.c lets malloc() itself fail for all of them.
 */

#include <stddef.h>
#include <stdint.h>

/* Before libcrypto has allocated anything. */
void fault_install(void);

/* From now on the @nth of them fails, 1 being the next; 0: none, they are counted only. */
void fault_nth(size_t nth);

/*
 * From now on 1 in 400 fails (pam-u2f's fuzz/wrap.c has the number), which ones is a matter of @seed. Odd ones
 * spare libcrypto: it allocates some thousand times for a ticket, so that little of what comes after would be seen.
 */
void fault_seldom(uint64_t seed);

/* None does any more. How many there were, and how many of them failed. */
size_t fault_end(size_t *ret_failed);

/* The blocks that libcrypto holds. */
size_t fault_blocks(void);

/* A seed that goes with an input, so that the input repeats what it did. */
uint64_t fault_seed_of(const void *data, size_t size);
