/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * What is no ticket. Most rows carry a signature made with the right key, so that what refuses them
 * is the rule of the row and not the signature.
 */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/core/test-forge-ticket.h"
#include "daemon/core/ticket.h"

#define NOW 1700000000
#define HEADER "{\"alg\":\"ES256\",\"kid\":\"t1\",\"typ\":\"JWT\"}"
#define REST "\"jti\":\"AAECAwQFBgcICQoLDA0ODw\",\"sess_exp\":1700003600,\"sid\":\"AAECAwQFBgcICQoLDA0ODw\""
#define GOOD_PAYLOAD "{\"aud\":\"web2\",\"exp\":1700000060,\"iat\":1700000000,\"iss\":\"web1\"," REST ",\"sub\":\"alice\"}"

/* The order of P-256, and what is one more. */
#define N "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define N1 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static KeyRing *keys;
static Trust *trust;

static TokenReason verify(const char *text, size_t size) {
        g_autofree char *exact = g_memdup2(text, size); /* a sanitizer sees a read past the end */
        g_autoptr(TicketClaims) claims = NULL;
        const TrustHost *host = NULL;
        TokenReason reason;

        reason = ticket_verify(trust, "web2", NOW, exact, size, &claims, &host);
        assert((reason == TOKEN_VALID) == (claims != NULL) && (reason == TOKEN_VALID) == (host != NULL));
        return reason;
}

static void expect(const char *what, const char *text, size_t size, TokenReason expected) {
        TokenReason reason = verify(text, size);

        if (reason != expected)
                fprintf(stderr, "%s: %s instead of %s\n", what, token_reason_to_string(reason),
                        token_reason_to_string(expected));
        assert(reason == expected);
}

static char *good_ticket(void) {
        return forge_ticket(FORGE_SECRET_A, HEADER, GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));
}

static void test_the_rows_below_differ_from_a_good_one(void) {
        g_autofree char *ticket = good_ticket();

        expect("the ticket that the rows change", ticket, strlen(ticket), TOKEN_VALID);
}

