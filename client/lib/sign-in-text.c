/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdio.h>
#include <string.h>

#include "client/lib/sign-in-text.h"
#include "common/name.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define URI_CHARACTERS LETTERS DIGITS "-._~:/?#[]@!$&'()*+,;=%"

/* The length of the part of @text before its host, or 0 where it is no address for us. */
static size_t scheme_length(const char *text) {
        static const char *const loopback[] = { "127.0.0.1", "[::1]", "localhost" };

        if (strncmp(text, "https://", 8) == 0)
                return 8;
        if (strncmp(text, "http://", 7) != 0)
                return 0;
        for (size_t i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++) {
                size_t n = strlen(loopback[i]);

                if (strncmp(text + 7, loopback[i], n) == 0 && strchr(":/?", text[7 + n]))
                        return 7; /* the end of the text, too */
        }
        return 0;
}

/* Who reads "https://login.example.org@evil.example" sees the first name and goes to the second. */
static bool has_user_part(const char *host) {
        size_t n = strcspn(host, "/?#");

        return memchr(host, '@', n) != NULL;
}

bool sign_in_is_uri(const char *text) {
        size_t scheme = scheme_length(text), size = strlen(text);

        return scheme > 0 && size <= CLIENT_URI_MAX && strspn(text, URI_CHARACTERS) == size && text[scheme] &&
               !strchr("/?#:", text[scheme]) && !has_user_part(text + scheme);
}

bool sign_in_is_code(const char *text) {
        size_t size = strlen(text);

        if (size == 0 || size > CLIENT_USER_CODE_MAX || text[0] == ' ' || text[size - 1] == ' ')
                return false;
        for (const char *c = text; *c; c++)
                if (*c < 0x20 || *c > 0x7e)
                        return false;
        return true;
}

int sign_in_text(const ClientPending *pending, const char *user, const char *service, char ret[SIGN_IN_TEXT_SIZE]) {
        char text[SIGN_IN_TEXT_SIZE];
        int n;

        if (!pending->flow[0] || !name_is_host(pending->host) || !name_is_word(pending->provider) ||
            !name_is_user(user) || (service && !name_is_word(service)) || !sign_in_is_uri(pending->uri) ||
            strlen(pending->uri) > SIGN_IN_LINK_MAX || !sign_in_is_code(pending->user_code))
                return CLIENT_E_VERSION;
        n = snprintf(text, sizeof(text),
                     "Sign in to %s%s%s as %s, with %s.\n"
                     "Open this link in a browser, on any device:\n"
                     "    %s\n"
                     "and enter this code there:\n"
                     "    %s\n"
                     "Go on only if you began this yourself, just now. If somebody sent you the link or\n"
                     "the code, stop: they would be signed in as you.",
                     pending->host, service ? " for " : "", service ?: "", user, pending->provider, pending->uri,
                     pending->user_code);
        if (n < 0 || (size_t) n >= sizeof(text))
                return CLIENT_E_VERSION;
        memcpy(ret, text, (size_t) n + 1);
        return 0;
}
