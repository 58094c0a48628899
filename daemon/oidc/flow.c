/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sodium.h>

#include "common/trusted-file.h"
#include "daemon/oidc/flow-private.h"

static const char *const state_names[FLOW_STATE_MAX] = {
        [FLOW_FAILED] = "failed",
        [FLOW_PENDING] = "pending",
        [FLOW_APPROVED] = "approved",
        [FLOW_DENIED] = "denied",
        [FLOW_EXPIRED] = "expired",
};

const char *flow_state_to_string(FlowState state) {
        return state_names[state];
}

/* Nothing goes on any more, and nothing that is secret is left. */
static void stop(Flow *flow) {
        flow->request = http_cancel(flow->request);
        fetch_cache_forget(flow->flows->parts.discovery, flow);
        fetch_cache_forget(flow->flows->parts.jwks, flow);
        g_clear_handle_id(&flow->poll, g_source_remove);
        g_clear_handle_id(&flow->expiry, g_source_remove);
        flow->device_code = secret_free(flow->device_code);
        flow->csrf = secret_free(flow->csrf);
        flow->nonce = secret_free(flow->nonce);
        flow->verifier = secret_free(flow->verifier);
        flow->access_token = secret_free(flow->access_token);
        flow->id_token = secret_free(flow->id_token);
}

static void destroy_flow(gpointer data) {
        Flow *flow = data;

        stop(flow);
        g_clear_handle_id(&flow->life, g_source_remove);
        g_clear_handle_id(&flow->patience, g_source_remove);
        (void) identity_free(flow->identity);
        (void) discovery_unref(flow->discovery);
        (void) provider_unref(flow->provider);
        g_free(flow->redirect_uri);
        g_free(flow);
}

static void forget(Flow *flow) {
        Flows *flows = flow->flows;

        (void) g_hash_table_remove(flows->table, flow->id);
        flows->parts.changed(flows->parts.data);
}

/* Telling */

static void tell_pending(Flow *flow) {
        FlowTold told = g_steal_pointer(&flow->told);

        g_clear_handle_id(&flow->patience, g_source_remove);
        if (told)
                told(FLOW_PENDING, OIDC_GOOD, NULL, flow->told_data);
}

/* To whom it may concern: who waits for it to begin, or to end; else it is kept for who will ask. */
static void tell_end(Flow *flow, const char *detail) {
        FlowTold told = g_steal_pointer(&flow->told);
        FlowBegun begun = g_steal_pointer(&flow->begun);

        g_clear_handle_id(&flow->patience, g_source_remove);
        if (!told && !begun)
                return;
        if (begun)
                begun(flow->reason, detail, NULL, NULL, NULL, flow->begun_data);
        if (told)
                told(flow->state, flow->reason, flow->identity, flow->told_data);
        forget(flow);
}

void flow_has_begun(Flow *flow, const FlowDevice *device, const char *url) {
        FlowBegun begun = g_steal_pointer(&flow->begun);

        begun(OIDC_GOOD, "", flow->id, device, url, flow->begun_data);
}

static FlowState state_of(OidcReason reason) {
        switch (reason) {
        case OIDC_DENIED:
                return FLOW_DENIED;
        case OIDC_EXPIRED:
                return FLOW_EXPIRED;
        default:
                return FLOW_FAILED;
        }
}

void flow_end(Flow *flow, OidcReason reason, const char *detail) {
        if (flow->state != FLOW_PENDING)
                return;
        g_assert(reason != OIDC_GOOD);
        flow->state = state_of(reason);
        flow->reason = reason;
        stop(flow);
        tell_end(flow, detail);
}

void flow_approve(Flow *flow, Identity *identity) {
        g_assert(flow->state == FLOW_PENDING && !flow->begun);
        flow->identity = identity;
        flow->state = FLOW_APPROVED;
        stop(flow);
        tell_end(flow, "");
}

static gboolean on_patience(gpointer data) {
        Flow *flow = data;

        flow->patience = 0;
        tell_pending(flow);
        return G_SOURCE_REMOVE;
}

