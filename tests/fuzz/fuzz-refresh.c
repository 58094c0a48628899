/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Refresh tokens: nothing is taken apart but what refresh_token_make() would write again, nothing is
 * genuine but what the device's key signed. The first byte of an input says what the rest is:
 *
 *         0  a text as it came over the wire
 *         1  a device (16 bytes), a counter (4) and an audience, which are signed; the next bytes, in
 *            threes, are changes to the text
 *         2  the text of a public key or of a device's id
 */

#undef NDEBUG
#include <assert.h>
#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/refresh-token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No secret. */
static const unsigned char seed[REFRESH_SEED_SIZE] = { 1, 2, 3 };

static bool is_genuine(const RefreshToken *token, const char *audience) {
        unsigned char key[REFRESH_PUBLIC_SIZE];

        refresh_key_public(seed, key);
        return refresh_token_verify(token, audience, key);
}

/* Parsed or not; Ed25519 signs in one way, so a genuine text is the one that we would have made. */
static bool check_text(const char *text, size_t size, const char *audience) {
        char again[REFRESH_TOKEN_LENGTH + 1];
        RefreshToken token;

        if (!refresh_token_parse(text, size, &token))
                return false;
        assert(size == REFRESH_TOKEN_LENGTH && refresh_token_is_like(text, size) && token.counter > 0);
        if (!is_genuine(&token, audience))
                return false;
        assert(refresh_token_make(token.device, token.counter, audience, seed, again));
        assert(memcmp(again, text, size) == 0);
        return true;
}

static void check_exactly(const uint8_t *data, size_t size) {
        char *text = malloc(size ? size : 1); /* a sanitizer sees a read past the end */

        assert(text);
        memcpy(text, data, size);
        (void) check_text(text, size, "web1");
        (void) refresh_token_is_like(text, size);
        free(text);
}

static void check_made(const uint8_t *data, size_t size) {
        char text[REFRESH_TOKEN_LENGTH + 1], changed[REFRESH_TOKEN_LENGTH + 1], audience[REFRESH_AUDIENCE_MAX + 2] = "";
        uint32_t counter;
        size_t length;
        bool made;

        if (size < 21)
                return;
        counter = (uint32_t) data[16] << 24 | (uint32_t) data[17] << 16 | (uint32_t) data[18] << 8 | data[19];
        length = data[20] < size - 21 ? data[20] : size - 21;
        memcpy(audience, data + 21, length);
        made = refresh_token_make(data, counter, audience, seed, text);
        assert(made == (counter > 0 && audience[0]));
        if (!made)
                return;
        assert(strlen(text) == REFRESH_TOKEN_LENGTH && check_text(text, REFRESH_TOKEN_LENGTH, audience));
        memcpy(changed, text, sizeof(changed));
        for (size_t at = 21 + length; at + 2 < size; at += 3) {
                size_t where = ((size_t) data[at] * 256 + data[at + 1]) % REFRESH_TOKEN_LENGTH;

                changed[where] = (char) (changed[where] ^ data[at + 2]);
        }
        if (memcmp(changed, text, sizeof(text)) != 0)
                assert(!check_text(changed, REFRESH_TOKEN_LENGTH, audience));
        /* And for another audience it is none. */
        audience[0] = audience[0] == 'x' ? 'y' : 'x';
        assert(!check_text(text, REFRESH_TOKEN_LENGTH, audience));
}

static void check_names(const uint8_t *data, size_t size) {
        unsigned char key[REFRESH_PUBLIC_SIZE], device[REFRESH_DEVICE_SIZE];
        char *text = malloc(size + 1), again[REFRESH_PUBLIC_LENGTH + 1], id[2 * REFRESH_DEVICE_SIZE + 1];

        assert(text);
        memcpy(text, data, size);
        text[size] = '\0';
        if (refresh_key_from_text(text, key)) {
                refresh_key_to_text(key, again);
                assert(strcmp(text, again) == 0);
        }
        if (refresh_device_from_text(text, device)) {
                refresh_device_to_text(device, id);
                assert(strcmp(text, id) == 0);
        }
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0 || sodium_init() < 0)
                return 0;
        switch (data[0] % 3) {
        case 0:
                check_exactly(data + 1, size - 1);
                break;
        case 1:
                check_made(data + 1, size - 1);
                break;
        default:
                check_names(data + 1, size - 1);
        }
        return 0;
}
