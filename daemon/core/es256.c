/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * A private key is its scalar, in locked memory, until somebody asks for more: most hosts make no
 * ticket, and libcrypto, once awake, stays with 2 MiB or more. What it makes of the scalar is made outside any
 * lock, and whoever comes second with it throws his away.
 */

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <string.h>

#include "daemon/core/es256.h"

#define COORDINATE_SIZE 32
#define OCTETS_SIZE (1 + ES256_POINT_SIZE) /* SEC 1, 2.3.3: 4 ‖ x ‖ y */
#define UNCOMPRESSED 4
#define DER_SIZE_MAX 72 /* two integers of 33 bytes, their heads and the sequence's */

typedef struct Ready {
        EVP_PKEY *pkey;
        unsigned char octets[OCTETS_SIZE];
} Ready;

struct Es256 {
        unsigned char *secret; /* of sodium_malloc; NULL: a public key */
        Ready *ready;          /* set once, atomically; of a private key at first use */
};

/* The order n of P-256's group (FIPS 186-4, D.1.2.3). */
static const unsigned char order[32] = {
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIGNUM, BN_clear_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ECDSA_SIG, ECDSA_SIG_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EC_GROUP, EC_GROUP_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EC_POINT, EC_POINT_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_PARAM, OSSL_PARAM_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)

static void *allocate(size_t size, const char *file, int line) {
        return g_malloc(size);
}

static void *reallocate(void *block, size_t size, const char *file, int line) {
        return g_realloc(block, size);
}

static void release(void *block, const char *file, int line) {
        g_free(block);
}

bool es256_need_memory(void) {
        return CRYPTO_set_mem_functions(allocate, reallocate, release) == 1;
}

void es256_load_less(void) {
        (void) OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
}

/* Is @number within [1, n-1]? In constant time, because it may be a secret. */
static bool is_in_range(const unsigned char number[32]) {
        unsigned borrow = 0;

        for (size_t i = sizeof(order); i-- > 0;)
                borrow = (((unsigned) number[i] - order[i] - borrow) >> 8) & 1;
        return !sodium_is_zero(number, sizeof(order)) && borrow;
}

/* The key of @octets, and of @secret where there is one. */
static EVP_PKEY *make_pkey(const unsigned char *octets, const BIGNUM *secret) {
        g_autoptr(OSSL_PARAM_BLD) builder = OSSL_PARAM_BLD_new();
        g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        g_autoptr(OSSL_PARAM) parameters = NULL;
        EVP_PKEY *pkey = NULL;
        int selection = secret ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;

        if (!builder || !context ||
            !OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) ||
            !OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, octets, OCTETS_SIZE) ||
            (secret && !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret)))
                return NULL;
        parameters = OSSL_PARAM_BLD_to_param(builder);
        if (!parameters || EVP_PKEY_fromdata_init(context) <= 0 ||
            EVP_PKEY_fromdata(context, &pkey, selection, parameters) <= 0)
                return NULL;
        return pkey;
}

static bool is_on_curve(EVP_PKEY *pkey) {
        g_autoptr(EVP_PKEY_CTX) context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

        return context && EVP_PKEY_public_check(context) == 1;
}

/* The point that belongs to @secret. */
static bool multiply(const BIGNUM *secret, unsigned char ret_octets[OCTETS_SIZE]) {
        g_autoptr(EC_GROUP) group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        g_autoptr(EC_POINT) point = group ? EC_POINT_new(group) : NULL;

        return point && EC_POINT_mul(group, point, secret, NULL, NULL, NULL) == 1 &&
               EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret_octets, OCTETS_SIZE, NULL) ==
                       OCTETS_SIZE;
}

static Ready *ready_free(Ready *ready) {
        if (!ready)
                return NULL;
        EVP_PKEY_free(ready->pkey); /* clears the scalar */
        g_free(ready);
        return NULL;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ready, ready_free)

static Ready *ready_from_secret(const unsigned char secret[ES256_SECRET_SIZE]) {
        g_autoptr(Ready) ready = g_new0(Ready, 1);
        g_autoptr(BIGNUM) number = BN_secure_new();

        if (!number || !BN_bin2bn(secret, ES256_SECRET_SIZE, number))
                return NULL;
        BN_set_flags(number, BN_FLG_CONSTTIME);
        if (!multiply(number, ready->octets))
                return NULL;
        ready->pkey = make_pkey(ready->octets, number);
        return ready->pkey ? g_steal_pointer(&ready) : NULL;
}

static Ready *ready_from_point(const unsigned char point[ES256_POINT_SIZE]) {
        g_autoptr(Ready) ready = g_new0(Ready, 1);

        ready->octets[0] = UNCOMPRESSED;
        memcpy(ready->octets + 1, point, ES256_POINT_SIZE);
        ready->pkey = make_pkey(ready->octets, /* secret= */ NULL);
        return ready->pkey && is_on_curve(ready->pkey) ? g_steal_pointer(&ready) : NULL;
}

