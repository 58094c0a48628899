/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The part of an address that says which host, read so that no two parsers could read it differently. */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * "host", "host:port", "[::1]:port", of lower-case letters, digits, "." and "-" or an IPv6 address: the host
 * without brackets (g_free), and the port where there is one and @ret_port is not NULL. NULL when it is none of
 * these.
 */
char *url_host_take(const char *authority, size_t size, uint16_t *ret_port);

/* In figures only: what a name resolves to is somebody else's to say. */
bool url_host_is_loopback(const char *host);
