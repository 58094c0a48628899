/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The layers one by one. This program brings its own jwt_decode(), which the linker prefers to
 * libjwt's: so a layer is seen to refuse before libjwt, and libjwt to be asked at all.
 */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <jwt.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/test-forge-ticket.h"
#include "daemon/core/token-gate.h"
#include "daemon/core/token.h"

static struct {
        unsigned asked;
        bool agrees;
        jwt_alg_t alg; /* what it says it saw */
        int key_size;
        unsigned char key[KEY_HS256_SIZE];
} libjwt;

__attribute__((visibility("default"))) int jwt_decode(jwt_t **jwt, const char *token, const unsigned char *key,
                                                      int key_len) {
        libjwt.asked++;
        libjwt.key_size = key_len;
        memcpy(libjwt.key, key, sizeof(libjwt.key));
        if (!libjwt.agrees)
                return EINVAL;
        assert(jwt_new(jwt) == 0);
        return jwt_set_alg(*jwt, libjwt.alg, key, key_len);
}

static TokenReason verify(const KeyRing *keys, const char *text, size_t size) {
        g_autoptr(TokenClaims) claims = NULL;

        return token_verify(keys, "web1", "web1", 1000, text, size, &claims);
}

static void test_J2_libjwt_has_a_say_and_the_whole_key(const KeyRing *keys) {
        char *token = forge_good_token(keys);

        libjwt.agrees = true;
        libjwt.asked = 0;
        assert(verify(keys, token, strlen(token)) == TOKEN_VALID && libjwt.asked == 1);
        g_assert_cmpint(libjwt.key_size, ==, KEY_HS256_SIZE); /* with 0 it would accept anything */
        assert(memcmp(libjwt.key, key_ring_signing(keys, KEY_TOKEN)->secret, KEY_HS256_SIZE) == 0);
        libjwt.agrees = false;
        assert(verify(keys, token, strlen(token)) == TOKEN_INVALID && libjwt.asked == 2);
        libjwt.agrees = true;
        libjwt.alg = JWT_ALG_HS384; /* an answer to another question */
        assert(verify(keys, token, strlen(token)) == TOKEN_INVALID && libjwt.asked == 3);
        libjwt.alg = JWT_ALG_HS256;
        token_free(token);
}

static const char ticket_payload[] = "{\"aud\":\"web1\",\"exp\":1060,\"iat\":1000,\"iss\":\"web2\","
                                     "\"jti\":\"AAECAwQFBgcICQoLDA0ODw\",\"sess_exp\":2000,"
                                     "\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}";

static TokenReason verify_ticket(const Trust *trust, const char *text, size_t size) {
        g_autoptr(TicketClaims) claims = NULL;
        const TrustHost *host;

        return ticket_verify(trust, "web1", 1000, text, size, &claims, &host);
}

static void test_J2_J16_libjwt_has_a_say_in_tickets_and_sees_no_stranger(void) {
        g_autoptr(KeyRing) theirs = forge_ticket_ring("t1", FORGE_SECRET_A);
        g_autoptr(Trust) trust = forge_trust("web2", theirs);
        const TrustKey *key = trust_at(trust, 0)->keys->pdata[0];
        g_autofree char *ticket = forge_ticket(FORGE_SECRET_A, "{\"alg\":\"ES256\",\"kid\":\"t1\",\"typ\":\"JWT\"}",
                                               ticket_payload, strlen(ticket_payload));
        size_t size = strlen(ticket);

        libjwt.alg = JWT_ALG_ES256;
        libjwt.asked = 0;
        assert(verify_ticket(trust, ticket, size) == TOKEN_VALID && libjwt.asked == 1);
        g_assert_cmpint(libjwt.key_size, ==, (int) strlen(key->pem));
        assert(memcmp(libjwt.key, key->pem, sizeof(libjwt.key)) == 0);
        libjwt.alg = JWT_ALG_ES384;
        assert(verify_ticket(trust, ticket, size) == TOKEN_INVALID && libjwt.asked == 2);
        libjwt.alg = JWT_ALG_ES256;
        libjwt.agrees = false;
        assert(verify_ticket(trust, ticket, size) == TOKEN_INVALID && libjwt.asked == 3);
        libjwt.agrees = true;
        for (size_t i = 0; i < size; i++) {
                ticket[i] ^= 1;
                assert(verify_ticket(trust, ticket, size) == TOKEN_INVALID);
                ticket[i] ^= 1;
        }
        g_assert_cmpuint(libjwt.asked, ==, 3);
        libjwt.alg = JWT_ALG_HS256;
}

