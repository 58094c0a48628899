/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The text of a device's file: what device-file.c reads and writes; and the files beside it. */

#include "client/device-file.h"

/* Strict: every member, once, as it has to be. 0 or DEVICE_E_DAMAGED; leaves ret->pending alone. */
int device_file_parse(const char *text, size_t size, DeviceFile *ret);

/* false where a member is not what it has to be. The caller wipes @ret. */
bool device_file_format(const DeviceFile *file, char ret[DEVICE_FILE_MAX], size_t *ret_size);

/* Files of ours in the folder @below (state-folder.h), as device-file.c treats its own. 0, DEVICE_E_* or a negative errno. */
int device_file_load(const char *below, const char *name, size_t max, char **ret, size_t *ret_size);
int device_file_store(const char *below, const char *name, const char *text, size_t size);
int device_file_unlink(const char *below, const char *name);
int device_file_each_in(const char *below, int (*found)(const char *name, void *data), void *data);
