/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "client/token-text.h"

static bool decodes(const char *text) {
        json_auto_t *header = NULL, *claims = NULL;

        return token_text_decode(text, strlen(text), &header, &claims);
}

/* header {"alg":"none"}, claims {"iss":"h"} */
#define HEADER "eyJhbGciOiJub25lIn0"
#define CLAIMS "eyJpc3MiOiJoIn0"

static void test_decode(void) {
        static const char token[] = HEADER "." CLAIMS ".c2ln";
        json_auto_t *header = NULL, *claims = NULL;

        g_assert_true(token_text_decode(token, strlen(token), &header, &claims));
        g_assert_cmpstr(json_string_value(json_object_get(header, "alg")), ==, "none");
        g_assert_cmpstr(json_string_value(json_object_get(claims, "iss")), ==, "h");
}

static void test_what_is_no_token(void) {
        g_assert_true(decodes(HEADER "." CLAIMS "."));
        g_assert_false(decodes(""));
        g_assert_false(decodes(".."));
        g_assert_false(decodes(HEADER "." CLAIMS));
        g_assert_false(decodes(HEADER "." CLAIMS ".a.b"));
        g_assert_false(decodes(HEADER "=." CLAIMS ".c2ln"));
        g_assert_false(decodes(HEADER " ." CLAIMS ".c2ln"));
        g_assert_false(decodes("W10." CLAIMS ".c2ln")); /* a list */
        g_assert_false(decodes(HEADER ".eyJhIjoxLCJhIjoyfQ.c2ln")); /* a name twice */
        g_assert_false(decodes("e." CLAIMS ".c2ln"));
}

static void test_only_a_plain_token_goes_to_the_terminal(void) {
        g_assert_true(token_text_is_plain("aZ0-_.x.y"));
        g_assert_false(token_text_is_plain(""));
        g_assert_false(token_text_is_plain("a\033[2J"));
        g_assert_false(token_text_is_plain("a\"b"));
        g_assert_false(token_text_is_plain("a b"));
}

static void assert_member(const char *name, json_t *value, const char *expected) {
        g_autofree char *text = token_text_member(name, value, 1700000000);

        g_assert_cmpstr(text, ==, expected);
        json_decref(value);
}

static void test_members(void) {
        assert_member("exp", json_integer(1700000899), "1700000899 (in 14 min)");
        assert_member("sess_exp", json_integer(1700086400), "1700086400 (in 1 d)");
        assert_member("size", json_integer(7), "7");
        assert_member("sid", json_string("GisMTV5vcIGSo7TF1uf4CQ"), "GisMTV5vcIGSo7TF1uf4CQ (session 1a2b0c4d)");
        assert_member("sid", json_string("short"), "short (session ?)");
        assert_member("amr", json_pack("[s,s]", "pwd", "tok"), "pwd, tok");
        assert_member("crit", json_true(), "true");
}

int main(void) {
        test_decode();
        test_what_is_no_token();
        test_only_a_plain_token_goes_to_the_terminal();
        test_members();
        return 0;
}
