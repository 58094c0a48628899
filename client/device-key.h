/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A device's whole key as `device add` prints it once and `tessera login USER@HOST --device` takes it: one line of
 * JSON that is a secret.
 *
 *         {"version":1,"user","host","audience","device","name","seed"}
 *
 * host is the one that made it. The audience is its name, too, or another: that of its fleet, and then one
 * may say login at each of the fleet's hosts.
 */

#include "common/refresh-token.h"

typedef struct DeviceKey {
        const char *id, *name, *user, *host, *audience; /* not owned */
        unsigned char seed[REFRESH_SEED_SIZE];
} DeviceKey;

/* Draws the seed; its public key as text. false where libsodium has no randomness. */
bool device_key_new(DeviceKey *key, char ret_public[REFRESH_PUBLIC_LENGTH + 1]);

void device_key_wipe(DeviceKey *key);

#define _cleanup_device_key_ __attribute__((__cleanup__(device_key_wipe)))

#define DEVICE_KEY_LINE_MAX 512 /* with the terminator; every name at its longest fits */

/*
 * The line with its newline, to be wiped by the caller; false where a member is not what it has to be, so that the
 * line needs no quoting. No library's memory keeps a copy.
 */
bool device_key_format(const DeviceKey *key, char ret_line[DEVICE_KEY_LINE_MAX]);
