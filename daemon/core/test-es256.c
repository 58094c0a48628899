/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/es256.h"

#define BASE64URL sodium_base64_VARIANT_URLSAFE_NO_PADDING

/* RFC 7515, appendix A.3. */
#define RFC7515_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define RFC7515_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define RFC7515_D "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define RFC7515_INPUT                                                                                           \
        "eyJhbGciOiJFUzI1NiJ9"                                                                                  \
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RFC7515_SIGNATURE "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

#define N_HEX "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define N_MINUS_1_HEX "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define N_PLUS_1_HEX "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552"
#define P_HEX "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"
#define ZERO_HEX "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE_HEX "0000000000000000000000000000000000000000000000000000000000000001"
#define MAX_HEX "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static void from_base64url(const char *text, void *ret, size_t size) {
        size_t decoded;

        assert(sodium_base642bin(ret, size, text, strlen(text), NULL, &decoded, NULL, BASE64URL) == 0);
        assert(decoded == size);
}

static void from_hex(const char *hex, unsigned char ret[32]) {
        assert(sodium_hex2bin(ret, 32, hex, 64, NULL, NULL, NULL) == 0);
}

static Es256 *rfc7515_key(void) {
        unsigned char point[ES256_POINT_SIZE];
        Es256 *key;

        from_base64url(RFC7515_X, point, 32);
        from_base64url(RFC7515_Y, point + 32, 32);
        key = es256_from_point(point);
        assert(key);
        return key;
}

static void test_J23_the_example_of_rfc7515(void) {
        unsigned char secret[ES256_SECRET_SIZE], read[ES256_SECRET_SIZE], signature[ES256_SIGNATURE_SIZE];
        unsigned char point[ES256_POINT_SIZE], other[ES256_POINT_SIZE];
        g_autoptr(Es256) public_key = rfc7515_key();
        g_autoptr(Es256) pair = NULL;

        from_base64url(RFC7515_D, secret, sizeof(secret));
        from_base64url(RFC7515_SIGNATURE, signature, sizeof(signature));
        pair = es256_from_secret(secret);
        assert(pair);
        assert(es256_point(public_key, point));
        assert(es256_point(pair, other));
        assert(memcmp(point, other, sizeof(point)) == 0); /* the point is computed rightly */
        assert(es256_secret(pair, read) && memcmp(secret, read, sizeof(read)) == 0);
        assert(!es256_secret(public_key, read));
        assert(es256_verify(public_key, RFC7515_INPUT, strlen(RFC7515_INPUT), signature));
        assert(es256_verify(pair, RFC7515_INPUT, strlen(RFC7515_INPUT), signature));
        assert(!es256_verify(pair, RFC7515_INPUT, strlen(RFC7515_INPUT) - 1, signature));
        assert(!es256_verify(pair, "", 0, signature));
}

static void test_J8_every_flipped_bit_counts(void) {
        unsigned char signature[ES256_SIGNATURE_SIZE];
        g_autoptr(Es256) key = rfc7515_key();

        from_base64url(RFC7515_SIGNATURE, signature, sizeof(signature));
        for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
                signature[bit / 8] ^= (unsigned char) (1 << bit % 8);
                assert(!es256_verify(key, RFC7515_INPUT, strlen(RFC7515_INPUT), signature));
                signature[bit / 8] ^= (unsigned char) (1 << bit % 8);
        }
        assert(es256_verify(key, RFC7515_INPUT, strlen(RFC7515_INPUT), signature));
}

