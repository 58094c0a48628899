/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "client/device-alias.h"
#include "client/device-file-private.h"
#include "common/cleanup.h"
#include "common/name.h"

#define FOLDER "aliases"
#define ALIAS_MAX 4096
#define LOCK_SECONDS 15

/* Their text */

static bool get_text(const json_t *object, const char *member, char *ret, size_t room) {
        const json_t *value = json_object_get(object, member);

        return json_string_length(value) > 0 && g_strlcpy(ret, json_string_value(value), room) < room;
}

static bool get_port(const json_t *object, const char *member, uint16_t *ret) {
        json_int_t port = json_integer_value(json_object_get(object, member));

        *ret = (uint16_t) port;
        return port >= 1 && port <= UINT16_MAX;
}

static bool parse(const char *text, size_t size, DeviceAlias *ret) {
        json_auto_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
        char name[DEVICE_FILE_NAME_MAX];

        ret->created = json_integer_value(json_object_get(object, "created"));
        return json_integer_value(json_object_get(object, "version")) == 1 && ret->created >= 0 &&
               get_text(object, "user", ret->user, sizeof(ret->user)) &&
               get_text(object, "host", ret->host, sizeof(ret->host)) && get_port(object, "port", &ret->port) &&
               get_text(object, "audience", ret->audience, sizeof(ret->audience)) && name_is_host(ret->audience) &&
               get_text(object, "of_host", ret->of_host, sizeof(ret->of_host)) &&
               get_port(object, "of_port", &ret->of_port) &&
               device_file_name(ret->user, ret->of_host, ret->of_port, name);
}

static char *format(const DeviceAlias *alias) {
        json_auto_t *object = json_pack("{s:i, s:s, s:s, s:i, s:s, s:s, s:i, s:I}", "version", 1, "user", alias->user,
                                        "host", alias->host, "port", (int) alias->port, "audience", alias->audience,
                                        "of_host", alias->of_host, "of_port", (int) alias->of_port, "created",
                                        (json_int_t) alias->created);

        return object ? json_dumps(object, JSON_COMPACT) : NULL;
}

/* Their files */

int device_alias_read_name(const char *name, DeviceAlias *ret) {
        _cleanup_free_ char *text = NULL;
        char own[DEVICE_FILE_NAME_MAX];
        DeviceAlias alias;
        size_t size;
        int r;

        r = device_file_load(FOLDER, name, ALIAS_MAX, &text, &size);
        if (r != 0)
                return r;
        if (!parse(text, size, &alias) || !device_file_name(alias.user, alias.host, alias.port, own) ||
            strcmp(own, name) != 0)
                return DEVICE_E_DAMAGED;
        *ret = alias;
        return 0;
}

int device_alias_read(const char *user, const char *host, uint16_t port, DeviceAlias *ret) {
        char name[DEVICE_FILE_NAME_MAX];

        return device_file_name(user, host, port, name) ? device_alias_read_name(name, ret) : DEVICE_E_NONE;
}

bool device_is_alias(const DeviceFile *file, const char *host, uint16_t port) {
        return strcmp(file->host, host) != 0 || file->port != port;
}

int device_find(const char *user, const char *host, uint16_t port, DeviceFile *ret) {
        _cleanup_device_file_ DeviceFile file = { 0 };
        DeviceAlias alias;
        int r;

        r = device_file_read(user, host, port, ret);
        if (r != DEVICE_E_NONE)
                return r;
        r = device_alias_read(user, host, port, &alias);
        if (r == 0)
                r = device_file_read(user, alias.of_host, alias.of_port, &file);
        if (r != 0)
                return r;
        if (!file.fleet || strcmp(file.audience, alias.audience) != 0)
                return DEVICE_E_NONE;
        *ret = file;
        return 0;
}

static bool is_same(const DeviceAlias *a, const DeviceAlias *b) {
        return strcmp(a->of_host, b->of_host) == 0 && a->of_port == b->of_port && strcmp(a->audience, b->audience) == 0;
}

static int write_locked(const DeviceAlias *alias, const char *device, bool *ret_changed) {
        _cleanup_device_file_ DeviceFile file = { 0 };
        char name[DEVICE_FILE_NAME_MAX];
        _cleanup_free_ char *text = NULL;
        DeviceAlias old;
        int r;

        r = device_file_read(alias->user, alias->of_host, alias->of_port, &file);
        if (r != 0)
                return r;
        if (!file.fleet || strcmp(file.device, device) != 0 || strcmp(file.audience, alias->audience) != 0)
                return DEVICE_E_NONE;
        *ret_changed = device_alias_read(alias->user, alias->host, alias->port, &old) != 0 || !is_same(&old, alias);
        if (!*ret_changed)
                return 0;
        text = format(alias);
        if (!text || !device_file_name(alias->user, alias->host, alias->port, name))
                return DEVICE_E_DAMAGED;
        return device_file_store(FOLDER, name, text, strlen(text));
}

int device_alias_write(const DeviceFile *device, const char *host, uint16_t port, int64_t now, bool *ret_changed) {
        DeviceAlias alias = { .port = port, .of_port = device->port, .created = now };
        _cleanup_close_ int lock = -1;
        int r;

        (void) g_strlcpy(alias.user, device->user, sizeof(alias.user));
        (void) g_strlcpy(alias.audience, device->audience, sizeof(alias.audience));
        (void) g_strlcpy(alias.of_host, device->host, sizeof(alias.of_host));
        if (g_strlcpy(alias.host, host, sizeof(alias.host)) >= sizeof(alias.host))
                return DEVICE_E_DAMAGED;
        r = device_file_lock(device->user, device->host, device->port, LOCK_SECONDS, &lock);
        return r == 0 ? write_locked(&alias, device->device, ret_changed) : r;
}

int device_alias_remove(const char *user, const char *host, uint16_t port) {
        char name[DEVICE_FILE_NAME_MAX];

        return device_file_name(user, host, port, name) ? device_file_unlink(FOLDER, name) : DEVICE_E_NONE;
}

int device_alias_each(int (*found)(const char *name, void *data), void *data) {
        return device_file_each_in(FOLDER, found, data);
}

/* All that lead to one device */

typedef struct Search {
        const char *user, *host;
        uint16_t port;
        GPtrArray *names;
} Search;

static int look_at(const char *name, void *data) {
        const Search *search = data;
        DeviceAlias alias;

        if (device_alias_read_name(name, &alias) == 0 && strcmp(alias.user, search->user) == 0 &&
            strcmp(alias.of_host, search->host) == 0 && alias.of_port == search->port)
                g_ptr_array_add(search->names, g_strdup(name));
        return 0;
}

int device_alias_remove_of(const char *user, const char *host, uint16_t port, GPtrArray *names) {
        Search search = { .user = user, .host = host, .port = port, .names = names };
        guint first = names->len;
        int r;

        r = device_alias_each(look_at, &search);
        for (guint i = first; i < names->len && r == 0; i++) {
                r = device_file_unlink(FOLDER, g_ptr_array_index(names, i));
                if (r == DEVICE_E_NONE)
                        r = 0;
        }
        return r;
}

int device_forget(const char *user, const char *host, uint16_t port, GPtrArray *names) {
        _cleanup_close_ int lock = -1;
        int r, alias;

        r = device_file_lock(user, host, port, LOCK_SECONDS, &lock);
        if (r == 0)
                r = device_alias_remove_of(user, host, port, names);
        if (r != 0)
                return r;
        alias = device_alias_remove(user, host, port);
        r = device_file_remove(user, host, port);
        return r == DEVICE_E_NONE ? alias : r;
}
