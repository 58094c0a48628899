/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * For tests: keys in a throw-away folder, and tokens that say anything at all, with the right MAC.
 * Written without the code under test: base64url and JSON are made here by hand.
 */

#include <assert.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/token.h"

/* Takes the files of @ring and their folder away. */
static inline void forge_forget(const KeyRing *ring, const char *path) {
        const Key *key;

        for (size_t i = 0; (key = key_ring_at(ring, i)); i++) {
                g_autofree char *file = g_build_filename(path, key->kid, NULL);
                assert(unlink(file) == 0);
        }
        assert(rmdir(path) == 0);
}

/* A ring with fresh signing keys; nothing stays on disk. */
static inline KeyRing *forge_key_ring(void) {
        char path[] = "/tmp/test-key-XXXXXX";
        char *message = NULL;
        KeyRing *ring = NULL;

        assert(mkdtemp(path));
        assert(key_ring_open(path, /* create= */ true, 1000, &ring, &message) == 0);
        forge_forget(ring, path);
        return ring;
}

/* A token of alice's for web1, 1000 to 1900; freed with token_free(). */
static inline char *forge_good_token(const KeyRing *keys) {
        TokenClaims claims = {
                .issuer = (char *) "web1",
                .subject = (char *) "alice",
                .audience = (char *) "web1",
                .issued_at = 1000,
                .expires = 1900,
                .session = "000102030405060708090a0b0c0d0e0f",
                .auth_time = 990,
        };
        char *token = NULL;

        token_new_id(&clock_system, claims.jti);
        assert(token_sign(key_ring_signing(keys, KEY_TOKEN), &claims, &token) == 0);
        return token;
}

static inline char *forge_base64url(const void *data, size_t size) {
        char *text = g_base64_encode(data, size);

        g_strdelimit(text, "+", '-');
        g_strdelimit(text, "/", '_');
        text[strcspn(text, "=")] = '\0';
        return text;
}

/* @head "." MAC, whatever @head is. */
static inline char *forge_mac(const unsigned char *secret, const char *head) {
        unsigned char mac[crypto_auth_hmacsha256_BYTES];
        g_autofree char *signature = NULL;

        crypto_auth_hmacsha256(mac, (const unsigned char *) head, strlen(head), secret);
        signature = forge_base64url(mac, sizeof(mac));
        return g_strconcat(head, ".", signature, NULL);
}

/* A token of @header and @payload (JSON, or not), with a MAC that is right. */
static inline char *forge_token(const unsigned char *secret, const char *header, const char *payload) {
        g_autofree char *first = forge_base64url(header, strlen(header));
        g_autofree char *second = forge_base64url(payload, strlen(payload));
        g_autofree char *head = g_strconcat(first, ".", second, NULL);

        return forge_mac(secret, head);
}
