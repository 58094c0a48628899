/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The authorization code flow with PKCE (RFC 6749, 7636, 8252): a browser goes to the provider and
 * comes back to the command that sent it, with a code. state says that it is the same browser, nonce
 * that the ID token was made for it, PKCE that whoever saw the code cannot use it, and iss (RFC 9207)
 * that it comes from this provider.
 */

#include <string.h>

#include "daemon/oidc/flow-private.h"

#define RANDOM_BYTES 32
#define CODE_MAX 8192

bool flow_redirect_uri_is_good(const char *uri) {
        static const char *const hosts[] = { "http://127.0.0.1:", "http://[::1]:" };

        if (provider_url_mistake(uri, /* insecure_loopback= */ true) || strchr(uri, '?'))
                return false;
        return g_str_has_prefix(uri, hosts[0]) || g_str_has_prefix(uri, hosts[1]);
}

/* Out */

static char *authorization_url(const Flow *flow, const Secret *challenge) {
        g_autofree char *scope = g_strjoinv(" ", flow->provider->scopes);
        Form *form = form_new();

        form_add(form, "response_type", "code");
        form_add(form, "client_id", flow->provider->client_id);
        form_add(form, "redirect_uri", flow->redirect_uri);
        form_add(form, "scope", scope[0] ? scope : NULL);
        form_add(form, "state", flow->csrf->data);
        form_add(form, "nonce", flow->provider->type == PROVIDER_OIDC ? flow->nonce->data : NULL);
        form_add(form, "code_challenge", challenge->data);
        form_add(form, "code_challenge_method", "S256");
        return form_finish_url(form, flow->discovery->authorization);
}

static void on_discovery(OidcReason reason, const char *detail, gpointer kept, gpointer data) {
        _cleanup_secret_ Secret *challenge = NULL;
        g_autofree char *url = NULL;
        Flow *flow = data;

        if (reason == OIDC_GOOD) {
                flow->discovery = discovery_ref(kept);
                if (!flow->discovery->authorization) {
                        reason = OIDC_ENDPOINT;
                        detail = "the provider has no code flow";
                }
        }
        if (reason != OIDC_GOOD) {
                flow_end(flow, reason, detail);
                return;
        }
        challenge = encoding_sha256(flow->verifier->data, flow->verifier->size, /* half= */ false);
        g_assert(challenge);
        url = authorization_url(flow, challenge);
        flow_has_begun(flow, NULL, url);
}

bool flow_begin_code(Flows *flows, Provider *provider, const char *redirect_uri, FlowBegun begun, gpointer data) {
        Flow *flow = flow_new(flows, provider, begun, data);

        if (!flow)
                return false;
        flow->redirect_uri = g_strdup(redirect_uri);
        flow->csrf = encoding_random(RANDOM_BYTES);
        flow->nonce = encoding_random(RANDOM_BYTES);
        flow->verifier = encoding_random(RANDOM_BYTES);
        g_assert(flow->csrf && flow->nonce && flow->verifier);
        discovery_get(flows->parts.discovery, provider, on_discovery, flow);
        return true;
}

/* Back */

typedef struct Brought {
        Secret *code;
        char *state, *iss, *error;
} Brought;

static void brought_deinit(Brought *brought) {
        brought->code = secret_free(brought->code);
        g_free(brought->state);
        g_free(brought->iss);
        g_free(brought->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Brought, brought_deinit)

/* Each name comes once. Those that are not here may be there, and mean nothing. */
static bool take_parameter(const char *name, const char *value, gpointer data) {
        Brought *brought = data;

        if (g_str_equal(name, "code")) {
                if (!value[0] || strlen(value) > CODE_MAX)
                        return false;
                brought->code = secret_new(strlen(value));
                if (!brought->code)
                        return false;
                memcpy(brought->code->data, value, brought->code->size);
        } else if (g_str_equal(name, "state")) {
                brought->state = g_strdup(value);
        } else if (g_str_equal(name, "iss")) {
                brought->iss = g_strdup(value);
        } else if (g_str_equal(name, "error")) {
                brought->error = g_strdup(value);
        }
        return true;
}

static OidcReason check_iss(const Flow *flow, const char *iss) {
        if (!iss)
                return flow->discovery->promises_iss ? OIDC_ISS : OIDC_GOOD;
        return strcmp(iss, flow->provider->urls[PROVIDER_ISSUER]) == 0 ? OIDC_GOOD : OIDC_ISS;
}

static OidcReason check_brought(const Flow *flow, const Brought *brought) {
        OidcReason reason;

        if (!brought->state ||
            !encoding_same(brought->state, strlen(brought->state), flow->csrf->data, flow->csrf->size))
                return OIDC_STATE;
        reason = check_iss(flow, brought->iss);
        if (reason != OIDC_GOOD)
                return reason;
        if (brought->error)
                return strcmp(brought->error, "access_denied") == 0 ? OIDC_DENIED : OIDC_PROVIDER_ERROR;
        return brought->code ? OIDC_GOOD : OIDC_REDIRECT;
}

static void use_code(Flow *flow, const Secret *code) {
        Form *form = form_new();

        form_add(form, "grant_type", "authorization_code");
        form_add(form, "code", code->data);
        form_add(form, "redirect_uri", flow->redirect_uri);
        form_add(form, "code_verifier", flow->verifier->data);
        flow_ask_for_tokens(flow, form);
}

/* Once, whatever it is: who may try states one after the other would find one. */
bool flow_redirect(Flow *flow, Secret *query, FlowTold told, gpointer data) {
        _cleanup_secret_ Secret *owned = query;
        g_auto(Brought) brought = { .code = NULL };
        OidcReason reason;

        if (!flow->redirect_uri)
                return false;
        if (flow->redirected) {
                told(FLOW_FAILED, OIDC_REPLAYED, NULL, data);
                return true;
        }
        flow->redirected = true;
        flow_wait(flow, FLOW_WAIT_MAX_MS, told, data);
        reason = encoding_query(query->data, query->size, take_parameter, &brought) ? check_brought(flow, &brought) :
                                                                                      OIDC_REDIRECT;
        if (reason != OIDC_GOOD)
                flow_end(flow, reason, "");
        else
                use_code(flow, brought.code);
        return true;
}
