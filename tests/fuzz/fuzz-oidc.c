/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Whatever a provider answers and a browser brings, it is read or refused, and what is read keeps
 * what its header promises. The first byte of an input says what the rest is.
 */

#undef NDEBUG
#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "daemon/oidc/answer.h"
#include "daemon/oidc/discovery.h"
#include "daemon/oidc/encoding.h"
#include "daemon/oidc/id-token.h"
#include "daemon/oidc/jwks.h"
#include "daemon/oidc/strict-json.h"

#define CORP "[provider:corp]\nissuer=https://a\nclient-id=tessera\n"
#define HUB "[provider:hub]\ntype=oauth2\nissuer=https://h\nclient-id=x\ndevice-endpoint=https://h/d\n" \
            "token-endpoint=https://h/t\nuserinfo-endpoint=https://h/u\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Provider *read_provider(const char *file, const char *text) {
        GPtrArray *mistakes = g_ptr_array_new(), *providers;
        Provider *provider;

        providers = providers_read_text(file, text, strlen(text), mistakes);
        assert(providers);
        provider = provider_ref(providers->pdata[0]);
        g_ptr_array_unref(providers);
        g_ptr_array_unref(mistakes);
        return provider;
}

static void check_discovery(const Provider *provider, const char *text, size_t size) {
        g_autoptr(Discovery) discovery = NULL;
        OidcReason reason = discovery_parse(provider, text, size, &discovery);

        assert((reason == OIDC_GOOD) == (discovery != NULL));
        if (!discovery)
                return;
        assert(g_str_has_prefix(discovery->token, "https://") && g_str_has_prefix(discovery->jwks, "https://"));
        assert(!discovery->device || g_str_has_prefix(discovery->device, "https://"));
        assert(!discovery->authorization || g_str_has_prefix(discovery->authorization, "https://"));
}

static void check_jwks(const char *text, size_t size) {
        g_autoptr(Jwks) jwks = NULL;
        OidcReason reason = jwks_parse(text, size, &jwks);

        assert((reason == OIDC_GOOD) == (jwks != NULL));
        if (jwks)
                assert(jwks_size(jwks) <= JWKS_KEYS_MAX && !jwks_find(jwks, JWKS_ES256, "no such kid of anybody's"));
}

static void check_header(const char *text, size_t size) {
        IdTokenHeader header = { .algorithm = JWKS_ALGORITHM_INVALID };

        if (id_token_header(text, size, &header) != OIDC_GOOD)
                return;
        assert(size <= ID_TOKEN_MAX && header.algorithm >= 0 && header.algorithm < JWKS_ALGORITHM_MAX);
        assert(!header.kid || (header.kid[0] && strlen(header.kid) <= JWKS_KID_MAX));
        g_free(header.kid);
}

static void check_identity(const Identity *identity) {
        assert(identity->issuer && identity->subject[0] && strlen(identity->subject) <= IDENTITY_SUBJECT_MAX);
        for (const char *c = identity->subject; *c; c++)
                assert(g_ascii_isprint(*c));
        assert(!identity->user || (identity->user[0] && strict_json_is_plain(identity->user)));
        assert(!identity->name || strict_json_is_plain(identity->name));
        assert(g_strv_length(identity->groups) <= IDENTITY_GROUPS_MAX);
        for (size_t i = 0; identity->groups[i]; i++)
                assert(identity->groups[i][0] && strict_json_is_plain(identity->groups[i]));
}

static void check_claims(const Provider *provider, const char *text, size_t size) {
        const IdTokenWanted wanted = { .provider = provider, .nonce = "n", .nonce_size = 1, .access_token = "t",
                                       .access_token_size = 1, .began = 1700000000, .now = 1700000000 };
        g_autoptr(Identity) identity = NULL;
        OidcReason reason = id_token_claims(text, size, &wanted, &identity);

        assert((reason == OIDC_GOOD) == (identity != NULL));
        if (identity)
                check_identity(identity);
}

static void check_userinfo(const Provider *provider, const char *text, size_t size) {
        g_autoptr(Json) object = strict_json_object(text, size);
        g_autoptr(Identity) identity = NULL;

        if (object && identity_from_claims(provider, object, &identity) == OIDC_GOOD)
                check_identity(identity);
}

static void check_answers(const Provider *provider, long status, const char *text, size_t size) {
        const HttpAnswer answer = { .reason = OIDC_GOOD, .detail = "", .status = status, .json = true, .body = text,
                                    .size = size };
        TokenAnswer token = token_answer_parse(provider, &answer);
        DeviceAnswer device;

        assert((token.outcome == TOKEN_REFUSED) == (token.reason != OIDC_GOOD));
        assert((token.outcome == TOKEN_GIVEN) == (token.access_token != NULL));
        assert(token.outcome != TOKEN_GIVEN || status == 200);
        token_answer_deinit(&token);
        assert(strict_json_is_plain(answer_error(&answer)));
        if (device_answer_parse(provider, &answer, &device) != OIDC_GOOD)
                return;
        assert(g_str_has_prefix(device.uri, "https://") && strict_json_is_plain(device.user_code) && device.device_code);
        assert(device.interval >= 1 && device.interval <= ANSWER_INTERVAL_MAX_S && device.expires_in >= 1);
        device_answer_deinit(&device);
}

static bool count(const char *name, const char *value, gpointer data) {
        assert(g_utf8_validate(name, -1, NULL) && g_utf8_validate(value, -1, NULL));
        return ++*(unsigned *) data < 30;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static Provider *corp, *hub;
        const char *text = (const char *) data + 1;
        g_autofree char *copy = NULL;
        unsigned n = 0;

        if (size == 0)
                return 0;
        if (!corp) {
                assert(sodium_init() >= 0);
                corp = read_provider("corp.conf", CORP);
                hub = read_provider("hub.conf", HUB);
        }
        copy = g_strndup(text, --size); /* a body ends with a NUL */
        switch (data[0]) {
        case 'd': check_discovery(corp, copy, size); break;
        case 'j': check_jwks(copy, size); break;
        case 'h': check_header(text, size); break;
        case 'c': check_claims(corp, text, size); break;
        case 'u': check_userinfo(hub, copy, size); break;
        case 'a': check_answers(corp, 200, copy, size); break;
        case 'e': check_answers(corp, 400, copy, size); break;
        case 'g': check_answers(hub, 200, copy, size); break;
        case 'q': (void) encoding_query(text, size, count, &n); break;
        default: break;
        }
        return 0;
}
