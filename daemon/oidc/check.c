/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/trusted-file.h"
#include "daemon/oidc/check.h"
#include "daemon/oidc/discovery.h"
#include "daemon/oidc/jwks-cache.h"

typedef struct Check {
        FlowsParts parts;
        Provider *provider;
        CheckDone done;
        gpointer data;
} Check;

static void finish(Check *check, OidcReason reason, const char *detail) {
        check->done(reason, detail, check->data);
        (void) provider_unref(check->provider);
        g_free(check);
}

static void on_keys(OidcReason reason, const char *detail, gpointer kept, gpointer data) {
        if (reason == OIDC_GOOD && jwks_size(kept) == 0)
                finish(data, OIDC_KEYS, "none of its keys is for RS256 or ES256");
        else
                finish(data, reason, detail);
}

/* Without a token it says no, and that will do. */
static void on_userinfo(const HttpAnswer *answer, gpointer data) {
        finish(data, answer->reason, answer->detail);
}

static void on_discovery(OidcReason reason, const char *detail, gpointer kept, gpointer data) {
        const Discovery *discovery = kept;
        Check *check = data;

        if (reason != OIDC_GOOD)
                finish(check, reason, detail);
        else if (check->provider->type == PROVIDER_OAUTH2)
                (void) http_send(check->parts.http,
                                 &(HttpCall) { .provider = check->provider, .url = discovery->userinfo }, on_userinfo, check);
        else if (!discovery->device && !discovery->authorization)
                finish(check, OIDC_ENDPOINT, "the provider has neither a device flow nor a code flow");
        else
                jwks_cache_get(check->parts.jwks, check->provider, discovery->jwks, on_keys, check);
}

void check_provider(const FlowsParts *parts, Provider *provider, CheckDone done, gpointer data) {
        const char *path = provider->client_secret_file;
        _cleanup_secret_ Secret *secret = path ? trusted_file_secret(path) : NULL;
        Check *check;

        if (path && !secret) {
                done(OIDC_SECRET, "client-secret-file must be one line in a file of root:tessera-oidc, 0640", data);
                return;
        }
        check = g_new(Check, 1);
        *check = (Check) { .parts = *parts, .provider = provider_ref(provider), .done = done, .data = data };
        discovery_get(parts->discovery, provider, on_discovery, check);
}
