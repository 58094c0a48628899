/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The machine's side of registering it; device-login.h has the lines. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/device-fleet.h"
#include "client/device-login-private.h"
#include "client/device-register.h"
#include "client/errors.h"
#include "client/output.h"
#include "client/secret-input.h"
#include "client/secret-service.h"
#include "client/shape.h"
#include "client/ssh-run.h"
#include "client/state-folder.h"
#include "common/cleanup.h"
#include "common/name.h"

#define EXIT_NOT_FOUND 127 /* of a shell that knows no "tessera" */
#define EXIT_SSH 255
#define END_MAX_MS 5000 /* it was told that nothing comes any more; a host could keep it open for ever */
#define END_POLL_US 10000

/* The ssh that runs "device enroll" there. */
typedef struct Enrolment {
        int pid, to, from;
        char host[DEVICE_HOST_MAX + 1]; /* its own name, as it says; "" where it is too old to */
        bool named;   /* the user wants a device of that name */
        bool offered; /* the host's side has spoken */
        bool begun;   /* there is a pending file, or a key in the Secret Service, that the host may not know of */
} Enrolment;

static void enrolment_deinit(Enrolment *enrolment) {
        enrolment->to = safe_close(enrolment->to);
        enrolment->from = safe_close(enrolment->from);
}

int device_resolve(Cli *cli, const char *destination, SshTarget *ret) {
        if (destination[0] != '-' && ssh_target_resolve_name(destination, ret))
                return 0;
        return cli_fail(cli, CLI_FAILED, "unknown-host", "as for ssh: [USER@]HOST, or a Host of ~/.ssh/config",
                        "ssh does not know whom that means");
}

