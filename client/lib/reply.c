/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Reading replies. Whatever is not as the interface says is CLIENT_E_VERSION, never a default. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

#include "client/lib/call.h"
#include "common/cleanup.h"
#include "common/memfd.h"

typedef struct Value {
        char *key;
        char *string;
        char **strings;
        ClientDict **dicts;
        size_t n_dicts;
        int64_t integer; /* of b, u, x */
        char type;       /* 's', 'b', 'i' (u and x), 'a' (as), 'd' (aa{sv}) */
} Value;

struct ClientDict {
        size_t n_values;
        Value values[CLIENT_DICT_MAX];
};

/* sd-bus says 0 where a message ends and -ENXIO or -EBADMSG where another type stands. */
static int read_result(int r) {
        if (r == -ENOMEM)
                return r;
        return r > 0 ? 0 : CLIENT_E_VERSION;
}

int client_message_check_signature(ClientMessage *message, const char *signature) {
        const char *found = sd_bus_message_get_signature(message, /* complete= */ 1);

        return found && strcmp(found, signature) == 0 ? 0 : CLIENT_E_VERSION;
}

static int read_text(ClientMessage *message, char type, size_t max, const char **ret) {
        const char *text;
        int r;

        r = read_result(sd_bus_message_read_basic(message, type, &text));
        if (r != 0)
                return r;
        if (strlen(text) > max)
                return CLIENT_E_VERSION;
        *ret = text;
        return 0;
}

int client_message_read_string(ClientMessage *message, size_t max, const char **ret) {
        return read_text(message, SD_BUS_TYPE_STRING, max, ret);
}

int client_message_read_path(ClientMessage *message, const char **ret) {
        return read_text(message, SD_BUS_TYPE_OBJECT_PATH, CLIENT_TEXT_MAX, ret);
}

int client_message_read_bool(ClientMessage *message, bool *ret) {
        int value, r;

        r = read_result(sd_bus_message_read_basic(message, SD_BUS_TYPE_BOOLEAN, &value));
        if (r == 0)
                *ret = value != 0;
        return r;
}

int client_message_read_uint32(ClientMessage *message, uint32_t *ret) {
        return read_result(sd_bus_message_read_basic(message, SD_BUS_TYPE_UINT32, ret));
}

int client_message_read_uint64(ClientMessage *message, uint64_t *ret) {
        return read_result(sd_bus_message_read_basic(message, SD_BUS_TYPE_UINT64, ret));
}

int client_message_enter(ClientMessage *message, char type, const char *contents) {
        return read_result(sd_bus_message_enter_container(message, type, contents));
}

int client_message_read_secret(ClientMessage *message, size_t max, char **ret, size_t *ret_size) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int fd, r;

        r = read_result(sd_bus_message_read_basic(message, SD_BUS_TYPE_UNIX_FD, &fd)); /* borrowed */
        if (r != 0)
                return r;
        r = memfd_check(fd, max, &size);
        if (r < 0)
                return CLIENT_E_VERSION;
        data = calloc(1, size + 1);
        if (!data)
                return -ENOMEM;
        r = memfd_read(fd, data, size);
        if (r < 0)
                return r;
        *ret = data;
        data = NULL;
        *ret_size = size;
        return 0;
}

char **client_strings_free(char **strings) {
        for (char **s = strings; s && *s; s++)
                free(*s);
        free(strings);
        return NULL;
}

int client_message_read_strings(ClientMessage *message, size_t max_items, char ***ret) {
        char **strings = NULL;
        size_t n = 0;
        int r;

        r = sd_bus_message_read_strv(message, &strings);
        if (r < 0)
                return read_result(r);
        while (strings && strings[n])
                n++;
        if (!strings)
                strings = calloc(1, sizeof(*strings)); /* an empty array may come as NULL */
        if (!strings)
                return -ENOMEM;
        if (n > max_items) {
                client_strings_free(strings);
                return CLIENT_E_VERSION;
        }
        *ret = strings;
        return 0;
}

static int read_value(ClientMessage *message, const char *type, Value *value) {
        union {
                int boolean;
                uint32_t u;
                int64_t x;
        } number;
        const char *text;
        int r;

        if (strcmp(type, "s") == 0) {
                value->type = 's';
                r = read_result(sd_bus_message_read_basic(message, 's', &text));
                if (r != 0)
                        return r;
                value->string = strdup(text);
                return value->string ? 0 : -ENOMEM;
        }
        if (strcmp(type, "aa{sv}") == 0) {
                value->type = 'd';
                return client_message_read_dicts(message, /* max_items= */ 65536, &value->dicts, &value->n_dicts);
        }
        if (strcmp(type, "as") == 0) {
                value->type = 'a';
                return client_message_read_strings(message, /* max_items= */ 65536, &value->strings);
        }
        r = read_result(sd_bus_message_read_basic(message, type[0], &number));
        if (r != 0)
                return r;
        value->type = type[0] == 'b' ? 'b' : 'i';
        value->integer = type[0] == 'b' ? number.boolean : type[0] == 'u' ? number.u : number.x;
        return 0;
}

