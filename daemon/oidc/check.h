/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* For "tessera doctor": could a login begin at a provider? */

#include "daemon/oidc/flow.h"

typedef void (*CheckDone)(OidcReason reason, const char *detail, gpointer data);

/*
 * Reads the client's secret, asks for the provider's document and its keys (with type=oauth2, whether
 * the userinfo endpoint answers at all). @done is called once, maybe before this returns.
 */
void check_provider(const FlowsParts *parts, Provider *provider, CheckDone done, gpointer data);
