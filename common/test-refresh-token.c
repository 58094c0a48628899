/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/refresh-token.h"

#define N(rows) (sizeof(rows) / sizeof((rows)[0]))
#define A15 "aaaaaaaaaaaaaaa"
#define A255 A15 A15 A15 A15 A15 A15 A15 A15 A15 A15 A15 A15 A15 A15 A15 A15 A15

/* RFC 8032, 7.1, test 1. */
#define RFC8032_SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define RFC8032_PUBLIC "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

/* Made by docs/refresh-tokens.md's script, which shares no code with ours. */
static const struct {
        const char *seed, *public_key, *device;
        uint32_t counter;
        const char *audience, *token;
} vectors[] = {
        { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
          "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg", "000102030405060708090a0b0c0d0e0f", 1, "web1.example.org",
          "ts1_AAECAwQFBgcICQoLDA0ODwAAAAFFIMZuZhzt-Yaj4C73f0DxBt_ATqaVubR43hqmXeuuQLR1J2sUqs7wccCrOMN_tgzOpuo1MtaCaKe"
          "Ufv_ummkA" },
        { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
          "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg", "000102030405060708090a0b0c0d0e0f", 2, "web1.example.org",
          "ts1_AAECAwQFBgcICQoLDA0ODwAAAAKVTWeUYr1492QE07J4_zHyPcrq_xgIgrUQlKWXgMXufPdgsWml1QJ9QXD8fSPSkOcwpyYeZO-I2ED"
          "JE1oHrHwE" },
        { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
          "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg", "000102030405060708090a0b0c0d0e0f", 1, "web2.example.org",
          "ts1_AAECAwQFBgcICQoLDA0ODwAAAAEhfsGXKgiFTF9R1m3gBdt0vhWAonsJhBlTHxSykiiSPHX7KgogR2wBppP8lHawNIqPCitQuGgLa8B"
          "fBS0Rk-UB" },
        { RFC8032_SEED, RFC8032_PUBLIC, "ffffffffffffffffffffffffffffffff", UINT32_MAX, "x",
          "ts1___________________________-71i1t7qoJuA2cuobr0eqxmt_S41lloVjHikSzUkL-H5mQSFmvkZ8JvvNI8AaBTrYdYCI9fSgdYCO"
          "gW0YGb2kB" },
        { RFC8032_SEED, RFC8032_PUBLIC, "00000000000000000000000000000000", 0x01020304, A255,
          "ts1_AAAAAAAAAAAAAAAAAAAAAAECAwSDEA_DhqE1V5BxxIzub3F4AfikM_lmC0WLcPJCfSmxs0VUBDtE88PxiLhREad4JtWT3_Tz_hSFR8C"
          "J8oLtq9sM" },
};

static void seed_from_hex(const char *hex, unsigned char ret_seed[REFRESH_SEED_SIZE]) {
        assert(sodium_hex2bin(ret_seed, REFRESH_SEED_SIZE, hex, 2 * REFRESH_SEED_SIZE, NULL, NULL, NULL) == 0);
}

/* The first vector, parsed. */
static RefreshToken good_token(unsigned char ret_public[REFRESH_PUBLIC_SIZE]) {
        RefreshToken token;

        assert(refresh_token_parse(vectors[0].token, REFRESH_TOKEN_LENGTH, &token));
        assert(refresh_key_from_text(vectors[0].public_key, ret_public));
        return token;
}

static void test_R4_the_documented_bytes(void) {
        for (size_t i = 0; i < N(vectors); i++) {
                unsigned char seed[REFRESH_SEED_SIZE], key[REFRESH_PUBLIC_SIZE], named[REFRESH_PUBLIC_SIZE];
                unsigned char device[REFRESH_DEVICE_SIZE];
                char text[REFRESH_TOKEN_LENGTH + 1], id[2 * REFRESH_DEVICE_SIZE + 1], name[REFRESH_PUBLIC_LENGTH + 1];
                RefreshToken token;

                seed_from_hex(vectors[i].seed, seed);
                refresh_key_public(seed, key);
                refresh_key_to_text(key, name);
                assert(strcmp(name, vectors[i].public_key) == 0);
                assert(refresh_key_from_text(name, named) && memcmp(named, key, sizeof(key)) == 0);
                assert(refresh_device_from_text(vectors[i].device, device));
                assert(refresh_token_make(device, vectors[i].counter, vectors[i].audience, seed, text));
                if (strcmp(text, vectors[i].token) != 0)
                        fprintf(stderr, "%zu: %s\n", i, text);
                assert(strcmp(text, vectors[i].token) == 0 && strlen(text) == REFRESH_TOKEN_LENGTH);
                assert(refresh_token_is_like(text, strlen(text)));
                assert(refresh_token_parse(text, strlen(text), &token));
                refresh_device_to_text(token.device, id);
                assert(strcmp(id, vectors[i].device) == 0 && token.counter == vectors[i].counter);
                assert(refresh_token_verify(&token, vectors[i].audience, key));
        }
}

