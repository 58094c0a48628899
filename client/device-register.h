/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A device's file while it is being registered: what login does to it beside others that read it and
 * take counters of it. 0, DEVICE_E_* or a negative errno.
 */

#include "client/device-file.h"

/*
 * Writes @file as pending. What was pending so far, unacknowledged and in use, becomes the one that counts,
 * so that it goes on working whatever becomes of this.
 */
int device_register_begin(DeviceFile *file);

/* From here on @file in devices/ is the device. Counters that were taken of it meanwhile stay taken. */
int device_register_end(DeviceFile *file);

/* Which file has the device @id, but for the one called @except (may be NULL): its name, or NULL; g_free. */
char *device_register_find(const char *id, const char *except);
