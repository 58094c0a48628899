/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/sign-in-request.h"
#include "common/wire.h"

#define GET "GET " SIGN_IN_PATH "?"
#define VERSION " HTTP/1.1"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define QUERY_CHARACTERS LETTERS DIGITS "-._~:/?@!$&'()*+,;=%" /* RFC 3986, 3.4 */
#define TOKEN_CHARACTERS LETTERS DIGITS "!#$%&'*+-.^_`|~"       /* RFC 9110, 5.6.2 */

/* Part of the request; not terminated. */
typedef struct Span {
        const char *begin;
        size_t size;
} Span;

static bool is_made_of(Span span, const char *characters) {
        for (size_t i = 0; i < span.size; i++)
                if (!span.begin[i] || !strchr(characters, span.begin[i]))
                        return false;
        return true;
}

static bool is_text(Span span, const char *text) {
        return span.size == strlen(text) && memcmp(span.begin, text, span.size) == 0;
}

static bool is_word(Span span, const char *word) {
        return span.size == strlen(word) && strncasecmp(span.begin, word, span.size) == 0;
}

static Span trim(Span span) {
        while (span.size > 0 && strchr(" \t", span.begin[0])) {
                span.begin++;
                span.size--;
        }
        while (span.size > 0 && strchr(" \t", span.begin[span.size - 1]))
                span.size--;
        return span;
}

/* A line end is CR LF together; no other control character but a tab stands anywhere. */
static bool is_clean(const char *data, size_t size) {
        for (size_t i = 0; i < size; i++) {
                unsigned char c = (unsigned char) data[i];

                if (c == '\r' && i + 1 < size && data[i + 1] != '\n')
                        return false;
                if (c == '\n' && (i == 0 || data[i - 1] != '\r'))
                        return false;
                if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
                        return false;
        }
        return true;
}

static bool read_request_line(Span line, Span *ret_query) {
        size_t before = strlen(GET), behind = strlen(VERSION);
        Span query;

        if (line.size <= before + behind || memcmp(line.begin, GET, before) != 0 ||
            memcmp(line.begin + line.size - behind, VERSION, behind) != 0)
                return false;
        query = (Span) { line.begin + before, line.size - before - behind };
        if (query.size > WIRE_SECRET_MAX || !is_made_of(query, QUERY_CHARACTERS))
                return false;
        *ret_query = query;
        return true;
}

/* What may stand in a request of ours, and how. Everything else is the browser's own business. */
static bool fits(Span name, Span value, const char *host, unsigned *n_hosts) {
        if (is_word(name, "Host")) {
                (*n_hosts)++;
                return is_text(value, host);
        }
        if (is_word(name, "Content-Length") || is_word(name, "Transfer-Encoding"))
                return false; /* a body */
        if (is_word(name, "Sec-Fetch-Mode"))
                return is_text(value, "navigate");
        if (is_word(name, "Sec-Fetch-Dest"))
                return is_text(value, "document");
        return !is_word(name, "Sec-Purpose"); /* prefetch: nobody has decided to come here */
}

static bool read_header(Span line, const char *host, unsigned *n_hosts) {
        const char *colon = memchr(line.begin, ':', line.size);
        Span name, value;

        if (!colon || colon == line.begin)
                return false;
        name = (Span) { line.begin, (size_t) (colon - line.begin) };
        value = trim((Span) { colon + 1, line.size - name.size - 1 });
        return is_made_of(name, TOKEN_CHARACTERS) && fits(name, value, host, n_hosts);
}

/* Takes a line, without its end, off @rest, where one must be. */
static Span take_line(Span *rest) {
        const char *end = memmem(rest->begin, rest->size, "\r\n", 2);
        Span line = { rest->begin, (size_t) (end - rest->begin) };

        rest->size -= line.size + 2;
        rest->begin = end + 2;
        return line;
}

static bool read_head(Span head, unsigned port, Span *ret_query) {
        unsigned n_hosts = 0;
        char host[32];

        (void) snprintf(host, sizeof(host), "127.0.0.1:%u", port);
        if (!read_request_line(take_line(&head), ret_query))
                return false;
        while (head.size > 0)
                if (!read_header(take_line(&head), host, &n_hosts))
                        return false;
        return n_hosts == 1;
}

SignInRequest sign_in_request_read(const char *data, size_t size, unsigned port, const char **ret_query,
                                   size_t *ret_size) {
        const char *end;
        Span query;

        if (size > SIGN_IN_REQUEST_MAX || !is_clean(data, size))
                return SIGN_IN_REQUEST_BAD;
        end = memmem(data, size, "\r\n\r\n", 4);
        if (!end)
                return size < SIGN_IN_REQUEST_MAX ? SIGN_IN_REQUEST_MORE : SIGN_IN_REQUEST_BAD;
        if (end + 4 != data + size || !read_head((Span) { data, size - 2 }, port, &query))
                return SIGN_IN_REQUEST_BAD;
        *ret_query = query.begin;
        *ret_size = query.size;
        return SIGN_IN_REQUEST_GOOD;
}
