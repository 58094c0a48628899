/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "client/errors.h"
#include "client/request.h"
#include "client/step-up.h"

#define TIMEOUT 10 /* s, as in the PAM module */

/* The bus itself refuses what is root's alone, in words about rules and matches. */
#define BUS_ERROR_DENIED "org.freedesktop.DBus.Error.AccessDenied"

static int add_argument(ClientMessage *call, const RequestArgument *argument) {
        switch (argument->type) {
        case REQUEST_STRING:
                return client_message_add_string(call, argument->string);
        case REQUEST_BOOL:
                return client_message_add_bool(call, argument->boolean);
        case REQUEST_DICT:
                return client_message_add_dict(call, argument->entries, argument->n_entries);
        case REQUEST_SECRET:
                return client_message_add_secret(call, argument->secret->data, argument->secret->size);
        case REQUEST_NONE:
        default:
                return 0;
        }
}

int request_try(const Request *request, ClientMessage **ret_reply, ClientError *ret_error) {
        _cleanup_client_ Client *client = NULL;
        _cleanup_client_message_ ClientMessage *call = NULL, *reply = NULL;
        int r;

        r = client_connect(client_deadline(request->timeout ?: TIMEOUT), &client);
        if (r == 0)
                r = client_call_new(client, request->interface, request->method, &call);
        for (size_t i = 0; r == 0 && i < REQUEST_ARGUMENTS_MAX; i++)
                r = add_argument(call, &request->arguments[i]);
        if (r == 0)
                r = client_message_call(client, call, &reply, ret_error);
        if (r == 0)
                r = client_message_check_signature(reply, request->reply);
        if (r != 0)
                return r;
        *ret_reply = reply;
        reply = NULL;
        return 0;
}

bool request_is_fenced(const ClientError *error) {
        return g_strcmp0(error->name, BUS_ERROR_DENIED) == 0;
}

int request_read(Cli *cli, int r) {
        if (r == 0)
                return 0;
        if (r == CLIENT_E_VERSION)
                return cli_fail(cli, CLI_FAILED, "version", "restart it: systemctl restart tesserad.service", "%s",
                                client_strerror(r));
        if (r < 0)
                return cli_fail(cli, CLI_FAILED, "internal", NULL, "%s", client_strerror(r));
        return cli_fail_bus(cli, /* dbus_name= */ NULL, client_strerror(r));
}

int request_fail(Cli *cli, int r, const ClientError *error) {
        if (r == CLIENT_E_REMOTE)
                return cli_fail_bus(cli, error->name, error->message);
        if (request_is_fenced(error))
                return cli_fail_bus(cli, WIRE_ERROR_DENIED, "that is for root");
        return request_read(cli, r);
}

int request_call(Cli *cli, const Request *request, ClientMessage **ret_reply) {
        ClientError error = { 0 };
        ClientAnswer answer;
        int r;

        r = request_try(request, ret_reply, &error);
        if (step_up_helps(cli, r, &error)) {
                r = step_up(cli, &answer);
                if (r != 0)
                        return r;
                error = (ClientError) { .name = "" };
                r = request_try(request, ret_reply, &error);
        }
        if (r == CLIENT_E_REMOTE && g_strcmp0(error.name, request->expect) == 0)
                return REQUEST_EXPECTED;
        if (r == CLIENT_E_REMOTE && request->denied_hint && g_strcmp0(error.name, WIRE_ERROR_DENIED) == 0)
                return cli_fail(cli, CLI_REFUSED, "denied", request->denied_hint[0] ? request->denied_hint : NULL, "%s",
                                error.message[0] ? error.message : "tesserad gave no reason");
        return r == 0 ? 0 : request_fail(cli, r, &error);
}

int request_object(Cli *cli, const Request *request, const ShapeMember *members, json_t **ret) {
        _cleanup_client_message_ ClientMessage *reply = NULL;
        _cleanup_client_dict_ ClientDict *dict = NULL;
        int r;

        r = request_call(cli, request, &reply);
        if (r == 0)
                r = request_read(cli, client_message_read_dict(reply, &dict));
        if (r == 0)
                *ret = shape_object(members, dict);
        return r;
}

int request_read_array(Cli *cli, ClientMessage *reply, const ShapeMember *members, json_t **ret) {
        ClientDict **dicts = NULL;
        size_t n = 0;
        int r;

        r = request_read(cli, client_message_read_dicts(reply, REQUEST_ITEMS_MAX, &dicts, &n));
        if (r == 0)
                *ret = shape_array(members, dicts, n);
        (void) client_dicts_free(dicts, n);
        return r;
}

int request_array(Cli *cli, const Request *request, const ShapeMember *members, json_t **ret) {
        _cleanup_client_message_ ClientMessage *reply = NULL;
        int r;

        r = request_call(cli, request, &reply);
        return r == 0 ? request_read_array(cli, reply, members, ret) : r;
}

int request_strings(Cli *cli, const Request *request, json_t **ret) {
        _cleanup_client_message_ ClientMessage *reply = NULL;
        char **strings = NULL;
        int r;

        r = request_call(cli, request, &reply);
        if (r == 0)
                r = request_read(cli, client_message_read_strings(reply, REQUEST_ITEMS_MAX, &strings));
        if (r == 0)
                *ret = shape_strings((const char *const *) strings);
        (void) client_strings_free(strings);
        return r;
}

int request_bool(Cli *cli, const Request *request, bool *ret) {
        _cleanup_client_message_ ClientMessage *reply = NULL;
        int r;

        r = request_call(cli, request, &reply);
        return r == 0 ? request_read(cli, client_message_read_bool(reply, ret)) : r;
}
