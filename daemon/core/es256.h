/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * ES256 (ECDSA on P-256 with SHA-256, RFC 7518 3.4), by libcrypto. es256.c is the only file that
 * includes OpenSSL's headers. Keys are parsed once and kept: libjwt would do that at every call.
 *
 * A private key is a scalar in locked memory; libcrypto learns of it when its point, its PEM or a
 * verification is asked for, and stays asleep where none is. Should it fail then, the answer is no.
 * Before all else: sodium_init().
 */

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define ES256_SECRET_SIZE 32
#define ES256_POINT_SIZE 64     /* x ‖ y, 32 bytes each, big endian */
#define ES256_SIGNATURE_SIZE 64 /* r ‖ s, as JWS wants them */

/*
 * For the whole program, before libcrypto is first used by whomever: where it finds no memory, the
 * program ends, as it does where GLib finds none. libcrypto 3.0 takes a "no" badly: what fails while
 * it wakes up may be a NULL that it follows, or fail for ever. false where it was in use already.
 */
bool es256_need_memory(void);

/*
 * For the whole program, too, and after that: it loads no texts of its errors,
 * half a MiB that nobody here reads. That it fails is no reason not to go on.
 */
void es256_load_less(void);

typedef struct Es256 Es256; /* a public key, with or without the private one; any thread may use it */

/* A fresh pair; NULL when there is no memory that can be locked away. */
Es256 *es256_generate(void);
/* From the private scalar, within [1, n-1]; or from a point, on the curve and not at infinity; else NULL. */
Es256 *es256_from_secret(const unsigned char secret[ES256_SECRET_SIZE]);
Es256 *es256_from_point(const unsigned char point[ES256_POINT_SIZE]);
Es256 *es256_free(Es256 *key); /* wipes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Es256, es256_free)

/* false only where libcrypto cannot make it of a secret; a public key has one always. */
bool es256_point(const Es256 *key, unsigned char ret_point[ES256_POINT_SIZE]);
/* false for a public key. */
bool es256_secret(const Es256 *key, unsigned char ret_secret[ES256_SECRET_SIZE]);

/* The PEM that libjwt reads, private or public, or NULL; wiped and freed with es256_pem_free(). */
char *es256_pem(const Es256 *key);
char *es256_pem_free(char *pem);

/* Is r ‖ s the signature of @data? Only for r and s in [1, n-1]; s and n - s are both right, so a signature names nothing. */
bool es256_verify(const Es256 *key, const void *data, size_t size, const unsigned char signature[ES256_SIGNATURE_SIZE]);
