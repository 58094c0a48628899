/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The device flow (RFC 8628): the provider gives a code to type there, and we ask until somebody has. */

#include "daemon/oidc/flow-private.h"

#define GRANT "urn:ietf:params:oauth:grant-type:device_code"

static gboolean on_expiry(gpointer data) {
        Flow *flow = data;

        flow->expiry = 0;
        flow_end(flow, OIDC_EXPIRED, "");
        return G_SOURCE_REMOVE;
}

static gboolean on_poll(gpointer data) {
        Flow *flow = data;
        Form *form = form_new();

        flow->poll = 0;
        form_add(form, "grant_type", GRANT);
        form_add(form, "device_code", flow->device_code->data);
        flow_ask_for_tokens(flow, form);
        return G_SOURCE_REMOVE;
}

void flow_device_again(Flow *flow, bool slower) {
        if (slower)
                flow->interval += ANSWER_INTERVAL_S; /* "for this and all subsequent requests" */
        flow->poll = g_timeout_add_seconds(flow->interval, on_poll, flow);
}

static void on_device(const HttpAnswer *answer, gpointer data) {
        Flow *flow = data;
        FlowDevice device;
        OidcReason reason;

        flow->request = NULL;
        reason = device_answer_parse(flow->provider, answer, &device);
        if (reason != OIDC_GOOD) {
                flow_end(flow, reason, reason == OIDC_PROVIDER_ERROR ? answer_error(answer) : answer->detail);
                return;
        }
        device.expires_in = MIN(device.expires_in, FLOW_LIFETIME_S);
        flow->device_code = g_steal_pointer(&device.device_code);
        flow->interval = device.interval;
        flow->expiry = g_timeout_add_seconds(device.expires_in, on_expiry, flow);
        flow_device_again(flow, /* slower= */ false);
        flow_has_begun(flow, &device, NULL);
        device_answer_deinit(&device);
}

static void on_discovery(OidcReason reason, const char *detail, gpointer kept, gpointer data) {
        g_autofree char *scope = NULL;
        Flow *flow = data;
        Form *form;

        if (reason == OIDC_GOOD) {
                flow->discovery = discovery_ref(kept);
                if (!flow->discovery->device) {
                        reason = OIDC_ENDPOINT;
                        detail = "the provider has no device flow";
                }
        }
        if (reason != OIDC_GOOD) {
                flow_end(flow, reason, detail);
                return;
        }
        form = form_new();
        scope = g_strjoinv(" ", flow->provider->scopes);
        form_add(form, "scope", scope[0] ? scope : NULL);
        flow_post(flow, flow->discovery->device, form, on_device);
}

bool flow_begin_device(Flows *flows, Provider *provider, FlowBegun begun, gpointer data) {
        Flow *flow = flow_new(flows, provider, begun, data);

        if (flow)
                discovery_get(flows->parts.discovery, provider, on_discovery, flow);
        return flow != NULL;
}
