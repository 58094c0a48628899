/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <cjose/cjose.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "daemon/oidc/encoding.h"
#include "daemon/oidc/id-token.h"

#define NOW 1700000000
#define FILE_TEXT "[provider:corp]\nissuer=https://a\nclient-id=tessera\n"

static Provider *corp;

static Provider *read_provider(const char *text) {
        g_autoptr(GPtrArray) mistakes = g_ptr_array_new(), providers = NULL;

        providers = providers_read_text("corp.conf", text, strlen(text), mistakes);
        assert(providers);
        return provider_ref(providers->pdata[0]);
}

static IdTokenWanted wanted(void) {
        return (IdTokenWanted) { .provider = corp, .nonce = "n", .nonce_size = 1, .began = NOW, .now = NOW };
}

/* A token of @claims under @header, signed by @key. */
static char *make_token(const cjose_jwk_t *key, const char *algorithm, const char *kid, const char *claims) {
        cjose_header_t *header;
        cjose_jws_t *jws;
        const char *text;
        cjose_err error;
        char *copy;

        header = cjose_header_new(&error);
        assert(cjose_header_set(header, CJOSE_HDR_ALG, algorithm, &error));
        assert(!kid || cjose_header_set(header, CJOSE_HDR_KID, kid, &error));
        jws = cjose_jws_sign(key, header, (const uint8_t *) claims, strlen(claims), &error);
        assert(jws && cjose_jws_export(jws, &text, &error));
        copy = g_strdup(text);
        cjose_jws_release(jws);
        cjose_header_release(header);
        return copy;
}

/* The JWKS that has the public half of @key alone, as @kid. */
static Jwks *publish(const cjose_jwk_t *key, const char *kid) {
        g_autofree char *text = NULL;
        Jwks *jwks = NULL;
        cjose_err error;
        char *json;

        json = cjose_jwk_to_json(key, /* priv= */ false, &error);
        assert(json && json[0] == '{');
        text = g_strdup_printf("{\"keys\":[{\"kid\":\"%s\",%s]}", kid, json + 1);
        free(json);
        assert(jwks_parse(text, strlen(text), &jwks) == OIDC_GOOD && jwks_size(jwks) == 1);
        return jwks;
}

static OidcReason verify(const char *token, const JwksKey *key, Identity **ret) {
        IdTokenWanted want = wanted();

        return id_token_verify(token, strlen(token), key, &want, ret);
}

#define CLAIMS "{\"iss\":\"https://a\",\"sub\":\"s\",\"aud\":\"tessera\",\"exp\":1700000300,\"iat\":1700000000,\"nonce\":\"n\"}"

static void check_both_ways(cjose_jwk_t *key, cjose_jwk_t *other, const char *algorithm) {
        g_autofree char *good = make_token(key, algorithm, "k", CLAIMS), *forged = make_token(other, algorithm, "k", CLAIMS);
        g_autofree char *elsewhere = make_token(key, algorithm, "x", CLAIMS), *nameless = make_token(key, algorithm, NULL, CLAIMS);
        g_autofree char *longer = g_strconcat(good, "AAAA", NULL);
        g_autoptr(Jwks) jwks = publish(key, "k");
        const JwksKey *published = jwks_find(jwks, jwks_algorithm_from_string(algorithm), "k");
        g_autoptr(Identity) identity = NULL, again = NULL;
        Identity *none = NULL;

        assert(published);
        assert(verify(good, published, &identity) == OIDC_GOOD && strcmp(identity->subject, "s") == 0);
        assert(verify(nameless, published, &again) == OIDC_GOOD);
        assert(verify(forged, published, &none) == OIDC_SIGNATURE);
        assert(verify(longer, published, &none) == OIDC_SIGNATURE);
        assert(verify(elsewhere, published, &none) == OIDC_KID && !none);
        good[strlen(good) - 10] = good[strlen(good) - 10] == 'A' ? 'B' : 'A';
        assert(verify(good, published, &none) == OIDC_SIGNATURE && !none);
}

static void test_O6_rs256_and_es256(void) {
        cjose_jwk_t *keys[4];
        cjose_err error;

        for (int i = 0; i < 2; i++) {
                keys[i] = cjose_jwk_create_RSA_random(2048, (const uint8_t *) "\1\0\1", 3, &error);
                keys[2 + i] = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error);
                assert(keys[i] && keys[2 + i]);
        }
        check_both_ways(keys[0], keys[1], "RS256");
        check_both_ways(keys[2], keys[3], "ES256");
        {
                g_autofree char *token = make_token(keys[0], "RS512", "k", CLAIMS), *pss = make_token(keys[0], "PS256", "k", CLAIMS);
                g_autofree char *rsa = make_token(keys[0], "RS256", "k", CLAIMS);
                g_autoptr(Jwks) jwks = publish(keys[2], "k");
                const JwksKey *key = jwks_find(jwks, JWKS_ES256, "k");
                Identity *none = NULL;

                assert(verify(token, key, &none) == OIDC_ALGORITHM && verify(pss, key, &none) == OIDC_ALGORITHM);
                assert(verify(rsa, key, &none) == OIDC_KID && !none);
                assert(!jwks_find(jwks, JWKS_RS256, "k") && !jwks_find(jwks, JWKS_RS256, NULL));
                assert(jwks_find(jwks, JWKS_ES256, NULL) == key);
        }
        for (int i = 0; i < 4; i++)
                cjose_jwk_release(keys[i]);
}

static char *with_header(const char *header) {
        _cleanup_secret_ Secret *first = encoding_base64url(header, strlen(header));

        return g_strdup_printf("%s.e30.AA", first->data);
}

