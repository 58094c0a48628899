/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A command's call to the daemon, written down as one value; what goes wrong is told here. */

#include "client/cli.h"
#include "client/lib/call.h"
#include "client/secret-input.h"
#include "client/shape.h"

#define REQUEST_ARGUMENTS_MAX 4
#define REQUEST_ITEMS_MAX 100000 /* of a list in a reply */

typedef enum RequestType {
        REQUEST_NONE = 0,
        REQUEST_STRING,
        REQUEST_BOOL,
        REQUEST_DICT,
        REQUEST_SECRET,
} RequestType;

typedef struct RequestArgument {
        RequestType type;
        const char *string;
        bool boolean;
        const ClientEntry *entries;
        size_t n_entries;
        const SecretInput *secret;
} RequestArgument;

#define REQUEST_ARG_STRING(value) { .type = REQUEST_STRING, .string = (value) }
#define REQUEST_ARG_BOOL(value) { .type = REQUEST_BOOL, .boolean = (value) }
#define REQUEST_ARG_SECRET(value) { .type = REQUEST_SECRET, .secret = (value) }
#define REQUEST_ARG_DICT(array) { .type = REQUEST_DICT, .entries = (array), .n_entries = G_N_ELEMENTS(array) }
#define REQUEST_ARG_NO_DICT { .type = REQUEST_DICT }

typedef struct Request {
        const char *interface;
        const char *method;
        RequestArgument arguments[REQUEST_ARGUMENTS_MAX];
        const char *reply;  /* the signature that the reply must have */
        unsigned timeout;   /* s; 0: as always */
        const char *expect; /* a D-Bus error that is the caller's to handle, or NULL */
        const char *denied_hint; /* where the daemon denies it: what helps; "": it says so itself; NULL: being root */
} Request;

/* Beyond the exit codes: the daemon said request->expect. Nothing was told. */
#define REQUEST_EXPECTED 100

/*
 * Connects, calls, closes. Where the daemon says Stale, a person at a terminal signs in again, and the
 * call is made once more (client/step-up.h). Returns 0 and the reply, REQUEST_EXPECTED, or the exit code
 * of a failure that was told.
 */
int request_call(Cli *cli, const Request *request, ClientMessage **ret_reply);

/* The same for who can go on without an answer: tells nothing. 0, CLIENT_E_* or a negative errno. */
int request_try(const Request *request, ClientMessage **ret_reply, ClientError *ret_error);

/* Did the bus itself refuse it, before it came to the daemon? */
bool request_is_fenced(const ClientError *error);

/* Tells what a call came to that returned @r, not 0: the exit code. */
int request_fail(Cli *cli, int r, const ClientError *error);

/* Folds what client_message_read_*() returned: 0, or the exit code of a failure that was told. */
int request_read(Cli *cli, int r);

/*
 * request_call(), with the whole reply: a{sv} and aa{sv} in the shape of @members, as, and b. The
 * JSON is the caller's (json_decref).
 */
int request_object(Cli *cli, const Request *request, const ShapeMember *members, json_t **ret);
int request_array(Cli *cli, const Request *request, const ShapeMember *members, json_t **ret);
int request_strings(Cli *cli, const Request *request, json_t **ret);
int request_bool(Cli *cli, const Request *request, bool *ret);

/* Reads an aa{sv} out of a reply that has more. */
int request_read_array(Cli *cli, ClientMessage *reply, const ShapeMember *members, json_t **ret);
