/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>

#include "common/error.h"
#include "common/memfd.h"
#include "common/wire.h"
#include "daemon/bus/unpack.h"

/* The bus has checked that it is UTF-8. C1 controls are two bytes in it, U+0080 to U+009F. */
static bool text_is_plain(const char *text, bool lines) {
        for (const unsigned char *c = (const unsigned char *) text; *c; c++) {
                if (*c == 0xc2 && c[1] < 0xa0)
                        return false;
                if (*c == 0x7f || (*c < 0x20 && !(lines && (*c == '\n' || *c == '\t'))))
                        return false;
        }
        return true;
}

static int check_text(Request *request, const char *what, const char *text, size_t size, size_t max, bool lines) {
        if (size > max)
                return request_refuse(request, CORE_E_INVALID, "%s is longer than %zu bytes", what, max);
        if (!text_is_plain(text, lines))
                return request_refuse(request, CORE_E_INVALID, "%s holds a control character", what);
        return 0;
}

int unpack_text(Request *request, unsigned index, const char *what, size_t max, const char **ret) {
        g_autoptr(GVariant) value = g_variant_get_child_value(request->arguments, index);
        const char *text;
        gsize size;
        int r;

        text = g_variant_get_string(value, &size);
        r = check_text(request, what, text, size, max, /* lines= */ false);
        if (r != 0)
                return r;
        *ret = text;
        return 0;
}

static int unpack_words(Request *request, const UnpackKey *key, GVariant *value, const char ***ret) {
        g_autofree const char **words = NULL;
        int r;

        if (g_variant_n_children(value) > key->max)
                return request_refuse(request, CORE_E_INVALID, "\"%s\" holds more than %zu items", key->key,
                                      key->max);
        words = g_variant_get_strv(value, NULL);
        for (size_t i = 0; words[i]; i++) {
                r = check_text(request, key->key, words[i], strlen(words[i]), WIRE_NAME_MAX, /* lines= */ false);
                if (r != 0)
                        return r;
        }
        *ret = g_steal_pointer(&words);
        return 0;
}

static const char *const type_strings[_UNPACK_TYPE_MAX] = {
        [UNPACK_TEXT] = "s",
        [UNPACK_LINES] = "s",
        [UNPACK_BOOL] = "b",
        [UNPACK_INT64] = "x",
        [UNPACK_WORDS] = "as",
};

static int unpack_value(Request *request, const UnpackKey *key, GVariant *value, void *target) {
        void *member = (char *) target + key->offset;
        const char *text;
        gsize size;
        int r;

        if (!g_variant_is_of_type(value, G_VARIANT_TYPE(type_strings[key->type])))
                return request_refuse(request, CORE_E_INVALID, "\"%s\" must be of type \"%s\"", key->key,
                                      type_strings[key->type]);
        switch (key->type) {
        case UNPACK_TEXT:
        case UNPACK_LINES:
                text = g_variant_get_string(value, &size);
                r = check_text(request, key->key, text, size, key->max, key->type == UNPACK_LINES);
                if (r == 0 && size > 0)
                        *(const char **) member = text;
                return r;
        case UNPACK_BOOL:
                *(bool *) member = g_variant_get_boolean(value);
                return 0;
        case UNPACK_INT64:
                if (g_variant_get_int64(value) < 0)
                        return request_refuse(request, CORE_E_INVALID, "\"%s\" is negative", key->key);
                *(int64_t *) member = g_variant_get_int64(value);
                return 0;
        case UNPACK_WORDS:
                return unpack_words(request, key, value, member);
        case _UNPACK_TYPE_MAX:
                break;
        }
        g_assert_not_reached();
}

static const UnpackKey *find_key(const UnpackKey *keys, const char *name, size_t *ret_index) {
        for (size_t i = 0; keys && keys[i].key; i++)
                if (g_str_equal(keys[i].key, name)) {
                        *ret_index = i;
                        return &keys[i];
                }
        return NULL;
}

/* The name is the caller's own text: shown only where it can do no harm. */
static int refuse_key(Request *request, const char *name) {
        if (strlen(name) > WIRE_NAME_MAX || !text_is_plain(name, /* lines= */ false))
                return request_refuse(request, CORE_E_INVALID, "a key is none of this method's");
        return request_refuse(request, CORE_E_INVALID, "\"%s\" is no key of this method", name);
}

int unpack_dict(Request *request, unsigned index, const UnpackKey *keys, void *target) {
        g_autoptr(GVariant) dict = g_variant_get_child_value(request->arguments, index);
        unsigned seen = 0;

        for (size_t i = 0; i < g_variant_n_children(dict); i++) {
                g_autoptr(GVariant) value = NULL;
                const UnpackKey *key;
                const char *name;
                size_t at = 0;
                int r;

                g_variant_get_child(dict, i, "{&sv}", &name, &value);
                key = find_key(keys, name, &at);
                if (!key)
                        return refuse_key(request, name);
                if (seen & (1U << at))
                        return request_refuse(request, CORE_E_INVALID, "\"%s\" is given twice", name);
                seen |= 1U << at;
                r = unpack_value(request, key, value, target);
                if (r != 0)
                        return r;
        }
        return 0;
}

int unpack_secret(Request *request, unsigned index, const char *what, size_t max, Secret **ret) {
        g_autoptr(GVariant) handle = g_variant_get_child_value(request->arguments, index);
        _cleanup_secret_ Secret *secret = NULL;
        gint32 at = g_variant_get_handle(handle);
        const int *fds = NULL;
        int n_fds = 0;
        size_t size;
        int r;

        if (request->fds)
                fds = g_unix_fd_list_peek_fds(request->fds, &n_fds);
        if (at < 0 || at >= n_fds)
                return request_refuse(request, CORE_E_INVALID, "%s comes without its descriptor", what);
        r = memfd_check(fds[at], max, &size);
        if (r == -E2BIG)
                return request_refuse(request, CORE_E_INVALID, "%s is longer than %zu bytes", what, max);
        if (r < 0)
                return request_refuse(request, CORE_E_INVALID, "%s must come in a memfd with all four seals", what);
        secret = secret_new(size);
        if (!secret)
                return error_trace(-ENOMEM);
        r = memfd_read(fds[at], secret->data, size);
        if (r < 0)
                return error_trace(r);
        *ret = g_steal_pointer(&secret);
        return 0;
}