/* Its parser runs before its check of the signature, and copies the token to its stack. */
static void test_J16_strangers_do_not_reach_libjwt(const KeyRing *keys) {
        char *token = forge_good_token(keys), *large = g_strnfill(8U << 20, 'A');
        size_t size = strlen(token);

        libjwt.agrees = true;
        libjwt.asked = 0;
        for (size_t i = 0; i < size; i++)
                for (int bit = 0; bit < 8; bit++) {
                        token[i] = (char) (token[i] ^ (1 << bit));
                        assert(verify(keys, token, size) == TOKEN_INVALID);
                        token[i] = (char) (token[i] ^ (1 << bit));
                }
        memcpy(large, token, size);
        assert(verify(keys, large, 8U << 20) == TOKEN_INVALID);
        assert(verify(keys, token, 0) == TOKEN_MISSING);
        g_assert_cmpuint(libjwt.asked, ==, 0);
        g_free(large);
        token_free(token);
}

static void test_J9_one_spelling_for_bytes(void) {
        static const struct {
                const char *what, *text;
                bool good;
        } rows[] = {
                { "one byte", "_w", true },
                { "two bytes", "__8", true },
                { "three bytes", "____", true },
                { "both of base64url's own", "-_-_", true },
                { "nothing", "", false },
                { "one character", "A", false },
                { "five characters", "AAAAA", false },
                { "bits left over, 4", "_x", false },
                { "bits left over, 2", "__9", false },
                { "one = behind", "__8=", false },
                { "two = behind", "_w==", false },
                { "only =", "====", false },
                { "base64's own +", "+A", false },
                { "base64's own /", "/w", false },
                { "a blank inside", "_ w", false },
                { "a blank behind", "_w ", false },
                { "a line break behind", "____\n", false },
                { "a line break inside", "__\n__", false },
                { "a tab in front", "\t_w", false },
                { "a dot", "AA.A", false },
                { "eight bits", "AA\xc3\xa4", false },
        };
        unsigned char data[16];

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                size_t size;
                bool good = base64url_decode(rows[i].text, strlen(rows[i].text), data, sizeof(data), &size);
                if (good != rows[i].good)
                        fprintf(stderr, "%s\n", rows[i].what);
                assert(good == rows[i].good);
        }
}

static void test_J9_bytes_that_have_no_room(void) {
        unsigned char data[2];
        size_t size = 7;

        assert(!base64url_decode("____", 4, data, sizeof(data), &size) && size == 7);
        assert(base64url_decode("__8", 3, data, sizeof(data), &size) && size == 2);
}

static void test_J9_J22_three_segments(void) {
        static const struct {
                const char *what, *text;
                bool good;
        } rows[] = {
                { "three", "AA.AAA.AAAA", true },
                { "none", "", false },
                { "one", "AAAA", false },
                { "two", "AA.AA", false },
                { "four", "AA.AA.AA.AA", false },
                { "five, as an encrypted token has", "AA.AA.AA.AA.AA", false },
                { "an empty header", ".AA.AA", false },
                { "an empty payload", "AA..AA", false },
                { "an empty signature", "AA.AA.", false },
                { "only dots", "..", false },
                { "bits left over in the header", "AB.AA.AA", false },
                { "bits left over in the payload", "AA.AB.AA", false },
                { "bits left over in the signature", "AA.AA.AB", false },
                { "padding in the header", "AA==.AA.AA", false },
                { "padding in the payload", "AA.AA==.AA", false },
                { "padding in the signature", "AA.AA.AA==", false },
                { "a blank in front", " AA.AA.AA", false },
                { "a line break behind", "AA.AA.AA\n", false },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                TokenSegments segments = { 0 };
                bool good = token_split(rows[i].text, strlen(rows[i].text), &segments);
                if (good != rows[i].good)
                        fprintf(stderr, "%s\n", rows[i].what);
                assert(good == rows[i].good && good == (segments.header != NULL));
                if (good)
                        assert(segments.header_size == 2 && segments.payload_size == 3 && segments.signature_size == 4);
        }
}

static void test_J16_no_segment_without_a_limit(void) {
        g_autofree char *large = g_strnfill(8U << 20, 'A');
        TokenSegments segments;
        unsigned char data[4];
        size_t size;

        large[100] = large[200] = '.';
        assert(!token_split(large, 8U << 20, &segments));
        assert(!token_split(large, WIRE_TICKET_MAX + 1, &segments));
        assert(!base64url_decode(large + 201, 8U << 19, data, sizeof(data), &size));
}

int main(void) {
        g_autoptr(KeyRing) keys = forge_key_ring();

        libjwt.alg = JWT_ALG_HS256;
        test_J2_libjwt_has_a_say_and_the_whole_key(keys);
        test_J16_strangers_do_not_reach_libjwt(keys);
        test_J2_J16_libjwt_has_a_say_in_tickets_and_sees_no_stranger();
        test_J9_one_spelling_for_bytes();
        test_J9_bytes_that_have_no_room();
        test_J9_J22_three_segments();
        test_J16_no_segment_without_a_limit();
        return 0;
}
