/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A gate in front of GDBus. Any local user may send us a message of 32 MiB, which GDBus reads whole
 * and turns into values, some 25 bytes of memory for each byte, before anybody can look at it; what
 * it has grown to it keeps. So nothing longer than GATE_MESSAGE_MAX gets as far.
 *
 *     message bus ←→ [ gate: two threads ] ←→ GDBus
 *
 * The gate looks at the sixteen bytes with which a message begins, and passes it on piece by piece
 * with its descriptors, or drops it. In place of a call that it drops, which somebody waits for, it
 * passes on the header alone, without arguments: GDBus answers that they are not what they must be.
 *
 * The handshake is passed on as it is. The bus is who we trust to have checked each header.
 */

#include <stdbool.h>
#include <stddef.h>

#define GATE_MESSAGE_MAX (128 * 1024)

typedef struct Gate Gate;

/*
 * Takes over @fd, a stream to a message bus on which nothing has been said, and returns the end
 * that GDBus is to use in @ret_fd (the caller's). 0 or a negative errno (@fd is then closed).
 */
int gate_new(int fd, Gate **ret, int *ret_fd);

/* What was written to the gate before still leaves, if the bus takes it within GATE_SEND_TIMEOUT_S. */
Gate *gate_free(Gate *gate);

#define GATE_SEND_TIMEOUT_S 5

/*
 * Makes a header that stands alone out of @header (@size bytes, the fixed part and the fields, as
 * received): no body, signature or descriptors. Returns false when the fields are not well-formed.
 */
bool gate_strip_header(unsigned char *header, size_t size);