/* This machine's name, as a device's may look. */
static char *own_name(void) {
        g_autofree char *name = g_strdup(g_get_host_name());

        name[strcspn(name, ".")] = '\0';
        g_strcanon(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", '-');
        if (strlen(name) > WIRE_DEVICE_NAME_MAX)
                name[WIRE_DEVICE_NAME_MAX] = '\0';
        return name_is_word(name) ? g_steal_pointer(&name) : g_strdup("laptop");
}

int device_login_fail(Cli *cli, const SshTarget *target, int r) {
        g_autofree char *name = ssh_target_name(target);
        const char *hint, *text = device_strerror(r, &hint);

        return cli_fail(cli, CLI_FAILED, "device", hint, "the device for %s: %s", name, text);
}

/* One that works is replaced. One that is damaged, or another machine's, is its owner's to look at first. */
int device_login_read_old(Cli *cli, const SshTarget *target, DeviceFile *ret) {
        int r = device_file_read(target->user, target->host, target->port, ret);

        return r == 0 || r == DEVICE_E_NONE ? 0 : device_login_fail(cli, target, r);
}

/*
 * A login of its own, by password: a connection that is shared, or a key, proves no password. What
 * ssh asks it asks the human itself.
 */
static int start(Cli *cli, const char *destination, const char *name, Enrolment *ret) {
        g_autofree char *command = g_strconcat("tessera device enroll --name ", name, NULL);
        const char *argv[] = { "ssh", "-a", "-x", "-T", "-o", "ControlMaster=no", "-o", "ControlPath=none",
                               "-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=keyboard-interactive,password",
                               "-o", "BatchMode=no", "-o", "ClearAllForwardings=yes", "-o", "RemoteCommand=none",
                               "-o", "PermitLocalCommand=no", "--", destination, command, NULL };
        int r = ssh_spawn_asking((char **) argv, &ret->pid, &ret->to, &ret->from);

        if (r < 0)
                return cli_fail(cli, CLI_FAILED, "ssh", "install OpenSSH's client", "ssh cannot be run");
        (void) signal(SIGPIPE, SIG_IGN); /* an ssh that ends says why; we need not die of it */
        return 0;
}

/* How ssh ended, as waitpid() has it; -1 where that cannot be known. */
static int end_ssh(Enrolment *enrolment) {
        int64_t deadline = state_now_ms() + END_MAX_MS;
        int status, pid;

        enrolment_deinit(enrolment);
        while ((pid = waitpid(enrolment->pid, &status, WNOHANG)) <= 0) {
                if (pid < 0 && errno != EINTR)
                        return -1;
                if (state_now_ms() >= deadline)
                        (void) kill(enrolment->pid, SIGTERM);
                (void) usleep(END_POLL_US);
        }
        return status;
}

static int tell_no_sense(Cli *cli, const char *destination) {
        return cli_fail(cli, CLI_FAILED, "version", "compare tessera --version on both sides",
                        "%s does not speak as we do", destination);
}

/*
 * How ssh ended: what it said is on the terminal already. Where the host's side ran and failed, there is
 * no such device; where the connection did, nobody knows, and the pending file stays for that.
 */
static int finish(Cli *cli, Enrolment *enrolment, const DeviceFile *file, const char *destination) {
        int status = end_ssh(enrolment);

        if (!WIFEXITED(status) || WEXITSTATUS(status) == EXIT_SSH)
                return cli_fail(cli, CLI_FAILED, "ssh", NULL, "ssh did not get through to %s", destination);
        if (enrolment->begun) {
                (void) device_file_remove_pending(file);
                secret_service_forget(file);
        }
        if (!enrolment->offered && WEXITSTATUS(status) == CLI_USAGE)
                return cli_fail(cli, CLI_FAILED, "version", "update the package tessera there",
                                "%s has a tessera that cannot register devices", destination);
        if (WEXITSTATUS(status) == EXIT_NOT_FOUND)
                return cli_fail(cli, CLI_FAILED, "no-tessera", "install the package tessera there",
                                "%s has no command \"tessera\"", destination);
        if (WEXITSTATUS(status) == CLI_DONE || WEXITSTATUS(status) > CLI_UNREACHABLE)
                return tell_no_sense(cli, destination);
        return WEXITSTATUS(status); /* the host has said why, on stderr */
}

/* The host's next line that has @member; what else a login prints is passed over. NULL: it has ended. */
static json_t *receive(const Enrolment *enrolment, const char *member) {
        for (int i = 0; i < ENROLL_NOISE_MAX; i++) {
                _cleanup_secret_input_ SecretInput line = { 0 };
                json_t *object;

                if (secret_input_line(enrolment->from, &line) < 0 || line.size > ENROLL_LINE_MAX)
                        return NULL;
                object = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
                if (json_object_get(object, member))
                        return object;
                json_decref(object);
        }
        return NULL;
}

static bool send_text(const Enrolment *enrolment, const char *member, const char *text) {
        g_autofree char *line = g_strdup_printf("{\"%s\":\"%s\"}\n", member, text);
        size_t size = strlen(line);

        return write(enrolment->to, line, size) == (ssize_t) size;
}

static bool take_text(const json_t *object, const char *member, char *ret, size_t room) {
        const char *text = json_string_value(json_object_get(object, member));

        return text && g_strlcpy(ret, text, room) < room;
}

/* What is not the host's own name is its fleet's. */
static bool take_audience(const json_t *line, const Enrolment *enrolment, DeviceFile *file) {
        if (!take_text(line, "audience", file->audience, sizeof(file->audience)) || !name_is_host(file->audience))
                return false;
        file->fleet = enrolment->host[0] && strcmp(enrolment->host, file->audience) != 0;
        return true;
}

static bool take_offer(const json_t *offer, Enrolment *enrolment, DeviceFile *file) {
        unsigned char id[REFRESH_DEVICE_SIZE];

        if (json_object_get(offer, "host") &&
            (!take_text(offer, "host", enrolment->host, sizeof(enrolment->host)) || !name_is_host(enrolment->host)))
                return false;
        return take_text(offer, "device", file->device, sizeof(file->device)) &&
               refresh_device_from_text(file->device, id) && take_audience(offer, enrolment, file);
}

DeviceFile device_login_new_file(const SshTarget *target, const Cli *cli) {
        DeviceFile file = { .port = target->port, .created = cli->now };

        (void) g_strlcpy(file.user, target->user, sizeof(file.user));
        (void) g_strlcpy(file.host, target->host, sizeof(file.host));
        return file;
}

int device_login_tell(Cli *cli, const DeviceFile *file, const char *destination, bool changed) {
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s, s:s, s:i, s:s, s:s}", "changed", changed, "user",
                                                  file->user, "host", file->host, "port", (int) file->port, "device",
                                                  file->device, "name", file->name));
        output_say(cli, "this machine is %s the device \"%s\" of %s at %s%s", changed ? "now" : "already", file->name,
                   file->user, file->host, changed ? "" : "; nothing changed");
        output_note(cli, "  log in without a prompt: tessera ssh %s", destination);
        return CLI_DONE;
}

/* An older host does not say it: then it is the one that was asked for. */
static void take_name(const json_t *added, DeviceFile *file) {
        char name[sizeof(file->name)];

        if (take_text(added, "name", name, sizeof(name)) && name_is_word(name))
                (void) g_strlcpy(file->name, name, sizeof(file->name));
}

/* Sends the key, and hears that the host has it. */
static int exchange(Enrolment *enrolment, DeviceFile *file) {
        unsigned char public_key[REFRESH_PUBLIC_SIZE];
        char text[REFRESH_PUBLIC_LENGTH + 1];
        json_auto_t *added = NULL;
        int r;

        enrolment->begun = true;
        r = file->in_service ? secret_service_store(file) : 0;
        if (r == 0)
                r = device_register_begin(file);
        if (r != 0)
                return r;
        refresh_key_public(file->seed, public_key);
        refresh_key_to_text(public_key, text);
        if (!send_text(enrolment, "public_key", text))
                return -EPIPE;
        added = receive(enrolment, "added");
        if (!json_is_true(json_object_get(added, "added")))
                return -EPIPE;
        enrolment->begun = false;
        if (json_object_get(added, "audience") && !take_audience(added, enrolment, file))
                return -EPIPE;
        take_name(added, file);
        return device_register_end(file);
}

