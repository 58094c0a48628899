/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What a token of ours is: claims, size, times. test-token-refused.c has what is none. */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/test-forge.h"
#include "daemon/core/token.h"

#define NOW 1700000000

static KeyRing *keys;

static TokenClaims good_claims(void) {
        return (TokenClaims) {
                .issuer = (char *) "web1.example.org",
                .subject = (char *) "alice",
                .audience = (char *) "web1.example.org",
                .issued_at = NOW,
                .expires = NOW + 900,
                .jti = "AAECAwQF",
                .session = "000102030405060708090a0b0c0d0e0f",
                .auth_time = NOW - 60,
        };
}

static TokenReason verify_at(const char *token, const char *audience, int64_t now) {
        g_autoptr(TokenClaims) claims = NULL;

        return token_verify(keys, "web1.example.org", audience, now, token, strlen(token), &claims);
}

static void test_J23_what_is_signed_is_read_back(void) {
        static const char *const methods[] = { "tok", "oidc:corp", NULL }, *const roles[] = { "admin", "ops", NULL };
        g_autoptr(TokenClaims) read = NULL;
        TokenClaims claims = good_claims();
        char *token;

        claims.methods = (char **) methods;
        claims.roles = (char **) roles;
        assert(token_sign(key_ring_signing(keys, KEY_TOKEN), &claims, &token) == 0);
        assert(token_verify(keys, "web1.example.org", "web1.example.org", NOW, token, strlen(token), &read) ==
               TOKEN_VALID);
        g_assert_cmpstr(read->issuer, ==, claims.issuer);
        g_assert_cmpstr(read->subject, ==, claims.subject);
        g_assert_cmpstr(read->audience, ==, claims.audience);
        g_assert_cmpint(read->issued_at, ==, claims.issued_at);
        g_assert_cmpint(read->expires, ==, claims.expires);
        g_assert_cmpstr(read->jti, ==, claims.jti);
        g_assert_cmpstr(read->session, ==, claims.session);
        g_assert_cmpint(read->auth_time, ==, claims.auth_time);
        assert(g_strv_equal((const char *const *) read->methods, methods));
        assert(g_strv_equal((const char *const *) read->roles, roles));
        token_free(token);
}