static void test_R4_what_is_not_genuine(void) {
        unsigned char key[REFRESH_PUBLIC_SIZE], other[REFRESH_PUBLIC_SIZE], seed[REFRESH_SEED_SIZE];
        static const char *const audiences[] = { "web2.example.org", "web1.example.or", "web1.example.org.",
                                                 "Web1.example.org", "web1.example.orgg", "", A255 "a" };
        RefreshToken token = good_token(key), changed;

        assert(refresh_token_verify(&token, vectors[0].audience, key));
        for (size_t i = 0; i < N(audiences); i++)
                assert(!refresh_token_verify(&token, audiences[i], key));
        refresh_key_new(seed, other);
        assert(!refresh_token_verify(&token, vectors[0].audience, other));
        for (size_t bit = 0; bit < 8 * sizeof(token); bit++) {
                changed = token;
                ((unsigned char *) &changed)[bit / 8] ^= (unsigned char) (1 << bit % 8);
                assert(!refresh_token_verify(&changed, vectors[0].audience, key));
        }
        changed = token;
        changed.counter = 0;
        assert(!refresh_token_verify(&changed, vectors[0].audience, key));
}

/* S + L is a second signature of the same bytes where a verifier lets it pass; RFC 8032 does not. */
static void test_R4_one_signature(void) {
        static const unsigned char order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                                 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
        unsigned char key[REFRESH_PUBLIC_SIZE], zero[REFRESH_PUBLIC_SIZE] = { 0 }, one[REFRESH_PUBLIC_SIZE] = { 1 };
        RefreshToken token = good_token(key), nothing = token;
        unsigned carry = 0;

        for (size_t i = 0; i < sizeof(order); i++) {
                carry += token.signature[32 + i] + order[i];
                token.signature[32 + i] = (unsigned char) carry;
                carry >>= 8;
        }
        assert(!refresh_token_verify(&token, vectors[0].audience, key));
        /* Keys of small order would take R = identity and S = 0 for a signature of anything. */
        memset(nothing.signature, 0, sizeof(nothing.signature));
        nothing.signature[0] = 1;
        assert(!refresh_token_verify(&nothing, vectors[0].audience, one));
        assert(!refresh_token_verify(&nothing, vectors[0].audience, zero));
        assert(!refresh_token_verify(&nothing, vectors[0].audience, key));
}

static void expect_no_token(const char *what, const char *text, size_t size) {
        char *exact = malloc(size ? size : 1); /* a sanitizer sees a read past the end */
        RefreshToken token, untouched;
        bool parsed;

        assert(exact);
        memcpy(exact, text, size);
        memset(&token, 0x5a, sizeof(token));
        untouched = token;
        parsed = refresh_token_parse(exact, size, &token);
        if (parsed)
                fprintf(stderr, "%s\n", what);
        assert(!parsed && memcmp(&token, &untouched, sizeof(token)) == 0);
        free(exact);
}

static void test_R4_no_other_length(void) {
        char text[301];

        for (size_t size = 0; size <= 300; size++) {
                memset(text, 'A', sizeof(text));
                memcpy(text, vectors[0].token, size < REFRESH_TOKEN_LENGTH ? size : REFRESH_TOKEN_LENGTH);
                if (size != REFRESH_TOKEN_LENGTH)
                        expect_no_token("another length", text, size);
        }
}

/* 84 bytes are 112 characters without a bit left over: each character counts, and has no twin. */
static void test_R4_one_spelling(void) {
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        unsigned char key[REFRESH_PUBLIC_SIZE];
        char text[REFRESH_TOKEN_LENGTH + 1];
        RefreshToken token;

        (void) good_token(key);
        for (size_t i = 0; i < REFRESH_TOKEN_LENGTH; i++)
                for (int c = 0; c < 256; c++) {
                        memcpy(text, vectors[0].token, sizeof(text));
                        if ((char) c == text[i])
                                continue;
                        text[i] = (char) c;
                        if (i < 4 || c == 0 || !strchr(alphabet, c))
                                expect_no_token("a character", text, REFRESH_TOKEN_LENGTH);
                        else if (refresh_token_parse(text, REFRESH_TOKEN_LENGTH, &token))
                                assert(!refresh_token_verify(&token, vectors[0].audience, key));
                }
}

