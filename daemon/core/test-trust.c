/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/test-forge-ticket.h"
#include "daemon/core/trust.h"
#include "policy/conf.h"

#define X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
/* Of RFC 6979, A.2.5. */
#define X2 "YP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Y"
#define Y2 "eQP-EAi4vJmkGunpVii8ZPLxsgwtfp9Rd6PClNRGIpk"
#define KEY(members) "{\"keys\":[{" members "}]}"
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\""
#define XY "\"x\":\"" X "\",\"y\":\"" Y "\""
#define REMEDY "put there what \"tessera key export\" prints on that host"

static void destroy_file(gpointer file) {
        (void) trust_file_free(file);
}

/* Trust in one host, or NULL and the first mistake. */
static Trust *read_jwks(const char *jwks, char **ret_mistake) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        GPtrArray *files = g_ptr_array_new_with_free_func(destroy_file);
        Trust *trust;

        g_ptr_array_add(files, forge_trust_file("web1", jwks));
        trust = trust_new(files, mistakes);
        assert((trust == NULL) == (mistakes->len > 0));
        *ret_mistake = trust ? NULL : conf_mistake_to_string(mistakes->pdata[0]);
        return trust;
}

static void expect_good(const char *what, const char *jwks) {
        g_autofree char *mistake = NULL;
        g_autoptr(Trust) trust = read_jwks(jwks, &mistake);

        if (!trust)
                fprintf(stderr, "%s: %s\n", what, mistake);
        assert(trust && trust_at(trust, 0) && !trust_at(trust, 1));
}

static void test_J7_J23_what_is_read(void) {
        g_autofree char *mistake = NULL;
        g_autoptr(Trust) trust = read_jwks(KEY(EC ",\"kid\":\"k-1_A\"," XY), &mistake);
        const TrustHost *host = trust_at(trust, 0);
        const TrustKey *key = host->keys->pdata[0];
        g_autofree char *header = forge_base64url("{\"alg\":\"ES256\",\"kid\":\"k-1_A\",\"typ\":\"JWT\"}",
                                                  strlen("{\"alg\":\"ES256\",\"kid\":\"k-1_A\",\"typ\":\"JWT\"}"));

        g_assert_cmpstr(host->file->name, ==, "web1");
        g_assert_cmpstr(key->kid, ==, "k-1_A");
        g_assert_cmpstr(key->header, ==, header);
        assert(g_str_has_prefix(key->pem, "-----BEGIN PUBLIC KEY-----"));
        expect_good("alg and use said", KEY("\"alg\":\"ES256\"," EC ",\"kid\":\"a\",\"use\":\"sig\"," XY));
        expect_good("members that may stand", "{\"x\":1,\"keys\":[{" EC ",\"kid\":\"a\",\"x5t\":\"AA\",\"key_ops\":"
                                              "[\"verify\"]," XY "}]}");
        expect_good("blanks", "{ \"keys\" : [ {" EC ", \"kid\": \"a\", " XY "} ] }");
        expect_good("two keys", "{\"keys\":[{" EC ",\"kid\":\"a\"," XY "},{" EC ",\"kid\":\"b\",\"x\":\"" X2
                                "\",\"y\":\"" Y2 "\"}]}");
        expect_good("the longest kid", KEY(EC ",\"kid\":\"0123456789012345678901234567890123456789012345678901234567890123\"," XY));
}