/* Each header with a good payload and the right signature; @ stands for the kid. */
static void test_J1_J3_J4_J5_J6_J7_J10_J14_one_header_and_no_other(void) {
        static const struct {
                const char *what, *header;
        } rows[] = {
                { "J1 algorithm none", "{\"alg\":\"none\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J1 algorithm None", "{\"alg\":\"None\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J1 algorithm nOnE", "{\"alg\":\"nOnE\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J1 algorithm NONE", "{\"alg\":\"NONE\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J1 algorithm none alone", "{\"alg\":\"none\"}" },
                { "J3 RS256", "{\"alg\":\"RS256\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J3 HS256", "{\"alg\":\"HS256\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 ES384", "{\"alg\":\"ES384\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 ES512", "{\"alg\":\"ES512\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 in lower case, which libjwt takes", "{\"alg\":\"es256\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 with a space behind", "{\"alg\":\"ES256 \",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 with a NUL behind", "{\"alg\":\"ES256\\u0000\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 spelled with an escape", "{\"alg\":\"ES25\\u0036\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 a number", "{\"alg\":256,\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 a list", "{\"alg\":[\"ES256\"],\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 null", "{\"alg\":null,\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 missing", "{\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 twice, none first", "{\"alg\":\"none\",\"alg\":\"ES256\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J4 twice, none last", "{\"alg\":\"ES256\",\"alg\":\"none\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J5 an unknown crit", "{\"alg\":\"ES256\",\"crit\":[\"x\"],\"kid\":\"@\",\"typ\":\"JWT\",\"x\":1}" },
                { "J5 an empty crit", "{\"alg\":\"ES256\",\"crit\":[],\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J5 a crit that is no list", "{\"alg\":\"ES256\",\"crit\":\"exp\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J5 a crit with duplicates", "{\"alg\":\"ES256\",\"crit\":[\"b64\",\"b64\"],\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J5 b64 false", "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"],\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J5 b64 false without crit", "{\"alg\":\"ES256\",\"b64\":false,\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J6 a key inside", "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J6 a link to keys", "{\"alg\":\"ES256\",\"jku\":\"https://x/\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J6 a link to a certificate", "{\"alg\":\"ES256\",\"kid\":\"@\",\"typ\":\"JWT\",\"x5u\":\"https://x/\"}" },
                { "J6 a certificate", "{\"alg\":\"ES256\",\"kid\":\"@\",\"typ\":\"JWT\",\"x5c\":[\"AA\"]}" },
                { "J7 an unknown kid", "{\"alg\":\"ES256\",\"kid\":\"zzzzzzzz\",\"typ\":\"JWT\"}" },
                { "J7 a path", "{\"alg\":\"ES256\",\"kid\":\"../../../dev/null\",\"typ\":\"JWT\"}" },
                { "J7 a path to the key", "{\"alg\":\"ES256\",\"kid\":\"./@\",\"typ\":\"JWT\"}" },
                { "J7 SQL", "{\"alg\":\"ES256\",\"kid\":\"' OR '1'='1\",\"typ\":\"JWT\"}" },
                { "J7 a NUL behind the kid", "{\"alg\":\"ES256\",\"kid\":\"@\\u0000\",\"typ\":\"JWT\"}" },
                { "J7 a list", "{\"alg\":\"ES256\",\"kid\":[\"@\"],\"typ\":\"JWT\"}" },
                { "J7 empty", "{\"alg\":\"ES256\",\"kid\":\"\",\"typ\":\"JWT\"}" },
                { "J7 missing", "{\"alg\":\"ES256\",\"typ\":\"JWT\"}" },
                { "J10 typ twice", "{\"alg\":\"ES256\",\"kid\":\"@\",\"typ\":\"JWT\",\"typ\":\"JWT\"}" },
                { "J10 a duplicate by escape", "{\"alg\":\"ES256\",\"\\u0061lg\":\"none\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J10 another order", "{\"typ\":\"JWT\",\"alg\":\"ES256\",\"kid\":\"@\"}" },
                { "J10 a blank", "{\"alg\":\"ES256\", \"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J10 a line break behind", "{\"alg\":\"ES256\",\"kid\":\"@\",\"typ\":\"JWT\"}\n" },
                { "J14 an RFC 9068 token", "{\"alg\":\"ES256\",\"kid\":\"@\",\"typ\":\"at+jwt\"}" },
                { "J14 a logout token", "{\"alg\":\"ES256\",\"kid\":\"@\",\"typ\":\"logout+jwt\"}" },
                { "J14 typ in lower case", "{\"alg\":\"ES256\",\"kid\":\"@\",\"typ\":\"jwt\"}" },
                { "J14 without typ", "{\"alg\":\"ES256\",\"kid\":\"@\"}" },
                { "J14 a content type", "{\"alg\":\"ES256\",\"cty\":\"JWT\",\"kid\":\"@\",\"typ\":\"JWT\"}" },
                { "J22 an encrypted token", "{\"alg\":\"dir\",\"enc\":\"A128GCM\",\"kid\":\"@\"}" },
                { "no JSON", "ES256" },
                { "a list", "[\"ES256\"]" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_auto(GStrv) parts = g_strsplit(rows[i].header, "@", 2);
                g_autofree char *header = g_strjoinv("t1", parts);
                g_autofree char *ticket = forge_ticket(FORGE_SECRET_A, header, GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));

                expect(rows[i].what, ticket, strlen(ticket), TOKEN_INVALID);
        }
}

static void test_J3_other_keys(void) {
        g_autofree char *jwks = key_ring_export(keys), *header = forge_base64url(HEADER, strlen(HEADER));
        g_autofree char *payload = forge_base64url(GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));
        g_autofree char *head = g_strconcat(header, ".", payload, NULL);
        g_autofree char *ticket = forge_ticket(FORGE_SECRET_B, HEADER, GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));
        const TrustKey *key = trust_at(trust, 0)->keys->pdata[0];
        const char *const public_texts[] = { key->pem, jwks, key->header };

        expect("another private key", ticket, strlen(ticket), TOKEN_INVALID);
        for (size_t i = 0; i < G_N_ELEMENTS(public_texts); i++) {
                unsigned char secret[KEY_HS256_SIZE];
                g_autofree char *maced = NULL;

                memcpy(secret, public_texts[i], sizeof(secret));
                maced = forge_mac(secret, head);
                expect("a MAC with the public key", maced, strlen(maced), TOKEN_INVALID);
        }
}