static void test_R4_spellings_that_are_none(void) {
        static const struct {
                const char *what, *text;
        } rows[] = {
                { "another prefix", "ts2_" },
                { "the prefix in capitals", "TS1_" },
                { "no prefix", "AAEC" },
                { "a blank in front", " ts1" },
        };
        static const char *const behind[] = { "=", "==", "\n", " ", "\r\n", ".", "A", "AA", "AAAA" };
        char text[REFRESH_TOKEN_LENGTH + 8];

        for (size_t i = 0; i < N(rows); i++) {
                memcpy(text, vectors[0].token, REFRESH_TOKEN_LENGTH);
                memcpy(text, rows[i].text, 4);
                expect_no_token(rows[i].what, text, REFRESH_TOKEN_LENGTH);
        }
        for (size_t i = 0; i < N(behind); i++) {
                size_t size = strlen(behind[i]);

                /* Behind the token, and in place of its end. */
                memcpy(text, vectors[0].token, REFRESH_TOKEN_LENGTH);
                memcpy(text + REFRESH_TOKEN_LENGTH, behind[i], size);
                expect_no_token("behind", text, REFRESH_TOKEN_LENGTH + size);
                if (behind[i][0] == 'A')
                        continue;
                memcpy(text + REFRESH_TOKEN_LENGTH - size, behind[i], size);
                expect_no_token("at the end", text, REFRESH_TOKEN_LENGTH);
        }
        memcpy(text, vectors[0].token, REFRESH_TOKEN_LENGTH + 1);
        text[50] = '\0';
        expect_no_token("a NUL inside", text, REFRESH_TOKEN_LENGTH);
        memcpy(text, vectors[0].token, REFRESH_TOKEN_LENGTH + 1);
        expect_no_token("a NUL behind", text, REFRESH_TOKEN_LENGTH + 1);
        /* Counter 0: device, four zero bytes. */
        memcpy(text, vectors[0].token, REFRESH_TOKEN_LENGTH);
        memcpy(text + 4 + 21, "wAAAAB", 6);
        expect_no_token("counter 0", text, REFRESH_TOKEN_LENGTH);
}

static void test_what_is_never_tried_as_a_password(void) {
        assert(refresh_token_is_like("ts1_", 4));
        assert(refresh_token_is_like("ts1_ damaged", 12));
        assert(!refresh_token_is_like("ts1_", 3));
        assert(!refresh_token_is_like("", 0));
        assert(!refresh_token_is_like("Ts1_", 4));
        assert(!refresh_token_is_like(" ts1_", 5));
}

static void test_R4_what_cannot_be_made(void) {
        unsigned char seed[REFRESH_SEED_SIZE] = { 1 }, device[REFRESH_DEVICE_SIZE] = { 0 };
        char text[REFRESH_TOKEN_LENGTH + 1] = "untouched";

        assert(!refresh_token_make(device, 0, "web1", seed, text));
        assert(!refresh_token_make(device, 1, "", seed, text));
        assert(!refresh_token_make(device, 1, A255 "a", seed, text));
        assert(strcmp(text, "untouched") == 0);
}

static void test_keys_and_ids_have_one_spelling(void) {
        static const char *const keys[] = {
                "", "A", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", /* bits left over */
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh\n",
                " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh", "++ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        };
        static const char *const ids[] = {
                "", "0", "000102030405060708090a0b0c0d0e0", "000102030405060708090a0b0c0d0e0F",
                "000102030405060708090a0b0c0d0e0f0", "000102030405060708090a0b0c0d0e0g",
                " 00102030405060708090a0b0c0d0e0f", "00:0102030405060708090a0b0c0d0e0",
        };
        unsigned char key[REFRESH_PUBLIC_SIZE], device[REFRESH_DEVICE_SIZE];

        assert(refresh_key_from_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", key) && key[31] == 31);
        for (size_t i = 0; i < N(keys); i++)
                assert(!refresh_key_from_text(keys[i], key));
        for (size_t i = 0; i < N(ids); i++)
                assert(!refresh_device_from_text(ids[i], device));
}

static void test_a_new_key_signs(void) {
        unsigned char seed[REFRESH_SEED_SIZE], key[REFRESH_PUBLIC_SIZE], again[REFRESH_PUBLIC_SIZE];
        unsigned char device[REFRESH_DEVICE_SIZE] = { 7 };
        char text[REFRESH_TOKEN_LENGTH + 1];
        RefreshToken token;

        refresh_key_new(seed, key);
        refresh_key_public(seed, again);
        assert(memcmp(key, again, sizeof(key)) == 0);
        refresh_key_new(seed, again);
        assert(memcmp(key, again, sizeof(key)) != 0);
        assert(refresh_token_make(device, 9, "web1", seed, text));
        assert(refresh_token_parse(text, strlen(text), &token));
        assert(refresh_token_verify(&token, "web1", again) && !refresh_token_verify(&token, "web1", key));
}

int main(void) {
        assert(sodium_init() >= 0);
        test_R4_the_documented_bytes();
        test_R4_what_is_not_genuine();
        test_R4_one_signature();
        test_R4_no_other_length();
        test_R4_one_spelling();
        test_R4_spellings_that_are_none();
        test_what_is_never_tried_as_a_password();
        test_R4_what_cannot_be_made();
        test_keys_and_ids_have_one_spelling();
        test_a_new_key_signs();
        return 0;
}
