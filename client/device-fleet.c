/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/device-alias.h"
#include "client/device-fleet.h"
#include "client/errors.h"
#include "client/output.h"
#include "common/cleanup.h"

#define LOCK_SECONDS 15

/* Finding it */

typedef struct Search {
        const DeviceFile *offered;
        const char *name;
        bool in_service;
        DeviceAlias alias; /* where the user said before that this host is of the fleet; of_host is "" where not */
        DeviceFile *best;
} Search;

static bool is_usable(const Search *search, const DeviceFile *file) {
        return file->fleet && strcmp(file->user, search->offered->user) == 0 &&
               strcmp(file->audience, search->offered->audience) == 0 &&
               (!search->name || strcmp(file->name, search->name) == 0) && (file->in_service || !search->in_service);
}

static bool leads_to(const DeviceAlias *alias, const DeviceFile *file) {
        return strcmp(alias->of_host, file->host) == 0 && alias->of_port == file->port;
}

/* One that was acknowledged before one that may have been; then the first by name, whatever the folder's order. */
static bool is_better(const DeviceFile *a, const DeviceFile *b) {
        int order = strcmp(a->host, b->host);

        if (!b->device[0] || a->pending != b->pending)
                return !b->device[0] || b->pending;
        return order < 0 || (order == 0 && a->port < b->port);
}

static int look_at(const char *name, void *data) {
        _cleanup_device_file_ DeviceFile file = { 0 }, again = { 0 };
        Search *search = data;

        if (device_file_read_name(name, &file) != 0 || !is_usable(search, &file) ||
            device_file_read(file.user, file.host, file.port, &again) != 0) /* which looks at the machine as well */
                return 0;
        if (leads_to(&search->alias, &file) || is_better(&file, search->best))
                *search->best = file;
        return leads_to(&search->alias, &file);
}

int device_fleet_find(const DeviceFile *offered, const char *name, bool in_service, DeviceFile *ret) {
        _cleanup_device_file_ DeviceFile best = { 0 };
        Search search = { .offered = offered, .name = name, .in_service = in_service, .best = &best };

        (void) device_alias_read(offered->user, offered->host, offered->port, &search.alias);
        (void) device_file_each(look_at, &search);
        if (!best.device[0])
                return DEVICE_E_NONE;
        *ret = best;
        return 0;
}

/* Using it */

static char *name_of(const DeviceFile *file) {
        SshTarget target = { .port = file->port };

        (void) g_strlcpy(target.user, file->user, sizeof(target.user));
        (void) g_strlcpy(target.host, file->host, sizeof(target.host));
        return ssh_target_name(&target);
}

int device_fleet_confirm(Cli *cli, const SshTarget *target, const DeviceFile *device) {
        g_autofree char *name = ssh_target_name(target), *of = name_of(device), *question = NULL;
        DeviceAlias alias;

        if (device_alias_read(target->user, target->host, target->port, &alias) == 0 && leads_to(&alias, device) &&
            strcmp(alias.audience, device->audience) == 0)
                return 0;
        question = g_strdup_printf("%s says that it is a host of the fleet %s, as %s is, where this machine is the "
                                   "device \"%s\".\nA host that is not could sign in to the fleet as you. Use that "
                                   "device for %s, too?", name, device->audience, of, device->name, name);
        return cli_confirm(cli, question);
}

int device_fleet_join(Cli *cli, const char *destination, const SshTarget *target, const DeviceFile *device) {
        g_autofree char *name = ssh_target_name(target), *of = name_of(device);
        const char *hint, *text;
        bool changed = false;
        int r;

        r = device_alias_write(device, target->host, target->port, cli->now, &changed);
        if (r != 0) {
                text = device_strerror(r, &hint);
                return cli_fail(cli, CLI_FAILED, "device", hint, "the device for %s: %s", name, text);
        }
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s, s:s, s:i, s:s, s:s, s:s}", "changed", changed, "user",
                                                  target->user, "host", target->host, "port", (int) target->port,
                                                  "device", device->device, "name", device->name, "with", of));
        output_say(cli, "the device \"%s\" of %s is %s for %s%s", device->name, of, changed ? "now" : "already", name,
                   changed ? ", too" : "; nothing changed");
        output_note(cli, "  log in without a prompt: tessera ssh %s", destination);
        return CLI_DONE;
}

void device_fleet_tell_gone(Cli *cli, const GPtrArray *names, const DeviceFile *old) {
        for (guint i = 0; i < names->len; i++)
                output_note(cli, "not signed in to %s any more: that was by the fleet %s",
                            (const char *) g_ptr_array_index(names, i), old->audience);
}

void device_fleet_settle(Cli *cli, const DeviceFile *file, const DeviceFile *old) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        _cleanup_close_ int lock = -1;

        (void) device_alias_remove(file->user, file->host, file->port);
        if (!old->device[0] || (file->fleet && strcmp(file->audience, old->audience) == 0))
                return;
        /* One that stays leads nowhere: device_find() compares the audience. */
        if (device_file_lock(file->user, file->host, file->port, LOCK_SECONDS, &lock) == 0)
                (void) device_alias_remove_of(file->user, file->host, file->port, names);
        device_fleet_tell_gone(cli, names, old);
}
