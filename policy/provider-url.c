/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Addresses. Two parsers that read one address differently are how a request ends up somewhere
 * else than what was checked, so an address is let through only where no two could: RFC 3986's
 * characters, no user part, a host of letters, digits, dots and hyphens or an IPv6 address.
 */

#include <string.h>

#include "policy/providers.h"
#include "policy/url-host.h"

#define URL_ALPHABET \
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?[]@!$&'()*+,;=%"

/* Where the part behind the scheme begins, or NULL. */
static const char *skip_scheme(const char *url, bool *ret_plain) {
        *ret_plain = g_str_has_prefix(url, "http://");
        if (*ret_plain)
                return url + strlen("http://");
        return g_str_has_prefix(url, "https://") ? url + strlen("https://") : NULL;
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
        host = url_host_take(authority, strcspn(authority, "/?"), NULL);
        if (!host)
                return "has no plain host in lower case, with or without a port";
        if (plain && !url_host_is_loopback(host))
                return "is not https";
        if (plain && !insecure_loopback)
                return "is not https, which a loopback address needs unless allow-insecure-loopback=yes";
        return NULL;
}
