/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The text of a device's file: what device-file.c reads and writes. */

#include "client/device-file.h"

/* Strict: every member, once, as it has to be. 0 or DEVICE_E_DAMAGED; leaves ret->pending alone. */
int device_file_parse(const char *text, size_t size, DeviceFile *ret);

/* false where a member is not what it has to be. The caller wipes @ret. */
bool device_file_format(const DeviceFile *file, char ret[DEVICE_FILE_MAX], size_t *ret_size);