static void test_O6_what_a_header_may_say(void) {
        static const struct {
                const char *header;
                OidcReason reason;
        } rows[] = {
                { "{\"alg\":\"ES256\"}", OIDC_GOOD },
                { "{\"typ\":\"x\",\"alg\":\"RS256\",\"kid\":\"a\"}", OIDC_GOOD },
                { "{\"alg\":\"none\"}", OIDC_ALGORITHM },
                { "{\"alg\":\"HS256\"}", OIDC_ALGORITHM },
                { "{\"alg\":\"rs256\"}", OIDC_ALGORITHM },
                { "{\"alg\":\"ES384\"}", OIDC_ALGORITHM },
                { "{}", OIDC_ALGORITHM },
                { "{\"alg\":\"ES256\",\"alg\":\"none\"}", OIDC_TOKEN_FORMAT },
                { "{\"alg\":\"ES256\",\"kid\":\"\"}", OIDC_TOKEN_FORMAT },
                { "{\"alg\":\"ES256\",\"crit\":[]}", OIDC_TOKEN_FORMAT },
                { "{\"alg\":\"ES256\",\"b64\":true}", OIDC_TOKEN_FORMAT },
                { "{\"alg\":\"ES256\"} ", OIDC_GOOD },
                { "[]", OIDC_TOKEN_FORMAT },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *token = with_header(rows[i].header);
                IdTokenHeader header = { .kid = NULL };
                OidcReason reason = id_token_header(token, strlen(token), &header);

                if (reason != rows[i].reason)
                        fprintf(stderr, "%s: %s\n", rows[i].header, oidc_reason_to_string(reason));
                assert(reason == rows[i].reason);
                g_free(header.kid);
        }
}

static void test_a_token_has_a_size(void) {
        /* {"alg":"RS256"}, and as much behind it as there may be, and one byte more. */
        const char *head = "eyJhbGciOiJSUzI1NiJ9.";
        g_autofree char *rest = g_strnfill(ID_TOKEN_MAX, 'A'), *large = NULL;
        size_t dot = strlen(head) + 1024;
        IdTokenHeader header;

        large = g_strconcat(head, rest, NULL);
        large[dot] = '.';
        assert(id_token_header(large, ID_TOKEN_MAX, &header) == OIDC_GOOD);
        assert(id_token_header(large, ID_TOKEN_MAX + 1, &header) == OIDC_TOKEN_FORMAT);
        assert(id_token_header("", 0, &header) == OIDC_TOKEN_FORMAT);
        assert(id_token_header("..", 2, &header) == OIDC_TOKEN_FORMAT);
}

static OidcReason claims(const char *json) {
        IdTokenWanted want = wanted();
        g_autoptr(Identity) identity = NULL;
        OidcReason reason = id_token_claims(json, strlen(json), &want, &identity);

        assert((reason == OIDC_GOOD) == (identity != NULL));
        return reason;
}

/* The skew, to the second; what each claim may be is tests/oidc/test_hostile.py's. */
static void test_O6_times_are_counted_to_the_second(void) {
#define TIMES(exp, iat) "{\"iss\":\"https://a\",\"sub\":\"s\",\"aud\":\"tessera\",\"exp\":" exp ",\"iat\":" iat ",\"nonce\":\"n\"}"
        assert(claims(TIMES("1699999881", "1700000000")) == OIDC_GOOD);
        assert(claims(TIMES("1699999880", "1700000000")) == OIDC_TOKEN_EXPIRED);
        assert(claims(TIMES("1700000001", "1700000120")) == OIDC_GOOD);
        assert(claims(TIMES("1700000001", "1700000121")) == OIDC_ISSUED);
        assert(claims(TIMES("1700000001", "1699999880")) == OIDC_GOOD);
        assert(claims(TIMES("1700000001", "1699999879")) == OIDC_ISSUED);
        assert(claims(TIMES("9223372036854775807", "1700000000")) == OIDC_GOOD);
        assert(claims(TIMES("9223372036854775808", "1700000000")) == OIDC_NOT_JSON);
        assert(claims(TIMES("-9223372036854775808", "1700000000")) == OIDC_TOKEN_EXPIRED);
        assert(claims(TIMES("1700000001", "1e9")) == OIDC_CLAIMS);
}

/* O7: whoever has the name today, it is issuer and subject that an identity is kept by. */
static void test_O7_an_identity_is_issuer_and_subject(void) {
        IdTokenWanted want = wanted();
        g_autoptr(Identity) first = NULL, second = NULL;
        static const char one[] = "{\"iss\":\"https://a\",\"sub\":\"1\",\"aud\":\"tessera\",\"exp\":1700000300,"
                                  "\"iat\":1700000000,\"nonce\":\"n\",\"email\":\"x@a\",\"preferred_username\":\"x\"}";
        static const char two[] = "{\"iss\":\"https://a\",\"sub\":\"2\",\"aud\":\"tessera\",\"exp\":1700000300,"
                                  "\"iat\":1700000000,\"nonce\":\"n\",\"email\":\"x@a\"}";

        assert(id_token_claims(one, strlen(one), &want, &first) == OIDC_GOOD);
        assert(id_token_claims(two, strlen(two), &want, &second) == OIDC_GOOD);
        assert(strcmp(first->issuer, "https://a") == 0 && strcmp(first->subject, second->subject) != 0);
        assert(strcmp(first->user, "x") == 0 && !second->user && !second->name && !second->groups[0]);
        assert(!identity_free(NULL));
}

int main(void) {
        assert(sodium_init() >= 0);
        corp = read_provider(FILE_TEXT);
        test_O6_rs256_and_es256();
        test_O6_what_a_header_may_say();
        test_a_token_has_a_size();
        test_O6_times_are_counted_to_the_second();
        test_O7_an_identity_is_issuer_and_subject();
        corp = provider_unref(corp);
        return 0;
}
