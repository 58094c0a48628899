/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * What is no token of ours. Most rows carry a MAC made with the right key, so that what refuses
 * them is the rule of the row and not the signature.
 */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/test-forge.h"
#include "daemon/core/token.h"

#define NOW 1700000000
#define GOOD_PAYLOAD \
        "{\"aud\":\"web1\",\"auth_time\":1699999940,\"exp\":1700000900,\"iat\":1700000000,\"iss\":\"web1\"," \
        "\"jti\":\"AAECAwQF\",\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}"

static KeyRing *keys;
static const Key *key;

static TokenReason verify(const char *text, size_t size) {
        g_autoptr(TokenClaims) claims = NULL;
        TokenReason reason;

        reason = token_verify(keys, "web1", "web1", NOW, text, size, &claims);
        assert((reason == TOKEN_VALID) == (claims != NULL));
        return reason;
}

static void expect(const char *what, const char *text, size_t size, TokenReason expected) {
        TokenReason reason = verify(text, size);

        if (reason != expected)
                fprintf(stderr, "%s: %s instead of %s\n", what, token_reason_to_string(reason),
                        token_reason_to_string(expected));
        assert(reason == expected);
}

/* The header of our key, as JSON. */
static char *good_header(void) {
        return g_strdup_printf("{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}", key->kid);
}

static char *good_token(void) {
        g_autofree char *header = good_header();

        return forge_token(key->secret, header, GOOD_PAYLOAD);
}

static void test_the_rows_below_differ_from_a_good_one(void) {
        g_autofree char *token = good_token();

        expect("the token that the rows change", token, strlen(token), TOKEN_VALID);
}

