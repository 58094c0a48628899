/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <stdio.h>
#include <string.h>

#include "client/device-alias.h"
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
        case DEVICE_E_NONE:
                return "lost"; /* an alias that leads nowhere */
        default:
                return "damaged";
        }
}

static json_t *host_object(const DeviceFile *file, int r) {
        return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:b, s:n, s:s, s:s, s:I}", "user", file->user, "host",
                         file->host, "port", (int) file->port, "device", file->device, "name", file->name, "audience",
                         file->audience, "fleet", file->fleet, "with", "state", state_of(file, r), "key",
                         file->in_service ? "secret-service" : "file", "since", (json_int_t) file->created);
}

/* Another host of the fleet, which the device of @file is used for, too. */
static json_t *alias_object(const DeviceAlias *alias, const DeviceFile *file, int r) {
        json_t *object = host_object(file, r);
        char with[DEVICE_FILE_NAME_MAX];

        (void) device_file_name(alias->user, alias->of_host, alias->of_port, with);
        (void) json_object_set_new(object, "host", json_string(alias->host));
        (void) json_object_set_new(object, "port", json_integer(alias->port));
        (void) json_object_set_new(object, "with", json_string(with));
        (void) json_object_set_new(object, "since", json_integer(alias->created));
        return object;
}

/* What cannot be read is listed too, by what its name says. */
static json_t *unread_object(const char *name, int r) {
        const char *at = strrchr(name, '@');
        g_autofree char *user = at ? g_strndup(name, (gsize) (at - name)) : g_strdup("");

        return json_pack("{s:o, s:o, s:n, s:n, s:n, s:n, s:b, s:n, s:s, s:n, s:n}", "user", shape_text(user), "host",
                         shape_text(at ? at + 1 : name), "port", "device", "name", "audience", "fleet", 0, "with",
                         "state", state_of(NULL, r), "key", "since");
}

static int add_name(const char *name, void *data) {
        g_ptr_array_add(data, g_strdup(name));
        return 0;
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static json_t *look_at_alias(const char *name) {
        _cleanup_device_file_ DeviceFile file = { 0 };
        DeviceAlias alias;
        int r;

        r = device_alias_read_name(name, &alias);
        if (r == 0)
                r = device_find(alias.user, alias.host, alias.port, &file);
        return r == 0 ? alias_object(&alias, &file, r) : unread_object(name, r);
}

static json_t *look_at(const char *name) {
        _cleanup_device_file_ DeviceFile file = { 0 }, again = { 0 };
        int r;

        r = device_file_read_name(name, &file);
        if (r == DEVICE_E_NONE)
                return look_at_alias(name);
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
        if (r == 0)
                r = device_alias_each(add_name, names);
        if (r > 0) /* a home that is another user's, as under su, has none of ours */
                output_note(cli, "the devices of this machine: %s", device_strerror(r, NULL));
        g_ptr_array_sort(names, compare_names);
        for (guint i = 0; i < names->len; i++) {
                const char *name = g_ptr_array_index(names, i);

                if (strcmp(name, last) != 0) /* pending, active and alias have the same */
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

/* Where it lies: with another host's, as "file (web1)". */
static char *key_text(const json_t *host) {
        const char *key = output_text(host, "key"), *with = json_string_value(json_object_get(host, "with"));

        return with ? g_strdup_printf("%s (%s)", key, strrchr(with, '@') + 1) : g_strdup(key);
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
                g_autofree char *key = key_text(host);
                g_autofree char *since = output_number(host, "since") > 0
                                                 ? output_time(output_number(host, "since"), cli->now)
                                                 : g_strdup("-");

                table_row(table, name, output_text(host, "user"), id, output_text(host, "name"),
                          output_text(host, "state"), key, since, NULL);
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
        table_pair(table, json_is_true(json_object_get(host, "fleet")) ? "fleet" : "audience",
                   output_text(host, "audience"));
        if (json_is_string(json_object_get(host, "with")))
                table_pair(table, "with", output_text(host, "with"));
        table_pair(table, "state", output_text(host, "state"));
        table_pair(table, "key", output_text(host, "key"));
        table_pair(table, "since", since);
        table_print(table, cli);
}

static json_t *object_of(const SshTarget *target, const DeviceFile *file, int r) {
        DeviceAlias alias;

        if (device_is_alias(file, target->host, target->port) &&
            device_alias_read(target->user, target->host, target->port, &alias) == 0)
                return alias_object(&alias, file, r);
        return host_object(file, r);
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
        r = device_find(target.user, target.host, target.port, &file);
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
        host = object_of(&target, &file, r);
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s, s:s, s:[], s:n, s:O}", "signed_in", 1, "user", target.user,
                                                  "host", target.host, "roles", "session", "device", host));
        (void) printf("signed in to %s from this machine\n\n", name);
        print_one(cli, host);
        return CLI_DONE;
}
