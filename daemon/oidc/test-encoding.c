/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "daemon/oidc/encoding.h"
#include "daemon/oidc/reason.h"
#include "daemon/oidc/strict-json.h"

static void test_base64url_has_one_spelling(void) {
        static const char *const bad[] = { "", "A", "AB", "AA=", "AA==", "A A", "AA\n", "+A", "/A", "AAA.", "AB==" };
        _cleanup_secret_ Secret *text = encoding_base64url("\0\xff", 2), *back = NULL, *empty = encoding_base64url("", 0);

        assert(text && strcmp(text->data, "AP8") == 0 && text->size == 3);
        back = encoding_base64url_decode("AP8", 3);
        assert(back && back->size == 2 && memcmp(back->data, "\0\xff", 2) == 0);
        assert(empty && empty->size == 0);
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                _cleanup_secret_ Secret *data = encoding_base64url_decode(bad[i], strlen(bad[i]));

                if (data)
                        fprintf(stderr, "\"%s\" was decoded\n", bad[i]);
                assert(!data);
        }
}

/* RFC 7636, appendix B, and OpenID Connect Core 1.0, A.3. */
static void test_hashes_are_the_standards(void) {
        _cleanup_secret_ Secret *challenge = NULL, *half = NULL, *random = encoding_random(32), *other = encoding_random(32);
        static const char verifier[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        static const char token[] = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

        challenge = encoding_sha256(verifier, strlen(verifier), false);
        assert(strcmp(challenge->data, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM") == 0);
        half = encoding_sha256(token, strlen(token), true);
        assert(strcmp(half->data, "77QmUPtjPfzWtF2AnpK9RQ") == 0);
        assert(random->size == 43 && strcmp(random->data, other->data) != 0);
        assert(encoding_same("ab", 2, "ab", 2) && !encoding_same("ab", 2, "ac", 2) && !encoding_same("ab", 2, "abc", 3));
}

static void test_forms_hold_anything(void) {
        Form *form = form_new(), *query = form_new();
        _cleanup_secret_ Secret *text = NULL, *basic = encoding_basic("a:b", "c d");
        g_autofree char *url = NULL;

        form_add(form, "a", "x&y=z +%\xc3\xa4\n");
        form_add(form, "left out", NULL);
        form_add(form, "b", "");
        text = form_finish(form);
        assert(strcmp(text->data, "a=x%26y%3Dz%20%2B%25%C3%A4%0A&b=") == 0);
        form_add(query, "q", "1");
        url = form_finish_url(query, "https://a?x=y");
        assert(strcmp(url, "https://a?x=y&q=1") == 0);
        assert(strcmp(basic->data, "Basic YSUzQWI6YyUyMGQ=") == 0);
}

static bool collect(const char *name, const char *value, gpointer data) {
        g_string_append_printf(data, "%s=%s;", name, value);
        return strcmp(name, "stop") != 0;
}

static void expect_query(const char *query, const char *wanted) {
        g_autoptr(GString) got = g_string_new(NULL);
        bool good = encoding_query(query, strlen(query), collect, got);

        if (good != (wanted != NULL) || (wanted && strcmp(got->str, wanted) != 0))
                fprintf(stderr, "%s: %s\n", query, got->str);
        assert(good == (wanted != NULL));
        assert(!wanted || strcmp(got->str, wanted) == 0);
}

static void test_queries_are_read_one_way(void) {
        g_autoptr(GString) many = g_string_new("a=");

        expect_query("a=1&b=2", "a=1;b=2;");
        expect_query("a=x+y%20z%2B&%62=", "a=x y z+;b=;");
        expect_query("a=b=c", "a=b=c;");
        expect_query("", NULL);
        expect_query("a", NULL);
        expect_query("a=1&", NULL);
        expect_query("a=1&a=2", NULL);
        expect_query("a=1&%61=2", NULL);
        expect_query("a=%", NULL);
        expect_query("a=%1", NULL);
        expect_query("a=%g0", NULL);
        expect_query("a=%00", NULL);
        expect_query("a=%ff", NULL);
        expect_query("a=\xff", NULL);
        expect_query("a=1&stop=&b=2", NULL);
        assert(!encoding_query("a=\0b", 4, collect, many));
        for (int i = 0; i < 32; i++)
                g_string_append_printf(many, "&x%d=", i);
        assert(!encoding_query(many->str, many->len, collect, many));
}

static void test_json_is_read_without_forgiveness(void) {
        static const char *const bad[] = { "", "{", "[]", "1", "{}{}", "{\"a\":1,\"a\":1}", "{\"a\":{\"b\":1,\"b\":2}}",
                                           "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}", "{\"a\":01}", "{a:1}", "{\"a\":1,}" };
        static const char good[] = "{\"a\":\"x\",\"e\":\"\",\"n\":7,\"f\":1.0,\"b\":true} ";
        g_autoptr(Json) object = strict_json_object(good, strlen(good));
        int64_t number = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                g_autoptr(Json) read = strict_json_object(bad[i], strlen(bad[i]));

                if (read)
                        fprintf(stderr, "%s was read\n", bad[i]);
                assert(!read);
        }
        assert(object && strcmp(strict_json_string(object, "a", 1), "x") == 0);
        assert(!strict_json_string(object, "a", 0) && !strict_json_string(object, "e", 9) && !strict_json_string(object, "n", 9));
        assert(strict_json_has(object, "e") && !strict_json_has(object, "z"));
        assert(strict_json_integer(object, "n", &number) && number == 7);
        assert(!strict_json_integer(object, "f", &number) && !strict_json_integer(object, "b", &number));
        assert(strict_json_is_plain("Alice \xc3\x84.") && !strict_json_is_plain("a\tb") && !strict_json_is_plain("\xc2\x9b"));
        assert(!strict_json_is_plain("\xe2\x80\xae") && !strict_json_is_plain("\xff"));
}

static void test_every_reason_has_a_word_of_its_own(void) {
        g_autoptr(GHashTable) words = g_hash_table_new(g_str_hash, g_str_equal);

        for (int i = 0; i < OIDC_REASON_MAX; i++)
                assert(g_hash_table_add(words, (gpointer) oidc_reason_to_string((OidcReason) i)));
        assert(oidc_reason_to_string(OIDC_GOOD)[0] == '\0');
}

int main(void) {
        assert(sodium_init() >= 0);
        test_base64url_has_one_spelling();
        test_hashes_are_the_standards();
        test_forms_hold_anything();
        test_queries_are_read_one_way();
        test_json_is_read_without_forgiveness();
        test_every_reason_has_a_word_of_its_own();
        return 0;
}
