/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The text of a device's file, and of a key line. The key is in it, so jansson is given a free()
 * that wipes, and what is written is put together without a library's help.
 */

#include <glib.h>
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "client/device-file-private.h"
#include "common/name.h"

#define VERSION 1
#define IN_SERVICE "secret-service"
#define TIME_MAX INT64_C(0xffffffffffff)

static void wipe_free(void *block) {
        if (block)
                explicit_bzero(block, malloc_usable_size(block));
        free(block);
}

/* What was allocated before is freed rightly, too. */
static json_t *load(const char *text, size_t size) {
        json_set_alloc_funcs(g_malloc, wipe_free);
        return json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
}

static bool get_text(const json_t *object, const char *name, char *ret, size_t room) {
        const json_t *value = json_object_get(object, name);

        if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) >= room)
                return false;
        (void) g_strlcpy(ret, json_string_value(value), room);
        return true;
}

static bool as_number(const json_t *value, int64_t min, int64_t max, int64_t *ret) {
        if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max)
                return false;
        *ret = json_integer_value(value);
        return true;
}

static bool get_number(const json_t *object, const char *name, int64_t min, int64_t max, int64_t *ret) {
        return as_number(json_object_get(object, name), min, max, ret);
}

static bool is_id(const char *text) {
        unsigned char id[REFRESH_DEVICE_SIZE];

        return refresh_device_from_text(text, id);
}

static bool get_seed(const json_t *object, DeviceFile *ret) {
        char seed[REFRESH_PUBLIC_LENGTH + 1];
        bool good = get_text(object, "seed", seed, sizeof(seed)) && refresh_key_from_text(seed, ret->seed);

        explicit_bzero(seed, sizeof(seed));
        return good;
}

/* In a file the key may lie elsewhere: then it is not here as well. */
static bool get_place(const json_t *object, DeviceFile *ret) {
        const char *place = json_string_value(json_object_get(object, "key"));

        ret->in_service = place && strcmp(place, IN_SERVICE) == 0 && !json_object_get(object, "seed");
        return ret->in_service || (!place && get_seed(object, ret));
}

/* What a key line has as well. */
static bool get_device(const json_t *object, DeviceFile *ret) {
        int64_t version;

        return get_number(object, "version", VERSION, VERSION, &version) &&
               get_text(object, "audience", ret->audience, sizeof(ret->audience)) && name_is_host(ret->audience) &&
               get_text(object, "device", ret->device, sizeof(ret->device)) && is_id(ret->device) &&
               get_text(object, "name", ret->name, sizeof(ret->name)) && name_is_word(ret->name);
}

static bool get_taken(const json_t *row, DeviceTaken *ret) {
        int64_t counter, start;

        if (!json_is_array(row) || json_array_size(row) != 4 ||
            !as_number(json_array_get(row, 0), 1, UINT32_MAX, &counter) ||
            !as_number(json_array_get(row, 1), 0, TIME_MAX, &ret->time) ||
            !as_number(json_array_get(row, 2), 0, INT32_MAX, &ret->owner.pid) ||
            !as_number(json_array_get(row, 3), 0, INT64_MAX, &start))
                return false;
        ret->counter = (uint32_t) counter;
        ret->owner.start = (uint64_t) start;
        return true;
}

static bool get_in_flight(const json_t *object, DeviceFile *ret) {
        const json_t *rows = json_object_get(object, "in_flight"), *row;
        size_t i;

        if (!json_is_array(rows) || json_array_size(rows) > DEVICE_IN_FLIGHT_MAX)
                return false;
        json_array_foreach(rows, i, row)
                if (!get_taken(row, &ret->in_flight[i]) || ret->in_flight[i].counter > ret->counter)
                        return false;
        ret->n_in_flight = json_array_size(rows);
        return true;
}

/* Absent where it is not so. */
static bool get_fleet(const json_t *object, bool *ret) {
        const json_t *fleet = json_object_get(object, "fleet");

        *ret = json_is_true(fleet);
        return !fleet || *ret;
}

