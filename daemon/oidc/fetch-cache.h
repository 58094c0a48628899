/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Documents of providers that are fetched once for all who want them, and kept: what discovery and
 * JWKS have in common. Nothing is kept on disk, and what could not be had is asked for again at the
 * next call.
 */

#include <stdbool.h>
#include <stdint.h>

#include "daemon/oidc/http.h"
#include "daemon/oidc/reason.h"
#include "policy/providers.h"

typedef struct FetchCache FetchCache;

/* Makes of @text what is kept; OIDC_GOOD and *@ret, or what is wrong with it. */
typedef OidcReason (*FetchParse)(const Provider *provider, const char *text, size_t size, gpointer *ret);

/* @kept is the cache's and valid for the call only; NULL where there is a reason. @detail is for people. */
typedef void (*FetchDone)(OidcReason reason, const char *detail, gpointer kept, gpointer data);

FetchCache *fetch_cache_new(Http *http, FetchParse parse, GDestroyNotify destroy);
FetchCache *fetch_cache_free(FetchCache *cache);

/*
 * Gives the document at @url, not older than @max_age_s. @done is called once, maybe before this
 * returns, unless fetch_cache_forget() comes first.
 */
void fetch_cache_get(FetchCache *cache, Provider *provider, const char *url, int64_t max_age_s, FetchDone done,
                     gpointer data);

/* Is it being fetched right now, or was it last asked for at least @interval_s ago, whatever came of it? */
bool fetch_cache_may_ask(FetchCache *cache, const Provider *provider, const char *url, int64_t interval_s);

/* Calls nobody back who gave @data. */
void fetch_cache_forget(FetchCache *cache, gpointer data);
