/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Devices: machines that act for a user by refresh tokens. The daemon knows their public keys alone. */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "client/device-key.h"
#include "client/errors.h"
#include "client/output.h"
#include "client/own-host.h"
#include "client/request.h"
#include "client/secret-input.h"
#include "client/verbs.h"
#include "common/name.h"

#define REASON_OUTPUT "its key could not be printed"

static char *state_text(const json_t *device) {
        const char *state = output_text(device, "state"), *reason = output_text(device, "reason");

        return g_str_equal(reason, "-") ? g_strdup(state) : g_strdup_printf("%s (%s)", state, reason);
}

static void add_device(Table *table, const json_t *device, int64_t now) {
        g_autofree char *id = output_id(output_text(device, "id"));
        g_autofree char *state = state_text(device);
        g_autofree char *created = output_time(output_number(device, "created"), now);
        g_autofree char *used = output_time(output_number(device, "used"), now);
        g_autofree char *ends = output_time(output_number(device, "ends"), now);

        table_row(table, id, output_text(device, "name"), output_text(device, "user"), state, created, used,
                  output_text(device, "from"), ends, NULL);
}

int verb_device_list(Cli *cli, const Arguments *arguments) {
        static const bool yes = true;
        const ClientEntry filter[] = {
                { .key = "user", .string = arguments_get(arguments, "user") },
                { .key = "all-users", .boolean = arguments_get(arguments, "all-users") ? &yes : NULL },
        };
        const Request request = {
                .interface = WIRE_INTERFACE_DEVICES,
                .method = "List",
                .arguments = { REQUEST_ARG_DICT(filter) },
                .reply = "aa{sv}",
        };
        g_autoptr(Table) table = table_new();
        json_auto_t *devices = NULL;
        const json_t *device;
        size_t i;
        int r;

        if (filter[0].string && filter[1].boolean)
                return cli_usage(cli, NULL, "--user and --all-users exclude each other");
        r = request_array(cli, &request, shape_device, &devices);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_incref(devices));
        table_head(table, "DEVICE", "NAME", "USER", "STATE", "ADDED", "USED", "FROM", "ENDS", NULL);
        json_array_foreach(devices, i, device)
                add_device(table, device, cli->now);
        if (table_is_empty(table))
                output_note(cli, "no devices; from a machine of yours: tessera login %s",
                            filter[0].string || filter[1].boolean ? "USER@HOST" : "HOST");
        else
                table_print(table, cli);
        return CLI_DONE;
}

/* Adding */

static int check_add(Cli *cli, const char *name, const char *user) {
        if (!name)
                return cli_usage(cli, "such as --name laptop", "device add needs --name NAME");
        if (!name_is_word(name))
                return cli_usage(cli, "1 to 64 of letters, digits, \"_\", \"-\" and \".\", such as laptop",
                                 "that cannot be a device's name");
        if (!user && geteuid() == 0)
                return cli_usage(cli, "tessera device add --name NAME --user USER", "root has no devices; name a user");
        return 0;
}

/* The public key on stdin; "" where there is nothing. */
static int read_public_key(Cli *cli, char ret[REFRESH_PUBLIC_LENGTH + 1]) {
        _cleanup_secret_input_ SecretInput input = { 0 };
        unsigned char key[REFRESH_PUBLIC_SIZE];
        int r;

        ret[0] = '\0';
        if (isatty(STDIN_FILENO))
                return 0;
        r = secret_input_all(STDIN_FILENO, &input);
        if (r < 0 && r != -E2BIG)
                return cli_fail(cli, CLI_FAILED, "input", NULL, "the public key could not be read: %s",
                                g_strerror(-r));
        if (r == 0 && input.size == 0)
                return 0;
        if (r == 0 && input.size == REFRESH_PUBLIC_LENGTH) {
                memcpy(ret, input.data, REFRESH_PUBLIC_LENGTH);
                ret[REFRESH_PUBLIC_LENGTH] = '\0';
                if (refresh_key_from_text(ret, key))
                        return 0;
        }
        return cli_usage(cli, "with an empty stdin (</dev/null) a key is made",
                         "what is on stdin is no public key: %d characters of base64url", REFRESH_PUBLIC_LENGTH);
}

static int draw_id(Cli *cli, char ret[2 * REFRESH_DEVICE_SIZE + 1]) {
        unsigned char id[REFRESH_DEVICE_SIZE];

        if (getrandom(id, sizeof(id), 0) != sizeof(id))
                return cli_fail(cli, CLI_FAILED, "internal", NULL, "the kernel gave no random bytes: %s",
                                g_strerror(errno));
        refresh_device_to_text(id, ret);
        return 0;
}

static int register_device(Cli *cli, const char *name, const char *user, const char *public_key, json_t **ret) {
        char id[2 * REFRESH_DEVICE_SIZE + 1];
        const ClientEntry options[] = { { .key = "user", .string = user } };
        const Request request = {
                .interface = WIRE_INTERFACE_DEVICES,
                .method = "Add",
                .arguments = { REQUEST_ARG_STRING(id), REQUEST_ARG_STRING(name), REQUEST_ARG_STRING(public_key),
                               REQUEST_ARG_DICT(options) },
                .reply = "a{sv}",
                .expect = WIRE_ERROR_EXISTS,
                .denied_hint = "",
        };
        int r;

        r = draw_id(cli, id);
        if (r == 0)
                r = request_object(cli, &request, shape_device, ret);
        if (r == REQUEST_EXPECTED)
                return cli_fail(cli, CLI_FAILED, "exists",
                                "take another name, or revoke that one: tessera device revoke", "there is a device \"%s\" already", name);
        return r;
}

