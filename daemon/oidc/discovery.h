/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What a provider says of itself (OpenID Connect Discovery 1.0, RFC 8414): believed for an hour, and
 * only when it calls itself exactly what its file calls it and each of its endpoints is https.
 */

#include "daemon/oidc/fetch-cache.h"
#include "daemon/oidc/reason.h"
#include "policy/providers.h"

#define DISCOVERY_MAX_AGE_S 3600

typedef struct Discovery {
        char *device;        /* NULL: no device flow there */
        char *authorization; /* NULL: no code flow there */
        char *token;
        char *jwks;          /* NULL: no ID tokens (oauth2) */
        char *userinfo;      /* what says who somebody is, with oauth2 */
        bool promises_iss;   /* RFC 9207: an authorization response without iss is not its own */
        bool secret_in_form; /* the client's secret goes into the form, not into the header */
} Discovery;

/* Counted. */
Discovery *discovery_ref(Discovery *discovery);
Discovery *discovery_unref(Discovery *discovery);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Discovery, discovery_unref)

/* What @text, the provider's document, says. OIDC_GOOD and *@ret, or what is wrong with it. */
OidcReason discovery_parse(const Provider *provider, const char *text, size_t size, Discovery **ret);

/* The same from the file of a provider of type=oauth2. */
Discovery *discovery_of_file(const Provider *provider);

/* A cache of them. */
FetchCache *discovery_cache_new(Http *http);

/* As fetch_cache_get(), with a Discovery *, NULL where there is a reason. Providers of oauth2 are not asked. */
void discovery_get(FetchCache *cache, Provider *provider, FetchDone done, gpointer data);
