/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <string.h>

#include "daemon/oidc/http-body.h"
#include "daemon/oidc/http.h"

#define FIRST_SIZE (8 * 1024) /* most answers fit */

void http_body_deinit(HttpBody *body) {
        body->data = secret_free(body->data);
}

const char *http_body_text(const HttpBody *body) {
        return body->data ? body->data->data : "";
}

static bool make_room(HttpBody *body, size_t wanted) {
        size_t room = body->data ? body->data->size : FIRST_SIZE;
        Secret *larger;

        if (body->data && wanted <= room)
                return true;
        while (room < wanted)
                room *= 2;
        larger = secret_new(room);
        if (!larger)
                return false;
        if (body->data)
                memcpy(larger->data, body->data->data, body->size);
        (void) secret_free(body->data);
        body->data = larger;
        return true;
}

size_t http_body_write(char *data, size_t one, size_t size, void *target) {
        HttpBody *body = target;

        if (size > HTTP_BODY_MAX - body->size) {
                body->too_large = true;
                return 0;
        }
        if (!make_room(body, body->size + size))
                return 0;
        memcpy(body->data->data + body->size, data, size);
        body->size += size;
        body->data->data[body->size] = '\0';
        return size;
}

size_t http_body_header(char *data, size_t one, size_t size, void *target) {
        HttpBody *body = target;

        if (size > HTTP_HEADER_MAX - body->header_size) {
                body->too_large = true;
                return 0;
        }
        body->header_size += size;
        return size;
}

bool http_type_is_json(const char *type) {
        g_autofree char *plain = NULL;

        if (!type)
                return false;
        plain = g_ascii_strdown(type, (gssize) strcspn(type, "; \t"));
        return g_str_equal(plain, "application/json") ||
               (g_str_has_prefix(plain, "application/") && g_str_has_suffix(plain, "+json"));
}