static void expect_signature(const char *what, const unsigned char *bytes, size_t size, TokenReason expected) {
        g_autofree char *header = forge_base64url(HEADER, strlen(HEADER));
        g_autofree char *payload = forge_base64url(GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));
        g_autofree char *signature = forge_base64url(bytes, size);
        g_autofree char *ticket = g_strconcat(header, ".", payload, ".", signature, NULL);

        expect(what, ticket, strlen(ticket), expected);
}

static void good_signature(unsigned char ret[64]) {
        g_autofree char *header = forge_base64url(HEADER, strlen(HEADER));
        g_autofree char *payload = forge_base64url(GOOD_PAYLOAD, strlen(GOOD_PAYLOAD));
        g_autofree char *head = g_strconcat(header, ".", payload, NULL);

        forge_es256(FORGE_SECRET_A, head, strlen(head), ret);
}

static void test_J8_psychic_signatures(void) {
        static const char *const numbers[] = { ZERO, N, N1 };
        unsigned char good[64], signature[64];

        good_signature(good);
        expect_signature("the good one", good, sizeof(good), TOKEN_VALID);
        for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
                for (size_t j = 0; j <= G_N_ELEMENTS(numbers); j++)
                        for (size_t half = 0; half < 64; half += 32) {
                                memcpy(signature, good, sizeof(signature));
                                assert(sodium_hex2bin(signature + half, 32, numbers[i], 64, NULL, NULL, NULL) == 0);
                                if (j < G_N_ELEMENTS(numbers))
                                        assert(sodium_hex2bin(signature + 32 - half, 32, numbers[j], 64, NULL, NULL,
                                                              NULL) == 0);
                                expect_signature("r or s out of range", signature, sizeof(signature), TOKEN_INVALID);
                        }
}

/* The numbers of a good signature as DER, as OpenSSL and TLS write them. */
static size_t to_der(const unsigned char signature[64], unsigned char ret[72]) {
        size_t size = 2;

        for (size_t half = 0; half < 64; half += 32) {
                const unsigned char *number = signature + half;
                size_t skip = 0, pad;

                while (skip < 31 && number[skip] == 0)
                        skip++;
                pad = number[skip] >> 7;
                ret[size++] = 2;
                ret[size++] = (unsigned char) (32 - skip + pad);
                if (pad)
                        ret[size++] = 0;
                memcpy(ret + size, number + skip, 32 - skip);
                size += 32 - skip;
        }
        ret[0] = 0x30;
        ret[1] = (unsigned char) (size - 2);
        return size;
}

static void test_J8_signatures_of_other_forms(void) {
        unsigned char good[64], bytes[80] = { 0 };

        good_signature(good);
        expect_signature("DER", bytes, to_der(good, bytes), TOKEN_INVALID);
        for (size_t size = 1; size <= sizeof(bytes); size++) {
                memset(bytes, 0, sizeof(bytes));
                memcpy(bytes, good, MIN(size, sizeof(good)));
                expect_signature("cut, or with zeros behind", bytes, size, size == 64 ? TOKEN_VALID : TOKEN_INVALID);
        }
        memset(bytes, 0, sizeof(bytes));
        memcpy(bytes + 1, good, 32);
        memcpy(bytes + 34, good + 32, 32);
        expect_signature("66 bytes, each half with a zero in front", bytes, 66, TOKEN_INVALID);
        memcpy(bytes, good + 32, 32);
        memcpy(bytes + 32, good, 32);
        expect_signature("s before r", bytes, 64, TOKEN_INVALID);
}