void flow_wait(Flow *flow, unsigned ms, FlowTold told, gpointer data) {
        tell_pending(flow);
        if (flow->state == FLOW_PENDING && ms == 0) {
                told(FLOW_PENDING, OIDC_GOOD, NULL, data);
                return;
        }
        flow->told = told;
        flow->told_data = data;
        if (flow->state == FLOW_PENDING)
                flow->patience = g_timeout_add(MIN(ms, FLOW_WAIT_MAX_MS), on_patience, flow);
        else
                tell_end(flow, "");
}

void flow_cancel(Flow *flow) {
        Flows *flows = flow->flows;
        char id[FLOW_ID_SIZE];

        (void) g_strlcpy(id, flow->id, sizeof(id));
        flow_end(flow, OIDC_CANCELLED, "");
        flow = g_hash_table_lookup(flows->table, id);
        if (flow)
                forget(flow);
}

/* Beginning */

static gboolean on_life(gpointer data) {
        Flow *flow = data;

        flow->life = 0;
        if (flow->state == FLOW_PENDING && (flow->told || flow->begun))
                flow_end(flow, OIDC_EXPIRED, ""); /* which forgets it */
        else
                forget(flow);
        return G_SOURCE_REMOVE;
}

Flow *flow_new(Flows *flows, Provider *provider, FlowBegun begun, gpointer data) {
        unsigned char id[FLOW_ID_BYTES];
        Flow *flow;

        if (g_hash_table_size(flows->table) >= FLOWS_MAX)
                return NULL;
        flow = g_new0(Flow, 1);
        randombytes_buf(id, sizeof(id));
        (void) sodium_bin2hex(flow->id, sizeof(flow->id), id, sizeof(id));
        flow->flows = flows;
        flow->provider = provider_ref(provider);
        flow->began = g_get_real_time() / G_USEC_PER_SEC;
        flow->state = FLOW_PENDING;
        flow->begun = begun;
        flow->begun_data = data;
        flow->life = g_timeout_add_seconds(FLOW_LIFETIME_S, on_life, flow);
        (void) g_hash_table_insert(flows->table, flow->id, flow);
        flows->parts.changed(flows->parts.data);
        return flow;
}

Flow *flow_find(Flows *flows, const char *id) {
        Flow *flow = g_hash_table_lookup(flows->table, id);

        return flow && !flow->begun ? flow : NULL;
}

void flow_post(Flow *flow, const char *url, Form *form, HttpDone done) {
        const Provider *provider = flow->provider;
        const char *path = provider->client_secret_file;
        _cleanup_secret_ Secret *secret = path ? trusted_file_secret(path) : NULL, *text = NULL, *authorization = NULL;

        form_add(form, "client_id", provider->client_id);
        if (secret && flow->discovery->secret_in_form)
                form_add(form, "client_secret", secret->data);
        else if (secret)
                authorization = encoding_basic(provider->client_id, secret->data);
        text = form_finish(form);
        if ((path && !secret) || !text) {
                flow_end(flow, OIDC_SECRET, "the client secret cannot be read, or others can read it");
                return;
        }
        flow->request = http_send(flow->flows->parts.http,
                                  &(HttpCall) { .provider = provider, .url = url, .form = g_steal_pointer(&text),
                                                .authorization = g_steal_pointer(&authorization) },
                                  done, flow);
}

/* All of them */

Flows *flows_new(const FlowsParts *parts) {
        Flows *flows = g_new(Flows, 1);

        flows->parts = *parts;
        flows->table = g_hash_table_new_full(g_str_hash, g_str_equal, /* key_destroy_func= */ NULL, destroy_flow);
        return flows;
}

Flows *flows_free(Flows *flows) {
        GHashTableIter iterator;
        gpointer flow;

        if (!flows)
                return NULL;
        for (;;) {
                g_hash_table_iter_init(&iterator, flows->table);
                if (!g_hash_table_iter_next(&iterator, NULL, &flow))
                        break;
                flow_cancel(flow);
        }
        g_hash_table_unref(flows->table);
        g_free(flows);
        return NULL;
}

guint flows_size(const Flows *flows) {
        return g_hash_table_size(flows->table);
}
