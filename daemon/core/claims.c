/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "common/name.h"
#include "daemon/core/claims.h"
#include "daemon/core/token-gate.h"

#define SESSION_ID_BYTES 16

typedef json_t Json;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Json, json_decref)

void claims_need_memory(void) {
        json_set_alloc_funcs(g_malloc, g_free);
}

bool claims_is_session(const char id[SESSION_ID_SIZE]) {
        return strnlen(id, SESSION_ID_SIZE) == SESSION_ID_SIZE - 1 &&
               strspn(id, "0123456789abcdef") == SESSION_ID_SIZE - 1;
}

bool claims_is_method(const char *text) {
        const char *provider = g_str_has_prefix(text, "oidc:") ? text + strlen("oidc:") : text;

        return name_is_word(provider);
}

bool claims_all_are(char *const *list, bool (*is)(const char *)) {
        for (; list && *list; list++)
                if (!is(*list))
                        return false;
        return true;
}

bool claims_put_list(struct json_t *object, const char *name, char *const *list) {
        g_autoptr(Json) array = json_array();

        if (!list || !*list)
                return true;
        for (; *list; list++)
                if (json_array_append_new(array, json_string(*list)) < 0)
                        return false;
        return json_object_set(object, name, array) == 0;
}

bool claims_get_list(const struct json_t *array, char ***ret) {
        g_autoptr(GStrvBuilder) list = g_strv_builder_new();

        if (!array)
                return true;
        if (!json_is_array(array))
                return false;
        for (size_t i = 0; i < json_array_size(array); i++) {
                const char *item = json_string_value(json_array_get(array, i));

                if (!item)
                        return false;
                g_strv_builder_add(list, item);
        }
        *ret = g_strv_builder_end(list);
        return true;
}

bool claims_sid_from_session(const char session[SESSION_ID_SIZE], char ret_sid[CLAIMS_SID_SIZE]) {
        unsigned char bytes[SESSION_ID_BYTES];

        if (sodium_hex2bin(bytes, sizeof(bytes), session, SESSION_ID_SIZE - 1, NULL, NULL, NULL) < 0)
                return false;
        base64url_encode(bytes, sizeof(bytes), ret_sid);
        return true;
}

bool claims_session_from_sid(const char *sid, char ret_session[SESSION_ID_SIZE]) {
        unsigned char session[SESSION_ID_BYTES];
        size_t size;

        if (!base64url_decode(sid, strlen(sid), session, sizeof(session), &size) || size != sizeof(session))
                return false;
        (void) sodium_bin2hex(ret_session, SESSION_ID_SIZE, session, sizeof(session));
        return true;
}

char *claims_dump(const struct json_t *object) {
        char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS), *json;

        json = g_strdup(text);
        free(text);
        return json;
}
