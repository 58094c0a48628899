/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "policy/url-host.h"

#define HOST_ALPHABET "abcdefghijklmnopqrstuvwxyz0123456789.-"

char *url_host_take(const char *authority, size_t size, uint16_t *ret_port) {
        g_autofree char *text = g_strndup(authority, size);
        bool bracketed = text[0] == '[';
        size_t host_size = bracketed ? strcspn(text, "]") : strcspn(text, ":");
        char *port = text + host_size + (bracketed && text[host_size] ? 1 : 0);
        guint64 number = 0;

        if (bracketed && text[host_size] != ']')
                return NULL;
        if (*port && (*port != ':' || !g_ascii_string_to_unsigned(port + 1, 10, 1, 65535, &number, NULL)))
                return NULL;
        if (bracketed ? strspn(text + 1, "0123456789abcdef:.") != host_size - 1 || host_size < 3 :
                        host_size == 0 || strspn(text, HOST_ALPHABET) != host_size)
                return NULL;
        if (ret_port && number > 0)
                *ret_port = (uint16_t) number;
        return bracketed ? g_strndup(text + 1, host_size - 1) : g_strndup(text, host_size);
}

bool url_host_is_loopback(const char *host) {
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