static void test_J3_J6_J10_each_mistake_says_what_to_do(void) {
        static const struct {
                const char *jwks, *mistake;
        } rows[] = {
                { "{", "4:6: \"keys\" of [host:web1] is no JSON: " },
                { "{\"keys\":[}", "is no JSON: " },
                { "{\"keys\":[],\"keys\":[]}", "is no JSON: duplicate object key" },
                { "{}", "4:6: \"keys\" of [host:web1] is no JWKS: it has no list \"keys\"; " REMEDY },
                { "{\"keys\":{}}", "is no JWKS: it has no list \"keys\"" },
                { "{\"keys\":[]}", "holds 0 keys and not 1 to 16; keep the ones that the host still uses" },
                { "{\"keys\":[1]}", "key 1 is no object; " REMEDY },
                { KEY(EC ",\"kid\":\"a\",\"d\":\"AAAA\"," XY),
                  "key 1 is a private key; take it away from here, and rotate it where it came from: it is known now" },
                { KEY("\"kty\":\"RSA\",\"kid\":\"a\""), "key 1 is not of kty \"EC\" and crv \"P-256\"; remove it, or " REMEDY },
                { KEY("\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"a\""), "key 1 is not of kty \"EC\"" },
                { KEY("\"kty\":\"ec\",\"crv\":\"P-256\",\"kid\":\"a\"," XY), "key 1 is not of kty \"EC\"" },
                { KEY("\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"a\"," XY), "key 1 is not of kty \"EC\"" },
                { KEY("\"kty\":\"EC\",\"kid\":\"a\"," XY), "key 1 is not of kty \"EC\"" },
                { KEY("\"kty\":[\"EC\"],\"crv\":\"P-256\",\"kid\":\"a\"," XY), "key 1 is not of kty \"EC\"" },
                { KEY("\"alg\":\"ES384\"," EC ",\"kid\":\"a\"," XY), "key 1 has an alg other than \"ES256\"" },
                { KEY("\"alg\":\"none\"," EC ",\"kid\":\"a\"," XY), "key 1 has an alg other than \"ES256\"" },
                { KEY("\"alg\":null," EC ",\"kid\":\"a\"," XY), "key 1 has an alg other than \"ES256\"" },
                { KEY("\"use\":\"enc\"," EC ",\"kid\":\"a\"," XY), "key 1 has a use other than \"sig\"" },
                { KEY(EC "," XY), "key 1 has no kid of 1 to 64 letters" },
                { KEY(EC ",\"kid\":\"\"," XY), "key 1 has no kid" },
                { KEY(EC ",\"kid\":1," XY), "key 1 has no kid" },
                { KEY(EC ",\"kid\":\"a b\"," XY), "key 1 has no kid" },
                { KEY(EC ",\"kid\":\"../a\"," XY), "key 1 has no kid" },
                { KEY(EC ",\"kid\":\"01234567890123456789012345678901234567890123456789012345678901234\"," XY),
                  "key 1 has no kid" },
                { KEY(EC ",\"kid\":\"a\",\"x\":\"" X "\""), "key \"a\" has no x and y of 43 characters" },
                { KEY(EC ",\"kid\":\"a\",\"x\":\"" X "=\",\"y\":\"" Y "\""), "key \"a\" has no x and y" },
                { KEY(EC ",\"kid\":\"a\",\"x\":\"AAAA\",\"y\":\"" Y "\""), "key \"a\" has no x and y" },
                { KEY(EC ",\"kid\":\"a\",\"x\":\"" X "\",\"y\":\"" X "\""),
                  "key \"a\" is no point of P-256: it was damaged on the way; " REMEDY },
                { "{\"keys\":[{" EC ",\"kid\":\"a\"," XY "},{" EC ",\"kid\":\"a\",\"x\":\"" X2 "\",\"y\":\"" Y2 "\"}]}",
                  "two keys have the kid \"a\"; keep one of the two" },
                { "{\"keys\":[{" EC ",\"kid\":\"a\"," XY "},{" EC ",\"kid\":\"b\"," XY "}]}",
                  "keys \"a\" and \"b\" are the same; keep one of the two" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *mistake = NULL;
                g_autoptr(Trust) trust = read_jwks(rows[i].jwks, &mistake);

                if (trust || !strstr(mistake, rows[i].mistake))
                        fprintf(stderr, "%s\n  got:    %s\n  wanted: %s\n", rows[i].jwks, mistake ?: "nothing",
                                rows[i].mistake);
                assert(!trust && strstr(mistake, rows[i].mistake));
                assert(g_str_has_prefix(mistake, "/etc/tessera/trust.d/web1.conf:4:"));
        }
}

static void test_no_more_keys_than_a_host_needs(void) {
        g_autoptr(GString) jwks = g_string_new("{\"keys\":[");
        g_autofree char *mistake = NULL;

        for (int i = 0; i < 17; i++)
                g_string_append_printf(jwks, "%s{}", i > 0 ? "," : "");
        g_string_append(jwks, "]}");
        assert(!read_jwks(jwks->str, &mistake));
        assert(strstr(mistake, "holds 17 keys and not 1 to 16"));
}

/* Each of two hosts could make the other's tickets. */
static void test_J3_no_two_hosts_hold_one_key(void) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        GPtrArray *files = g_ptr_array_new_with_free_func(destroy_file);
        g_autofree char *mistake = NULL;

        g_ptr_array_add(files, forge_trust_file("web1", KEY(EC ",\"kid\":\"a\"," XY)));
        g_ptr_array_add(files, forge_trust_file("web2", KEY(EC ",\"kid\":\"b\"," XY)));
        assert(!trust_new(files, mistakes));
        mistake = conf_mistake_to_string(mistakes->pdata[0]);
        g_assert_cmpstr(mistake, ==, "/etc/tessera/trust.d/web2.conf:4:6: key \"b\" is that of host \"web1\" too; "
                                     "give each host the keys that it exported itself");
}