/* Each header with a good payload and the right MAC; @ stands for our kid. */
static void test_J1_J3_J4_J5_J6_J7_J10_J14_one_header_and_no_other(void) {
        static const struct {
                const char *what, *header;
        } rows[] = {
                { "J1 algorithm none", "{\"alg\":\"none\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J1 algorithm None", "{\"alg\":\"None\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J1 algorithm nOnE", "{\"alg\":\"nOnE\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J1 algorithm NONE", "{\"alg\":\"NONE\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J1 algorithm none alone", "{\"alg\":\"none\"}" },
                { "J3 RS256, MACed with what a public key would be", "{\"alg\":\"RS256\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J3 ES256 likewise", "{\"alg\":\"ES256\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 HS384", "{\"alg\":\"HS384\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 HS512", "{\"alg\":\"HS512\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 in lower case, which libjwt takes", "{\"alg\":\"hs256\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 with a space behind", "{\"alg\":\"HS256 \",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 with a NUL behind", "{\"alg\":\"HS256\\u0000\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 spelled with an escape", "{\"alg\":\"HS25\\u0036\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 a number", "{\"alg\":256,\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 a list", "{\"alg\":[\"HS256\"],\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 null", "{\"alg\":null,\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 missing", "{\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 twice, none first", "{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 twice, none last", "{\"alg\":\"HS256\",\"alg\":\"none\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J5 an unknown crit", "{\"alg\":\"HS256\",\"crit\":[\"x\"],\"kid\":\"@\",\"typ\":\"JWT\",\"x\":1}" },
                { "J5 an empty crit", "{\"alg\":\"HS256\",\"crit\":[],\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J5 a crit that is no list", "{\"alg\":\"HS256\",\"crit\":\"exp\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J5 a crit with duplicates", "{\"alg\":\"HS256\",\"crit\":[\"b64\",\"b64\"],\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J5 b64 false", "{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"],\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J5 b64 false without crit", "{\"alg\":\"HS256\",\"b64\":false,\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J6 a key inside", "{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J6 a link to keys", "{\"alg\":\"HS256\",\"jku\":\"https://x/\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J6 a link to a certificate", "{\"alg\":\"HS256\",\"kid\":\"@\",\"typ\":\"JWT\",\"x5u\":\"https://x/\"}" },
                { "J6 a certificate", "{\"alg\":\"HS256\",\"kid\":\"@\",\"typ\":\"JWT\",\"x5c\":[\"AA\"]}" },
                { "J7 an unknown kid", "{\"alg\":\"HS256\",\"kid\":\"zzzzzzzz\",\"typ\":\"JWT\"}" },
                { "J7 a path", "{\"alg\":\"HS256\",\"kid\":\"../../../dev/null\",\"typ\":\"JWT\"}" },
                { "J7 a path to the key", "{\"alg\":\"HS256\",\"kid\":\"./@\",\"typ\":\"JWT\"}" },
                { "J7 SQL", "{\"alg\":\"HS256\",\"kid\":\"' OR '1'='1\",\"typ\":\"JWT\"}" },
                { "J7 a NUL behind the kid", "{\"alg\":\"HS256\",\"kid\":\"@\\u0000\",\"typ\":\"JWT\"}" },
                { "J7 a list", "{\"alg\":\"HS256\",\"kid\":[\"@\"],\"typ\":\"JWT\"}" },
                { "J7 empty", "{\"alg\":\"HS256\",\"kid\":\"\",\"typ\":\"JWT\"}" },
                { "J7 missing", "{\"alg\":\"HS256\",\"typ\":\"JWT\"}" },
                { "J10 typ twice", "{\"alg\":\"HS256\",\"kid\":\"@\",\"typ\":\"JWT\",\"typ\":\"JWT\"}" },
                { "J10 a duplicate by escape", "{\"alg\":\"HS256\",\"\\u0061lg\":\"none\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J10 another order", "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"@\"}" },
                { "J10 a blank", "{\"alg\":\"HS256\", \"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J10 a line break behind", "{\"alg\":\"HS256\",\"kid\":\"@\",\"typ\":\"JWT\"}\n" },
                { "J14 an RFC 9068 token", "{\"alg\":\"HS256\",\"kid\":\"@\",\"typ\":\"at+jwt\"}" },
                { "J14 a logout token", "{\"alg\":\"HS256\",\"kid\":\"@\",\"typ\":\"logout+jwt\"}" },
                { "J14 typ in lower case", "{\"alg\":\"HS256\",\"kid\":\"@\",\"typ\":\"jwt\"}" },
                { "J14 without typ", "{\"alg\":\"HS256\",\"kid\":\"@\"}" },
                { "J14 a content type", "{\"alg\":\"HS256\",\"cty\":\"JWT\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J22 an encrypted token", "{\"alg\":\"dir\",\"enc\":\"A128GCM\",\"kid\":\"@\"}" },
                { "no JSON", "HS256" },
                { "a list", "[\"HS256\"]" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_auto(GStrv) parts = g_strsplit(rows[i].header, "@", 2);
                g_autofree char *header = g_strjoinv(key->kid, parts);
                g_autofree char *token = forge_token(key->secret, header, GOOD_PAYLOAD);
                expect(rows[i].what, token, strlen(token), TOKEN_INVALID);
        }
}

static void test_J1_without_a_signature(void) {
        g_autofree char *ours = good_header();
        const char *headers[] = { "{\"alg\":\"none\"}", "{\"alg\":\"none\",\"typ\":\"JWT\"}", ours };

        for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
                g_autofree char *header = forge_base64url(headers[i], strlen(headers[i]));
                g_autofree char *payload = forge_base64url(GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));
                g_autofree char *bare = g_strconcat(header, ".", payload, NULL);
                g_autofree char *dot = g_strconcat(bare, ".", NULL);
                g_autofree char *empty = g_strconcat(bare, ".AA", NULL);

                expect("two segments", bare, strlen(bare), TOKEN_INVALID);
                expect("an empty signature", dot, strlen(dot), TOKEN_INVALID);
                expect("a signature of one byte", empty, strlen(empty), TOKEN_INVALID);
        }
}

static void test_J3_other_keys(void) {
        static const char pem[] = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZI";
        unsigned char secrets[4][KEY_HS256_SIZE];
        g_autofree char *header = good_header();

        memset(secrets[0], 0, KEY_HS256_SIZE); /* what an empty key is to HMAC */
        memcpy(secrets[1], pem, KEY_HS256_SIZE);
        memset(secrets[2], 'a', KEY_HS256_SIZE);
        memcpy(secrets[3], key->secret, KEY_HS256_SIZE);
        secrets[3][31] ^= 1;
        for (size_t i = 0; i < G_N_ELEMENTS(secrets); i++) {
                g_autofree char *token = forge_token(secrets[i], header, GOOD_PAYLOAD);
                expect("a MAC under another key", token, strlen(token), TOKEN_INVALID);
        }
}

