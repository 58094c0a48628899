/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <glib.h>
#include <string.h>

#include "client/lib/call.h"
#include "client/ticket.h"
#include "client/token-text.h"
#include "common/cleanup.h"

#define TIMEOUT 10 /* s; sshd waits for the answer meanwhile */

bool ticket_is_possible(void) {
        _cleanup_client_ Client *client = NULL;
        _cleanup_client_message_ ClientMessage *call = NULL, *reply = NULL;
        int r;

        r = client_connect(client_deadline(TIMEOUT), &client);
        if (r == 0)
                r = client_call_new(client, WIRE_INTERFACE_SESSIONS, "GetCurrent", &call);
        if (r == 0)
                r = client_message_call(client, call, &reply, NULL);
        return r == 0;
}

/* Copies a secret out of a reply; what is no ticket's text goes nowhere. */
static int take(ClientMessage *reply, char ret[WIRE_TICKET_MAX + 1]) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = client_message_read_secret(reply, WIRE_TICKET_MAX, &text, &size);
        if (r != 0)
                return r;
        if (token_text_is_plain(text))
                (void) g_strlcpy(ret, text, WIRE_TICKET_MAX + 1);
        else
                r = CLIENT_E_VERSION;
        explicit_bzero(text, size);
        return r;
}

int ticket_print(const char *audience, char ret[WIRE_TICKET_MAX + 1], char **ret_message) {
        const ClientEntry options[] = { { .key = "audience", .string = audience } };
        _cleanup_client_ Client *client = NULL;
        _cleanup_client_message_ ClientMessage *call = NULL, *reply = NULL;
        ClientError error = { 0 };
        int r;

        r = client_connect(client_deadline(TIMEOUT), &client);
        if (r == 0)
                r = client_call_new(client, WIRE_INTERFACE_TOKENS, "Print", &call);
        if (r == 0)
                r = client_message_add_dict(call, options, G_N_ELEMENTS(options));
        if (r == 0)
                r = client_message_call(client, call, &reply, &error);
        if (r == 0)
                r = client_message_check_signature(reply, "ha{sv}");
        if (r == 0)
                r = take(reply, ret);
        if (ret_message)
                *ret_message = error.message[0] ? g_strdup(error.message) : NULL;
        return r;
}
