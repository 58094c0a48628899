/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Who somebody is at a provider. (issuer, subject) is the identity; the rest is what the provider
 * calls things today, and an email address is no part of it.
 */

#include <glib.h>

#include "daemon/oidc/reason.h"
#include "policy/providers.h"

#define IDENTITY_SUBJECT_MAX 255 /* OpenID Connect Core 1.0, 2 */
#define IDENTITY_TEXT_MAX 256
#define IDENTITY_GROUPS_MAX 1024

typedef struct Identity {
        char *issuer;
        char *subject; /* printable ASCII */
        char *user;    /* NULL: there is no such claim */
        char **groups; /* never NULL */
        char *name;    /* NULL likewise */
} Identity;

Identity *identity_free(Identity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Identity, identity_free)

struct json_t; /* jansson's */

/*
 * Takes it out of the claims @object by the names that @provider gives. A claim of another type, or
 * with control characters, is OIDC_CLAIMS, but for a name, which is left out then. The subject may be
 * a whole number with type=oauth2.
 */
OidcReason identity_from_claims(const Provider *provider, const struct json_t *object, Identity **ret);
