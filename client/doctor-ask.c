/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/doctor-ask.h"
#include "common/wire.h"

#define TIMEOUT 10 /* s, as any command's; the daemon reads its database through in half of it */
#define PROPERTIES "org.freedesktop.DBus.Properties"

void doctor_daemon_deinit(DoctorDaemon *daemon) {
        g_clear_pointer(&daemon->version, g_free);
}

static int connect_by(DoctorWay way, Client **ret) {
        uint64_t deadline = client_deadline(TIMEOUT);

        switch (way) {
        case DOCTOR_WAY_PRIVATE:
                return client_connect_private(deadline, ret);
        case DOCTOR_WAY_BUS:
                return client_connect_bus(deadline, ret);
        case DOCTOR_WAY_ANY:
        default:
                return client_connect(deadline, ret);
        }
}

static int ask(DoctorWay way, const char *interface, const char *method, const char *argument, ClientMessage **ret,
               char **ret_problem) {
        _cleanup_client_ Client *client = NULL;
        _cleanup_client_message_ ClientMessage *call = NULL;
        ClientError error = { 0 };
        int r;

        r = connect_by(way, &client);
        if (r == 0)
                r = client_call_new(client, interface, method, &call);
        if (r == 0 && argument)
                r = client_message_add_string(call, argument);
        if (r == 0)
                r = client_message_call(client, call, ret, &error);
        if (r != 0)
                *ret_problem = g_strdup(error.message[0] ? error.message : client_strerror(r));
        return r;
}

int doctor_ask(DoctorWay way, const char *interface, const char *method, ClientMessage **ret, char **ret_problem) {
        return ask(way, interface, method, /* argument= */ NULL, ret, ret_problem);
}

const ClientDict *doctor_ask_check(Doctor *doctor) {
        _cleanup_client_message_ ClientMessage *reply = NULL;

        if (doctor->said || doctor->unsaid)
                return doctor->said;
        if (doctor_ask(DOCTOR_WAY_ANY, WIRE_INTERFACE_DAEMON, "Check", &reply, &doctor->unsaid) == 0 &&
            client_message_read_dict(reply, &doctor->said) != 0)
                doctor->unsaid = g_strdup("the daemon said what is not understood");
        return doctor->said;
}

int doctor_ask_daemon(DoctorWay way, DoctorDaemon *ret, char **ret_problem) {
        _cleanup_client_message_ ClientMessage *reply = NULL;
        _cleanup_client_dict_ ClientDict *dict = NULL;
        int r;

        r = ask(way, PROPERTIES, "GetAll", WIRE_INTERFACE_DAEMON, &reply, ret_problem);
        if (r != 0)
                return r;
        r = client_message_read_dict(reply, &dict);
        if (r != 0) {
                *ret_problem = g_strdup(client_strerror(r));
                return r;
        }
        *ret = (DoctorDaemon) {
                .version = g_strdup(client_dict_get_string(dict, "Version")),
                .configuration_read = client_dict_get_integer(dict, "ConfigurationRead"),
        };
        return 0;
}
