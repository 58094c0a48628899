/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A device's key in the desktop's Secret Service instead of its file, for who asks for that: locked
 * with the login's keyring, out of the reach of who copies the disk. libsecret is loaded when it is
 * needed, and is no dependency.
 */

#include "client/device-file.h"

/* Keeps file->seed there, under the device's id. 0, DEVICE_E_NO_SERVICE, or DEVICE_E_LOCKED_KEY where it refused. */
int secret_service_store(const DeviceFile *file);

/* Fetches it; may wait for a human who unlocks the keyring. As above, and DEVICE_E_NO_KEY. */
int secret_service_load(const DeviceFile *file, unsigned char ret_seed[REFRESH_SEED_SIZE]);

/* Removes it there, where it can be; a key without its device is worth nothing. */
void secret_service_forget(const DeviceFile *file);
