/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What NSS said a moment ago. A login asks about the same user three times within milliseconds, sudo
 * twice, and every look-up of groups walks through all sources, some of them behind sockets.
 *
 * An answer is used again for IDENTITY_CACHE_MS, and only while the local files are the very same:
 * whoever is taken out of a group in /etc/group has lost it at the next call. Other sources may be
 * that moment late. Only accounts that were found by name are kept; errors and "no such account"
 * never are.
 */

#include "daemon/core/clock.h"
#include "daemon/core/identity.h"

#define IDENTITY_CACHE_MS 100

typedef struct IdentityCache IdentityCache;

/*
 * In front of @origin; @files ends with NULL and, as both others, is there as long as the cache.
 * While one of the files cannot be looked at, nothing is kept.
 */
IdentityCache *identity_cache_new(const IdentitySource *origin, const Clock *clock, const char *const *files);
IdentityCache *identity_cache_free(IdentityCache *cache); /* accepts NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(IdentityCache, identity_cache_free)

/* The source to ask, from any thread; the cache's. */
const IdentitySource *identity_cache_source(const IdentityCache *cache);