static bool is_known_type(const char *type) {
        static const char *const known[] = { "s", "b", "u", "x", "as", "aa{sv}" };

        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (strcmp(type, known[i]) == 0)
                        return true;
        return false;
}

/* One {sv}, already entered. A value of a type that we do not know is skipped: the interface may grow. */
static int read_entry(ClientMessage *message, ClientDict *dict) {
        const char *key, *contents;
        char type;
        int r;

        r = client_message_read_string(message, CLIENT_TEXT_MAX, &key);
        if (r == 0)
                r = read_result(sd_bus_message_peek_type(message, &type, &contents));
        if (r != 0)
                return r;
        if (type != SD_BUS_TYPE_VARIANT)
                return CLIENT_E_VERSION;
        if (!is_known_type(contents))
                return read_result(sd_bus_message_skip(message, "v"));
        if (dict->n_values == CLIENT_DICT_MAX)
                return CLIENT_E_VERSION;
        r = client_message_enter(message, SD_BUS_TYPE_VARIANT, contents);
        if (r == 0) {
                Value *value = &dict->values[dict->n_values++];

                value->key = strdup(key);
                r = value->key ? read_value(message, contents, value) : -ENOMEM;
        }
        if (r == 0)
                r = read_result(sd_bus_message_exit_container(message));
        return r;
}

int client_message_read_dict(ClientMessage *message, ClientDict **ret) {
        _cleanup_client_dict_ ClientDict *dict = NULL;
        int entered, r;

        dict = calloc(1, sizeof(*dict));
        if (!dict)
                return -ENOMEM;
        r = client_message_enter(message, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r != 0)
                return r;
        while ((entered = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
                r = read_entry(message, dict);
                if (r == 0)
                        r = read_result(sd_bus_message_exit_container(message));
                if (r != 0)
                        return r;
        }
        if (entered < 0)
                return read_result(entered);
        r = read_result(sd_bus_message_exit_container(message));
        if (r != 0)
                return r;
        *ret = dict;
        dict = NULL;
        return 0;
}

int client_message_read_dicts(ClientMessage *message, size_t max_items, ClientDict ***ret, size_t *ret_n) {
        ClientDict **dicts = NULL;
        size_t n = 0;
        int r;

        r = client_message_enter(message, SD_BUS_TYPE_ARRAY, "a{sv}");
        while (r == 0 && !sd_bus_message_at_end(message, /* complete= */ 0)) {
                ClientDict **grown = n < max_items ? reallocarray(dicts, n + 1, sizeof(*dicts)) : NULL;

                if (!grown) {
                        r = n < max_items ? -ENOMEM : CLIENT_E_VERSION;
                        break;
                }
                dicts = grown;
                r = client_message_read_dict(message, &dicts[n]);
                if (r == 0)
                        n++;
        }
        if (r == 0)
                r = read_result(sd_bus_message_exit_container(message));
        if (r != 0) {
                client_dicts_free(dicts, n);
                return r;
        }
        *ret = dicts;
        *ret_n = n;
        return 0;
}

ClientDict *client_dict_free(ClientDict *dict) {
        if (!dict)
                return NULL;
        for (size_t i = 0; i < dict->n_values; i++) {
                free(dict->values[i].key);
                free(dict->values[i].string);
                client_strings_free(dict->values[i].strings);
                client_dicts_free(dict->values[i].dicts, dict->values[i].n_dicts);
        }
        free(dict);
        return NULL;
}

ClientDict **client_dicts_free(ClientDict **dicts, size_t n) {
        for (size_t i = 0; i < n; i++)
                client_dict_free(dicts[i]);
        free(dicts);
        return NULL;
}

static const Value *find(const ClientDict *dict, const char *key, char type) {
        for (size_t i = 0; i < dict->n_values; i++)
                if (dict->values[i].type == type && strcmp(dict->values[i].key, key) == 0)
                        return &dict->values[i];
        return NULL;
}

const char *client_dict_get_string(const ClientDict *dict, const char *key) {
        const Value *value = find(dict, key, 's');

        return value ? value->string : NULL;
}

bool client_dict_get_bool(const ClientDict *dict, const char *key) {
        const Value *value = find(dict, key, 'b');

        return value && value->integer;
}

int64_t client_dict_get_integer(const ClientDict *dict, const char *key) {
        const Value *value = find(dict, key, 'i');

        return value ? value->integer : 0;
}

const char *const *client_dict_get_strings(const ClientDict *dict, const char *key) {
        static const char *const none[] = { NULL };
        const Value *value = find(dict, key, 'a');

        return value ? (const char *const *) value->strings : none;
}

ClientDict *const *client_dict_get_dicts(const ClientDict *dict, const char *key, size_t *ret_n) {
        const Value *value = find(dict, key, 'd');

        *ret_n = value ? value->n_dicts : 0;
        return value ? value->dicts : NULL;
}
