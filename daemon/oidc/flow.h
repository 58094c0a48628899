/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Flows: one login at one provider each. A flow begins, is pending, and ends once; its end is told
 * once, and then it is forgotten, as it is 10 minutes after it began whatever it was.
 *
 *                        ┌──> approved   an identity, in one marked place: flow_approve()
 *         begin ──> pending ──> denied
 *                        ├──> expired
 *                        └──> failed     the default: every answer that is not understood
 *
 * All functions are the main loop's.
 */

#include <glib.h>

#include "common/secret.h"
#include "daemon/oidc/answer.h"
#include "daemon/oidc/fetch-cache.h"
#include "daemon/oidc/identity.h"
#include "daemon/oidc/reason.h"
#include "policy/providers.h"

#define FLOWS_MAX 256
#define FLOW_LIFETIME_S 600
#define FLOW_WAIT_MAX_MS 60000
#define FLOW_QUERY_MAX (16 * 1024)

typedef enum FlowState {
        FLOW_FAILED = 0,
        FLOW_PENDING,
        FLOW_APPROVED,
        FLOW_DENIED,
        FLOW_EXPIRED,
        FLOW_STATE_MAX,
} FlowState;

const char *flow_state_to_string(FlowState state);

typedef struct Flow Flow;
typedef struct Flows Flows;

typedef struct FlowsParts {
        Http *http;
        FetchCache *discovery, *jwks; /* all three must outlive the flows */
        void (*changed)(gpointer data); /* there is one more, or one fewer */
        gpointer data;
} FlowsParts;

Flows *flows_new(const FlowsParts *parts);
/* Whoever waits is told FLOW_FAILED, OIDC_CANCELLED. */
Flows *flows_free(Flows *flows);
guint flows_size(const Flows *flows);

/* What a device flow shows to people; of the callback that gets it. */
typedef DeviceAnswer FlowDevice;

/*
 * The flow has begun (OIDC_GOOD), or did not and is forgotten (@id NULL). @device is of a device flow,
 * @url of a code flow. @detail is for people.
 */
typedef void (*FlowBegun)(OidcReason reason, const char *detail, const char *id, const FlowDevice *device,
                          const char *url, gpointer data);

/* Begin one. @begun is called once, maybe before these return. False: there are too many. */
bool flow_begin_device(Flows *flows, Provider *provider, FlowBegun begun, gpointer data);
bool flow_begin_code(Flows *flows, Provider *provider, const char *redirect_uri, FlowBegun begun, gpointer data);

/* May a browser be sent back there: http, 127.0.0.1 or [::1], a port, no query? */
bool flow_redirect_uri_is_good(const char *uri);

/* The one called @id that has begun, or NULL. */
Flow *flow_find(Flows *flows, const char *id);

/* @identity is of FLOW_APPROVED, and valid for the call only. */
typedef void (*FlowTold)(FlowState state, OidcReason reason, const Identity *identity, gpointer data);

/*
 * Calls @told once: with the end, or FLOW_PENDING after @ms, or when somebody else comes to wait. Maybe
 * before this returns; the flow may be gone then.
 */
void flow_wait(Flow *flow, unsigned ms, FlowTold told, gpointer data);

/* What the browser brought; taken over. Calls @told as flow_wait() with the longest wait. False: no code flow. */
bool flow_redirect(Flow *flow, Secret *query, FlowTold told, gpointer data);

/* Ends it, if it has not ended, and forgets it. */
void flow_cancel(Flow *flow);
