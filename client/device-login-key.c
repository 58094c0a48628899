/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* A robot's: a device whose key somebody made on the host, and brings. */

#include <string.h>
#include <unistd.h>

#include "client/device-alias.h"
#include "client/device-fleet.h"
#include "client/device-login-private.h"
#include "client/device-register.h"
#include "client/errors.h"
#include "client/secret-input.h"
#include "client/secret-service.h"

/*
 * The key is another host's device already. A fleet's is this host's, too, by an alias: who gives it to
 * both has said so. A device of its own that this host had so far is in the way of that, and forgotten.
 */
static int share_key(Cli *cli, const char *destination, const SshTarget *target, const DeviceFile *old,
                     const DeviceFile *file, const char *other) {
        g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
        _cleanup_device_file_ DeviceFile device = { 0 };
        int r = 0;

        if (!file->fleet || device_file_read_name(other, &device) != 0 || !device.fleet ||
            strcmp(device.audience, file->audience) != 0 || strcmp(device.user, file->user) != 0 ||
            (file->in_service && !device.in_service))
                return cli_fail(cli, CLI_FAILED, "exists", "log in by that name, or make a key of its own for this one",
                                "this key is the device for %s already", other);
        if (old->device[0]) {
                secret_service_forget(old);
                r = device_forget(old->user, old->host, old->port, gone);
        }
        device_fleet_tell_gone(cli, gone, old);
        if (r != 0)
                return device_login_fail(cli, target, r);
        return device_fleet_join(cli, destination, target, &device);
}

/* One key is one device with one counter: not in two files, and not begun anew. */
static int keep_key(Cli *cli, const char *destination, const SshTarget *target, const DeviceFile *old,
                    DeviceFile *file) {
        char name[DEVICE_FILE_NAME_MAX];
        g_autofree char *other = NULL;
        int r;

        (void) device_file_name(file->user, file->host, file->port, name);
        other = device_register_find(file->device, name);
        if (other)
                return share_key(cli, destination, target, old, file, other);
        if (strcmp(old->device, file->device) == 0 && !old->pending && old->in_service == file->in_service)
                return device_login_tell(cli, file, destination, /* changed= */ false);
        r = file->in_service ? secret_service_store(file) : 0;
        if (r == 0)
                r = device_register_end(file);
        if (r != 0)
                return device_login_fail(cli, target, r);
        device_fleet_settle(cli, file, old);
        return device_login_tell(cli, file, destination, /* changed= */ true);
}

int device_login_key(Cli *cli, const char *destination, bool in_service) {
        _cleanup_secret_input_ SecretInput input = { 0 };
        _cleanup_device_file_ DeviceFile file = { 0 }, old = { 0 };
        SshTarget target;
        int r;

        if (isatty(STDIN_FILENO))
                return cli_usage(cli, "tessera device add --name NAME prints it, on the host",
                                 "a device's key is read from stdin, which is a terminal");
        r = device_resolve(cli, destination, &target);
        if (r == 0)
                r = device_login_read_old(cli, &target, &old);
        if (r != 0)
                return r;
        r = secret_input_all(STDIN_FILENO, &input);
        if (r < 0)
                return cli_fail(cli, CLI_FAILED, "input", NULL, "the key could not be read: %s", g_strerror(-r));
        file = device_login_new_file(&target, cli);
        if (device_file_parse_key(input.data, input.size, &file) != 0)
                return cli_usage(cli, "the one line that tessera device add printed for this user",
                                 "stdin is no key of a device of %s", target.user);
        file.in_service = in_service;
        return keep_key(cli, destination, &target, &old, &file);
}
