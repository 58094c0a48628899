/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Identity providers as core sees them: what tessera-oidc does for tesserad, which has no network
 * (daemon/oidc/org.tessera.Oidc1.xml says what each call means). The real one is
 * daemon/bus/provider-client.h; tests have one that lies.
 *
 * Every call blocks, for PROVIDER_CALL_MAX_MS at most (check: PROVIDER_CHECK_MAX_MS), and may be made from any thread. Whoever
 * answers says who somebody is at the provider; who that is here, and what they may, core decides.
 */

#include <glib.h>

#define PROVIDER_CALL_MAX_MS 12000 /* one request to a provider takes 10 s at most */
#define PROVIDER_CHECK_MAX_MS 3500 /* somebody waits for doctor's answer, who has asked for more than that */
#define PROVIDER_FLOW_SIZE (32 + 1)
#define PROVIDER_TEXT_MAX_BYTES 2048 /* of each text below; longer is an answer that is not understood */

typedef enum ProviderState {
        PROVIDER_STATE_FAILED = 0, /* every answer that is not understood */
        PROVIDER_STATE_PENDING,
        PROVIDER_STATE_APPROVED,   /* the only yes, told once */
        PROVIDER_STATE_DENIED,
        PROVIDER_STATE_EXPIRED,
        _PROVIDER_STATE_MAX,
} ProviderState;

/* Where somebody is sent. Texts are free of control characters, addresses are https. */
typedef struct ProviderFlow {
        char id[PROVIDER_FLOW_SIZE]; /* the helper's: never shown */
        char *uri;
        char *uri_complete; /* NULL: none */
        char *user_code;    /* NULL in a code flow */
        unsigned expires_in; /* s */
} ProviderFlow;

void provider_flow_deinit(ProviderFlow *flow);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ProviderFlow, provider_flow_deinit)

/* Who somebody is there: with PROVIDER_STATE_APPROVED; else all NULL but @reason. */
typedef struct ProviderIdentity {
        char *issuer;
        char *subject;
        char *user;   /* the user-claim; NULL: there is none */
        char **groups; /* never NULL */
        char *reason; /* a short code for the audit; NULL with APPROVED */
} ProviderIdentity;

void provider_identity_deinit(ProviderIdentity *identity);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ProviderIdentity, provider_identity_deinit)

typedef struct ProviderSource ProviderSource;

struct ProviderSource {
        /* 0, or a negative errno: -ECONNREFUSED the helper is not there, -ETIMEDOUT, -EBUSY, -EPROTO the
         * provider cannot be asked. @redirect_uri NULL: a device flow. */
        int (*begin)(const ProviderSource *source, const char *provider, const char *redirect_uri, ProviderFlow *ret);
        /* What is known now, at once. Negative: nobody could be asked, and nothing is known. */
        int (*look)(const ProviderSource *source, const char *flow, ProviderState *ret, ProviderIdentity *ret_identity);
        /* What a browser brought: waits for the end. */
        int (*redirect)(const ProviderSource *source, const char *flow, const char *query, size_t size,
                        ProviderState *ret, ProviderIdentity *ret_identity);
        /* Has arrived when this returns, or nobody answered for a second: then the helper forgets it by itself. */
        void (*cancel)(const ProviderSource *source, const char *flow);
        /* For doctor: can logins begin there? A text that says what is wrong, or NULL; g_free. -ETIMEDOUT: nobody can say. */
        int (*check)(const ProviderSource *source, const char *provider, char **ret_problem);
};

/* There is no helper: -ECONNREFUSED to all. */
extern const ProviderSource provider_source_none;
