/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "daemon/core/provider-source.h"

void provider_flow_deinit(ProviderFlow *flow) {
        g_free(flow->uri);
        g_free(flow->uri_complete);
        g_free(flow->user_code);
        *flow = (ProviderFlow) { .expires_in = 0 };
}

void provider_identity_deinit(ProviderIdentity *identity) {
        g_free(identity->issuer);
        g_free(identity->subject);
        g_free(identity->user);
        g_strfreev(identity->groups);
        g_free(identity->reason);
        *identity = (ProviderIdentity) { .issuer = NULL };
}

/* Where there is no helper: nothing begins. */

static int begin(const ProviderSource *source, const char *provider, const char *redirect_uri, ProviderFlow *ret) {
        return -ECONNREFUSED;
}

static int look(const ProviderSource *source, const char *flow, ProviderState *ret, ProviderIdentity *ret_identity) {
        return -ECONNREFUSED;
}

static int redirect(const ProviderSource *source, const char *flow, const char *query, size_t size, ProviderState *ret,
                    ProviderIdentity *ret_identity) {
        return -ECONNREFUSED;
}

static void cancel(const ProviderSource *source, const char *flow) {
}

static int check(const ProviderSource *source, const char *provider, char **ret_problem) {
        return -ECONNREFUSED;
}

const ProviderSource provider_source_none = {
        .begin = begin,
        .look = look,
        .redirect = redirect,
        .cancel = cancel,
        .check = check,
};