static void test_hosts_stand_in_order_and_are_shared(void) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        GPtrArray *files = g_ptr_array_new_with_free_func(destroy_file);
        g_autoptr(Trust) trust = NULL, same = NULL, empty = trust_new_empty();

        g_ptr_array_add(files, forge_trust_file("web2", KEY(EC ",\"kid\":\"a\"," XY)));
        g_ptr_array_add(files, forge_trust_file("web1", KEY(EC ",\"kid\":\"a\",\"x\":\"" X2 "\",\"y\":\"" Y2 "\"")));
        trust = trust_new(files, mistakes);
        same = trust_ref(trust);
        g_assert_cmpstr(trust_at(same, 0)->file->name, ==, "web1");
        g_assert_cmpstr(trust_at(same, 1)->file->name, ==, "web2");
        assert(!trust_at(same, 2) && !trust_at(empty, 0) && !trust_unref(NULL));
}

static void test_who_and_what_a_host_speaks_for(void) {
        static const char text[] = "[host:web1]\nusers=alice;bob\nroles=everyone\nkeys=" KEY(EC ",\"kid\":\"a\"," XY) "\n";
        static const char nobody[] = "[host:web1]\nkeys=" KEY(EC ",\"kid\":\"a\"," XY) "\n";
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Trust) some = trust_new(trust_files_read_text("f", text, strlen(text), mistakes), mistakes);
        g_autoptr(Trust) none = trust_new(trust_files_read_text("f", nobody, strlen(nobody), mistakes), mistakes);
        g_autofree char *mistake = NULL;
        g_autoptr(Trust) all = read_jwks(KEY(EC ",\"kid\":\"a\"," XY), &mistake); /* users=*, roles=* */
        const TrustHost *host = trust_at(some, 0);

        assert(trust_lets_user(host, "alice") && trust_lets_user(host, "bob"));
        assert(!trust_lets_user(host, "carol") && !trust_lets_user(host, "") && !trust_lets_user(host, "*"));
        assert(trust_lets_role(host, "everyone") && !trust_lets_role(host, "admin") && !trust_lets_role(host, "*"));
        assert(!trust_lets_user(trust_at(none, 0), "alice") && !trust_lets_role(trust_at(none, 0), "everyone"));
        assert(trust_lets_user(trust_at(all, 0), "carol") && trust_lets_role(trust_at(all, 0), "admin"));
}

int main(void) {
        assert(sodium_init() >= 0);
        test_J7_J23_what_is_read();
        test_J3_J6_J10_each_mistake_says_what_to_do();
        test_no_more_keys_than_a_host_needs();
        test_J3_no_two_hosts_hold_one_key();
        test_hosts_stand_in_order_and_are_shared();
        test_who_and_what_a_host_speaks_for();
        return 0;
}
