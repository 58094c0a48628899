/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* O1: what people read before they approve something, letter by letter. */

#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/sign-in-text.h"

static ClientPending good(void) {
        return (ClientPending) {
                .flow = "0123456789abcdef0123456789abcdef",
                .provider = "corp",
                .host = "web1.example.org",
                .uri = "https://login.example.org/device",
                .uri_complete = "https://login.example.org/device?user_code=WDJB-MJHT",
                .user_code = "WDJB-MJHT",
                .expires_in = 600,
        };
}

static void assert_text(const char *service, const char *expected) {
        ClientPending pending = good();
        char text[SIGN_IN_TEXT_SIZE];

        assert(sign_in_text(&pending, "alice", service, text) == 0);
        if (strcmp(text, expected) != 0)
                fprintf(stderr, "%s\ninstead of\n%s\n", text, expected);
        assert(strcmp(text, expected) == 0);
}

static void test_O1_text(void) {
        assert_text("sshd", "Sign in to web1.example.org for sshd as alice, with corp.\n"
                            "Open this link in a browser, on any device:\n"
                            "    https://login.example.org/device\n"
                            "and enter this code there:\n"
                            "    WDJB-MJHT\n"
                            "Go on only if you began this yourself, just now. If somebody sent you the link or\n"
                            "the code, stop: they would be signed in as you.");
        assert_text(NULL, "Sign in to web1.example.org as alice, with corp.\n"
                          "Open this link in a browser, on any device:\n"
                          "    https://login.example.org/device\n"
                          "and enter this code there:\n"
                          "    WDJB-MJHT\n"
                          "Go on only if you began this yourself, just now. If somebody sent you the link or\n"
                          "the code, stop: they would be signed in as you.");
        assert(strcmp(SIGN_IN_PROMPT, "Press Enter when you have approved it: ") == 0);
}

static void test_no_line_is_empty_or_wide(void) {
        ClientPending pending = good();
        char text[SIGN_IN_TEXT_SIZE], *rest = text, *line;

        assert(sign_in_text(&pending, "alice", "sshd", text) == 0);
        while ((line = strsep(&rest, "\n")))
                assert(line[0] && strlen(line) <= 82);
}

/* Whatever is missing or odd: no text at all, rather than one that lacks half of what it is about. */
static void assert_none(const ClientPending *pending, const char *user, const char *service) {
        char text[SIGN_IN_TEXT_SIZE] = "untouched";

        assert(sign_in_text(pending, user, service, text) == CLIENT_E_VERSION);
        assert(strcmp(text, "untouched") == 0);
}

static void test_what_cannot_be_shown(void) {
        ClientPending pending = good();

        assert_none(&pending, "", "sshd");
        assert_none(&pending, "a\nb", "sshd");
        assert_none(&pending, "alice", "ss\x1bhd");
        pending.flow[0] = '\0';
        assert_none(&pending, "alice", "sshd");
        pending = good();
        pending.provider[0] = '\0';
        assert_none(&pending, "alice", "sshd");
        pending = good();
        pending.host[3] = '\n';
        assert_none(&pending, "alice", "sshd");
        pending = good();
        pending.uri[0] = '\0';
        assert_none(&pending, "alice", "sshd");
        pending = good();
        pending.user_code[0] = '\0';
        assert_none(&pending, "alice", "sshd");
        pending = good();
        memset(pending.uri + strlen(pending.uri), 'x', SIGN_IN_LINK_MAX);
        pending.uri[SIGN_IN_LINK_MAX + 1] = '\0';
        assert_none(&pending, "alice", "sshd");
        pending.uri[SIGN_IN_LINK_MAX] = '\0';
        assert(sign_in_text(&pending, "alice", "sshd", (char[SIGN_IN_TEXT_SIZE]) { 0 }) == 0);
}

static void test_addresses(void) {
        static const char *const good_ones[] = {
                "https://a", "https://login.example.org:8443/x?y=%20#z", "https://[2001:db8::1]/", "https://a/@b",
                "http://127.0.0.1", "http://127.0.0.1:8080/device", "http://localhost/", "http://[::1]:1/",
        };
        static const char *const bad_ones[] = {
                "", "https://", "https:///x", "https://?x", "https://:1", "HTTPS://a", "http://a", "http://127.0.0.1.evil/",
                "http://localhost.evil/", "http://127.0.0.1@evil/", "https://good@evil/", "https://good:x@evil", "ftp://a",
                "javascript:alert(1)", "-https://a", " https://a", "https://a b", "https://a\n", "https://a\tb",
                "https://a\x1b[2J", "https://\xd0\xb0pple.example/", "https://a/\xe2\x80\xae", "https://a\x7f",
                "https://a\"b", "https://a<b", "https://a>b", "https://a\\b", "https://a^b", "https://a`b", "https://a{b}",
                "https://a|b",
        };
        char *longest = calloc(1, CLIENT_URI_MAX + 2);

        for (size_t i = 0; i < sizeof(good_ones) / sizeof(good_ones[0]); i++)
                assert(sign_in_is_uri(good_ones[i]) || !fprintf(stderr, "%s\n", good_ones[i]));
        for (size_t i = 0; i < sizeof(bad_ones) / sizeof(bad_ones[0]); i++)
                assert(!sign_in_is_uri(bad_ones[i]) || !fprintf(stderr, "%s\n", bad_ones[i]));
        assert(longest);
        memset(longest, 'x', CLIENT_URI_MAX + 1);
        memcpy(longest, "https://", 8);
        assert(!sign_in_is_uri(longest));
        longest[CLIENT_URI_MAX] = '\0';
        assert(sign_in_is_uri(longest));
        free(longest);
}

static void test_codes(void) {
        char code[CLIENT_USER_CODE_MAX + 2];

        assert(sign_in_is_code("WDJB-MJHT"));
        assert(sign_in_is_code("123 456"));
        assert(!sign_in_is_code(""));
        assert(!sign_in_is_code(" 1"));
        assert(!sign_in_is_code("1 "));
        assert(!sign_in_is_code("1\n2"));
        assert(!sign_in_is_code("1\x1b[A"));
        assert(!sign_in_is_code("1\x7f" "2"));
        assert(!sign_in_is_code("\xef\xbc\x91"));
        memset(code, 'x', sizeof(code));
        code[CLIENT_USER_CODE_MAX + 1] = '\0';
        assert(!sign_in_is_code(code));
        code[CLIENT_USER_CODE_MAX] = '\0';
        assert(sign_in_is_code(code));
}

int main(void) {
        test_O1_text();
        test_no_line_is_empty_or_wide();
        test_what_cannot_be_shown();
        test_addresses();
        test_codes();
        return 0;
}
