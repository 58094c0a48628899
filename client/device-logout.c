/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Ending what device-login.c began. */

#include <string.h>

#include "client/device-alias.h"
#include "client/device-login.h"
#include "client/errors.h"
#include "client/output.h"
#include "client/secret-service.h"
#include "client/shape.h"
#include "client/ssh-master.h"
#include "client/ssh-run.h"

/* By the device itself, over a connection that may be there. The login ends with it, so its exit says little. */
static bool revoke_there(const Cli *cli, const char *destination, SshTarget *target, const char *id) {
        _cleanup_ssh_line_ SshLine line = { .destination = destination, .resolving = g_ptr_array_new() };
        g_autofree char *command = g_strconcat("tessera --json device revoke ", id, NULL);
        g_autofree char *path = NULL, *output = NULL;
        int exit;

        ssh_master_path(target, &line);
        path = ssh_master_option(target);
        {
                const char *argv[] = { "ssh", "-a", "-x", "-T", "-n", "-o", "ControlMaster=no", "-o", path,
                                       "-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none",
                                       "-o", "PermitLocalCommand=no", "--", destination, command, NULL };

                if (ssh_run((char **) argv, target, cli->no_input, &output, &exit) < 0)
                        return false;
        }
        return exit == 0 || strstr(output, "\"changed\":");
}

/* What was by the same device goes with it: @also. */
static int tell_forgotten(Cli *cli, const SshTarget *target, const char *name, const char *said, bool changed,
                          GPtrArray *also) {
        g_autofree char *names = NULL;
        json_t *list;

        g_ptr_array_add(also, NULL);
        if (cli->json) {
                list = shape_strings((const char *const *) also->pdata);
                return output_json(cli, json_pack("{s:b, s:s, s:s, s:o}", "changed", changed, "user", target->user,
                                                  "host", target->host, "also", list));
        }
        names = g_strjoinv(", ", (char **) also->pdata);
        if (!changed)
                output_say(cli, "not signed in to %s from here; nothing changed", name);
        else if (names[0])
                output_say(cli, "%s; with it that for %s", said, names);
        else
                output_say(cli, "%s", said);
        return CLI_DONE;
}

static int forget_here(Cli *cli, const SshTarget *target, const char *name, const char *said) {
        g_autoptr(GPtrArray) also = g_ptr_array_new_with_free_func(g_free);
        const char *hint, *text;
        int r;

        r = device_forget(target->user, target->host, target->port, also);
        if (r != 0 && r != DEVICE_E_NONE) {
                text = device_strerror(r, &hint);
                return cli_fail(cli, CLI_FAILED, "device", hint, "the device for %s: %s", name, text);
        }
        return tell_forgotten(cli, target, name, said, r == 0, also);
}

/* The device is another host's, too, and goes on there; what is given up is that this host is of its fleet. */
static int leave_fleet(Cli *cli, const char *destination, SshTarget *target, const char *name, const DeviceFile *file) {
        _cleanup_ssh_line_ SshLine line = { .destination = destination, .resolving = g_ptr_array_new() };
        g_autofree char *said = NULL;

        said = g_strdup_printf("%s is given nothing from here any more; the device \"%s\" goes on as that of %s@%s",
                               name, file->name, file->user, file->host);
        ssh_master_path(target, &line);
        (void) ssh_master_end(target);
        return forget_here(cli, target, name, said);
}

int device_logout(Cli *cli, const char *destination, bool forget) {
        _cleanup_device_file_ DeviceFile file = { 0 };
        g_autofree char *name = NULL, *hint = NULL, *said = NULL;
        SshTarget target;
        int r;

        r = device_resolve(cli, destination, &target);
        if (r != 0)
                return r;
        name = ssh_target_name(&target);
        said = g_strdup_printf(forget ? "forgot the device for %s here; the host was not told"
                                      : "signed out of %s: its device is revoked", name);
        r = device_find(target.user, target.host, target.port, &file);
        if (r == 0 && device_is_alias(&file, target.host, target.port))
                return leave_fleet(cli, destination, &target, name, &file);
        if (forget && r == 0)
                secret_service_forget(&file);
        if (forget || r == DEVICE_E_NONE)
                return forget_here(cli, &target, name, said);
        hint = g_strdup_printf("--forget only forgets it here; on the host: tessera device revoke %.*s",
                               WIRE_SESSION_ID_SHOWN, file.device);
        if (r != 0)
                return cli_fail(cli, CLI_FAILED, "device", "--forget only forgets it here", "the device for %s: %s", name,
                                device_strerror(r, NULL));
        if (!revoke_there(cli, destination, &target, file.device))
                return cli_fail(cli, CLI_FAILED, "not-revoked", hint, "%s did not revoke the device; it is kept", name);
        (void) ssh_master_end(&target);
        secret_service_forget(&file);
        return forget_here(cli, &target, name, said);
}
