/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * A device of a fleet is good at each of its hosts, and one machine needs one: a second would be a second
 * counter for nothing. So the file of a device stands under the host that it was registered at, and for
 * each further host, that its user said is of the fleet, $XDG_STATE_HOME/tessera/aliases/ has a file of
 * the name that a device would have:
 *
 *         {"version":1,"user","host","port","audience","of_host","of_port","created"}
 *
 * It is no secret; but who could write one would be given tokens, so it is read as a device's file is.
 * An alias leads to whichever device has the file of_host, as long as that is a fleet's, and of this
 * audience: a machine that registers anew there goes on everywhere. One that leads nowhere is none.
 */

#include <glib.h>

#include "client/device-file.h"

typedef struct DeviceAlias {
        char user[WIRE_USER_MAX + 1];
        char host[DEVICE_HOST_MAX + 1];
        uint16_t port;
        char audience[REFRESH_AUDIENCE_MAX + 1]; /* the fleet */
        char of_host[DEVICE_HOST_MAX + 1];       /* whose device it is */
        uint16_t of_port;
        int64_t created;
} DeviceAlias;

/* The device for this user, host and port: its own, or the one that an alias leads to. As device_file_read(). */
int device_find(const char *user, const char *host, uint16_t port, DeviceFile *ret);

/* Did device_find() come to @file for this host and port by an alias? */
bool device_is_alias(const DeviceFile *file, const char *host, uint16_t port);

/* Reads the alias of exactly these, wherever it leads; or by its file's name, for lists. As device_file_read(). */
int device_alias_read(const char *user, const char *host, uint16_t port, DeviceAlias *ret);
int device_alias_read_name(const char *name, DeviceAlias *ret);

/*
 * From now on @host and @port are @device's, too. DEVICE_E_NONE where that device is not there any more.
 * @ret_changed: they were not before.
 */
int device_alias_write(const DeviceFile *device, const char *host, uint16_t port, int64_t now, bool *ret_changed);

/* The user of this host wants no more of the device; it goes on elsewhere. DEVICE_E_NONE where there was none. */
int device_alias_remove(const char *user, const char *host, uint16_t port);

/*
 * Those that lead to the device of @host and @port are removed: it goes, or is no more what they were made
 * for. The caller holds that device's lock. Their names are appended to @names (char *).
 */
int device_alias_remove_of(const char *user, const char *host, uint16_t port, GPtrArray *names);

/*
 * Removes what there is of these here: the device with all aliases that lead to it (in @names, as above), or
 * the alias. The hosts are not told. DEVICE_E_NONE where there was neither.
 */
int device_forget(const char *user, const char *host, uint16_t port, GPtrArray *names);

/* As device_file_each(). */
int device_alias_each(int (*found)(const char *name, void *data), void *data);
