/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Where somebody comes from, as limits count it: an IPv4 address, an IPv6 /64 or /48, or "other" for
 * all that is no address. A v4-mapped address is IPv4, and 127.0.0.0/8 is one. Nothing is ever resolved:
 * a name is what the remote side's DNS says.
 */

#include <stdbool.h>

typedef enum NetworkKind {
        NETWORK_NONE = 0, /* local */
        NETWORK_V4,
        NETWORK_V6_64,
        NETWORK_V6_48,
        NETWORK_OTHER,
        _NETWORK_KIND_MAX,
} NetworkKind;

typedef struct Network {
        NetworkKind kind;
        unsigned char prefix[8]; /* in network order; what the kind does not use is 0 */
} Network;

#define NETWORK_TEXT_MAX 64

/* Of what sshd calls the remote host; NULL is NETWORK_NONE. A zone ("%eth0") is dropped. */
Network network_of(const char *rhost);

/*
 * As an administrator writes it: an address, or what network_to_string() says. False where it is
 * neither, so that a slip of the pen is not "other".
 */
bool network_from_string(const char *text, Network *ret);

/* The /48 of a /64; NETWORK_NONE for every other kind. */
Network network_wider(const Network *network);

bool network_equal(const Network *a, const Network *b);

/* "192.0.2.1", "2001:db8::/64", "2001:db8::/48", "other"; "" for NETWORK_NONE. */
void network_to_string(const Network *network, char ret[NETWORK_TEXT_MAX]);
