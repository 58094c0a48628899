/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "daemon/core/test-forge-ticket.h"
#include "policy/conf.h"

#define TOKEN_SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static void put(const char *path, const char *kid, const char *head, const char *secret) {
        g_autofree char *file = g_build_filename(path, kid, NULL);
        g_autofree char *text = g_strdup_printf("tessera-key 1\n%s\nstate=signing\ncreated=1\nsecret=%s\n", head, secret);

        assert(g_file_set_contents_full(file, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

KeyRing *forge_ticket_ring(const char *kid, const char *secret) {
        char path[] = "/tmp/test-key-XXXXXX";
        g_autofree char *message = NULL;
        KeyRing *ring = NULL;

        assert(mkdtemp(path));
        put(path, "k0", "use=token\nalg=HS256", TOKEN_SECRET);
        put(path, kid, "use=ticket\nalg=ES256", secret);
        assert(key_ring_open(path, /* create= */ false, 1000, &ring, &message) == 0);
        forge_forget(ring, path);
        return ring;
}

TrustFile *forge_trust_file(const char *host, const char *jwks) {
        static const char *const all[] = { "*", NULL };
        g_autofree char *text = trust_file_format(host, all, all, jwks);
        g_autofree char *name = g_strconcat("/etc/tessera/trust.d/", host, ".conf", NULL);
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(GPtrArray) files = trust_files_read_text(name, text, strlen(text), mistakes);

        assert(files && files->len == 1);
        return g_ptr_array_steal_index(files, 0);
}

static void destroy_file(gpointer file) {
        (void) trust_file_free(file);
}

Trust *forge_trust(const char *host, const KeyRing *ring) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        GPtrArray *files = g_ptr_array_new_with_free_func(destroy_file);
        g_autofree char *jwks = key_ring_export(ring);
        Trust *trust;

        g_ptr_array_add(files, forge_trust_file(host, jwks));
        trust = trust_new(files, mistakes);
        assert(trust && mistakes->len == 0);
        return trust;
}

static EVP_PKEY *pkey_of(const char *text) {
        unsigned char secret[32], octets[65];
        size_t size;
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
        EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        EC_POINT *point = EC_POINT_new(group);
        EVP_PKEY *pkey = NULL;
        OSSL_PARAM *parameters;
        BIGNUM *number;

        assert(sodium_base642bin(secret, sizeof(secret), text, strlen(text), NULL, &size, NULL,
                                 sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 && size == sizeof(secret));
        number = BN_bin2bn(secret, sizeof(secret), NULL);
        assert(EC_POINT_mul(group, point, number, NULL, NULL, NULL) == 1);
        assert(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, octets, sizeof(octets), NULL) == 65);
        assert(OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0));
        assert(OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, octets, sizeof(octets)));
        assert(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number));
        parameters = OSSL_PARAM_BLD_to_param(builder);
        assert(EVP_PKEY_fromdata_init(context) == 1);
        assert(EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_KEYPAIR, parameters) == 1);
        OSSL_PARAM_free(parameters);
        OSSL_PARAM_BLD_free(builder);
        EVP_PKEY_CTX_free(context);
        EC_POINT_free(point);
        EC_GROUP_free(group);
        BN_free(number);
        return pkey;
}

void forge_es256(const char *secret, const void *data, size_t size, unsigned char ret_signature[64]) {
        EVP_PKEY *pkey = pkey_of(secret);
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        unsigned char der[80];
        const unsigned char *from = der;
        size_t der_size = sizeof(der);
        ECDSA_SIG *pair;

        assert(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pkey) == 1);
        assert(EVP_DigestSign(context, der, &der_size, data, size) == 1);
        pair = d2i_ECDSA_SIG(NULL, &from, (long) der_size);
        assert(pair);
        assert(BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_signature, 32) == 32);
        assert(BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_signature + 32, 32) == 32);
        ECDSA_SIG_free(pair);
        EVP_MD_CTX_free(context);
        EVP_PKEY_free(pkey);
}

char *forge_signed(const char *secret, const char *head) {
        unsigned char signature[64];
        g_autofree char *text = NULL;

        forge_es256(secret, head, strlen(head), signature);
        text = forge_base64url(signature, sizeof(signature));
        return g_strconcat(head, ".", text, NULL);
}

char *forge_ticket(const char *secret, const char *header, const void *payload, size_t size) {
        g_autofree char *first = forge_base64url(header, strlen(header)), *second = forge_base64url(payload, size);
        g_autofree char *head = g_strconcat(first, ".", second, NULL);

        return forge_signed(secret, head);
}
