/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>

#include "daemon/oidc/reason.h"

static const char *const words[OIDC_REASON_MAX] = {
        [OIDC_GOOD] = "",
        [OIDC_UNREACHABLE] = "unreachable",
        [OIDC_TLS] = "tls",
        [OIDC_TIMEOUT] = "timeout",
        [OIDC_TOO_LARGE] = "too-large",
        [OIDC_STATUS] = "status",
        [OIDC_CONTENT_TYPE] = "content-type",
        [OIDC_NOT_JSON] = "not-json",
        [OIDC_METADATA] = "metadata",
        [OIDC_METADATA_ISSUER] = "metadata-issuer",
        [OIDC_ENDPOINT] = "endpoint",
        [OIDC_KEYS] = "keys",
        [OIDC_ANSWER] = "answer",
        [OIDC_TOKEN_FORMAT] = "token-format",
        [OIDC_ALGORITHM] = "algorithm",
        [OIDC_KID] = "kid",
        [OIDC_SIGNATURE] = "signature",
        [OIDC_ISSUER] = "issuer",
        [OIDC_AUDIENCE] = "audience",
        [OIDC_AZP] = "azp",
        [OIDC_TOKEN_EXPIRED] = "token-expired",
        [OIDC_ISSUED] = "issued",
        [OIDC_NONCE] = "nonce",
        [OIDC_AT_HASH] = "at-hash",
        [OIDC_CLAIMS] = "claims",
        [OIDC_REDIRECT] = "redirect",
        [OIDC_STATE] = "state",
        [OIDC_ISS] = "iss",
        [OIDC_REPLAYED] = "replayed",
        [OIDC_DENIED] = "denied",
        [OIDC_EXPIRED] = "expired",
        [OIDC_PROVIDER_ERROR] = "provider-error",
        [OIDC_CANCELLED] = "cancelled",
        [OIDC_SECRET] = "client-secret",
        [OIDC_CA_FILE] = "ca-file",
};

const char *oidc_reason_to_string(OidcReason reason) {
        g_assert(reason < OIDC_REASON_MAX && words[reason]);
        return words[reason];
}