/* One way to spell a ticket. Each row is put in place of, or around, a good one. */
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
        g_autofree char *ticket = good_ticket();
        const char *dot = strchr(ticket, '.');

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *header = g_strndup(ticket, (gsize) (dot - ticket));
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
        g_autofree char *ticket = good_ticket();
        size_t size = strlen(ticket);

        expect("the NUL behind", ticket, size + 1, TOKEN_INVALID);
        for (size_t i = 0; i < size; i++) {
                char was = ticket[i];

                ticket[i] = '\0';
                expect("a NUL inside", ticket, size, TOKEN_INVALID);
                ticket[i] = was;
        }
}

/* Each of these payloads with the right header and signature. */
static void test_J10_J11_J12_J13_J14_one_set_of_claims(void) {
#define CLAIMS(aud, exp, iat, iss, sub) \
        "{\"aud\":" aud ",\"exp\":" exp ",\"iat\":" iat ",\"iss\":" iss "," REST ",\"sub\":" sub "}"
#define TIMES(exp, iat) CLAIMS("\"web2\"", exp, iat, "\"web1\"", "\"alice\"")
#define NAMES(aud, iss, sub) CLAIMS(aud, "1700000060", "1700000000", iss, sub)
#define ENDS(ends) \
        "{\"aud\":\"web2\",\"exp\":1700000060,\"iat\":1700000000,\"iss\":\"web1\",\"jti\":\"AAECAwQFBgcICQoLDA0ODw\"" ends \
        ",\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}"
#define ROLES(roles) \
        "{\"aud\":\"web2\",\"exp\":1700000060,\"iat\":1700000000,\"iss\":\"web1\",\"jti\":\"AAECAwQFBgcICQoLDA0ODw\"," \
        roles ",\"sess_exp\":1700003600,\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}"
        static const struct {
                const char *what, *payload;
                TokenReason reason;
        } rows[] = {
                { "as it should be", TIMES("1700000060", "1700000000"), TOKEN_VALID },
                { "one second left, of the leeway", TIMES("1699999996", "1699999936"), TOKEN_VALID },
                { "made by a clock that is 5 s ahead", TIMES("1700000065", "1700000005"), TOKEN_VALID },
                { "J12 exp, and the leeway is over", TIMES("1699999995", "1699999935"), TOKEN_EXPIRED },
                { "J12 exp long ago", TIMES("61", "1"), TOKEN_EXPIRED },
                { "J12 exp a string", TIMES("\"1700000060\"", "1700000000"), TOKEN_INVALID },
                { "J12 exp true", TIMES("true", "1700000000"), TOKEN_INVALID },
                { "J12 exp null", TIMES("null", "1700000000"), TOKEN_INVALID },
                { "J12 exp a float", TIMES("1700000060.0", "1700000000"), TOKEN_INVALID },
                { "J12 exp with an exponent", TIMES("170000006e1", "1700000000"), TOKEN_INVALID },
                { "J12 exp a list", TIMES("[1700000060]", "1700000000"), TOKEN_INVALID },
                { "J12 exp 0", TIMES("0", "1700000000"), TOKEN_INVALID },
                { "J12 exp -0", TIMES("-0", "1700000000"), TOKEN_INVALID },
                { "J12 exp negative", TIMES("-1", "1700000000"), TOKEN_INVALID },
                { "J12 exp the largest there is", TIMES("9223372036854775807", "1700000000"), TOKEN_INVALID },
                { "J12 exp larger than that", TIMES("9223372036854775808", "1700000000"), TOKEN_INVALID },
                { "J12 exp wrapping around", TIMES("18446744073709551616", "1700000000"), TOKEN_INVALID },
                { "J12 both the largest", TIMES("9223372036854775807", "9223372036854775806"), TOKEN_INVALID },
                { "J12 iat the smallest", TIMES("1700000060", "-9223372036854775808"), TOKEN_INVALID },
                { "J12 exp before iat", TIMES("1699999999", "1700000000"), TOKEN_INVALID },
                { "J12 a lifetime of 61 s", TIMES("1700000061", "1700000000"), TOKEN_INVALID },
                { "J12 an access token's lifetime", TIMES("1700000900", "1700000000"), TOKEN_INVALID },
                { "J12 iat in the future", TIMES("1700000060", "1700000006"), TOKEN_INVALID },
                { "J12 iat 0", TIMES("60", "0"), TOKEN_INVALID },
                { "J12 the session ends with it", ENDS(",\"sess_exp\":1700000060"), TOKEN_VALID },
                { "J12 the session ends last of all", ENDS(",\"sess_exp\":9223372036854775807"), TOKEN_VALID },
                { "J12 the session ends before it", ENDS(",\"sess_exp\":1700000059"), TOKEN_INVALID },
                { "J12 the session has no end", ENDS(""), TOKEN_INVALID },
                { "J12 the session's end null", ENDS(",\"sess_exp\":null"), TOKEN_INVALID },
                { "J12 the session's end a string", ENDS(",\"sess_exp\":\"1700003600\""), TOKEN_INVALID },
                { "J12 the session's end a float", ENDS(",\"sess_exp\":1700003600.0"), TOKEN_INVALID },
                { "J12 the session's end twice", ENDS(",\"sess_exp\":1700003600,\"sess_exp\":1700003600"), TOKEN_INVALID },
                { "J12 nbf, which we never write",
                  "{\"aud\":\"web2\",\"exp\":1700000060,\"iat\":1700000000,\"iss\":\"web1\",\"jti\":"
                  "\"AAECAwQFBgcICQoLDA0ODw\",\"nbf\":1,\"sess_exp\":1700003600,\"sid\":\"AAECAwQFBgcICQoLDA0ODw\","
                  "\"sub\":\"alice\"}", TOKEN_INVALID },
                { "J12 exp missing", "{\"aud\":\"web2\",\"iat\":1700000000,\"iss\":\"web1\"," REST ",\"sub\":\"alice\"}",
                  TOKEN_INVALID },
                { "J12 iat missing", "{\"aud\":\"web2\",\"exp\":1700000060,\"iss\":\"web1\"," REST ",\"sub\":\"alice\"}",
                  TOKEN_INVALID },
                { "J13 another audience", NAMES("\"web3\"", "\"web1\"", "\"alice\""), TOKEN_WRONG_AUDIENCE },
                { "J13 its maker as audience", NAMES("\"web1\"", "\"web1\"", "\"alice\""), TOKEN_WRONG_AUDIENCE },
                { "J13 a longer audience", NAMES("\"web22\"", "\"web1\"", "\"alice\""), TOKEN_WRONG_AUDIENCE },
                { "J13 a shorter audience", NAMES("\"web\"", "\"web1\"", "\"alice\""), TOKEN_WRONG_AUDIENCE },
                { "J13 aud a list", NAMES("[\"web2\"]", "\"web1\"", "\"alice\""), TOKEN_INVALID },
                { "J13 aud a list of two", NAMES("[\"web2\",\"web3\"]", "\"web1\"", "\"alice\""), TOKEN_INVALID },
                { "J13 aud empty", NAMES("\"\"", "\"web1\"", "\"alice\""), TOKEN_INVALID },
                { "J13 aud a number", NAMES("1", "\"web1\"", "\"alice\""), TOKEN_INVALID },
                { "J13 aud missing", "{\"exp\":1700000060,\"iat\":1700000000,\"iss\":\"web1\"," REST ",\"sub\":\"alice\"}",
                  TOKEN_INVALID },
                { "J13 another issuer", NAMES("\"web2\"", "\"web2\"", "\"alice\""), TOKEN_INVALID },
                { "J13 the issuer in capitals", NAMES("\"web2\"", "\"WEB1\"", "\"alice\""), TOKEN_INVALID },
                { "J13 the issuer with a slash", NAMES("\"web2\"", "\"web1/\"", "\"alice\""), TOKEN_INVALID },
                { "J13 the issuer a list", NAMES("\"web2\"", "[\"web1\"]", "\"alice\""), TOKEN_INVALID },
                { "J13 sub empty", NAMES("\"web2\"", "\"web1\"", "\"\""), TOKEN_INVALID },
                { "J13 sub a list", NAMES("\"web2\"", "\"web1\"", "[\"alice\"]"), TOKEN_INVALID },
                { "J13 sub a number", NAMES("\"web2\"", "\"web1\"", "0"), TOKEN_INVALID },
                { "J13 sub with a NUL", NAMES("\"web2\"", "\"web1\"", "\"alice\\u0000\""), TOKEN_INVALID },
                { "J13 sub spelled with an escape", NAMES("\"web2\"", "\"web1\"", "\"\\u0061lice\""), TOKEN_INVALID },
                { "J13 sub that is no name", NAMES("\"web2\"", "\"web1\"", "\"-rf\""), TOKEN_INVALID },
                { "J10 sub twice", NAMES("\"web2\"", "\"web1\"", "\"bob\",\"sub\":\"alice\""), TOKEN_INVALID },
                { "J10 exp twice", TIMES("1,\"exp\":1700000060", "1700000000"), TOKEN_INVALID },
                { "J10 a duplicate by escape", NAMES("\"web2\"", "\"web1\"", "\"alice\",\"\\u0073ub\":\"bob\""),
                  TOKEN_INVALID },
                { "J10 an unknown claim", NAMES("\"web2\"", "\"web1\"", "\"alice\",\"x\":1"), TOKEN_INVALID },
                { "J10 a blank", NAMES(" \"web2\"", "\"web1\"", "\"alice\""), TOKEN_INVALID },
                { "J10 another order",
                  "{\"exp\":1700000060,\"aud\":\"web2\",\"iat\":1700000000,\"iss\":\"web1\"," REST ",\"sub\":\"alice\"}",
                  TOKEN_INVALID },
                { "J14 an access token's claims", "{\"aud\":\"web2\",\"exp\":1700000060,\"iat\":1700000000,\"iss\":\"web1\","
                  "\"jti\":\"AAECAwQF\",\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}", TOKEN_INVALID },
                { "J14 an id token", "{\"iss\":\"web1\",\"aud\":\"web2\",\"sub\":\"alice\",\"iat\":1700000000,"
                  "\"exp\":1700000060,\"nonce\":\"n\"}", TOKEN_INVALID },
                { "J17 a jti with padding", "{\"aud\":\"web2\",\"exp\":1700000060,\"iat\":1700000000,\"iss\":\"web1\","
                  "\"jti\":\"AAECAwQFBgcICQoLDA0ODw==\",\"sess_exp\":1700003600,"
                  "\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}", TOKEN_INVALID },
                { "J17 a jti with other last bits", "{\"aud\":\"web2\",\"exp\":1700000060,\"iat\":1700000000,\"iss\":\"web1\","
                  "\"jti\":\"AAECAwQFBgcICQoLDA0ODx\",\"sess_exp\":1700003600,"
                  "\"sid\":\"AAECAwQFBgcICQoLDA0ODw\",\"sub\":\"alice\"}", TOKEN_INVALID },
                { "roles", ROLES("\"roles\":[\"admin\"]"), TOKEN_VALID },
                { "roles empty", ROLES("\"roles\":[]"), TOKEN_INVALID },
                { "roles a string", ROLES("\"roles\":\"admin\""), TOKEN_INVALID },
                { "roles null", ROLES("\"roles\":null"), TOKEN_INVALID },
                { "roles of numbers", ROLES("\"roles\":[1]"), TOKEN_INVALID },
                { "roles that are no names", ROLES("\"roles\":[\"a/b\"]"), TOKEN_INVALID },
                { "roles of everybody's", ROLES("\"roles\":[\"*\"]"), TOKEN_INVALID },
                { "digests", ROLES("\"roles_digest\":\"AAAAAQAAAAI\""), TOKEN_VALID },
                { "digests that fall", ROLES("\"roles_digest\":\"AAAAAgAAAAE\""), TOKEN_INVALID },
                { "digests twice", ROLES("\"roles_digest\":\"AAAAAQAAAAE\""), TOKEN_INVALID },
                { "digests of 3 bytes", ROLES("\"roles_digest\":\"AAAA\""), TOKEN_INVALID },
                { "digests empty", ROLES("\"roles_digest\":\"\""), TOKEN_INVALID },
                { "digests null", ROLES("\"roles_digest\":null"), TOKEN_INVALID },
                { "digests with padding", ROLES("\"roles_digest\":\"AAAAAQ==\""), TOKEN_INVALID },
                { "digests with bits left over", ROLES("\"roles_digest\":\"AAAAAR\""), TOKEN_INVALID },
                { "digests and names", ROLES("\"roles\":[\"admin\"],\"roles_digest\":\"AAAAAQ\""), TOKEN_INVALID },
                { "J11 a list", "[1]", TOKEN_INVALID },
                { "J11 a string", "\"alice\"", TOKEN_INVALID },
                { "J11 null", "null", TOKEN_INVALID },
                { "J11 nothing inside", "{}", TOKEN_INVALID },
                { "J11 two values", GOOD_PAYLOAD "{}", TOKEN_INVALID },
                { "J11 a byte order mark", "\xef\xbb\xbf" GOOD_PAYLOAD, TOKEN_INVALID },
                { "J11 a line break behind", GOOD_PAYLOAD "\n", TOKEN_INVALID },
                { "J11 not closed", "{\"aud\":\"web2\"", TOKEN_INVALID },
                { "J11 NaN", TIMES("NaN", "1700000000"), TOKEN_INVALID },
                { "J11 1e999", TIMES("1e999", "1700000000"), TOKEN_INVALID },
                { "J11 a leading zero", TIMES("01700000060", "1700000000"), TOKEN_INVALID },
                { "J11 a lone surrogate", NAMES("\"web2\"", "\"web1\"", "\"\\ud800\""), TOKEN_INVALID },
                { "J11 bytes that are no UTF-8", NAMES("\"web2\"", "\"web1\"", "\"\xff\""), TOKEN_INVALID },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *ticket = forge_ticket(FORGE_SECRET_A, HEADER, rows[i].payload, strlen(rows[i].payload));

                assert(strlen(ticket) <= TICKET_SIZE_MAX);
                expect(rows[i].what, ticket, strlen(ticket), rows[i].reason);
        }
}

