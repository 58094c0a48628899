/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "client/sign-in-page.h"

static const SignInPage done = { .kind = SIGN_IN_PAGE_DONE, .user = "alice", .host = "web1.example.org" };
static const SignInPage refused = { .kind = SIGN_IN_PAGE_REFUSED, .host = "web1.example.org",
                                    .why = "somebody else than alice approved it" };
static const SignInPage bad = { .kind = SIGN_IN_PAGE_BAD }, gone = { .kind = SIGN_IN_PAGE_GONE };
static const SignInPage *const pages[] = { &done, &refused, &bad, &gone };

static void assert_has(const char *text, const char *what) {
        if (!strstr(text, what))
                g_error("\"%s\" is missing in %s", what, text);
}

static char *html_of(const char *response) {
        const char *end = strstr(response, "\r\n\r\n");

        g_assert_nonnull(end);
        return g_strdup(end + 4);
}

/* What stands between @before and @behind. */
static char *between(const char *text, const char *before, const char *behind) {
        const char *begin = strstr(text, before), *end;

        g_assert_nonnull(begin);
        begin += strlen(before);
        end = strstr(begin, behind);
        g_assert_nonnull(end);
        return g_strndup(begin, (gsize) (end - begin));
}

static void test_status(void) {
        static const char *const lines[] = { "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 400 Bad Request\r\n",
                                             "HTTP/1.1 410 Gone\r\n" };

        for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
                g_autofree char *response = sign_in_page(pages[i]);
                g_assert_true(g_str_has_prefix(response, lines[i]));
        }
}

static void test_headers(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
                g_autofree char *response = sign_in_page(pages[i]), *html = html_of(response);
                g_autofree char *length = g_strdup_printf("\r\nContent-Length: %zu\r\n", strlen(html));

                assert_has(response, length);
                assert_has(response, "\r\nContent-Type: text/html; charset=utf-8\r\n");
                assert_has(response, "\r\nConnection: close\r\n");
                assert_has(response, "\r\nCache-Control: no-store\r\n");
                assert_has(response, "\r\nReferrer-Policy: no-referrer\r\n");
                assert_has(response, "\r\nX-Content-Type-Options: nosniff\r\n");
                assert_has(response, "\r\nContent-Security-Policy: default-src 'none'; style-src 'sha256-");
                assert_has(response, "; frame-ancestors 'none'\r\n");
        }
}

/* The hash is that of the one style in the page; a browser would throw any other away. */
static void test_style_is_the_one_that_the_policy_names(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
                g_autofree char *response = sign_in_page(pages[i]), *html = html_of(response);
                g_autofree char *named = between(response, "'sha256-", "'"), *style = between(html, "<style>", "</style>");
                g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, style, -1);
                g_autofree char *hex = NULL;
                g_autofree guchar *bytes = NULL;
                g_autoptr(GString) text = g_string_new(NULL);
                gsize size;

                bytes = g_base64_decode(named, &size);
                g_assert_cmpuint(size, ==, 32);
                for (gsize j = 0; j < size; j++)
                        g_string_append_printf(text, "%02x", bytes[j]);
                g_assert_cmpstr(text->str, ==, digest);
                g_assert_null(strstr(strstr(html, "</style>"), "<style"));
                g_assert_null(strstr(html, "style="));
        }
}

/* Nothing runs, and nothing comes from elsewhere. */
static void test_nothing_active(void) {
        static const char *const words[] = { "<script", "http://", "https://", "url(", "@import", "<img", "<link", "<iframe",
                                             "<form", "onload", "onerror", "href=", "src=" };

        for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
                g_autofree char *response = sign_in_page(pages[i]);
                for (size_t j = 0; j < G_N_ELEMENTS(words); j++)
                        g_assert_null(strstr(response, words[j]));
        }
}

static void test_texts(void) {
        g_autofree char *first = sign_in_page(&done), *second = sign_in_page(&refused);

        assert_has(first, "<p>You are signed in as <b>alice</b> on <b>web1.example.org</b>.</p>\n"
                          "<p>You can close this page and go back to the terminal.</p>\n");
        assert_has(first, "</span> Signed in</h1>");
        assert_has(second, "<p>You are not signed in on <b>web1.example.org</b>: somebody else than alice approved it.</p>\n");
        assert_has(second, "</span> Not signed in</h1>");
        assert_has(second, "To try again, run the command there once more");
}

static void test_what_is_put_in_stays_text(void) {
        const SignInPage odd = { .kind = SIGN_IN_PAGE_REFUSED, .host = "<script>alert(1)</script>",
                                 .why = "\"><img src=x onerror=y>\r\nSet-Cookie: a=b & '\xff" };
        g_autofree char *response = sign_in_page(&odd), *head = between(response, "HTTP", "\r\n\r\n");

        g_assert_null(strstr(response, "<script"));
        g_assert_null(strstr(response, "<img"));
        g_assert_null(strstr(head, "Set-Cookie"));
        assert_has(response, "&lt;script&gt;alert(1)&lt;/script&gt;");
        assert_has(response, "a=b &amp; &apos;\xef\xbf\xbd");
        g_assert_true(g_utf8_validate(response, -1, NULL));
}

int main(void) {
        test_status();
        test_headers();
        test_style_is_the_one_that_the_policy_names();
        test_nothing_active();
        test_texts();
        test_what_is_put_in_stays_text();
        return 0;
}
