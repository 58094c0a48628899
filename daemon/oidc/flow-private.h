/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A flow from inside. Private to flow*.c. */

#include "daemon/oidc/discovery.h"
#include "daemon/oidc/encoding.h"
#include "daemon/oidc/flow.h"
#include "daemon/oidc/http.h"

#define FLOW_ID_BYTES 16
#define FLOW_ID_SIZE (2 * FLOW_ID_BYTES + 1)

struct Flow {
        Flows *flows;
        char id[FLOW_ID_SIZE];
        Provider *provider;
        Discovery *discovery; /* NULL until it is known */
        int64_t began;        /* seconds since 1970 */

        FlowState state;
        OidcReason reason;
        Identity *identity;   /* of FLOW_APPROVED */

        FlowBegun begun;      /* NULL: it was called */
        gpointer begun_data;
        FlowTold told;        /* who waits; NULL: nobody */
        gpointer told_data;

        HttpRequest *request; /* what is under way */
        guint life, expiry, poll, patience; /* timers */

        /* A device flow's */
        Secret *device_code;
        unsigned interval;

        /* A code flow's; redirect_uri says that it is one */
        char *redirect_uri;
        Secret *csrf, *nonce, *verifier; /* csrf: the parameter "state" */
        bool redirected;

        /* Once there are tokens */
        Secret *access_token, *id_token;
        bool keys_refreshed;
};

struct Flows {
        FlowsParts parts;
        GHashTable *table; /* id: Flow */
};

/* Begins (flow.c). NULL: there are too many. */
Flow *flow_new(Flows *flows, Provider *provider, FlowBegun begun, gpointer data);

/* Tells that it has begun. */
void flow_has_begun(Flow *flow, const FlowDevice *device, const char *url);

/* Ends it, with a state that is not FLOW_APPROVED. The flow may be gone then. */
void flow_end(Flow *flow, OidcReason reason, const char *detail);

/* The only yes. Takes @identity over. The flow may be gone then. */
void flow_approve(Flow *flow, Identity *identity);

/*
 * POSTs @form, which is taken over, as the client that the provider's file says. Ends the flow instead
 * when its secret cannot be read; so the flow may be gone then.
 */
void flow_post(Flow *flow, const char *url, Form *form, HttpDone done);

/* Asks the token endpoint with @form, and makes an identity, or an end, of what it says (flow-token.c). */
void flow_ask_for_tokens(Flow *flow, Form *form);

/* Asks again later (flow-device.c). */
void flow_device_again(Flow *flow, bool slower);