/* ES256's tricks, in front of a verifier that has one algorithm. */
static void test_J8_signatures_of_other_forms(void) {
        static const struct {
                const char *what;
                unsigned char byte;
                size_t size;
        } rows[] = {
                { "r = s = 0", 0, 64 }, { "all ones", 0xff, 64 }, { "63 bytes", 1, 63 }, { "65 bytes", 1, 65 },
                { "66 bytes", 1, 66 },  { "DER", 0x30, 70 },      { "a MAC of 0", 0, 32 }, { "31 bytes", 0, 31 },
                { "33 bytes", 0, 33 },  { "20 bytes", 0, 20 },    { "none", 0, 0 },
        };
        static const char *const algorithms[] = { "HS256", "ES256", "EdDSA" };

        for (size_t i = 0; i < G_N_ELEMENTS(rows) * G_N_ELEMENTS(algorithms); i++) {
                size_t row = i / G_N_ELEMENTS(algorithms);
                g_autofree char *json = g_strdup_printf("{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
                                                        algorithms[i % G_N_ELEMENTS(algorithms)], key->kid);
                g_autofree char *header = forge_base64url(json, strlen(json));
                g_autofree char *payload = forge_base64url(GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));
                unsigned char bytes[70];
                g_autofree char *signature = NULL, *token = NULL;

                memset(bytes, rows[row].byte, sizeof(bytes));
                signature = forge_base64url(bytes, rows[row].size);
                token = g_strconcat(header, ".", payload, ".", signature, NULL);
                expect(rows[row].what, token, strlen(token), TOKEN_INVALID);
        }
}

static void test_J8_bytes_behind_a_good_mac(void) {
        g_autofree char *token = good_token();

        for (const char *tail = "AQ-_.= \n*"; *tail; tail++)
                for (size_t n = 1; n <= 4; n++) {
                        char longer[WIRE_ACCESS_TOKEN_MAX + 1];
                        size_t size = strlen(token);

                        memcpy(longer, token, size);
                        memset(longer + size, *tail, n);
                        expect("bytes behind the MAC", longer, size + n, TOKEN_INVALID);
                }
}

/* One way to spell a token. Each row is put in place of, or around, a good one. */
static void test_J9_J22_one_spelling(void) {
        static const struct {
                const char *what, *before, *between, *behind;
        } rows[] = {
                { "J9 a leading blank", " ", ".", "" },
                { "J9 a leading line break", "\n", ".", "" },
                { "J9 a leading dot", ".", ".", "" },
                { "J9 a byte order mark", "\xef\xbb\xbf", ".", "" },
                { "J9 a scheme in front", "Bearer ", ".", "" },
                { "J9 a blank behind", "", ".", " " },
                { "J9 a line break behind", "", ".", "\n" },
                { "J9 a carriage return behind", "", ".", "\r\n" },
                { "J9 padding behind", "", ".", "=" },
                { "J9 padding behind, twice", "", ".", "==" },
                { "J9 junk behind", "", ".", "*junk" },
                { "J9 a dot behind", "", ".", "." },
                { "J9 a fourth segment", "", ".", ".AAAA" },
                { "J9 a fifth segment", "", ".", ".AAAA.AAAA" },
                { "J9 two dots between", "", "..", "" },
                { "J9 no dot between", "", "", "" },
                { "J9 a blank between", "", ". ", "" },
                { "J9 padding between", "", "=.", "" },
                { "J9 a comma for a dot", "", ",", "" },
                { "J22 quoted", "\"", ".", "\"" },
                { "J22 a JSON serialisation", "{\"jws\":\"", ".", "\"}" },
                { "J22 a selective disclosure", "", ".", "~" },
        };
        g_autofree char *token = good_token();
        const char *dot = strchr(token, '.');

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *header = g_strndup(token, (gsize) (dot - token));
                g_autofree char *spelled = g_strconcat(rows[i].before, header, rows[i].between, dot + 1,
                                                       rows[i].behind, NULL);
                expect(rows[i].what, spelled, strlen(spelled), TOKEN_INVALID);
        }
}

