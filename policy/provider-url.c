/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Addresses. Two parsers that read one address differently are how a request ends up somewhere
 * else than what was checked, so an address is let through only where no two could: RFC 3986's
 * characters, no user part, a host of letters, digits, dots and hyphens or an IPv6 address.
 */

#include <string.h>

#include "policy/providers.h"

#define HOST_ALPHABET "abcdefghijklmnopqrstuvwxyz0123456789.-"
#define URL_ALPHABET \
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?[]@!$&'()*+,;=%"

/* Where the part behind the scheme begins, or NULL. */
static const char *skip_scheme(const char *url, bool *ret_plain) {
        *ret_plain = g_str_has_prefix(url, "http://");
        if (*ret_plain)
                return url + strlen("http://");
        return g_str_has_prefix(url, "https://") ? url + strlen("https://") : NULL;
}

/* "host", "host:port", "[::1]:port": takes the host off @authority. NULL when it is none of these. */
static char *take_host(const char *authority, size_t size) {
        g_autofree char *text = g_strndup(authority, size);
        bool bracketed = text[0] == '[';
        size_t host_size = bracketed ? strcspn(text, "]") : strcspn(text, ":");
        char *port = text + host_size + (bracketed && text[host_size] ? 1 : 0);
        guint64 number;

        if (bracketed && text[host_size] != ']')
                return NULL;
        if (*port && (*port != ':' || !g_ascii_string_to_unsigned(port + 1, 10, 1, 65535, &number, NULL)))
                return NULL;
        if (bracketed ? strspn(text + 1, "0123456789abcdef:.") != host_size - 1 || host_size < 3 :
                        host_size == 0 || strspn(text, HOST_ALPHABET) != host_size)
                return NULL;
        return bracketed ? g_strndup(text + 1, host_size - 1) : g_strndup(text, host_size);
}

/* In figures only: what a name resolves to is somebody else's to say. */
static bool is_loopback(const char *host) {
        g_auto(GStrv) parts = NULL;
        guint64 number;

        if (strcmp(host, "::1") == 0)
                return true;
        parts = g_strsplit(host, ".", 5);
        if (g_strv_length(parts) != 4 || strcmp(parts[0], "127") != 0)
                return false;
        for (int i = 1; i < 4; i++)
                if (!g_ascii_string_to_unsigned(parts[i], 10, 0, 255, &number, NULL))
                        return false;
        return true;
}

const char *provider_url_mistake(const char *url, bool insecure_loopback) {
        g_autofree char *host = NULL;
        const char *authority;
        bool plain;

        if (strlen(url) > PROVIDER_URL_MAX)
                return "is longer than 1024 bytes";
        authority = skip_scheme(url, &plain);
        if (!authority)
                return "is not https";
        if (strchr(url, '#'))
                return "has a fragment";
        if (url[strspn(url, URL_ALPHABET)] != '\0')
                return "has a character that no address has";
        host = take_host(authority, strcspn(authority, "/?"));
        if (!host)
                return "has no plain host in lower case, with or without a port";
        if (plain && !is_loopback(host))
                return "is not https";
        if (plain && !insecure_loopback)
                return "is not https, which a loopback address needs unless allow-insecure-loopback=yes";
        return NULL;
}
