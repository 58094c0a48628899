/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Refresh tokens: what a registered device answers to the prompt, once. docs/refresh-tokens.md
 * states the construction, why it holds, and its limits.
 *
 *         "ts1_" + base64url(device 16 B ‖ counter u32 BE ‖ signature 64 B)       116 characters
 *
 * The signature is Ed25519 (RFC 8032) by the device's own key over
 *
 *         "tessera-ts1\0" ‖ device ‖ counter ‖ u16 BE length ‖ audience
 *
 * where audience is the name of the host (or the fleet) that the device is registered at. The
 * device makes every token itself; the host keeps the public key alone, so nothing that lies on
 * the host makes one. A token is named by (device, counter), never by its text.
 *
 * Here are the form and the signature; which counters still count is device-window.h's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFRESH_TOKEN_PREFIX "ts1_"
#define REFRESH_TOKEN_LENGTH 116       /* characters, without the terminator */
#define REFRESH_DEVICE_SIZE 16         /* bytes of a device's id; as text 32 lower-case hex digits */
#define REFRESH_SEED_SIZE 32           /* the private key, as RFC 8032 means it */
#define REFRESH_PUBLIC_SIZE 32
#define REFRESH_PUBLIC_LENGTH 43       /* a public key as base64url without padding */
#define REFRESH_SIGNATURE_SIZE 64
#define REFRESH_AUDIENCE_MAX 255

typedef struct RefreshToken {
        unsigned char device[REFRESH_DEVICE_SIZE];
        uint32_t counter; /* 1 and up */
        unsigned char signature[REFRESH_SIGNATURE_SIZE];
} RefreshToken;

/* A key pair. Call sodium_init() first. */
void refresh_key_new(unsigned char ret_seed[REFRESH_SEED_SIZE], unsigned char ret_public[REFRESH_PUBLIC_SIZE]);
void refresh_key_public(const unsigned char seed[REFRESH_SEED_SIZE], unsigned char ret_public[REFRESH_PUBLIC_SIZE]);

/* Public keys and seeds as text: the one spelling of 43 characters, or false. @ret_text has room for 44. */
void refresh_key_to_text(const unsigned char key[REFRESH_PUBLIC_SIZE], char ret_text[REFRESH_PUBLIC_LENGTH + 1]);
bool refresh_key_from_text(const char *text, unsigned char ret_key[REFRESH_PUBLIC_SIZE]);

/* Device ids as text: 32 lower-case hex digits, or false. */
void refresh_device_to_text(const unsigned char device[REFRESH_DEVICE_SIZE], char ret_text[2 * REFRESH_DEVICE_SIZE + 1]);
bool refresh_device_from_text(const char *text, unsigned char ret_device[REFRESH_DEVICE_SIZE]);

/*
 * Signs. @counter must not be 0, nor @audience empty or longer than REFRESH_AUDIENCE_MAX: then
 * false. The text is a secret until it is spent: the caller wipes it.
 */
bool refresh_token_make(const unsigned char device[REFRESH_DEVICE_SIZE], uint32_t counter, const char *audience,
                        const unsigned char seed[REFRESH_SEED_SIZE], char ret_text[REFRESH_TOKEN_LENGTH + 1]);

/* Does an answer say that it is one? Then it is never tried as anything else. */
bool refresh_token_is_like(const char *text, size_t size);

/* Takes @text apart, which must be the one spelling of a token: false for everything else. Signature not looked at. */
bool refresh_token_parse(const char *text, size_t size, RefreshToken *ret);

/* Is it genuine: signed by this key, for this audience? */
bool refresh_token_verify(const RefreshToken *token, const char *audience,
                          const unsigned char public_key[REFRESH_PUBLIC_SIZE]);