static void test_J9_shapes(void) {
        static const struct {
                const char *what, *text;
                size_t size;
        } rows[] = {
                { "one dot", ".", 1 },      { "two dots", "..", 2 },     { "three dots", "...", 3 },
                { "a letter", "a", 1 },     { "a NUL", "\0", 1 },        { "NULs", "\0\0\0\0", 4 },
                { "one segment", "AAAA", 4 }, { "an empty payload", "AAAA..AAAA", 10 },
                { "an empty header", ".AAAA.AAAA", 10 }, { "JSON", "{}", 2 }, { "a blank", " ", 1 },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                expect(rows[i].what, rows[i].text, rows[i].size, TOKEN_INVALID);
}

static void test_J9_a_nul_is_not_an_end(void) {
        g_autofree char *token = good_token();
        size_t size = strlen(token);

        expect("the NUL behind", token, size + 1, TOKEN_INVALID);
        for (size_t i = 0; i < size; i++) {
                char was = token[i];
                token[i] = '\0';
                expect("a NUL inside", token, size, TOKEN_INVALID);
                token[i] = was;
        }
}

/* Each of these payloads with our header and the right MAC. */
static void test_J10_J11_J12_J13_J14_one_set_of_claims(void) {
#define CLAIMS(aud, exp, iat, iss, sub) \
        "{\"aud\":" aud ",\"exp\":" exp ",\"iat\":" iat ",\"iss\":" iss \
        ",\"jti\":\"AAECAwQF\",\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":" sub "}"
#define TIMES(exp, iat) CLAIMS("\"web1\"", exp, iat, "\"web1\"", "\"alice\"")
#define NAMES(aud, iss, sub) CLAIMS(aud, "1700000900", "1700000000", iss, sub)
        static const struct {
                const char *what, *payload;
                TokenReason reason;
        } rows[] = {
                { "as it should be", TIMES("1700000900", "1700000000"), TOKEN_VALID },
                { "one second left", TIMES("1700000001", "1699999101"), TOKEN_VALID },
                { "J12 exp is now", TIMES("1700000000", "1699999100"), TOKEN_EXPIRED },
                { "J12 exp long ago", TIMES("900", "1"), TOKEN_EXPIRED },
                { "J12 exp a string", TIMES("\"1700000900\"", "1700000000"), TOKEN_INVALID },
                { "J12 exp true", TIMES("true", "1700000000"), TOKEN_INVALID },
                { "J12 exp null", TIMES("null", "1700000000"), TOKEN_INVALID },
                { "J12 exp a float", TIMES("1700000900.0", "1700000000"), TOKEN_INVALID },
                { "J12 exp with an exponent", TIMES("17000009e2", "1700000000"), TOKEN_INVALID },
                { "J12 exp a list", TIMES("[1700000900]", "1700000000"), TOKEN_INVALID },
                { "J12 exp 0", TIMES("0", "1700000000"), TOKEN_INVALID },
                { "J12 exp -0", TIMES("-0", "1700000000"), TOKEN_INVALID },
                { "J12 exp negative", TIMES("-1", "1700000000"), TOKEN_INVALID },
                { "J12 exp the largest there is", TIMES("9223372036854775807", "1700000000"), TOKEN_INVALID },
                { "J12 exp larger than that", TIMES("9223372036854775808", "1700000000"), TOKEN_INVALID },
                { "J12 exp wrapping around", TIMES("18446744073709551616", "1700000000"), TOKEN_INVALID },
                { "J12 both the largest", TIMES("9223372036854775807", "9223372036854775806"), TOKEN_INVALID },
                { "J12 iat the smallest", TIMES("1700000900", "-9223372036854775808"), TOKEN_INVALID },
                { "J12 exp before iat", TIMES("1699999999", "1700000000"), TOKEN_INVALID },
                { "J12 a lifetime of 901 s", TIMES("1700000901", "1700000000"), TOKEN_INVALID },
                { "J12 iat in the future", TIMES("1700000900", "1700000001"), TOKEN_INVALID },
                { "J12 iat 0", TIMES("900", "0"), TOKEN_INVALID },
                { "J12 nbf, which we never write", "{\"aud\":\"web1\",\"exp\":1700000900,\"iat\":1700000000,"
                  "\"iss\":\"web1\",\"jti\":\"AAECAwQF\",\"nbf\":1,\"sid\":\"AAECAwQFBgcICQoLDA0ODw\","
                  "\"sub\":\"alice\"}", TOKEN_INVALID },
                { "J12 exp missing", "{\"aud\":\"web1\",\"iat\":1700000000,\"iss\":\"web1\",\"jti\":\"AAECAwQF\","
                  "\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}", TOKEN_INVALID },
                { "J12 iat missing", "{\"aud\":\"web1\",\"exp\":1700000900,\"iss\":\"web1\",\"jti\":\"AAECAwQF\","
                  "\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}", TOKEN_INVALID },
                { "J13 another audience", NAMES("\"web2\"", "\"web1\"", "\"alice\""), TOKEN_WRONG_AUDIENCE },
                { "J13 a longer audience", NAMES("\"web11\"", "\"web1\"", "\"alice\""), TOKEN_WRONG_AUDIENCE },
                { "J13 a shorter audience", NAMES("\"web\"", "\"web1\"", "\"alice\""), TOKEN_WRONG_AUDIENCE },
                { "J13 aud a list", NAMES("[\"web1\"]", "\"web1\"", "\"alice\""), TOKEN_INVALID },
                { "J13 aud a list of two", NAMES("[\"web2\",\"web1\"]", "\"web1\"", "\"alice\""), TOKEN_INVALID },
                { "J13 aud empty", NAMES("\"\"", "\"web1\"", "\"alice\""), TOKEN_INVALID },
                { "J13 aud a number", NAMES("1", "\"web1\"", "\"alice\""), TOKEN_INVALID },
                { "J13 aud missing", "{\"exp\":1700000900,\"iat\":1700000000,\"iss\":\"web1\",\"jti\":\"AAECAwQF\","
                  "\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}", TOKEN_INVALID },
                { "J13 another issuer", NAMES("\"web1\"", "\"web2\"", "\"alice\""), TOKEN_INVALID },
                { "J13 the issuer in capitals", NAMES("\"web1\"", "\"WEB1\"", "\"alice\""), TOKEN_INVALID },
                { "J13 the issuer with a slash", NAMES("\"web1\"", "\"web1/\"", "\"alice\""), TOKEN_INVALID },
                { "J13 the issuer a list", NAMES("\"web1\"", "[\"web1\"]", "\"alice\""), TOKEN_INVALID },
                { "J13 sub empty", NAMES("\"web1\"", "\"web1\"", "\"\""), TOKEN_INVALID },
                { "J13 sub a list", NAMES("\"web1\"", "\"web1\"", "[\"alice\"]"), TOKEN_INVALID },
                { "J13 sub a number", NAMES("\"web1\"", "\"web1\"", "0"), TOKEN_INVALID },
                { "J13 sub with a NUL", NAMES("\"web1\"", "\"web1\"", "\"alice\\u0000\""), TOKEN_INVALID },
                { "J13 sub spelled with an escape", NAMES("\"web1\"", "\"web1\"", "\"\\u0061lice\""), TOKEN_INVALID },
                { "J13 sub that is no name", NAMES("\"web1\"", "\"web1\"", "\"-rf\""), TOKEN_INVALID },
                { "J10 sub twice", NAMES("\"web1\"", "\"web1\"", "\"bob\",\"sub\":\"alice\""), TOKEN_INVALID },
                { "J10 exp twice", TIMES("1,\"exp\":1700000900", "1700000000"), TOKEN_INVALID },
                { "J10 a duplicate by escape", NAMES("\"web1\"", "\"web1\"", "\"alice\",\"\\u0073ub\":\"bob\""),
                  TOKEN_INVALID },
                { "J10 an unknown claim", NAMES("\"web1\"", "\"web1\"", "\"alice\",\"x\":1"), TOKEN_INVALID },
                { "J10 a blank", NAMES(" \"web1\"", "\"web1\"", "\"alice\""), TOKEN_INVALID },
                { "J10 another order", "{\"exp\":1700000900,\"aud\":\"web1\",\"iat\":1700000000,\"iss\":\"web1\","
                  "\"jti\":\"AAECAwQF\",\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}", TOKEN_INVALID },
                { "J14 an id token", "{\"iss\":\"web1\",\"aud\":\"web1\",\"sub\":\"alice\",\"iat\":1700000000,"
                  "\"exp\":1700000900,\"nonce\":\"n\"}", TOKEN_INVALID },
                { "J14 a logout token", "{\"iss\":\"web1\",\"aud\":\"web1\",\"sub\":\"alice\",\"iat\":1700000000,"
                  "\"exp\":1700000900,\"jti\":\"AAECAwQF\",\"events\":{}}", TOKEN_INVALID },
                { "J14 without a session", "{\"aud\":\"web1\",\"exp\":1700000900,\"iat\":1700000000,\"iss\":\"web1\","
                  "\"jti\":\"AAECAwQF\",\"sub\":\"alice\"}", TOKEN_INVALID },
                { "J17 a jti with other last bits", "{\"aud\":\"web1\",\"exp\":1700000900,\"iat\":1700000000,"
                  "\"iss\":\"web1\",\"jti\":\"AAECAwQF=\",\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}",
                  TOKEN_INVALID },
                { "J17 a sid with other last bits", "{\"aud\":\"web1\",\"exp\":1700000900,\"iat\":1700000000,"
                  "\"iss\":\"web1\",\"jti\":\"AAECAwQF\",\"sid\":\"AAECAwQFBgcICQoLDA0ODx\",\"sub\":\"alice\"}",
                  TOKEN_INVALID },
                { "J11 a list", "[1]", TOKEN_INVALID },
                { "J11 a string", "\"alice\"", TOKEN_INVALID },
                { "J11 null", "null", TOKEN_INVALID },
                { "J11 nothing inside", "{}", TOKEN_INVALID },
                { "J11 two values", GOOD_PAYLOAD "{}", TOKEN_INVALID },
                { "J11 a byte order mark", "\xef\xbb\xbf" GOOD_PAYLOAD, TOKEN_INVALID },
                { "J11 a line break behind", GOOD_PAYLOAD "\n", TOKEN_INVALID },
                { "J11 not closed", "{\"aud\":\"web1\"", TOKEN_INVALID },
                { "J11 NaN", TIMES("NaN", "1700000000"), TOKEN_INVALID },
                { "J11 1e999", TIMES("1e999", "1700000000"), TOKEN_INVALID },
                { "J11 a leading zero", TIMES("01700000900", "1700000000"), TOKEN_INVALID },
                { "J11 a lone surrogate", NAMES("\"web1\"", "\"web1\"", "\"\\ud800\""), TOKEN_INVALID },
                { "J11 bytes that are no UTF-8", NAMES("\"web1\"", "\"web1\"", "\"\xff\""), TOKEN_INVALID },
                { "J11 deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", TOKEN_INVALID },
        };
        g_autofree char *header = good_header();

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *token = forge_token(key->secret, header, rows[i].payload);
                assert(strlen(token) <= WIRE_ACCESS_TOKEN_MAX);
                expect(rows[i].what, token, strlen(token), rows[i].reason);
        }
}

