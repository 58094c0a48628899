/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdint.h>
#include <string.h>

#include "common/name.h"

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_lower(char c) {
        return c >= 'a' && c <= 'z';
}

static bool is_alnum(char c) {
        return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z');
}

bool name_is_user(const char *name) {
        size_t size = name ? strnlen(name, 33) : 0;
        bool all_digits = true;

        if (size == 0 || size > 32 || !(is_alnum(name[0]) || name[0] == '_'))
                return false;
        for (size_t i = 0; i < size; i++) {
                char c = name[i];
                if (!is_alnum(c) && !strchr("_.-@", c) && !(c == '$' && i == size - 1))
                        return false;
                all_digits = all_digits && is_digit(c);
        }
        return !all_digits; /* "1000" is read as a uid by too many programs */
}

bool name_is_word(const char *name) {
        size_t size = name ? strnlen(name, 65) : 0;

        if (size == 0 || size > 64 || !(is_alnum(name[0]) || name[0] == '_'))
                return false;
        for (size_t i = 1; i < size; i++)
                if (!is_alnum(name[i]) && !strchr("_.-", name[i]))
                        return false;
        return true;
}

bool name_is_host(const char *name) {
        size_t size = name ? strnlen(name, 65) : 0;

        if (size == 0 || size > 64 || name[0] == '.' || name[0] == '-' || name[size - 1] == '.' || name[size - 1] == '-')
                return false;
        for (size_t i = 0; i < size; i++)
                if (!is_lower(name[i]) && !is_digit(name[i]) && name[i] != '.' && name[i] != '-')
                        return false;
        return true;
}

/* Length of the UTF-8 sequence at @s (1 to 4), or 0 where there is none; overlong forms and surrogates are none. */
static size_t utf8_sequence(const uint8_t *s) {
        uint32_t point;
        size_t n;

        if (s[0] < 0x80)
                return 1;
        if (s[0] >= 0xc2 && s[0] <= 0xdf)
                n = 2;
        else if ((s[0] & 0xf0) == 0xe0)
                n = 3;
        else if (s[0] >= 0xf0 && s[0] <= 0xf4)
                n = 4;
        else
                return 0;
        point = s[0] & (0xffU >> (n + 1));
        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80) /* also the end of the string */
                        return 0;
                point = (point << 6) | (s[i] & 0x3fU);
        }
        if ((n == 3 && (point < 0x800 || (point >= 0xd800 && point <= 0xdfff))) ||
            (n == 4 && (point < 0x10000 || point > 0x10ffff)))
                return 0;
        return n;
}

void name_clean(const char *text, char *buffer, size_t size) {
        const uint8_t *s = (const uint8_t *) text;
        size_t out = 0;

        while (*s) {
                size_t n = utf8_sequence(s);
                /* C1 controls are U+0080 to U+009F: two bytes, the first 0xc2. */
                bool bad = n == 0 || *s < 0x20 || *s == 0x7f || (n == 2 && s[0] == 0xc2 && s[1] < 0xa0);
                size_t take = bad ? 1 : n;

                if (out + take >= size)
                        break;
                if (bad)
                        buffer[out] = '?';
                else
                        memcpy(buffer + out, s, take);
                out += take;
                s += n == 0 ? 1 : n;
        }
        buffer[out] = '\0';
}
