/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "client/own-host.h"
#include "client/request.h"

int own_host(Cli *cli, json_t **ret) {
        static const ShapeMember members[] = { { "Host", SHAPE_TEXT }, { "Fleet", SHAPE_TEXT }, { NULL } };
        static const Request request = {
                .interface = "org.freedesktop.DBus.Properties",
                .method = "GetAll",
                .arguments = { REQUEST_ARG_STRING(WIRE_INTERFACE_DAEMON) },
                .reply = "a{sv}",
        };

        return request_object(cli, &request, members, ret);
}

const char *own_host_audience(const json_t *host) {
        const char *fleet = json_string_value(json_object_get(host, "Fleet"));

        return fleet ?: json_string_value(json_object_get(host, "Host"));
}