static void test_J12_optional_claims_are_no_less_strict(void) {
        static const struct {
                const char *what, *members;
                TokenReason reason;
        } rows[] = {
                { "amr and auth_time as we write them", "\"amr\":[\"pwd\"],@,\"auth_time\":1", TOKEN_VALID },
                { "auth_time 0", "@,\"auth_time\":0", TOKEN_INVALID },
                { "auth_time negative", "@,\"auth_time\":-5", TOKEN_INVALID },
                { "auth_time later than iat", "@,\"auth_time\":1700000001", TOKEN_INVALID },
                { "auth_time a float", "@,\"auth_time\":1.0", TOKEN_INVALID },
                { "auth_time a string", "@,\"auth_time\":\"1\"", TOKEN_INVALID },
                { "auth_time null", "@,\"auth_time\":null", TOKEN_INVALID },
                { "amr a string", "\"amr\":\"pwd\",@", TOKEN_INVALID },
                { "amr empty", "\"amr\":[],@", TOKEN_INVALID },
                { "amr null", "\"amr\":null,@", TOKEN_INVALID },
                { "amr of numbers", "\"amr\":[1],@", TOKEN_INVALID },
                { "amr of lists", "\"amr\":[[\"pwd\"]],@", TOKEN_INVALID },
                { "amr with a control character", "\"amr\":[\"p\\u001bd\"],@", TOKEN_INVALID },
        };
        g_autofree char *header = good_header();

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_auto(GStrv) parts = g_strsplit(rows[i].members, "@", 2);
                g_autofree char *payload = g_strconcat("{", parts[0], "\"aud\":\"web1\"", parts[1],
                        ",\"exp\":1700000900,\"iat\":1700000000,\"iss\":\"web1\",\"jti\":\"AAECAwQF\","
                        "\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}", NULL);
                g_autofree char *token = forge_token(key->secret, header, payload);
                expect(rows[i].what, token, strlen(token), rows[i].reason);
        }
}