static bool get_rest(const json_t *object, DeviceFile *ret) {
        int64_t port, counter;

        if (!get_text(object, "user", ret->user, sizeof(ret->user)) ||
            !get_text(object, "host", ret->host, sizeof(ret->host)) ||
            !get_number(object, "port", 1, UINT16_MAX, &port) ||
            !get_number(object, "counter", 0, UINT32_MAX, &counter) ||
            !get_text(object, "machine_id", ret->machine_id, sizeof(ret->machine_id)) ||
            !get_number(object, "created", 0, TIME_MAX, &ret->created))
                return false;
        ret->port = (uint16_t) port;
        ret->counter = (uint32_t) counter;
        return get_in_flight(object, ret);
}

int device_file_parse(const char *text, size_t size, DeviceFile *ret) {
        json_auto_t *object = load(text, size);

        return json_is_object(object) && get_device(object, ret) && get_place(object, ret) &&
                               get_fleet(object, &ret->fleet) && get_rest(object, ret) ? 0 : DEVICE_E_DAMAGED;
}

int device_file_parse_key(const char *text, size_t size, DeviceFile *ret) {
        json_auto_t *object = load(text, size);
        char user[WIRE_USER_MAX + 1], host[sizeof(ret->audience)];

        if (!json_is_object(object) || !get_device(object, ret) || !get_seed(object, ret) ||
            !get_text(object, "user", user, sizeof(user)) ||
            strcmp(user, ret->user) != 0)
                return DEVICE_E_DAMAGED;
        ret->fleet = get_text(object, "host", host, sizeof(host)) && strcmp(host, ret->audience) != 0;
        return 0;
}

static bool is_plain(const DeviceFile *file) {
        char name[DEVICE_FILE_NAME_MAX];

        return device_file_name(file->user, file->host, file->port, name) && name_is_host(file->audience) &&
               is_id(file->device) && name_is_word(file->name) && file->n_in_flight <= DEVICE_IN_FLIGHT_MAX;
}

static void append(char *text, size_t *size, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Past the end nothing is written, and *size tells. */
static void append(char *text, size_t *size, const char *format, ...) {
        size_t room = *size < DEVICE_FILE_MAX ? DEVICE_FILE_MAX - *size : 0;
        va_list arguments;

        va_start(arguments, format);
        *size += (size_t) vsnprintf(room > 0 ? text + *size : NULL, room, format, arguments);
        va_end(arguments);
}

bool device_file_format(const DeviceFile *file, char ret[DEVICE_FILE_MAX], size_t *ret_size) {
        char seed[REFRESH_PUBLIC_LENGTH + 1];
        size_t size = 0;

        if (!is_plain(file))
                return false;
        if (!file->in_service)
                refresh_key_to_text(file->seed, seed);
        append(ret, &size, "{\"version\":%d,\"user\":\"%s\",\"host\":\"%s\",\"port\":%u,\"audience\":\"%s\",%s", VERSION,
               file->user, file->host, file->port, file->audience, file->fleet ? "\"fleet\":true," : "");
        append(ret, &size, "\"device\":\"%s\",\"name\":\"%s\",\"%s\":\"%s\",\"counter\":%u,", file->device, file->name,
               file->in_service ? "key" : "seed", file->in_service ? IN_SERVICE : seed, file->counter);
        append(ret, &size, "\"machine_id\":\"%s\",\"created\":%lld,\"in_flight\":[", file->machine_id,
               (long long) file->created);
        for (size_t i = 0; i < file->n_in_flight; i++) {
                const DeviceTaken *taken = &file->in_flight[i];

                append(ret, &size, "%s[%u,%lld,%lld,%llu]", i > 0 ? "," : "", taken->counter, (long long) taken->time,
                       (long long) taken->owner.pid, (unsigned long long) taken->owner.start);
        }
        append(ret, &size, "]}\n");
        explicit_bzero(seed, sizeof(seed));
        *ret_size = size;
        return size < DEVICE_FILE_MAX;
}
