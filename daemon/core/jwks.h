/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A trusted host's JWKS (RFC 7517), strictly: see trust_new(). Private to trust.c. */

#include "daemon/core/trust.h"

/* The keys that @file holds (TrustKey *), or NULL and at least one more mistake. */
GPtrArray *jwks_parse(const TrustFile *file, GPtrArray *mistakes);