static void test_J16_sizes(void) {
        static const size_t sizes[] = { 1, 510, 511, 512, 1023, 4096, 8192, 8193, 8U << 20, 33U << 20 };
        g_autofree char *good = good_token();
        char *text = g_malloc(33U << 20);

        expect("nothing at all", "", 0, TOKEN_MISSING);
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
                memset(text, 'A', sizes[i]);
                expect("letters", text, sizes[i], TOKEN_INVALID);
                memset(text, '.', sizes[i]);
                expect("dots", text, sizes[i], TOKEN_INVALID);
        }
        memset(text, 'A', 8U << 20);
        memcpy(text, good, strlen(good));
        expect("a good one with 8 MiB behind", text, 8U << 20, TOKEN_INVALID);
        g_free(text);
}

static void test_J17_every_flipped_bit_counts(void) {
        g_autofree char *token = good_token();
        size_t size = strlen(token);

        for (size_t i = 0; i < size; i++)
                for (int bit = 0; bit < 8; bit++) {
                        token[i] = (char) (token[i] ^ (1 << bit));
                        expect("a flipped bit", token, size, TOKEN_INVALID);
                        token[i] = (char) (token[i] ^ (1 << bit));
                }
        assert(verify(token, size) == TOKEN_VALID);
}

static void test_J17_every_other_last_character_counts(void) {
        g_autofree char *token = good_token();
        size_t size = strlen(token);
        size_t ends[] = { strcspn(token, ".") - 1, (size_t) (strrchr(token, '.') - token) - 1, size - 1 };

        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
                char was = token[ends[i]];
                for (int c = 0; c < 256; c++) {
                        if ((char) c == was)
                                continue;
                        token[ends[i]] = (char) c;
                        expect("another last character", token, size, TOKEN_INVALID);
                }
                token[ends[i]] = was;
        }
        assert(verify(token, size) == TOKEN_VALID);
}

static void test_every_cut_counts(void) {
        g_autofree char *token = good_token();

        for (size_t size = strlen(token) - 1; size > 0; size--)
                expect("a cut token", token, size, TOKEN_INVALID);
}

int main(void) {
        keys = forge_key_ring();
        key = key_ring_signing(keys, KEY_TOKEN);
        test_the_rows_below_differ_from_a_good_one();
        test_J1_J3_J4_J5_J6_J7_J10_J14_one_header_and_no_other();
        test_J1_without_a_signature();
        test_J3_other_keys();
        test_J8_signatures_of_other_forms();
        test_J8_bytes_behind_a_good_mac();
        test_J9_J22_one_spelling();
        test_J9_shapes();
        test_J9_a_nul_is_not_an_end();
        test_J10_J11_J12_J13_J14_one_set_of_claims();
        test_J12_optional_claims_are_no_less_strict();
        test_J16_sizes();
        test_J17_every_flipped_bit_counts();
        test_J17_every_other_last_character_counts();
        test_every_cut_counts();
        keys = key_ring_unref(keys);
        return 0;
}