/* The same token, put together without libjwt, jansson and our encoder. */
static void test_J23_the_layout_is_the_documented_one(void) {
        g_autofree char *header = g_strdup_printf("{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                                                  key_ring_signing(keys, KEY_TOKEN)->kid);
        g_autofree char *expected = NULL;
        TokenClaims claims = good_claims();
        char *token;

        expected = forge_token(key_ring_signing(keys, KEY_TOKEN)->secret, header,
                               "{\"aud\":\"web1.example.org\",\"auth_time\":1699999940,\"exp\":1700000900,"
                               "\"iat\":1700000000,\"iss\":\"web1.example.org\",\"jti\":\"AAECAwQF\","
                               "\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}");
        assert(token_sign(key_ring_signing(keys, KEY_TOKEN), &claims, &token) == 0);
        g_assert_cmpstr(token, ==, expected);
        token_free(token);
}

static void test_J12_exp_ends_it_to_the_second(void) {
        TokenClaims claims = good_claims();
        char *token;

        assert(token_sign(key_ring_signing(keys, KEY_TOKEN), &claims, &token) == 0);
        g_assert_cmpint(verify_at(token, "web1.example.org", NOW - 1), ==, TOKEN_INVALID); /* from the future */
        g_assert_cmpint(verify_at(token, "web1.example.org", NOW), ==, TOKEN_VALID);
        g_assert_cmpint(verify_at(token, "web1.example.org", NOW + 899), ==, TOKEN_VALID);
        g_assert_cmpint(verify_at(token, "web1.example.org", NOW + 900), ==, TOKEN_EXPIRED);
        g_assert_cmpint(verify_at(token, "web1.example.org", G_MAXINT64), ==, TOKEN_EXPIRED);
        g_assert_cmpint(verify_at(token, "web1.example.org", 0), ==, TOKEN_INVALID);
        token_free(token);
}

static void test_J13_the_audience_comes_before_the_expiry(void) {
        TokenClaims claims = good_claims();
        char *token;

        assert(token_sign(key_ring_signing(keys, KEY_TOKEN), &claims, &token) == 0);
        g_assert_cmpint(verify_at(token, "web2.example.org", NOW), ==, TOKEN_WRONG_AUDIENCE);
        g_assert_cmpint(verify_at(token, "web1.example.or", NOW), ==, TOKEN_WRONG_AUDIENCE);
        g_assert_cmpint(verify_at(token, "web1.example.org.", NOW), ==, TOKEN_WRONG_AUDIENCE);
        g_assert_cmpint(verify_at(token, "", NOW), ==, TOKEN_WRONG_AUDIENCE);
        g_assert_cmpint(verify_at(token, "web2.example.org", NOW + 900), ==, TOKEN_WRONG_AUDIENCE);
        token_free(token);
}

/* The computation that docs/tokens.md shows. */
static void test_the_longest_names_fit(void) {
        static const char *const one_method[] = { "pwd", NULL };
        static const char *const methods[] = { "oidc:corp", "pop", "pwd", NULL };
        static const char *const roles[] = { "admin", "operator", NULL };
        g_autoptr(TokenClaims) read = NULL;
        TokenClaims claims = good_claims();
        char *token;

        claims.issuer = claims.audience = (char *) "a123456789.b123456789.c123456789.d123456789.e123456789.f12345678";
        claims.subject = (char *) "user5678901234567890123456789012";
        g_assert_cmpuint(strlen(claims.issuer), ==, 64);
        g_assert_cmpuint(strlen(claims.subject), ==, 32);
        claims.methods = (char **) methods;
        claims.roles = (char **) roles;
        assert(token_sign(key_ring_signing(keys, KEY_TOKEN), &claims, &token) == 0);
        g_assert_cmpuint(strlen(token), ==, 509);
        assert(token_verify(keys, claims.issuer, claims.issuer, NOW, token, strlen(token), &read) == TOKEN_VALID);
        assert(!read->roles); /* all or none */
        assert(g_strv_equal((const char *const *) read->methods, one_method)); /* the latest stays */
        g_assert_cmpint(read->auth_time, ==, claims.auth_time);
        token_free(token);
}

static void test_names_of_common_length_leave_room_for_roles(void) {
        static const char *const methods[] = { "pwd", NULL };
        static const char *const roles[] = { "admin", "operator", "everyone", NULL };
        g_autoptr(TokenClaims) read = NULL;
        TokenClaims claims = good_claims();
        char *token;

        claims.methods = (char **) methods;
        claims.roles = (char **) roles;
        assert(token_sign(key_ring_signing(keys, KEY_TOKEN), &claims, &token) == 0);
        assert(token_verify(keys, claims.issuer, claims.issuer, NOW, token, strlen(token), &read) == TOKEN_VALID);
        assert(g_strv_equal((const char *const *) read->roles, roles));
        g_assert_cmpuint(strlen(token), <=, 400);
        token_free(token);
}

static void test_J21_nothing_is_signed_that_would_not_verify(void) {
        static const char *const bad_role[] = { "admin\",\"x", NULL }, *const bad_method[] = { "pwd\"]", NULL };
        const TokenClaims good = good_claims();
        struct {
                const char *what;
                TokenClaims claims;
        } rows[] = {
                { "a user name that adds claims", good }, { "a user name with a line break", good },
                { "no user", good },                      { "an empty user", good },
                { "a host name in capitals", good },      { "an audience that is a list", good },
                { "a session id in capitals", good },     { "a session id that is short", good },
                { "a jti outside the alphabet", good },   { "a jti that is short", good },
                { "an expiry before the issue", good },   { "no lifetime at all", good },
                { "a lifetime of 901 s", good },          { "an issue before 1970", good },
                { "a proof in the future", good },        { "a proof before 1970", good },
                { "a role that adds roles", good },       { "a method that ends its list", good },
        };

        rows[0].claims.subject = (char *) "a\",\"roles\":[\"admin\"],\"x\":\"";
        rows[1].claims.subject = (char *) "alice\n";
        rows[2].claims.subject = NULL;
        rows[3].claims.subject = (char *) "";
        rows[4].claims.issuer = (char *) "WEB1";
        rows[5].claims.audience = (char *) "[\"web1\"]";
        rows[6].claims.session[20] = 'A';
        rows[7].claims.session[31] = '\0';
        rows[8].claims.jti[0] = '"';
        rows[9].claims.jti[7] = '\0';
        rows[10].claims.expires = NOW - 1;
        rows[11].claims.expires = NOW;
        rows[12].claims.expires = NOW + 901;
        rows[13].claims.issued_at = -1;
        rows[14].claims.auth_time = NOW + 1;
        rows[15].claims.auth_time = -1;
        rows[16].claims.roles = (char **) bad_role;
        rows[17].claims.methods = (char **) bad_method;
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                char *token = NULL;
                int r = token_sign(key_ring_signing(keys, KEY_TOKEN), &rows[i].claims, &token);
                if (r != -EINVAL)
                        fprintf(stderr, "%s: %d\n", rows[i].what, r);
                assert(r == -EINVAL && !token);
        }
}

static void test_J18_a_bad_signature_leaves_no_trace(void) {
        TokenClaims claims = good_claims();
        char *token, last;
        size_t size;

        assert(token_sign(key_ring_signing(keys, KEY_TOKEN), &claims, &token) == 0);
        size = strlen(token);
        last = token[size - 10];
        token[size - 10] = last == 'A' ? 'B' : 'A';
        g_assert_cmpint(verify_at(token, "web1.example.org", NOW), ==, TOKEN_INVALID);
        token[size - 10] = last;
        g_assert_cmpint(verify_at(token, "web1.example.org", NOW), ==, TOKEN_VALID);
        token_free(token);
}

static void test_every_reason_has_its_word(void) {
        static const char *const words[] = { "valid", "missing", "expired", "invalid", "revoked", "wrong-audience",
                                             "replayed", "role-missing" };

        for (size_t i = 0; i < _TOKEN_REASON_MAX; i++)
                g_assert_cmpstr(token_reason_to_string((TokenReason) i), ==, words[i]);
}

int main(void) {
        keys = forge_key_ring();
        test_J23_what_is_signed_is_read_back();
        test_J23_the_layout_is_the_documented_one();
        test_J12_exp_ends_it_to_the_second();
        test_J13_the_audience_comes_before_the_expiry();
        test_the_longest_names_fit();
        test_names_of_common_length_leave_room_for_roles();
        test_J21_nothing_is_signed_that_would_not_verify();
        test_J18_a_bad_signature_leaves_no_trace();
        test_every_reason_has_its_word();
        keys = key_ring_unref(keys);
        return 0;
}
