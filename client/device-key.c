/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "client/device-key.h"
#include "common/name.h"

bool device_key_new(DeviceKey *key, char ret_public[REFRESH_PUBLIC_LENGTH + 1]) {
        unsigned char public_key[REFRESH_PUBLIC_SIZE];

        if (sodium_init() < 0)
                return false;
        refresh_key_new(key->seed, public_key);
        refresh_key_to_text(public_key, ret_public);
        return true;
}

void device_key_wipe(DeviceKey *key) {
        explicit_bzero(key->seed, sizeof(key->seed));
}

bool device_key_format(const DeviceKey *key, char ret_line[DEVICE_KEY_LINE_MAX]) {
        unsigned char id[REFRESH_DEVICE_SIZE];
        char seed[REFRESH_PUBLIC_LENGTH + 1];
        int n;

        if (!refresh_device_from_text(key->id, id) || !name_is_word(key->name) || !name_is_user(key->user) ||
            !name_is_host(key->host) || !name_is_host(key->audience))
                return false;
        refresh_key_to_text(key->seed, seed);
        n = snprintf(ret_line, DEVICE_KEY_LINE_MAX,
                     "{\"version\":1,\"user\":\"%s\",\"host\":\"%s\",\"audience\":\"%s\",\"device\":\"%s\","
                     "\"name\":\"%s\",\"seed\":\"%s\"}\n", key->user, key->host, key->audience, key->id, key->name, seed);
        explicit_bzero(seed, sizeof(seed));
        return n > 0 && n < DEVICE_KEY_LINE_MAX;
}
