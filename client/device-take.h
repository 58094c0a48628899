/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Taking a counter, and making the refresh token that it is good for.
 *
 * The host revokes a device whose counter comes twice. So a counter is taken under a lock and is on
 * the disk, with fsync, before the token exists: whoever dies when, none is taken twice; a lost one
 * is skipped. The host's window is 1,024 wide, and a login may be slow: the file remembers the
 * counters of the last 120 s whose process lives. There are at most 64 of them, and none is taken
 * more than DEVICE_SPREAD_MAX above the oldest; who comes too early waits.
 */

#include "client/device-file.h"

#define DEVICE_TAKE_SECONDS 15 /* of waiting, for the lock and for others' logins */

/*
 * The next token of the device for user, host and port (by an alias, too), made for the process @owner, which gets one
 * only. The caller wipes @ret. 0, DEVICE_E_* or a negative errno: then no counter was taken, or one
 * that nobody will use.
 */
int device_take(const char *user, const char *host, uint16_t port, const DeviceOwner *owner,
                char ret[REFRESH_TOKEN_LENGTH + 1]);

/*
 * The rule alone: forgets who is gone (@is_alive says; @now in Unix seconds) and takes the next
 * counter of @file. 0, DEVICE_E_ANSWERED, _BUSY or _EXHAUSTED; nothing is written.
 */
int device_take_next(DeviceFile *file, const DeviceOwner *owner, int64_t now,
                     bool (*is_alive)(const DeviceOwner *owner));
