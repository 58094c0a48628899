/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The daemon: does it answer, is it the one that is installed, and will it be there after a boot? */

#include <string.h>

#include "client/doctor-ask.h"
#include "client/doctor-service.h"
#include "client/request.h"
#include "client/service-host.h"
#include "common/wire.h"

#define SYSTEMCTL "/usr/bin/systemctl"
#define RESTART "systemctl restart tesserad.service"
#define RESTART_BOTH "systemctl restart tesserad.socket tesserad.service"

static void look_at_private_socket(Doctor *doctor) {
        g_auto(DoctorDaemon) daemon = { 0 };
        g_autofree char *problem = NULL;

        if (!doctor_needs_root(doctor, WIRE_PRIVATE_SOCKET))
                return;
        if (doctor_ask_daemon(DOCTOR_WAY_PRIVATE, &daemon, &problem) == 0)
                doctor_ok(doctor, "tesserad answers on " WIRE_PRIVATE_SOCKET);
        else
                doctor_fail(doctor, RESTART_BOTH, "tesserad does not answer on " WIRE_PRIVATE_SOCKET
                            ", which logins ask: %s", problem);
}

static void look_at_bus(Doctor *doctor) {
        g_auto(DoctorDaemon) daemon = { 0 };
        g_autofree char *problem = NULL;

        if (doctor_ask_daemon(DOCTOR_WAY_BUS, &daemon, &problem) == 0)
                doctor_ok(doctor, "tesserad answers on the system bus");
        else
                doctor_fail(doctor, "systemctl start dbus.socket && " RESTART,
                            "tesserad does not answer on the system bus, which everybody but root asks: %s", problem);
}

static void look_at_version(Doctor *doctor) {
        g_auto(DoctorDaemon) daemon = { 0 };
        g_autofree char *problem = NULL;

        if (doctor_ask_daemon(DOCTOR_WAY_ANY, &daemon, &problem) != 0)
                doctor_skip(doctor, "version of the daemon: %s", problem);
        else if (g_strcmp0(daemon.version, TESSERA_VERSION) == 0)
                doctor_ok(doctor, "the daemon has the command's version, " TESSERA_VERSION);
        else
                doctor_fail(doctor, RESTART, "the daemon that runs has version %s, the command " TESSERA_VERSION,
                            daemon.version ? daemon.version : "?");
}

/* One paragraph of "systemctl show": Name=value on each line. */
static char *unit_property(const char *paragraph, const char *name) {
        g_auto(GStrv) lines = g_strsplit(paragraph, "\n", -1);
        size_t size = strlen(name);

        for (char **line = lines; *line; line++)
                if (strncmp(*line, name, size) == 0 && (*line)[size] == '=')
                        return g_strdup(*line + size + 1);
        return g_strdup("");
}

/* The daemon itself may be down while nobody asks it: its socket starts it. */
void doctor_units_judge(Doctor *doctor, const char *shown) {
        g_auto(GStrv) paragraphs = g_strsplit(shown, "\n\n", -1);

        for (char **paragraph = paragraphs; *paragraph; paragraph++) {
                g_autofree char *id = unit_property(*paragraph, "Id"), *remedy = NULL;
                g_autofree char *active = unit_property(*paragraph, "ActiveState");
                g_autofree char *file = unit_property(*paragraph, "UnitFileState");
                bool masked = g_str_has_prefix(file, "masked"), runs = strcmp(active, "active") == 0;

                if (!*id)
                        continue;
                if (g_str_has_suffix(id, ".service") && strcmp(active, "inactive") == 0)
                        runs = true;
                remedy = g_strdup_printf("%s%s%ssystemctl enable --now %s", masked ? "systemctl unmask " : "",
                                         masked ? id : "", masked ? " && " : "", id);
                if (!runs)
                        doctor_fail(doctor, remedy, "%s is %s", id, masked ? "masked" : active);
                else if (strcmp(file, "enabled") != 0)
                        doctor_fail(doctor, remedy, "%s is %s: it will not be there after a boot", id,
                                    *file ? file : "not installed");
                else
                        doctor_ok(doctor, "%s is enabled and %s", id, active);
        }
}

static void look_at_units(Doctor *doctor) {
        static const char *const show[] = { SYSTEMCTL, "show", "--property=Id,ActiveState,UnitFileState",
                                            "tesserad.socket", "tesserad.service", "tessera-end.path", NULL };
        g_autofree char *output = NULL, *problem = NULL;

        if (!doctor->booted)
                doctor_skip(doctor, "units: systemd does not run this host");
        else if (!service_host_run(show, &output, &problem))
                doctor_skip(doctor, "units: %s", problem);
        else
                doctor_units_judge(doctor, output);
}

static void look_at_module(Doctor *doctor) {
        g_autofree char *problem = NULL;

        if (service_host_check_module(&problem))
                doctor_ok(doctor, "the PAM module is where PAM looks for it");
        else if (doctor_any_service(doctor))
                doctor_fail(doctor, "apt install --reinstall libpam-tessera",
                            "%s, so the services that name it let nobody in", problem);
        else
                doctor_skip(doctor, "%s; no service names it", problem);
}

static json_t *read_users(ClientMessage *reply) {
        ClientDict **dicts = NULL;
        json_t *users = NULL;
        size_t n = 0;

        if (client_message_read_dicts(reply, REQUEST_ITEMS_MAX, &dicts, &n) == 0)
                users = shape_array(shape_user, dicts, n);
        (void) client_dicts_free(dicts, n);
        return users;
}

static void look_who_is_enrolled(Doctor *doctor) {
        _cleanup_client_message_ ClientMessage *reply = NULL;
        g_autofree char *problem = NULL;

        if (doctor_ask(DOCTOR_WAY_ANY, WIRE_INTERFACE_USERS, "List", &reply, &problem) == 0)
                doctor->users = read_users(reply);
        if (doctor->users)
                doctor_ok(doctor, "%zu users are enrolled", json_array_size(doctor->users));
        else
                doctor_skip(doctor, "who is enrolled: %s", problem ?: "the daemon said what is not understood");
}

const DoctorCheck doctor_daemon_checks[] = {
        { "daemon-units",   look_at_units }, /* before those that ask: a question may start the daemon */
        { "daemon-socket",  look_at_private_socket },
        { "daemon-bus",     look_at_bus },
        { "daemon-version", look_at_version },
        { "pam-module",     look_at_module },
        { "users",          look_who_is_enrolled },
        { NULL },
};
