/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Trusted hosts: whatever a file of trust.d holds, or its JWKS, it is trusted or its mistakes are
 * named, in words that a terminal survives. The first byte of an input says what the rest is: 0 a
 * file, 1 a JWKS.
 */

#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/name.h"
#include "daemon/core/test-fault.h"
#include "daemon/core/trust.h"
#include "policy/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_mistakes(const GPtrArray *mistakes) {
        for (guint i = 0; i < mistakes->len; i++) {
                g_autofree char *text = conf_mistake_to_string(mistakes->pdata[i]);

                assert(strlen(text) < 1000);
                for (const unsigned char *c = (const unsigned char *) text; *c; c++)
                        assert(*c >= 0x20 && *c != 0x7f);
        }
}

static void check_host(const TrustHost *host) {
        assert(name_is_host(host->file->name) && host->file->keys);
        assert(host->keys->len >= 1 && host->keys->len <= TRUST_KEYS_MAX);
        for (guint i = 0; i < host->keys->len; i++) {
                const TrustKey *key = host->keys->pdata[i];
                unsigned char point[ES256_POINT_SIZE], secret[ES256_SECRET_SIZE];

                assert(strlen(key->kid) >= 1 && strlen(key->kid) <= 64);
                assert(g_str_has_prefix(key->header, "eyJhbGciOiJFUzI1NiIsImtpZCI6I")); /* {"alg":"ES256","kid":" */
                assert(!es256_secret(key->key, secret));
                assert(es256_point(key->key, point));
                for (guint j = 0; j < i; j++) {
                        const TrustKey *other = host->keys->pdata[j];
                        unsigned char known[ES256_POINT_SIZE];

                        assert(es256_point(other->key, known));
                        assert(strcmp(key->kid, other->kid) != 0 && memcmp(point, known, sizeof(point)) != 0);
                }
        }
        assert(!trust_lets_user(host, "root") || host->file->all_users);
}

/* Was it trusted? */
static bool look(const char *text, size_t size, size_t *ret_failed) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new(), files = NULL;
        g_autoptr(Trust) trust = NULL;
        const TrustHost *host;
        size_t n = 0;

        files = trust_files_read_text("f", text, size, mistakes);
        assert((files == NULL) == (mistakes->len > 0));
        if (files) {
                n = files->len;
                assert(n <= 1);
                trust = trust_new(g_steal_pointer(&files), mistakes);
                assert((trust == NULL) == (mistakes->len > 0));
        }
        (void) fault_end(ret_failed);
        check_mistakes(mistakes);
        for (size_t i = 0; trust && (host = trust_at(trust, i)); i++, n--)
                check_host(host);
        assert(!trust || n == 0);
        return trust != NULL;
}

/* Whatever fails on the way, nothing is trusted that would not be. */
static void check_file(const char *text, size_t size) {
        size_t failed = 0;
        bool first, trusted;

        fault_seldom(fault_seed_of(text, size));
        first = look(text, size, &failed);
        if (failed == 0)
                return;
        trusted = look(text, size, &failed);
        assert(trusted || !first);
}

static void check_jwks(const uint8_t *data, size_t size) {
        static const char *const users[] = { "alice", NULL };
        g_autofree char *jwks = g_strndup((const char *) data, size);
        g_autofree char *text = trust_file_format("web1", users, NULL, jwks);

        check_file(text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static bool installed;

        if (!installed)
                fault_install();
        installed = true;
        if (size == 0)
                return 0;
        if (data[0] % 2 == 0)
                check_file((const char *) data + 1, size - 1);
        else
                check_jwks(data + 1, size - 1);
        return 0;
}
