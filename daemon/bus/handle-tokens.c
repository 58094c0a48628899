/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "common/memfd.h"
#include "common/name.h"
#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/core/device-admin.h"
#include "daemon/core/token-use.h"

static void cleanup_token(char **token) {
        *token = token_free(*token);
}

/* Puts @token into a sealed memfd that goes with the reply as descriptor 0. */
static int attach_token(Request *request, const char *token) {
        int fd, r;

        r = memfd_new_sealed(token, strlen(token), &fd);
        if (r < 0)
                return error_trace(r);
        request->reply_fds = g_unix_fd_list_new_from_array(&fd, 1); /* takes it over */
        return 0;
}

static int reply_token(Request *request, const char *token, const TokenClaims *claims) {
        GVariantBuilder info;
        int r;

        r = attach_token(request, token);
        if (r < 0)
                return r;
        g_variant_builder_init(&info, G_VARIANT_TYPE_VARDICT);
        pack_text(&info, "session", claims->session);
        pack_time(&info, "expires", claims->expires);
        pack_text(&info, "audience", claims->audience);
        request->reply = g_variant_ref_sink(g_variant_new("(ha{sv})", 0, &info));
        return 0;
}

typedef struct PrintOptions {
        const char *audience;
        int64_t min_ttl;
} PrintOptions;

int handle_tokens_print(Request *request) {
        static const UnpackKey keys[] = {
                { "audience", UNPACK_TEXT,  WIRE_NAME_MAX, offsetof(PrintOptions, audience) },
                { "min-ttl",  UNPACK_INT64, 0,             offsetof(PrintOptions, min_ttl)  },
                { NULL },
        };
        __attribute__((__cleanup__(cleanup_token))) char *token = NULL;
        PrintOptions options = { .audience = NULL };
        g_autoptr(TokenClaims) claims = NULL;
        int r;

        r = unpack_dict(request, 0, keys, &options);
        if (r != 0)
                return r;
        if (options.audience && !name_is_host(options.audience))
                return request_refuse(request, CORE_E_INVALID, "\"audience\" cannot be the name of a host");
        r = token_print(request->core, &request->caller, options.audience, options.min_ttl, &token, &claims);
        if (r == CORE_E_INVALID)
                return request_refuse(request, r, "no token of this session lives as long as \"min-ttl\" asks");
        if (r != 0)
                return r;
        return reply_token(request, token, claims);
}

int handle_tokens_refresh(Request *request) {
        static const UnpackKey keys[] = { { "min-ttl", UNPACK_INT64, 0, 0 }, { NULL } };
        __attribute__((__cleanup__(cleanup_token))) char *token = NULL;
        _cleanup_secret_ Secret *refresh_token = NULL;
        g_autoptr(TokenClaims) claims = NULL;
        int64_t min_ttl = 0;
        int r;

        r = unpack_dict(request, 1, keys, &min_ttl);
        if (r != 0)
                return r;
        r = unpack_secret(request, 0, "refresh token", WIRE_TOKEN_MAX, &refresh_token);
        if (r != 0)
                return r;
        r = device_refresh(request->core, &request->caller, refresh_token, min_ttl, &token, &claims);
        if (r == CORE_E_CREDENTIAL)
                return request_refuse(request, r, "that refresh token is not right, or counts no more; see \"tessera "
                                      "device list\"");
        if (r == CORE_E_INVALID)
                return request_refuse(request, r, "no token of this device lives as long as \"min-ttl\" asks");
        if (r != 0)
                return r;
        return reply_token(request, token, claims);
}

typedef struct VerifyOptions {
        const char *audience;
        const char *role;
} VerifyOptions;

static const UnpackKey verify_keys[] = {
        { "audience", UNPACK_TEXT, WIRE_NAME_MAX, offsetof(VerifyOptions, audience) },
        { "role",     UNPACK_TEXT, WIRE_NAME_MAX, offsetof(VerifyOptions, role)     },
        { NULL },
};

static GVariant *pack_claims(const TokenClaims *claims, char **roles) {
        GVariantBuilder info;

        g_variant_builder_init(&info, G_VARIANT_TYPE_VARDICT);
        if (claims) {
                pack_text(&info, "user", claims->subject);
                pack_text(&info, "session", claims->session);
                pack_text(&info, "audience", claims->audience);
                pack_words(&info, "roles", (const char *const *) roles);
                pack_words(&info, "methods", (const char *const *) claims->methods);
                pack_time(&info, "expires", claims->expires);
                pack_time(&info, "issued_at", claims->issued_at);
                pack_time(&info, "auth_time", claims->auth_time);
        }
        return g_variant_builder_end(&info);
}

int handle_tokens_verify(Request *request) {
        _cleanup_secret_ Secret *token = NULL;
        g_autoptr(TokenClaims) claims = NULL;
        g_auto(GStrv) roles = NULL;
        VerifyOptions options = { .audience = NULL };
        TokenReason reason;
        int r;

        r = unpack_dict(request, 1, verify_keys, &options);
        if (r != 0)
                return r;
        r = unpack_secret(request, 0, "token", WIRE_TOKEN_MAX, &token);
        if (r != 0)
                return r;
        r = token_check(request->core, token->data, token->size, options.audience, options.role, &reason, &claims,
                        &roles);
        if (r != 0)
                return r;
        request->reply = g_variant_ref_sink(
                g_variant_new("(s@a{sv})", token_reason_to_string(reason),
                              pack_claims(reason == TOKEN_VALID ? claims : NULL, roles)));
        return 0;
}
