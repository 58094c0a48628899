/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "client/jwks.h"
#include "common/wire.h"

/* RFC 7515, A.3. */
#define X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define POINT "\"x\":\"" X "\",\"y\":\"" Y "\""
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\","
#define PLAIN(kid) "{\"kid\":\"" kid "\"," EC POINT ",\"alg\":\"ES256\",\"use\":\"sig\"}"

static json_t *reads(const char *text) {
        g_autofree char *problem = NULL;
        json_t *jwks = jwks_read(text, strlen(text), &problem);

        g_assert_cmpstr(problem, ==, NULL);
        g_assert_nonnull(jwks);
        return jwks;
}

/* The same keys make the same line, however they were written. */
static void test_one_text_for_the_same_keys(void) {
        static const char *const rows[] = {
                "{\"keys\":[" PLAIN("a") "]}\n",
                "{ \"keys\" : [ {\"y\":\"" Y "\",\"x\":\"" X "\",\n\"crv\":\"P-256\",\"kty\":\"EC\",\"kid\":\"a\"} ] }",
                "{\"keys\":[{\"kid\":\"a\"," EC POINT ",\"x5t\":\"no\",\"key_ops\":[\"verify\"]}],\"more\":1}",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                json_auto_t *jwks = reads(rows[i]);
                g_autofree char *line = jwks_format(jwks);
                g_assert_cmpstr(line, ==, "{\"keys\":[" PLAIN("a") "]}");
        }
}

static void refuses(const char *text, const char *word) {
        g_autofree char *problem = NULL;

        g_assert_null(jwks_read(text, strlen(text), &problem));
        if (!problem || !strstr(problem, word))
                g_error("\"%s\" is not in \"%s\", said of %.200s", word, problem, text);
}

static void test_what_is_no_jwks(void) {
        refuses("", "no JWKS");
        refuses("[]", "no JWKS");
        refuses("{\"keys\":{}}", "no JWKS");
        refuses("{\"keys\":[],\"keys\":[" PLAIN("a") "]}", "no JWKS");
        refuses("{\"keys\":[" PLAIN("a") "]} x", "no JWKS");
        refuses("{\"keys\":[]}", "1 to 16");
        refuses("{\"keys\":[1]}", "no object");
        refuses("{\"keys\":[" PLAIN("a") "," PLAIN("a") "]}", "two keys");
        refuses("{\"keys\":[" PLAIN("") "]}", "kid");
        refuses("{\"keys\":[" PLAIN("a b") "]}", "kid");
        refuses("{\"keys\":[{" EC POINT "}]}", "kid");
        refuses("{\"keys\":[{\"kid\":\"a\",\"kty\":\"RSA\",\"n\":\"x\",\"e\":\"AQAB\"}]}", "ES256");
        refuses("{\"keys\":[{\"kid\":\"a\",\"kty\":\"EC\",\"crv\":\"P-384\"," POINT "}]}", "ES256");
        refuses("{\"keys\":[{\"kid\":\"a\",\"alg\":\"HS256\"," EC POINT "}]}", "ES256");
        refuses("{\"keys\":[{\"kid\":\"a\",\"alg\":null," EC POINT "}]}", "ES256");
        refuses("{\"keys\":[{\"kid\":\"a\",\"use\":\"enc\"," EC POINT "}]}", "ES256");
        refuses("{\"keys\":[{\"kid\":\"a\"," EC "\"x\":\"" X "\"}]}", "base64url");
        refuses("{\"keys\":[{\"kid\":\"a\"," EC "\"x\":\"" X "=\",\"y\":\"" Y "\"}]}", "base64url");
        /* Another spelling of the same 32 bytes. */
        refuses("{\"keys\":[{\"kid\":\"a\"," EC "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV\","
                "\"y\":\"" Y "\"}]}", "base64url");
}

/* What is written into trust.d everybody can read. */
static void test_a_private_key_is_refused_and_not_repeated(void) {
        static const char *const members[] = { "d", "k", "p" };

        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                g_autofree char *text = g_strdup_printf("{\"keys\":[{\"kid\":\"a\"," EC POINT ",\"%s\":\"canary\"}]}",
                                                        members[i]);
                g_autofree char *problem = NULL;

                g_assert_null(jwks_read(text, strlen(text), &problem));
                g_assert_nonnull(strstr(problem, "secret"));
                g_assert_null(strstr(problem, "canary"));
        }
}

static void test_limits(void) {
        g_autoptr(GString) text = g_string_new("{\"keys\":[");
        g_autofree char *huge = g_strnfill(WIRE_JWKS_MAX + 1, ' ');
        json_auto_t *most = NULL;

        memcpy(huge, "{\"keys\":[" PLAIN("a") "]}", strlen("{\"keys\":[" PLAIN("a") "]}"));
        refuses(huge, "no JWKS");
        for (int i = 0; i < JWKS_KEYS_MAX; i++)
                g_string_append_printf(text, "%s{\"kid\":\"k%d\"," EC POINT "}", i > 0 ? "," : "", i);
        g_string_append(text, "]}");
        most = reads(text->str);
        g_assert_cmpuint(json_array_size(json_object_get(most, "keys")), ==, JWKS_KEYS_MAX);
        g_string_truncate(text, text->len - 2);
        g_string_append(text, "," PLAIN("one-more") "]}");
        refuses(text->str, "1 to 16");
}

static void test_a_kid_names_one_key(void) {
        json_auto_t *old = reads("{\"keys\":[" PLAIN("a") "," PLAIN("b") "]}");
        json_auto_t *more = reads("{\"keys\":[" PLAIN("c") "," PLAIN("b") "]}");
        json_auto_t *other = reads("{\"keys\":[" PLAIN("c") ",{\"kid\":\"b\"," EC "\"x\":\"" Y "\",\"y\":\"" X "\"}]}");
        json_auto_t *kids = jwks_kids(more);

        g_assert_null(jwks_conflict(old, more));
        g_assert_null(jwks_conflict(NULL, other));
        g_assert_cmpstr(jwks_conflict(old, other), ==, "b");
        g_assert_cmpstr(json_string_value(json_array_get(kids, 0)), ==, "c");
        g_assert_cmpuint(json_array_size(kids), ==, 2);
}

int main(void) {
        test_one_text_for_the_same_keys();
        test_what_is_no_jwks();
        test_a_private_key_is_refused_and_not_repeated();
        test_limits();
        test_a_kid_names_one_key();
        return 0;
}
