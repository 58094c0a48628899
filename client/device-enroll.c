/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The host's side of registering a device: `tessera device enroll`, which ssh runs. See device-login.h. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "client/device-login.h"
#include "client/errors.h"
#include "client/output.h"
#include "client/own-host.h"
#include "client/request.h"
#include "client/verbs.h"
#include "common/name.h"

#define NAMES_MAX 9 /* NAME, NAME-2 … */

static const ShapeMember shape_added[] = {
        { "id", SHAPE_TEXT }, { "audience", SHAPE_TEXT }, { NULL },
};

/* One line to the machine, at once. */
static int send_line(Cli *cli, json_t *line) {
        int r = output_json(cli, line);

        return r == CLI_DONE && fflush(stdout) == 0 ? 0 : CLI_FAILED;
}

/*
 * The text of member @name in the machine's next line, or of @other (NULL: none), and the other is NULL;
 * 0 and NULL for both where it has sent its last.
 */
static int receive(Cli *cli, const char *name, char **ret, const char *other, char **ret_other) {
        _cleanup_secret_input_ SecretInput line = { 0 };
        json_auto_t *object = NULL;
        const char *text, *second;
        int r;

        r = secret_input_line(STDIN_FILENO, &line);
        if (r == -ENODATA)
                return 0;
        if (r == 0)
                object = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, NULL);
        text = json_string_value(json_object_get(object, name));
        second = other && !text ? json_string_value(json_object_get(object, other)) : NULL;
        if (!text && !second)
                return cli_usage(cli, "tessera login HOST runs it, from the machine that is to be a device",
                                 "device enroll is not for people");
        *ret = g_strdup(text);
        if (other)
                *ret_other = g_strdup(second);
        return 0;
}

static int offer(Cli *cli, const json_t *host, char ret_id[2 * REFRESH_DEVICE_SIZE + 1]) {
        static const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "GetCurrent",
                .reply = "a{sv}",
        };
        unsigned char id[REFRESH_DEVICE_SIZE];
        json_auto_t *session = NULL;
        int r;

        r = request_object(cli, &request, shape_session, &session);
        if (r != 0)
                return r;
        if (getrandom(id, sizeof(id), 0) != (ssize_t) sizeof(id))
                return cli_fail(cli, CLI_FAILED, "internal", NULL, "there is no randomness: %s", g_strerror(errno));
        refresh_device_to_text(id, ret_id);
        return send_line(cli, json_pack("{s:s, s:s, s:s}", "device", ret_id, "audience", own_host_audience(host), "host",
                                        output_text(host, "Host")));
}

/* Is @device one of the caller's for our fleet, that works? Then the machine needs no other. */
static int tell_known(Cli *cli, const json_t *host, const char *device, bool *ret) {
        static const Request request = {
                .interface = WIRE_INTERFACE_DEVICES,
                .method = "List",
                .arguments = { REQUEST_ARG_NO_DICT },
                .reply = "aa{sv}",
        };
        json_auto_t *devices = NULL;
        const json_t *one;
        size_t i;
        int r;

        r = request_array(cli, &request, shape_device, &devices);
        if (r != 0)
                return r;
        json_array_foreach(devices, i, one)
                *ret = *ret || (g_str_equal(output_text(one, "id"), device) &&
                                g_str_equal(output_text(one, "state"), "active") &&
                                g_strcmp0(output_text(one, "audience"), own_host_audience(host)) == 0);
        return send_line(cli, json_pack("{s:b}", "known", *ret));
}

/* What the machine wants to be: its public key, or NULL, as it is a device of the fleet already. */
static int hear(Cli *cli, const json_t *host, char **ret_public_key) {
        g_autofree char *known = NULL;
        bool is_known = false;
        int r;

        r = receive(cli, "public_key", ret_public_key, "known", &known);
        if (r == 0 && known) {
                r = tell_known(cli, host, known, &is_known);
                if (r != 0 || is_known)
                        return r;
                r = receive(cli, "public_key", ret_public_key, NULL, NULL);
        }
        if (r == 0 && !*ret_public_key)
                return cli_fail(cli, CLI_FAILED, "cancelled", NULL, "the other side has gone; nothing was changed");
        return r;
}

/* 0 and the device; REQUEST_EXPECTED where there is one of that name. */
static int add_named(Cli *cli, const char *id, const char *name, const char *public_key, json_t **ret) {
        const Request request = {
                .interface = WIRE_INTERFACE_DEVICES,
                .method = "Add",
                .arguments = { REQUEST_ARG_STRING(id), REQUEST_ARG_STRING(name), REQUEST_ARG_STRING(public_key),
                               REQUEST_ARG_NO_DICT },
                .reply = "a{sv}",
                .expect = WIRE_ERROR_EXISTS,
        };

        return request_object(cli, &request, shape_added, ret);
}

/*
 * A machine that signs in again comes by the name that it has already: the device of that name is ended
 * only when the new one works. Where its acknowledgement was lost, nobody may know the old one any more.
 */
static int add(Cli *cli, const char *id, const char *name, const char *public_key) {
        g_autofree char *free_name = g_strdup(name);
        json_auto_t *device = NULL;
        int r = add_named(cli, id, name, public_key, &device);

        for (int i = 2; r == REQUEST_EXPECTED && i <= NAMES_MAX; i++) {
                g_autofree char *end = g_strdup_printf("-%d", i);

                g_free(free_name);
                free_name = g_strdup_printf("%.*s%s", (int) (WIRE_DEVICE_NAME_MAX - strlen(end)), name, end);
                r = add_named(cli, id, free_name, public_key, &device);
        }
        if (r == REQUEST_EXPECTED)
                return cli_fail(cli, CLI_FAILED, "exists", "tessera device list shows them, and device revoke ends one",
                                "there are %d devices named \"%s\" and so on already", NAMES_MAX, name);
        if (r != 0)
                return r;
        return send_line(cli, json_pack("{s:b, s:O, s:s}", "added", 1, "audience", json_object_get(device, "audience"),
                                        "name", free_name));
}

static int end_replaced(Cli *cli, const char *id) {
        static const ClientEntry options[] = { { .key = "reason", .string = "replaced" } };
        const Request request = {
                .interface = WIRE_INTERFACE_DEVICES,
                .method = "Revoke",
                .arguments = { REQUEST_ARG_STRING(id), REQUEST_ARG_DICT(options) },
                .reply = "bas",
                .expect = WIRE_ERROR_NOT_FOUND,
        };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        int r = request_call(cli, &request, &reply);

        return r == 0 || r == REQUEST_EXPECTED ? send_line(cli, json_pack("{s:b}", "revoked", r == 0)) : r;
}

int verb_device_enroll(Cli *cli, const Arguments *arguments) {
        const char *name = arguments_get(arguments, "name");
        g_autofree char *public_key = NULL, *replaced = NULL;
        char id[2 * REFRESH_DEVICE_SIZE + 1];
        json_auto_t *host = NULL;
        int r;

        if (!name || !name_is_word(name))
                return cli_usage(cli, "such as --name laptop", "a device needs a name: letters, digits, \"_\", \".\", \"-\"");
        r = own_host(cli, &host);
        if (r == 0)
                r = offer(cli, host, id);
        if (r == 0)
                r = hear(cli, host, &public_key);
        if (r != 0 || !public_key)
                return r;
        r = add(cli, id, name, public_key);
        if (r == 0)
                r = receive(cli, "revoke", &replaced, NULL, NULL);
        return r == 0 && replaced ? end_replaced(cli, replaced) : r;
}