static void test_J8_numbers_that_are_no_signature(void) {
        static const char *const numbers[] = { ZERO_HEX, ONE_HEX, N_MINUS_1_HEX, N_HEX, N_PLUS_1_HEX, P_HEX, MAX_HEX };
        unsigned char good[ES256_SIGNATURE_SIZE], signature[ES256_SIGNATURE_SIZE];
        g_autoptr(Es256) key = rfc7515_key();

        from_base64url(RFC7515_SIGNATURE, good, sizeof(good));
        for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
                for (size_t j = 0; j < G_N_ELEMENTS(numbers); j++) {
                        from_hex(numbers[i], signature);
                        from_hex(numbers[j], signature + 32);
                        assert(!es256_verify(key, RFC7515_INPUT, strlen(RFC7515_INPUT), signature));
                }
                for (size_t half = 0; half < 64; half += 32) {
                        memcpy(signature, good, sizeof(signature));
                        from_hex(numbers[i], signature + half);
                        assert(!es256_verify(key, RFC7515_INPUT, strlen(RFC7515_INPUT), signature));
                }
        }
}

/* The other signature of the same bytes, which anybody can make: right by the standard, so a signature names nothing. */
static void test_J8_the_twin_is_right(void) {
        unsigned char signature[ES256_SIGNATURE_SIZE], n[32];
        g_autoptr(Es256) key = rfc7515_key();
        int borrow = 0;

        from_base64url(RFC7515_SIGNATURE, signature, sizeof(signature));
        from_hex(N_HEX, n);
        for (size_t i = 32; i-- > 0;) {
                int digit = n[i] - signature[32 + i] - borrow;

                borrow = digit < 0;
                signature[32 + i] = (unsigned char) digit;
        }
        assert(es256_verify(key, RFC7515_INPUT, strlen(RFC7515_INPUT), signature));
}

static void test_J3_points_that_are_no_key(void) {
        static const struct {
                const char *what, *x, *y;
        } rows[] = {
                { "zeros, as infinity is often written", ZERO_HEX, ZERO_HEX },
                { "not on the curve", ONE_HEX, ONE_HEX },
                { "x beyond the field", MAX_HEX, ONE_HEX },
                { "x is p", P_HEX, ONE_HEX },
                { "y is p", ONE_HEX, P_HEX },
        };
        unsigned char point[ES256_POINT_SIZE], good[ES256_POINT_SIZE];
        g_autoptr(Es256) key = rfc7515_key();

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                from_hex(rows[i].x, point);
                from_hex(rows[i].y, point + 32);
                if (es256_from_point(point))
                        fprintf(stderr, "%s\n", rows[i].what);
                assert(!es256_from_point(point));
        }
        assert(es256_point(key, good));
        for (size_t bit = 0; bit < 8 * sizeof(point); bit++) {
                memcpy(point, good, sizeof(point));
                point[bit / 8] ^= (unsigned char) (1 << bit % 8);
                assert(!es256_from_point(point)); /* of 512 neighbours none is on the curve */
        }
}

static void test_J19_scalars_that_are_no_key(void) {
        static const char *const numbers[] = { ZERO_HEX, N_HEX, N_PLUS_1_HEX, P_HEX, MAX_HEX };
        unsigned char secret[ES256_SECRET_SIZE];
        g_autoptr(Es256) largest = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
                from_hex(numbers[i], secret);
                assert(!es256_from_secret(secret));
        }
        from_hex(N_MINUS_1_HEX, secret);
        largest = es256_from_secret(secret);
        assert(largest);
}

static void test_a_generated_pair_comes_back(void) {
        for (int i = 0; i < 20; i++) {
                g_autoptr(Es256) key = es256_generate();
                unsigned char secret[ES256_SECRET_SIZE], point[ES256_POINT_SIZE], read[ES256_POINT_SIZE];
                g_autoptr(Es256) again = NULL, public_key = NULL;
                char *pem, *public_pem;

                assert(key && es256_secret(key, secret));
                again = es256_from_secret(secret);
                assert(es256_point(key, point));
                assert(es256_point(again, read));
                assert(memcmp(point, read, sizeof(point)) == 0);
                public_key = es256_from_point(point);
                pem = es256_pem(key);
                public_pem = es256_pem(public_key);
                assert(g_str_has_prefix(pem, "-----BEGIN PRIVATE KEY-----\n"));
                assert(g_str_has_prefix(public_pem, "-----BEGIN PUBLIC KEY-----\n"));
                pem = es256_pem_free(pem);
                public_pem = es256_pem_free(public_pem);
        }
        assert(!es256_free(NULL) && !es256_pem_free(NULL));
}

