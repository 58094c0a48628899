/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * For tests: tickets that say anything at all, with the right signature, and hosts that trust their
 * maker. Signed by libcrypto here, without the code under test.
 */

#include "daemon/core/test-forge.h"
#include "daemon/core/ticket.h"

/* RFC 7515, A.3; RFC 6979, A.2.5. No secrets. */
#define FORGE_SECRET_A "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define FORGE_SECRET_B "ya-p2EW6dRZrXCFXZ7HWk05Qw9s26JsSe4piKxIPZyE"

/* A ring of which the ticket key is @kid with @secret, base64url. */
KeyRing *forge_ticket_ring(const char *kid, const char *secret);

/* One trusted host: @users=*, @roles=*, with the keys that @ring exports; or what they are in @jwks. */
TrustFile *forge_trust_file(const char *host, const char *jwks);
Trust *forge_trust(const char *host, const KeyRing *ring);

/* r ‖ s of @size bytes of @data, by the private key @secret (base64url). */
void forge_es256(const char *secret, const void *data, size_t size, unsigned char ret_signature[64]);

/* @head "." signature; and the same of a header and a payload that are JSON, or not. g_free. */
char *forge_signed(const char *secret, const char *head);
char *forge_ticket(const char *secret, const char *header, const void *payload, size_t size);
