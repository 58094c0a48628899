/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/oidc/jwks-cache.h"

static OidcReason parse(const Provider *provider, const char *text, size_t size, gpointer *ret) {
        Jwks *jwks = NULL;
        OidcReason reason = jwks_parse(text, size, &jwks);

        if (reason == OIDC_GOOD)
                *ret = jwks;
        return reason;
}

static void destroy(gpointer jwks) {
        (void) jwks_free(jwks);
}

FetchCache *jwks_cache_new(Http *http) {
        return fetch_cache_new(http, parse, destroy);
}

void jwks_cache_get(FetchCache *cache, Provider *provider, const char *url, FetchDone done, gpointer data) {
        fetch_cache_get(cache, provider, url, JWKS_MAX_AGE_S, done, data);
}

bool jwks_cache_refresh(FetchCache *cache, Provider *provider, const char *url, FetchDone done, gpointer data) {
        if (!fetch_cache_may_ask(cache, provider, url, JWKS_REFRESH_S))
                return false;
        fetch_cache_get(cache, provider, url, /* max_age_s= */ -1, done, data);
        return true;
}
