/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "daemon/oidc/strict-json.h"

void strict_json_need_memory(void) {
        json_set_alloc_funcs(g_malloc, g_free);
}

Json *strict_json_object(const char *text, size_t size) {
        g_autoptr(Json) value = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);

        return json_is_object(value) ? g_steal_pointer(&value) : NULL;
}

const char *strict_json_string(const Json *object, const char *name, size_t max) {
        const Json *value = json_object_get(object, name);
        const char *text = json_string_value(value);
        size_t size = json_string_length(value);

        return text && size >= 1 && size <= max && strlen(text) == size ? text : NULL;
}

bool strict_json_has(const Json *object, const char *name) {
        return json_object_get(object, name) != NULL;
}

bool strict_json_integer(const Json *object, const char *name, int64_t *ret) {
        const Json *value = json_object_get(object, name);

        if (!json_is_integer(value))
                return false;
        *ret = json_integer_value(value);
        return true;
}

bool strict_json_is_plain(const char *text) {
        if (!g_utf8_validate(text, -1, NULL))
                return false;
        for (; *text; text = g_utf8_next_char(text)) {
                gunichar c = g_utf8_get_char(text);

                /* And what turns a line round (Unicode's bidirectional controls), so that it reads as another one. */
                if (c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
                        return false;
        }
        return true;
}
