/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/oidc/discovery.h"
#include "daemon/oidc/strict-json.h"

#define WELL_KNOWN "/.well-known/openid-configuration"

static void discovery_clear(gpointer data) {
        Discovery *discovery = data;

        g_free(discovery->device);
        g_free(discovery->authorization);
        g_free(discovery->token);
        g_free(discovery->jwks);
        g_free(discovery->userinfo);
}

Discovery *discovery_ref(Discovery *discovery) {
        return g_rc_box_acquire(discovery);
}

Discovery *discovery_unref(Discovery *discovery) {
        if (discovery)
                g_rc_box_release_full(discovery, discovery_clear);
        return NULL;
}

/* An endpoint that is absent is NULL and good; one that is no address to talk to is neither. */
static bool take_endpoint(const Provider *provider, const Json *object, const char *name, char **ret) {
        const char *url = strict_json_string(object, name, PROVIDER_URL_MAX);

        if (!url)
                return !strict_json_has(object, name);
        if (provider_url_mistake(url, provider->insecure_loopback))
                return false;
        *ret = g_strdup(url);
        return true;
}

/* By default "client_secret_basic" (Discovery 1.0, 3); ours is in the form only where that is all there is. */
static bool wants_secret_in_form(const Json *object) {
        const Json *methods = json_object_get(object, "token_endpoint_auth_methods_supported");
        bool post = false;

        for (size_t i = 0; i < json_array_size(methods); i++) {
                const char *method = json_string_value(json_array_get(methods, i));

                if (g_strcmp0(method, "client_secret_basic") == 0)
                        return false;
                post = post || g_strcmp0(method, "client_secret_post") == 0;
        }
        return post;
}

OidcReason discovery_parse(const Provider *provider, const char *text, size_t size, Discovery **ret) {
        g_autoptr(Json) object = strict_json_object(text, size);
        g_autoptr(Discovery) discovery = g_rc_box_new0(Discovery);
        const char *issuer;

        if (!object)
                return OIDC_NOT_JSON;
        issuer = strict_json_string(object, "issuer", PROVIDER_URL_MAX);
        if (g_strcmp0(issuer, provider->urls[PROVIDER_ISSUER]) != 0)
                return OIDC_METADATA_ISSUER;
        if (!take_endpoint(provider, object, "token_endpoint", &discovery->token) ||
            !take_endpoint(provider, object, "jwks_uri", &discovery->jwks) ||
            !take_endpoint(provider, object, "device_authorization_endpoint", &discovery->device) ||
            !take_endpoint(provider, object, "authorization_endpoint", &discovery->authorization))
                return OIDC_ENDPOINT;
        if (!discovery->token || !discovery->jwks)
                return OIDC_METADATA;
        discovery->promises_iss = json_is_true(json_object_get(object, "authorization_response_iss_parameter_supported"));
        discovery->secret_in_form = wants_secret_in_form(object);
        *ret = g_steal_pointer(&discovery);
        return OIDC_GOOD;
}

Discovery *discovery_of_file(const Provider *provider) {
        Discovery *discovery = g_rc_box_new0(Discovery);

        *discovery = (Discovery) {
                .device = g_strdup(provider->urls[PROVIDER_DEVICE]),
                .authorization = g_strdup(provider->urls[PROVIDER_AUTHORIZATION]),
                .token = g_strdup(provider->urls[PROVIDER_TOKEN]),
                .userinfo = g_strdup(provider->urls[PROVIDER_USERINFO]),
                .secret_in_form = true,
        };
        return discovery;
}

static OidcReason parse(const Provider *provider, const char *text, size_t size, gpointer *ret) {
        Discovery *discovery = NULL;
        OidcReason reason = discovery_parse(provider, text, size, &discovery);

        if (reason == OIDC_GOOD)
                *ret = discovery;
        return reason;
}

static void destroy(gpointer discovery) {
        (void) discovery_unref(discovery);
}

FetchCache *discovery_cache_new(Http *http) {
        return fetch_cache_new(http, parse, destroy);
}

void discovery_get(FetchCache *cache, Provider *provider, FetchDone done, gpointer data) {
        const char *issuer = provider->urls[PROVIDER_ISSUER];
        g_autofree char *url = NULL;

        if (provider->type == PROVIDER_OAUTH2) {
                g_autoptr(Discovery) discovery = discovery_of_file(provider);

                done(OIDC_GOOD, "", discovery, data);
                return;
        }
        url = g_strdup_printf("%.*s" WELL_KNOWN, (int) strlen(issuer) - g_str_has_suffix(issuer, "/"), issuer);
        fetch_cache_get(cache, provider, url, DISCOVERY_MAX_AGE_S, done, data);
}
