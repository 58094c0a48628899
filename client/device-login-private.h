/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What both ways of becoming a device have in common: device-login.c and device-login-key.c. */

#include "client/device-file.h"
#include "client/device-login.h"

/* The device that @target has a file for so far, or none (.device is ""). 0, or the exit code of what was told. */
int device_login_read_old(Cli *cli, const SshTarget *target, DeviceFile *ret);

/* A new one for @target, without key and names. */
DeviceFile device_login_new_file(const SshTarget *target, const Cli *cli);

/* Tells what became of it. Return the exit code. */
int device_login_fail(Cli *cli, const SshTarget *target, int r);
int device_login_tell(Cli *cli, const DeviceFile *file, const char *destination, bool changed);