/* As much of it as goes into a ticket, rightly signed: refused, and soon. */
static void test_J11_json_that_tortures(void) {
        enum { SIZE = 650 };
        static const struct {
                const char *what, *begin, *again;
        } rows[] = {
                { "deep lists", "", "[" },
                { "deep objects", "", "{\"a\":" },
                { "many members", "{", "\"a\":1," },
                { "many equal members", "{\"iss\":\"web1\"", ",\"iss\":\"web1\"" },
                { "a long number", "{\"exp\":", "9" },
                { "a long fraction", "{\"exp\":1.", "0" },
                { "a long exponent", "{\"exp\":1e", "9" },
                { "a long string", "{\"iss\":\"", "a" },
                { "many escapes", "{\"iss\":\"", "\\u0041" },
                { "many surrogates", "{\"iss\":\"", "\\ud83d\\ude00" },
                { "many lone surrogates", "{\"iss\":\"", "\\ud83d" },
                { "blanks", "", " " },
                { "NULs", "", "" },
                { "UTF-16", "\xff\xfe{", "" },
                { "high bytes", "", "\xf4\x90\x80\x80" },
                { "overlong", "{\"iss\":\"", "\xc0\xaf" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                char json[SIZE + 1] = { 0 };
                size_t at = g_strlcpy(json, rows[i].begin, sizeof(json)), step = strlen(rows[i].again);
                g_autofree char *ticket = NULL;
                struct timespec begin, end;

                for (; step > 0 && at + step <= SIZE; at += step)
                        memcpy(json + at, rows[i].again, step);
                ticket = forge_ticket(FORGE_SECRET_A, HEADER, json, SIZE);
                assert(strlen(ticket) <= TICKET_SIZE_MAX);
                assert(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin) == 0);
                expect(rows[i].what, ticket, strlen(ticket), TOKEN_INVALID);
                assert(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end) == 0);
                /* Some 1 ms of it is the signature, and 50 times that a sanitizer on a busy machine. */
                assert((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 < 100);
        }
}

