/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Providers' keys, kept for an hour. A key that is not among them may be a new one, so the provider is
 * asked again; but tokens can name as many unknown keys as their maker likes, so that happens at
 * most once in 60 s.
 */

#include "daemon/oidc/jwks.h"

FetchCache *jwks_cache_new(Http *http);

/* The keys at @url (Jwks *), as by fetch_cache_get(). */
void jwks_cache_get(FetchCache *cache, Provider *provider, const char *url, FetchDone done, gpointer data);

/*
 * The same after one was not among them: fetched anew, together with whoever else asks for that now.
 * Returns false, and @done is not called, when they were asked for less than 60 s ago.
 */
bool jwks_cache_refresh(FetchCache *cache, Provider *provider, const char *url, FetchDone done, gpointer data);
