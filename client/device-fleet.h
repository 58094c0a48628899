/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Signing in to another host of a fleet, of which this machine is a device already.
 *
 * A host's own word makes it one of the fleet: whatever it is, it gets tokens that are good at each of
 * the fleet's hosts. So it is the user who decides, by naming the host, and at a terminal by a yes.
 */

#include "client/cli.h"
#include "client/device-file.h"
#include "client/ssh-target.h"

/*
 * The device of @offered's user for the fleet that @offered is for: 0 or DEVICE_E_NONE. One that an alias
 * of @offered leads to already comes first. @name (NULL: any) and @in_service are what it has to be.
 */
int device_fleet_find(const DeviceFile *offered, const char *name, bool in_service, DeviceFile *ret);

/* Has the user said that @target is of the fleet of @device, or says so now? 0, or the exit code of what was told. */
int device_fleet_confirm(Cli *cli, const SshTarget *target, const DeviceFile *device);

/* Makes @target an alias of @device, and tells. Returns the exit code. */
int device_fleet_join(Cli *cli, const char *destination, const SshTarget *target, const DeviceFile *device);

/*
 * @file is its host's own device since now, in place of @old (.device is "" where there was none): it needs
 * no alias, and those that led to the old one stay only where it is the same fleet's. What goes is told.
 */
void device_fleet_settle(Cli *cli, const DeviceFile *file, const DeviceFile *old);

/* Says of the aliases @names (char *) that went with their device, @old. */
void device_fleet_tell_gone(Cli *cli, const GPtrArray *names, const DeviceFile *old);