/* NULL where libcrypto fails; the next call tries again. */
static const Ready *get_ready(const Es256 *key) {
        Ready **place = (Ready **) &key->ready;
        Ready *ready = g_atomic_pointer_get(place);

        if (ready)
                return ready;
        ready = ready_from_secret(key->secret);
        if (!ready) {
                /* What libcrypto remembers of a failure would grow, and be blamed on somebody else's call. */
                ERR_clear_error();
                return NULL;
        }
        if (g_atomic_pointer_compare_and_exchange(place, NULL, ready))
                return ready;
        (void) ready_free(ready);
        return g_atomic_pointer_get(place);
}

Es256 *es256_from_secret(const unsigned char secret[ES256_SECRET_SIZE]) {
        g_autoptr(Es256) key = g_new0(Es256, 1);

        if (!is_in_range(secret))
                return NULL;
        key->secret = sodium_malloc(ES256_SECRET_SIZE);
        if (!key->secret)
                return NULL;
        memcpy(key->secret, secret, ES256_SECRET_SIZE);
        (void) sodium_mprotect_readonly(key->secret);
        return g_steal_pointer(&key);
}

Es256 *es256_from_point(const unsigned char point[ES256_POINT_SIZE]) {
        g_autoptr(Es256) key = g_new0(Es256, 1);

        key->ready = ready_from_point(point);
        if (key->ready)
                return g_steal_pointer(&key);
        ERR_clear_error();
        return NULL;
}

Es256 *es256_generate(void) {
        unsigned char secret[ES256_SECRET_SIZE];
        Es256 *key;

        do /* FIPS 186-5, A.2.2: what is out of range is drawn again, so each scalar is as likely as any other */
                randombytes_buf(secret, sizeof(secret));
        while (!is_in_range(secret));
        key = es256_from_secret(secret);
        sodium_memzero(secret, sizeof(secret));
        return key;
}

Es256 *es256_free(Es256 *key) {
        if (!key)
                return NULL;
        (void) ready_free(key->ready);
        sodium_free(key->secret); /* wipes first */
        g_free(key);
        return NULL;
}

bool es256_point(const Es256 *key, unsigned char ret_point[ES256_POINT_SIZE]) {
        const Ready *ready = get_ready(key);

        if (ready)
                memcpy(ret_point, ready->octets + 1, ES256_POINT_SIZE);
        return ready != NULL;
}

bool es256_secret(const Es256 *key, unsigned char ret_secret[ES256_SECRET_SIZE]) {
        if (key->secret)
                memcpy(ret_secret, key->secret, ES256_SECRET_SIZE);
        return key->secret != NULL;
}

char *es256_pem(const Es256 *key) {
        const Ready *ready = get_ready(key);
        g_autoptr(BIO) bio = ready ? BIO_new(BIO_s_secmem()) : NULL;
        char *text;
        long size;
        int r = 0;

        if (bio && key->secret)
                r = PEM_write_bio_PrivateKey(bio, ready->pkey, NULL, NULL, 0, NULL, NULL);
        else if (bio)
                r = PEM_write_bio_PUBKEY(bio, ready->pkey);
        size = r == 1 ? BIO_get_mem_data(bio, &text) : 0;
        if (size <= 0) {
                ERR_clear_error();
                return NULL;
        }
        return g_strndup(text, (size_t) size);
}

char *es256_pem_free(char *pem) {
        if (!pem)
                return NULL;
        sodium_memzero(pem, strlen(pem));
        g_free(pem);
        return NULL;
}

/* r ‖ s as libcrypto wants it; 0 where they are no signature's. */
static int to_der(const unsigned char signature[ES256_SIGNATURE_SIZE], unsigned char ret[DER_SIZE_MAX]) {
        g_autoptr(BIGNUM) r = BN_bin2bn(signature, COORDINATE_SIZE, NULL);
        g_autoptr(BIGNUM) s = BN_bin2bn(signature + COORDINATE_SIZE, COORDINATE_SIZE, NULL);
        g_autoptr(ECDSA_SIG) pair = ECDSA_SIG_new();
        unsigned char *to = ret;
        int size;

        if (!r || !s || !pair || !ECDSA_SIG_set0(pair, r, s))
                return 0;
        r = NULL; /* the pair's now */
        s = NULL;
        size = i2d_ECDSA_SIG(pair, NULL);
        return size > 0 && size <= DER_SIZE_MAX ? i2d_ECDSA_SIG(pair, &to) : 0;
}

bool es256_verify(const Es256 *key, const void *data, size_t size, const unsigned char signature[ES256_SIGNATURE_SIZE]) {
        g_autoptr(EVP_MD_CTX) context = NULL;
        unsigned char der[DER_SIZE_MAX];
        const Ready *ready;
        int der_size;
        bool good;

        /* Here, whatever libcrypto does of its own: r = s = 0 was once a signature of everything (CVE-2022-21449). */
        if (!is_in_range(signature) || !is_in_range(signature + COORDINATE_SIZE))
                return false;
        ready = get_ready(key);
        if (!ready)
                return false;
        der_size = to_der(signature, der);
        context = EVP_MD_CTX_new();
        good = der_size > 0 && context &&
               EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, ready->pkey) == 1 &&
               EVP_DigestVerify(context, der, (size_t) der_size, data, size) == 1;
        ERR_clear_error();
        return good;
}
