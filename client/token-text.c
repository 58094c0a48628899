/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <string.h>

#include "client/output.h"
#include "client/token-text.h"
#include "common/wire.h"

#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#define SID_CHARACTERS 22 /* 16 bytes as base64url */

bool token_text_is_plain(const char *token) {
        return token[0] && token[strspn(token, BASE64URL ".")] == '\0';
}

/* Decodes base64url; NULL when it is none. g_free. */
static guchar *decode_part(const char *part, size_t *ret_size) {
        size_t size = strlen(part);
        g_autofree char *padded = g_strconcat(part, size % 4 == 2 ? "==" : size % 4 == 3 ? "=" : "", NULL);

        if (size == 0 || size % 4 == 1 || part[strspn(part, BASE64URL)] != '\0')
                return NULL;
        g_strdelimit(padded, "-", '+');
        g_strdelimit(padded, "_", '/');
        return g_base64_decode(padded, ret_size);
}

static json_t *decode_object(const char *part) {
        size_t size = 0;
        g_autofree guchar *bytes = decode_part(part, &size);
        json_t *object = bytes ? json_loadb((const char *) bytes, size, JSON_REJECT_DUPLICATES, NULL) : NULL;

        if (json_is_object(object))
                return object;
        json_decref(object);
        return NULL;
}

bool token_text_decode(const char *text, size_t size, json_t **ret_header, json_t **ret_claims) {
        g_autofree char *copy = g_strndup(text, size);
        g_auto(GStrv) parts = g_strsplit(copy, ".", -1);
        json_auto_t *header = NULL, *claims = NULL;

        explicit_bzero(copy, strlen(copy));
        if (g_strv_length(parts) != 3)
                return false;
        explicit_bzero(parts[2], strlen(parts[2])); /* without the signature it is no token any more */
        header = decode_object(parts[0]);
        claims = decode_object(parts[1]);
        if (!header || !claims)
                return false;
        *ret_header = json_incref(header);
        *ret_claims = json_incref(claims);
        return true;
}

static char *session_id(const char *sid) {
        g_autofree guchar *bytes = NULL;
        GString *id = g_string_new(NULL);
        size_t size = 0;

        bytes = strlen(sid) == SID_CHARACTERS ? decode_part(sid, &size) : NULL;
        for (size_t i = 0; i < size; i++)
                g_string_append_printf(id, "%02x", bytes[i]);
        g_string_truncate(id, WIRE_SESSION_ID_SHOWN);
        return g_string_free(id, FALSE);
}

char *token_text_member(const char *name, const json_t *value, int64_t now) {
        static const char *const times[] = { "iat", "exp", "nbf", "auth_time", "sess_exp", NULL };

        if (json_is_integer(value) && g_strv_contains(times, name)) {
                g_autofree char *when = output_time(json_integer_value(value), now);
                return g_strdup_printf("%" JSON_INTEGER_FORMAT " (%s)", json_integer_value(value), when);
        }
        if (json_is_string(value) && strcmp(name, "sid") == 0) {
                g_autofree char *id = session_id(json_string_value(value));
                return g_strdup_printf("%s (session %s)", json_string_value(value), id[0] ? id : "?");
        }
        if (json_is_string(value))
                return g_strdup(json_string_value(value));
        if (json_is_array(value))
                return output_list(value);
        return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
}
