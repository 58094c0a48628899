/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The real ProviderSource: tessera-oidc, asked peer to peer over its socket. Each call has a
 * connection of its own, so that a helper that ended and came again is no case of its own, and none
 * is held while a human thinks.
 *
 * It is believed only from whom the kernel says that root or the user tessera-oidc listens there, and
 * not a word further than its interface goes: texts are capped and free of control characters, and a
 * state, or an identity, that is not understood is PROVIDER_STATE_FAILED.
 */

#include <stdbool.h>

#include "daemon/core/provider-source.h"

#define PROVIDER_CLIENT_USER "tessera-oidc"

typedef struct ProviderClient ProviderClient;

ProviderClient *provider_client_new(const char *socket);
ProviderClient *provider_client_free(ProviderClient *client); /* accepts NULL, returns NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ProviderClient, provider_client_free)

const ProviderSource *provider_client_source(const ProviderClient *client);

/* Reading what the helper says; for tests, and for whoever lies to it. @result is an a{sv}. */

/* @flow and @result as of StartDevice. False, and @ret untouched, where that is not understood. */
bool provider_client_read_device(const char *flow, GVariant *result, ProviderFlow *ret);
bool provider_client_read_code(const char *flow, const char *url, ProviderFlow *ret);
/* @state and @result as of Wait and Redirect. */
ProviderState provider_client_read_end(const char *state, GVariant *result, ProviderIdentity *ret);
