/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <glib.h>
#include <string.h>

#include "client/sign-in-request.h"
#include "common/wire.h"

#define PORT 43210
#define HOST "Host: 127.0.0.1:43210\r\n"
#define LINE "GET /callback?code=a&state=b HTTP/1.1\r\n"

static SignInRequest read_text(const char *text, size_t size, char **ret_query) {
        const char *query = NULL;
        size_t query_size = 0;
        SignInRequest r;

        r = sign_in_request_read(text, size, PORT, &query, &query_size);
        g_assert_true((r == SIGN_IN_REQUEST_GOOD) == (query != NULL));
        if (ret_query)
                *ret_query = g_strndup(query, query_size);
        return r;
}

static void test_what_browsers_send(void) {
        static const char *const rows[] = {
                LINE HOST "\r\n",
                LINE "host:127.0.0.1:43210\r\n\r\n",
                LINE "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,*/*;q=0.8\r\n" HOST
                     "Cookie: a=b; c=\xc3\xa9\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n"
                     "Sec-Fetch-Site: cross-site\r\nUpgrade-Insecure-Requests: 1\r\nX:\r\n\r\n",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *query = NULL;

                g_assert_cmpint(read_text(rows[i], strlen(rows[i]), &query), ==, SIGN_IN_REQUEST_GOOD);
                g_assert_cmpstr(query, ==, "code=a&state=b");
        }
}

/* Byte by byte: nothing is decided before the end, and nothing wrong found in what is right. */
static void test_slow_bytes(void) {
        static const char text[] = LINE HOST "Accept: */*\r\n\r\n";

        for (size_t size = 0; size < sizeof(text) - 1; size++)
                g_assert_cmpint(read_text(text, size, NULL), ==, SIGN_IN_REQUEST_MORE);
        g_assert_cmpint(read_text(text, sizeof(text) - 1, NULL), ==, SIGN_IN_REQUEST_GOOD);
}

#define ROW(text) { (text), sizeof(text) - 1 }

