/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Ending what device-login.c began. */

#include <string.h>

#include "client/device-login.h"
#include "client/errors.h"
#include "client/output.h"
#include "client/secret-service.h"
#include "client/ssh-master.h"
#include "client/ssh-run.h"
#include "common/cleanup.h"

#define LOCK_SECONDS 15

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

static int forget_here(Cli *cli, const SshTarget *target, const char *name, const char *said) {
        _cleanup_close_ int lock = -1;
        const char *hint, *text;
        int r;

        r = device_file_lock(target->user, target->host, target->port, LOCK_SECONDS, &lock);
        if (r == 0)
                r = device_file_remove(target->user, target->host, target->port);
        if (r != 0 && r != DEVICE_E_NONE) {
                text = device_strerror(r, &hint);
                return cli_fail(cli, CLI_FAILED, "device", hint, "the device for %s: %s", name, text);
        }
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s, s:s}", "changed", r == 0, "user", target->user, "host",
                                                  target->host));
        if (r == 0)
                output_say(cli, "%s", said);
        else
                output_say(cli, "not signed in to %s from here; nothing changed", name);
        return CLI_DONE;
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
        r = device_file_read(target.user, target.host, target.port, &file);
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
