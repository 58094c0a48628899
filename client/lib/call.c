/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/lib/call.h"
#include "client/lib/client-private.h"
#include "common/cleanup.h"
#include "common/memfd.h"
#include "common/name.h"
#include "common/wire.h"

/* sd-bus returns counts and flags above zero; for us a step is done or it is not. */
static int done(int r) {
        return r < 0 ? r : 0;
}

int client_message_new(Client *client, const char *destination, const char *path, const char *interface,
                       const char *method, ClientMessage **ret) {
        return done(sd_bus_message_new_method_call(client->bus, ret, destination, path, interface, method));
}

int client_call_new(Client *client, const char *interface, const char *method, ClientMessage **ret) {
        return client_message_new(client, client->peer, WIRE_OBJECT_PATH, interface, method, ret);
}

int client_message_add_string(ClientMessage *message, const char *value) {
        return done(sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, value));
}

int client_message_add_bool(ClientMessage *message, bool value) {
        int number = value;

        return done(sd_bus_message_append_basic(message, SD_BUS_TYPE_BOOLEAN, &number));
}

int client_message_add_int32(ClientMessage *message, int32_t value) {
        return done(sd_bus_message_append_basic(message, SD_BUS_TYPE_INT32, &value));
}

int client_message_add_uint32(ClientMessage *message, uint32_t value) {
        return done(sd_bus_message_append_basic(message, SD_BUS_TYPE_UINT32, &value));
}

static int add_entry(ClientMessage *message, const ClientEntry *entry) {
        int r;

        if (!entry->string && !entry->strings && !entry->boolean && !entry->integer)
                return 0;
        r = sd_bus_message_open_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(message, SD_BUS_TYPE_STRING, entry->key);
        if (r < 0)
                return r;
        if (entry->string)
                r = sd_bus_message_append(message, "v", "s", entry->string);
        else if (entry->boolean)
                r = sd_bus_message_append(message, "v", "b", (int) *entry->boolean);
        else if (entry->integer)
                r = sd_bus_message_append(message, "v", "x", *entry->integer);
        else {
                r = sd_bus_message_open_container(message, SD_BUS_TYPE_VARIANT, "as");
                if (r >= 0)
                        r = sd_bus_message_append_strv(message, (char **) entry->strings);
                if (r >= 0)
                        r = sd_bus_message_close_container(message);
        }
        return r < 0 ? r : done(sd_bus_message_close_container(message));
}

int client_message_add_dict(ClientMessage *message, const ClientEntry *entries, size_t n_entries) {
        int r;

        r = sd_bus_message_open_container(message, SD_BUS_TYPE_ARRAY, "{sv}");
        for (size_t i = 0; r >= 0 && i < n_entries; i++)
                r = add_entry(message, &entries[i]);
        return r < 0 ? r : done(sd_bus_message_close_container(message));
}

int client_message_add_secret(ClientMessage *message, const char *data, size_t size) {
        _cleanup_close_ int fd = -1;
        int r;

        r = memfd_new_sealed(data, size, &fd);
        if (r < 0)
                return r;
        return done(sd_bus_message_append_basic(message, SD_BUS_TYPE_UNIX_FD, &fd)); /* which duplicates it */
}

ClientMessage *client_message_free(ClientMessage *message) {
        return sd_bus_message_unref(message);
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        sd_bus_message **slot = userdata;

        *slot = sd_bus_message_ref(reply);
        return 1;
}

static int has_reply(Client *client, void *userdata) {
        sd_bus_message **slot = userdata;

        return *slot != NULL;
}

static void clear_error(ClientError *error) {
        error->name[0] = '\0';
        error->message[0] = '\0';
}

/* What an error reply means. The words of the bus and of GDBus are about the way, not the answer. */
static int judge_error(const sd_bus_error *error) {
        static const struct {
                const char *name;
                int result;
        } known[] = {
                { SD_BUS_ERROR_NO_REPLY, CLIENT_E_UNREACHABLE },
                { SD_BUS_ERROR_TIMEOUT, CLIENT_E_TIMEOUT },
                { "org.freedesktop.DBus.Error.TimedOut", CLIENT_E_TIMEOUT },
                { SD_BUS_ERROR_INVALID_ARGS, CLIENT_E_VERSION },
                { SD_BUS_ERROR_INVALID_SIGNATURE, CLIENT_E_VERSION },
                { SD_BUS_ERROR_UNKNOWN_METHOD, CLIENT_E_VERSION },
                { SD_BUS_ERROR_UNKNOWN_INTERFACE, CLIENT_E_VERSION },
                { SD_BUS_ERROR_UNKNOWN_OBJECT, CLIENT_E_VERSION },
                { SD_BUS_ERROR_UNKNOWN_PROPERTY, CLIENT_E_VERSION },
        };

        if (strncmp(error->name, WIRE_ERROR_PREFIX, strlen(WIRE_ERROR_PREFIX)) == 0)
                return CLIENT_E_REMOTE;
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (strcmp(error->name, known[i].name) == 0)
                        return known[i].result;
        return CLIENT_E_UNREACHABLE;
}

/* sd-bus matches replies by serial alone; the sender is for us to compare. Peer to peer there is none. */
static bool from_peer(Client *client, ClientMessage *call, ClientMessage *reply) {
        const char *sender = sd_bus_message_get_sender(reply);

        return !client->peer || (sender && strcmp(sender, sd_bus_message_get_destination(call)) == 0);
}

static int read_error(const sd_bus_error *remote, ClientError *error) {
        name_clean(remote->name, error->name, sizeof(error->name));
        if (remote->message)
                name_clean(remote->message, error->message, sizeof(error->message));
        return judge_error(remote);
}

int client_message_call(Client *client, ClientMessage *call, ClientMessage **ret, ClientError *ret_error) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        _cleanup_client_message_ ClientMessage *reply = NULL;
        uint64_t left = client_left(client->deadline);
        ClientError ignored;
        ClientError *error = ret_error ? ret_error : &ignored;
        int r;

        clear_error(error);
        if (left == 0)
                return CLIENT_E_TIMEOUT;
        r = sd_bus_call_async(client->bus, &slot, call, on_reply, &reply, left);
        if (r >= 0)
                r = client_run(client, has_reply, &reply);
        if (r == -ETIMEDOUT)
                return CLIENT_E_TIMEOUT;
        if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
                return r;
        if (r < 0)
                return CLIENT_E_UNREACHABLE;
        if (sd_bus_message_is_method_error(reply, NULL))
                return read_error(sd_bus_message_get_error(reply), error);
        if (!from_peer(client, call, reply))
                return CLIENT_E_IMPOSTOR;
        *ret = reply;
        reply = NULL;
        return 0;
}