/* Tokens and tickets are each other's strangers. */
static void test_J14_other_kinds(void) {
        g_autofree char *ticket = good_ticket();
        char *token = forge_good_token(keys);
        g_autoptr(TokenClaims) claims = NULL;

        expect("an access token", token, strlen(token), TOKEN_INVALID);
        assert(token_verify(keys, "web1", "web2", NOW, ticket, strlen(ticket), &claims) == TOKEN_INVALID);
        assert(!ticket_is_like(trust, token, strlen(token)));
        token = token_free(token);
}

static void test_J16_sizes(void) {
        static const size_t sizes[] = { 1, 511, 1022, 1023, 1024, 4096, 8192, 8193, 8U << 20 };
        g_autofree char *good = good_ticket();
        char *text = g_malloc(8U << 20);

        expect("nothing at all", "", 0, TOKEN_MISSING);
        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
                memset(text, 'A', sizes[i]);
                expect("letters", text, sizes[i], TOKEN_INVALID);
                memset(text, '.', sizes[i]);
                expect("dots", text, sizes[i], TOKEN_INVALID);
                memcpy(text, good, MIN(strlen(good), sizes[i]));
                expect("a good one with dots behind", text, sizes[i], TOKEN_INVALID);
        }
        g_free(text);
}

static void test_J17_every_flipped_bit_counts(void) {
        g_autofree char *ticket = good_ticket();
        size_t size = strlen(ticket);

        for (size_t i = 0; i < size; i++)
                for (int bit = 0; bit < 8; bit++) {
                        ticket[i] = (char) (ticket[i] ^ (1 << bit));
                        expect("a flipped bit", ticket, size, TOKEN_INVALID);
                        ticket[i] = (char) (ticket[i] ^ (1 << bit));
                }
        assert(verify(ticket, size) == TOKEN_VALID);
}