/* The first use of a private key, by many threads in the same moment. */

#define RACERS 4

typedef struct Race {
        const Es256 *key;
        gint waiting;
        unsigned char signature[ES256_SIGNATURE_SIZE];
} Race;

static gpointer first_use(gpointer data) {
        Race *race = data;
        unsigned char *point = g_malloc(ES256_POINT_SIZE);

        (void) g_atomic_int_add(&race->waiting, -1);
        while (g_atomic_int_get(&race->waiting) > 0) /* nobody starts alone */
                g_thread_yield();
        assert(es256_verify(race->key, RFC7515_INPUT, strlen(RFC7515_INPUT), race->signature));
        assert(es256_point(race->key, point));
        return point;
}

static void test_many_may_come_first(void) {
        int rounds = getenv("TESSERA_SOAK") ? 2000 : 100;
        unsigned char secret[ES256_SECRET_SIZE], x[32];
        Race race = { .key = NULL };

        from_base64url(RFC7515_D, secret, sizeof(secret));
        from_base64url(RFC7515_X, x, sizeof(x));
        from_base64url(RFC7515_SIGNATURE, race.signature, sizeof(race.signature));
        for (int i = 0; i < rounds; i++) {
                g_autoptr(Es256) key = es256_from_secret(secret);
                GThread *racers[RACERS];

                race.key = key;
                g_atomic_int_set(&race.waiting, RACERS);
                for (size_t j = 0; j < RACERS; j++)
                        racers[j] = g_thread_new("racer", first_use, &race);
                for (size_t j = 0; j < RACERS; j++) {
                        g_autofree unsigned char *point = g_thread_join(racers[j]);

                        assert(memcmp(point, x, sizeof(x)) == 0);
                }
        }
}

/* When libcrypto has no memory */

static bool exhausted;

static void *scarce_malloc(size_t size, const char *file, int line) {
        return exhausted ? NULL : malloc(size);
}

static void *scarce_realloc(void *p, size_t size, const char *file, int line) {
        return exhausted ? NULL : realloc(p, size);
}

static void scarce_free(void *p, const char *file, int line) {
        free(p);
}

static void test_a_failure_is_a_refusal(void) {
        unsigned char secret[ES256_SECRET_SIZE], signature[ES256_SIGNATURE_SIZE], point[ES256_POINT_SIZE];
        g_autoptr(Es256) key = NULL;
        char *pem;

        from_base64url(RFC7515_D, secret, sizeof(secret));
        from_base64url(RFC7515_SIGNATURE, signature, sizeof(signature));
        key = es256_from_secret(secret);
        exhausted = true;
        assert(!es256_verify(key, RFC7515_INPUT, strlen(RFC7515_INPUT), signature));
        assert(!es256_point(key, point));
        assert(!es256_pem(key));
        exhausted = false;
        assert(es256_verify(key, RFC7515_INPUT, strlen(RFC7515_INPUT), signature)); /* and is not remembered */
        assert(es256_point(key, point));
        pem = es256_pem(key);
        assert(pem);
        pem = es256_pem_free(pem);
}

int main(void) {
        assert(sodium_init() >= 0);
        assert(CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free) == 1); /* before all else */
        test_J23_the_example_of_rfc7515();
        test_J8_every_flipped_bit_counts();
        test_J8_numbers_that_are_no_signature();
        test_J8_the_twin_is_right();
        test_J3_points_that_are_no_key();
        test_J19_scalars_that_are_no_key();
        test_a_generated_pair_comes_back();
        test_many_may_come_first();
        test_a_failure_is_a_refusal();
        return 0;
}
