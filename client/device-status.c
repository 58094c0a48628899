/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdio.h>
#include <string.h>

#include "client/device-login.h"
#include "client/device-status.h"
#include "client/errors.h"
#include "client/output.h"
#include "client/shape.h"

static const char *state_of(const DeviceFile *file, int r) {
        switch (r) {
        case 0:
                return file->pending ? "pending" : "active";
        case DEVICE_E_COPIED:
                return "copied";
        case DEVICE_E_UNTRUSTED:
                return "untrusted";
        default:
                return "damaged";
        }
}

static json_t *host_object(const DeviceFile *file, int r) {
        return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:I}", "user", file->user, "host", file->host, "port",
                         (int) file->port, "device", file->device, "name", file->name, "audience", file->audience,
                         "state", state_of(file, r), "key",
                         file->in_service ? "secret-service" : "file", "since", (json_int_t) file->created);
}

/* What cannot be read is listed too, by what its name says. */
static json_t *unread_object(const char *name, int r) {
        const char *at = strrchr(name, '@');
        g_autofree char *user = at ? g_strndup(name, (gsize) (at - name)) : g_strdup("");

        return json_pack("{s:o, s:o, s:n, s:n, s:n, s:n, s:s, s:n, s:n}", "user", shape_text(user), "host",
                         shape_text(at ? at + 1 : name), "port", "device", "name", "audience", "state",
                         state_of(NULL, r), "key", "since");
}

static int add_name(const char *name, void *data) {
        g_ptr_array_add(data, g_strdup(name));
        return 0;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static json_t *look_at(const char *name) {
        _cleanup_device_file_ DeviceFile file = { 0 }, again = { 0 };
        int r;

        r = device_file_read_name(name, &file);
        if (r != 0)
                return unread_object(name, r);
        r = device_file_read(file.user, file.host, file.port, &again); /* looks at the machine as well */
        return host_object(&file, r);
}

json_t *device_status_hosts(Cli *cli) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        json_t *hosts = json_array();
        const char *last = "";
        int r;

        r = device_file_each(add_name, names);
        if (r > 0) /* a home that is another user's, as under su, has none of ours */
                output_note(cli, "the devices of this machine: %s", device_strerror(r, NULL));
        g_ptr_array_sort(names, compare_names);
        for (guint i = 0; i < names->len; i++) {
                const char *name = g_ptr_array_index(names, i);

                if (strcmp(name, last) != 0) /* pending and active have the same */
                        (void) json_array_append_new(hosts, look_at(name));
                last = name;
        }
        return hosts;
}

static char *host_text(const json_t *host) {
        int64_t port = output_number(host, "port");

        if (port == 0 || port == 22)
                return g_strdup(output_text(host, "host"));
        return g_strdup_printf("%s:%d", output_text(host, "host"), (int) port);
}

void device_status_print(const Cli *cli, const json_t *hosts, const char *title) {
        g_autoptr(Table) table = table_new();
        const json_t *host;
        size_t i;

        if (json_array_size(hosts) == 0)
                return;
        table_head(table, "HOST", "USER", "DEVICE", "NAME", "STATE", "KEY", "SINCE", NULL);
        json_array_foreach(hosts, i, host) {
                g_autofree char *name = host_text(host);
                g_autofree char *id = output_id(output_text(host, "device"));
                g_autofree char *since = output_number(host, "since") > 0
                                                 ? output_time(output_number(host, "since"), cli->now)
                                                 : g_strdup("-");

                table_row(table, name, output_text(host, "user"), id, output_text(host, "name"),
                          output_text(host, "state"), output_text(host, "key"), since, NULL);
        }
        if (title)
                (void) puts(title);
        table_print(table, cli);
}

static void print_one(const Cli *cli, const json_t *host) {
        g_autoptr(Table) table = table_new();
        g_autofree char *since = output_time(output_number(host, "since"), cli->now);

        table_pair(table, "device", output_text(host, "device"));
        table_pair(table, "name", output_text(host, "name"));
        table_pair(table, "audience", output_text(host, "audience"));
        table_pair(table, "state", output_text(host, "state"));
        table_pair(table, "key", output_text(host, "key"));
        table_pair(table, "since", since);
        table_print(table, cli);
}

int device_status_show(Cli *cli, const char *destination) {
        _cleanup_device_file_ DeviceFile file = { 0 };
        g_autofree char *name = NULL, *hint = NULL;
        json_auto_t *host = NULL;
        const char *text, *remedy;
        SshTarget target;
        int r;

        r = device_resolve(cli, destination, &target);
        if (r != 0)
                return r;
        name = ssh_target_name(&target);
        r = device_file_read(target.user, target.host, target.port, &file);
        if (r == DEVICE_E_NONE && cli->json) {
                (void) output_json(cli, shape_status(NULL));
                return CLI_NOT_SIGNED_IN;
        }
        if (r == DEVICE_E_NONE) {
                (void) printf("not signed in to %s from here\n", name);
                output_note(cli, "  sign in: tessera login %s", destination);
                return CLI_NOT_SIGNED_IN;
        }
        if (r != 0) {
                text = device_strerror(r, &remedy);
                return cli_fail(cli, CLI_FAILED, "device", remedy, "the device for %s: %s", name, text);
        }
        host = host_object(&file, r);
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s, s:s, s:[], s:n, s:O}", "signed_in", 1, "user", file.user,
                                                  "host", file.host, "roles", "session", "device", host));
        (void) printf("signed in to %s from this machine\n\n", name);
        print_one(cli, host);
        return CLI_DONE;
}