static int request_revoke(Cli *cli, const char *what, const ClientEntry *options, size_t n_options, bool *ret_changed,
                          json_t **ret_revoked);

static int add_with_key(Cli *cli, const char *name, const char *user, const char *public_key) {
        json_t *device = NULL;
        int r;

        r = register_device(cli, name, user, public_key, &device);
        if (r != 0)
                return r;
        if (cli->json) {
                (void) json_object_set_new(device, "changed", json_true());
                return output_json(cli, device);
        }
        output_say(cli, "registered %s", name);
        (void) printf("device    %s\naudience  %s\n", output_text(device, "id"), output_text(device, "audience"));
        json_decref(device);
        return CLI_DONE;
}

/* A device whose key nobody has is of no use to anybody but who finds it in a pipe. */
static int print_key(Cli *cli, const DeviceKey *key) {
        const ClientEntry options[] = { { .key = "reason", .string = REASON_OUTPUT } };
        char line[DEVICE_KEY_LINE_MAX];
        json_auto_t *revoked = NULL;
        bool changed;
        int r;

        (void) signal(SIGPIPE, SIG_IGN); /* it would end us here, and the device would stay */
        r = device_key_format(key, line) ? output_secret(cli, line) : request_read(cli, CLIENT_E_VERSION);
        explicit_bzero(line, sizeof(line));
        if (r != 0) {
                (void) request_revoke(cli, key->id, options, G_N_ELEMENTS(options), &changed, &revoked);
                return r;
        }
        output_note(cli, "this is the key of \"%s\", which nobody can show again: who has it can sign in as %s.\n"
                    "  give it to one machine: tessera login %s@%s --device", key->name, key->user, key->user,
                    key->host);
        if (!g_str_equal(key->host, key->audience))
                output_note(cli, "  and there, for another host of the fleet %s, the same with that host", key->audience);
        return CLI_DONE;
}

static int add_without_key(Cli *cli, const char *name, const char *user) {
        _cleanup_device_key_ DeviceKey key = { 0 };
        char text[REFRESH_PUBLIC_LENGTH + 1];
        json_auto_t *device = NULL, *host = NULL;
        int r;

        if (!device_key_new(&key, text))
                return cli_fail(cli, CLI_FAILED, "internal", NULL, "libsodium has no random bytes");
        r = own_host(cli, &host);
        if (r == 0)
                r = register_device(cli, name, user, text, &device);
        if (r != 0)
                return r;
        key.id = output_text(device, "id");
        key.name = output_text(device, "name");
        key.user = output_text(device, "user");
        key.host = output_text(host, "Host");
        key.audience = output_text(device, "audience");
        return print_key(cli, &key);
}

int verb_device_add(Cli *cli, const Arguments *arguments) {
        const char *name = arguments_get(arguments, "name"), *user = arguments_get(arguments, "user");
        char public_key[REFRESH_PUBLIC_LENGTH + 1];
        int r;

        r = check_add(cli, name, user);
        if (r == 0)
                r = read_public_key(cli, public_key);
        if (r != 0)
                return r;
        return public_key[0] ? add_with_key(cli, name, user, public_key) : add_without_key(cli, name, user);
}

/* Revoking */

static int request_revoke(Cli *cli, const char *what, const ClientEntry *options, size_t n_options, bool *ret_changed,
                          json_t **ret_revoked) {
        const Request request = {
                .interface = WIRE_INTERFACE_DEVICES,
                .method = "Revoke",
                .arguments = { REQUEST_ARG_STRING(what),
                               { .type = REQUEST_DICT, .entries = options, .n_entries = n_options } },
                .reply = "bas",
                .expect = WIRE_ERROR_NOT_FOUND,
        };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        char **revoked = NULL;
        int r;

        r = request_call(cli, &request, &reply);
        if (r == REQUEST_EXPECTED)
                return cli_fail(cli, CLI_FAILED, "not-found", "tessera device lists yours; by name, an administrator adds --user",
                                "there is no device \"%s\", or it is not yours", what);
        if (r == 0)
                r = request_read(cli, client_message_read_bool(reply, ret_changed));
        if (r == 0)
                r = request_read(cli, client_message_read_strings(reply, REQUEST_ITEMS_MAX, &revoked));
        if (r == 0)
                *ret_revoked = shape_strings((const char *const *) revoked);
        (void) client_strings_free(revoked);
        return r;
}

int verb_device_revoke(Cli *cli, const Arguments *arguments) {
        const char *what = arguments->operands[0];
        const ClientEntry options[] = {
                { .key = "user", .string = arguments_get(arguments, "user") },
                { .key = "reason", .string = arguments_get(arguments, "reason") },
        };
        g_autofree char *question = g_strdup_printf("Revoke the device \"%s\", and end its sessions and their logins?",
                                                    what);
        json_auto_t *revoked = NULL;
        bool changed;
        size_t n;
        int r;

        r = cli_confirm(cli, question);
        if (r == 0)
                r = request_revoke(cli, what, options, G_N_ELEMENTS(options), &changed, &revoked);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:O}", "changed", changed, "revoked", revoked));
        n = json_array_size(revoked);
        if (changed && n > 0)
                output_say(cli, "revoked %s, and %zu session%s of it", what, n, n == 1 ? "" : "s");
        else if (changed)
                output_say(cli, "revoked %s", what);
        else
                output_say(cli, "%s is revoked already; nothing changed", what);
        return CLI_DONE;
}
