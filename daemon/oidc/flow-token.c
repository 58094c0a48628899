/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * From tokens to an identity, which both flows end with:
 *
 *         token endpoint ──> ID token ──> the key that it names ──> signature, claims ──> identity
 *                      └───> access token ──> userinfo ──> identity          (type=oauth2)
 */

#include <string.h>

#include "daemon/oidc/flow-private.h"
#include "daemon/oidc/id-token.h"
#include "daemon/oidc/jwks-cache.h"
#include "daemon/oidc/strict-json.h"

/* Userinfo */

static OidcReason identity_of_userinfo(const Flow *flow, const HttpAnswer *answer, Identity **ret) {
        OidcReason reason = http_answer_is_json(answer);
        g_autoptr(Json) object = NULL;

        if (reason != OIDC_GOOD)
                return reason;
        object = strict_json_object(answer->body, answer->size);
        return object ? identity_from_claims(flow->provider, object, ret) : OIDC_NOT_JSON;
}

static void on_userinfo(const HttpAnswer *answer, gpointer data) {
        Flow *flow = data;
        Identity *identity = NULL;
        OidcReason reason;

        flow->request = NULL;
        reason = identity_of_userinfo(flow, answer, &identity);
        if (reason == OIDC_GOOD)
                flow_approve(flow, identity);
        else
                flow_end(flow, reason, "");
}

static void ask_userinfo(Flow *flow) {
        Secret *bearer = secret_new(strlen("Bearer ") + flow->access_token->size);

        g_assert(bearer);
        (void) g_snprintf(bearer->data, bearer->size + 1, "Bearer %s", flow->access_token->data);
        flow->request = http_send(flow->flows->parts.http,
                                  &(HttpCall) { .provider = flow->provider, .url = flow->discovery->userinfo,
                                                .authorization = bearer },
                                  on_userinfo, flow);
}

/* ID token */

static OidcReason verify(const Flow *flow, const JwksKey *key, Identity **ret) {
        const IdTokenWanted wanted = {
                .provider = flow->provider,
                .nonce = flow->redirect_uri ? flow->nonce->data : NULL,
                .nonce_size = flow->redirect_uri ? flow->nonce->size : 0,
                .access_token = flow->access_token->data,
                .access_token_size = flow->access_token->size,
                .began = flow->began,
                .now = g_get_real_time() / G_USEC_PER_SEC,
        };

        return id_token_verify(flow->id_token->data, flow->id_token->size, key, &wanted, ret);
}

static void on_keys(OidcReason reason, const char *detail, gpointer kept, gpointer data) {
        Flow *flow = data;
        IdTokenHeader header = { .kid = NULL };
        Identity *identity = NULL;
        const JwksKey *key = NULL;

        if (reason == OIDC_GOOD)
                reason = id_token_header(flow->id_token->data, flow->id_token->size, &header);
        if (reason == OIDC_GOOD)
                key = jwks_find(kept, header.algorithm, header.kid);
        g_free(header.kid);
        if (reason == OIDC_GOOD && !key && !flow->keys_refreshed) {
                flow->keys_refreshed = true;
                if (jwks_cache_refresh(flow->flows->parts.jwks, flow->provider, flow->discovery->jwks, on_keys, flow))
                        return;
        }
        if (reason == OIDC_GOOD)
                reason = key ? verify(flow, key, &identity) : OIDC_KID;
        if (reason == OIDC_GOOD)
                flow_approve(flow, identity);
        else
                flow_end(flow, reason, "");
}

/* Keys are asked for only where a token could be verified with one. */
static void check_id_token(Flow *flow) {
        IdTokenHeader header = { .kid = NULL };
        OidcReason reason = id_token_header(flow->id_token->data, flow->id_token->size, &header);

        g_free(header.kid);
        if (reason != OIDC_GOOD)
                flow_end(flow, reason, "");
        else
                jwks_cache_get(flow->flows->parts.jwks, flow->provider, flow->discovery->jwks, on_keys, flow);
}

/* Tokens */

static void on_tokens(const HttpAnswer *http, gpointer data) {
        TokenAnswer answer;
        Flow *flow = data;

        flow->request = NULL;
        answer = token_answer_parse(flow->provider, http);
        if (answer.outcome == TOKEN_GIVEN) {
                flow->access_token = g_steal_pointer(&answer.access_token);
                flow->id_token = g_steal_pointer(&answer.id_token);
                if (flow->provider->type == PROVIDER_OAUTH2)
                        ask_userinfo(flow);
                else
                        check_id_token(flow);
        } else if (answer.outcome != TOKEN_REFUSED && flow->device_code) {
                flow_device_again(flow, answer.outcome == TOKEN_SLOW_DOWN);
        } else {
                flow_end(flow, answer.outcome == TOKEN_REFUSED ? answer.reason : OIDC_PROVIDER_ERROR, "");
        }
}

void flow_ask_for_tokens(Flow *flow, Form *form) {
        flow_post(flow, flow->discovery->token, form, on_tokens);
}