static void test_J17_every_other_last_character_counts(void) {
        g_autofree char *ticket = good_ticket();
        size_t size = strlen(ticket);
        size_t ends[] = { strcspn(ticket, ".") - 1, (size_t) (strrchr(ticket, '.') - ticket) - 1, size - 1 };

        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
                char was = ticket[ends[i]];

                for (int c = 0; c < 256; c++) {
                        if ((char) c == was)
                                continue;
                        ticket[ends[i]] = (char) c;
                        expect("another last character", ticket, size, TOKEN_INVALID);
                }
                ticket[ends[i]] = was;
        }
        assert(verify(ticket, size) == TOKEN_VALID);
}

static void test_every_cut_counts(void) {
        g_autofree char *ticket = good_ticket();

        for (size_t size = strlen(ticket) - 1; size > 0; size--)
                expect("a cut ticket", ticket, size, TOKEN_INVALID);
}

int main(void) {
        assert(sodium_init() >= 0);
        keys = forge_ticket_ring("t1", FORGE_SECRET_A);
        trust = forge_trust("web1", keys);
        test_the_rows_below_differ_from_a_good_one();
        test_J1_J3_J4_J5_J6_J7_J10_J14_one_header_and_no_other();
        test_J3_other_keys();
        test_J8_psychic_signatures();
        test_J8_signatures_of_other_forms();
        test_J9_J22_one_spelling();
        test_J9_shapes();
        test_J9_a_nul_is_not_an_end();
        test_J10_J11_J12_J13_J14_one_set_of_claims();
        test_J11_json_that_tortures();
        test_J14_other_kinds();
        test_J16_sizes();
        test_J17_every_flipped_bit_counts();
        test_J17_every_other_last_character_counts();
        test_every_cut_counts();
        trust = trust_unref(trust);
        keys = key_ring_unref(keys);
        return 0;
}