/* Old and new are told apart by their ids; the old one is the host's to end now. */
static void end_old(const Enrolment *enrolment, const DeviceFile *old) {
        json_auto_t *revoked = NULL;

        if (old->device[0] && send_text(enrolment, "revoke", old->device))
                revoked = receive(enrolment, "revoked");
        secret_service_forget(old);
}

/*
 * The host's word for the device. It draws it, so one that this machine has already is somebody's attempt
 * on that: the key in the Secret Service goes by it, and so does what is revoked.
 */
static int check_offer(Cli *cli, const char *destination, const json_t *offer, Enrolment *enrolment,
                       DeviceFile *file) {
        g_autofree char *other = NULL;

        if (!device_file_new_key(file) || !take_offer(offer, enrolment, file))
                return tell_no_sense(cli, destination);
        other = device_register_find(file->device, /* except= */ NULL);
        if (other)
                return cli_fail(cli, CLI_FAILED, "exists", "a host that works as it should draws another one at each try",
                                "%s names another device of this machine, the one for %s", destination, other);
        return 0;
}

/*
 * Where this machine is a device of the host's fleet already, and the host says that it works, that one will
 * do, and *@ret_done is true. Before the user has said yes the host learns nothing of it.
 */
static int use_fleet(Cli *cli, const char *destination, const SshTarget *target, Enrolment *enrolment,
                     const DeviceFile *file, bool *ret_done) {
        _cleanup_device_file_ DeviceFile device = { 0 };
        json_auto_t *known = NULL;
        int r;

        if (!file->fleet || device_fleet_find(file, enrolment->named ? file->name : NULL, file->in_service, &device) != 0)
                return 0;
        *ret_done = true;
        r = device_fleet_confirm(cli, target, &device);
        if (r == 0 && send_text(enrolment, "known", device.device))
                known = receive(enrolment, "known");
        if (r == 0 && !known)
                return finish(cli, enrolment, file, destination);
        if (r == 0 && !json_is_true(json_object_get(known, "known"))) {
                output_note(cli, "the device \"%s\" does not work there (any more); this machine becomes another one",
                            device.name);
                *ret_done = false;
                return 0;
        }
        end_ssh(enrolment);
        return r == 0 ? device_fleet_join(cli, destination, target, &device) : r;
}

static int enrol(Cli *cli, const char *destination, const SshTarget *target, Enrolment *enrolment, DeviceFile *file) {
        _cleanup_device_file_ DeviceFile old = { 0 };
        bool done = false;
        json_auto_t *offer = receive(enrolment, "device");
        int r;

        enrolment->offered = offer;
        if (!offer)
                return finish(cli, enrolment, file, destination);
        r = check_offer(cli, destination, offer, enrolment, file);
        if (r != 0) {
                end_ssh(enrolment);
                return r;
        }
        if (device_file_read(target->user, target->host, target->port, &old) != 0) {
                old.device[0] = '\0';
                r = use_fleet(cli, destination, target, enrolment, file, &done);
                if (done)
                        return r;
        }
        r = exchange(enrolment, file);
        if (r == -EPIPE) /* the host has said why, on stderr */
                return finish(cli, enrolment, file, destination);
        if (r != 0) {
                (void) finish(cli, enrolment, file, destination);
                return device_login_fail(cli, target, r);
        }
        end_old(enrolment, &old);
        end_ssh(enrolment);
        device_fleet_settle(cli, file, &old);
        return device_login_tell(cli, file, destination, /* changed= */ true);
}

int device_login(Cli *cli, const char *destination, const char *name, bool in_service) {
        g_autofree char *own = name ? NULL : own_name();
        Enrolment enrolment = { .to = -1, .from = -1 };
        _cleanup_device_file_ DeviceFile file = { 0 }, old = { 0 };
        SshTarget target;
        int r;

        if (name && !name_is_word(name))
                return cli_usage(cli, "1 to 64 of letters, digits, \"_\", \"-\" and \".\", such as laptop",
                                 "that cannot be a device's name");
        if (cli->no_input)
                return cli_usage(cli, "on the host: tessera device add --name NAME; here: tessera login HOST --device",
                                 "the password is needed, and --no-input is given");
        r = device_resolve(cli, destination, &target);
        if (r == 0)
                r = device_login_read_old(cli, &target, &old);
        if (r != 0)
                return r;
        file = device_login_new_file(&target, cli);
        file.in_service = in_service;
        (void) g_strlcpy(file.name, name ?: own, sizeof(file.name));
        enrolment.named = name;
        r = start(cli, destination, file.name, &enrolment);
        return r == 0 ? enrol(cli, destination, &target, &enrolment, &file) : r;
}