static void test_hostile(void) {
        static const struct {
                const char *text;
                size_t size;
        } rows[] = {
                /* Host: a name that points here, another port, none, two, parts of it */
                ROW(LINE "\r\n"),
                ROW(LINE "Host: evil.example:43210\r\n\r\n"),
                ROW(LINE "Host: localhost:43210\r\n\r\n"),
                ROW(LINE "Host: 127.0.0.1\r\n\r\n"),
                ROW(LINE "Host: 127.0.0.1:43211\r\n\r\n"),
                ROW(LINE "Host: 127.0.0.1:043210\r\n\r\n"),
                ROW(LINE "Host: 127.0.0.1:432100\r\n\r\n"),
                ROW(LINE "Host: 127.0.0.1:43210.evil.example\r\n\r\n"),
                ROW(LINE "Host: [::1]:43210\r\n\r\n"),
                ROW(LINE HOST HOST "\r\n"),
                ROW(LINE HOST "Host: evil.example\r\n\r\n"),
                ROW(LINE "Host : 127.0.0.1:43210\r\n\r\n"),
                ROW(LINE "X: y\r\n Host: 127.0.0.1:43210\r\n\r\n"),
                /* another method, version, form, path */
                ROW("POST /callback?code=a HTTP/1.1\r\n" HOST "\r\n"),
                ROW("HEAD /callback?code=a HTTP/1.1\r\n" HOST "\r\n"),
                ROW("get /callback?code=a HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback?code=a HTTP/1.0\r\n" HOST "\r\n"),
                ROW("GET /callback?code=a HTTP/2.0\r\n" HOST "\r\n"),
                ROW("GET /callback?code=a HTTP/1.1 \r\n" HOST "\r\n"),
                ROW("GET /callback?code=a\r\n" HOST "\r\n"),
                ROW("GET http://127.0.0.1:43210/callback?code=a HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET //callback?code=a HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback? HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback/?code=a HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback2?code=a HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /Callback?code=a HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /favicon.ico HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET  /callback?code=a HTTP/1.1\r\n" HOST "\r\n"),
                ROW("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
                ROW("CONNECT 127.0.0.1:43210 HTTP/1.1\r\n" HOST "\r\n"),
                ROW("\r\n" LINE HOST "\r\n"),
                /* line ends and other bytes that other readers see another way */
                ROW("GET /callback?code=a\r\nX: y HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback?code=a\nX: y HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback?code=a\rX HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback?code=a b HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback?code=a\tb HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback?code=a\0b HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback?code=a#b HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback?code=\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"),
                ROW("GET /callback?code=<a> HTTP/1.1\r\n" HOST "\r\n"),
                ROW(LINE "X: a\nHost: 127.0.0.1:43210\r\n\r\n"),
                ROW(LINE "X: a\x01\r\n" HOST "\r\n"),
                ROW(LINE HOST "no colon\r\n\r\n"),
                ROW(LINE HOST ": no name\r\n\r\n"),
                ROW(LINE HOST "a b: c\r\n\r\n"),
                ROW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), /* TLS */
                ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                /* a body, or more behind it */
                ROW(LINE HOST "Content-Length: 1\r\n\r\na"),
                ROW(LINE HOST "Content-Length: 0\r\n\r\n"),
                ROW(LINE HOST "Transfer-Encoding: chunked\r\n\r\n"),
                ROW(LINE HOST "\r\n" LINE HOST "\r\n"),
                ROW(LINE HOST "\r\nx"),
                /* what a page does without anybody who comes here */
                ROW(LINE HOST "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n\r\n"),
                ROW(LINE HOST "Sec-Fetch-Mode: no-cors\r\n\r\n"),
                ROW(LINE HOST "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n\r\n"),
                ROW(LINE HOST "Sec-Purpose: prefetch\r\n\r\n"),
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
                if (read_text(rows[i].text, rows[i].size, NULL) != SIGN_IN_REQUEST_BAD)
                        g_error("taken: %s", rows[i].text);
}

static char *with_header_of(size_t total, size_t *ret_size) {
        GString *text = g_string_new(LINE HOST "X: ");

        while (text->len + 4 < total)
                g_string_append_c(text, 'x');
        g_string_append(text, "\r\n\r\n");
        *ret_size = text->len;
        return g_string_free(text, FALSE);
}

static void test_size(void) {
        static const struct {
                size_t size;
                SignInRequest whole, unfinished;
        } rows[] = {
                { SIGN_IN_REQUEST_MAX, SIGN_IN_REQUEST_GOOD, SIGN_IN_REQUEST_MORE },
                { SIGN_IN_REQUEST_MAX + 1, SIGN_IN_REQUEST_BAD, SIGN_IN_REQUEST_BAD },
                { 17 * 1024, SIGN_IN_REQUEST_BAD, SIGN_IN_REQUEST_BAD },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                size_t size;
                g_autofree char *text = with_header_of(rows[i].size, &size);

                g_assert_cmpuint(size, ==, rows[i].size);
                g_assert_cmpint(read_text(text, size, NULL), ==, rows[i].whole);
                g_assert_cmpint(read_text(text, size - 1, NULL), ==, rows[i].unfinished);
        }
}

static void test_longest_query(void) {
        for (size_t more = 0; more < 2; more++) {
                g_autofree char *code = g_strnfill(WIRE_SECRET_MAX + more, 'a');
                g_autofree char *text = g_strdup_printf("GET /callback?%s HTTP/1.1\r\n" HOST "\r\n", code);

                g_assert_cmpint(read_text(text, strlen(text), NULL), ==, more ? SIGN_IN_REQUEST_BAD : SIGN_IN_REQUEST_GOOD);
        }
}

int main(void) {
        test_what_browsers_send();
        test_slow_bytes();
        test_hostile();
        test_size();
        test_longest_query();
        return 0;
}
