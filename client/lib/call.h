/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Calls to the daemon: built argument by argument, sent, and the reply read value by value into
 * plain things with caps. Only the reply to our own call is ever looked at, and only from the peer
 * that the connection was bound to; signals are dropped unread.
 *
 *         r = client_call_new(client, WIRE_INTERFACE_LOGIN, "Authenticate", &call);
 *         if (r == 0)
 *                 r = client_message_add_string(call, user);
 *         if (r == 0)
 *                 r = client_message_add_dict(call, context, N_ELEMENTS(context));
 *         if (r == 0)
 *                 r = client_message_add_secret(call, answer, strlen(answer));
 *         if (r == 0)
 *                 r = client_message_call(client, call, &reply, &error);
 *         if (r == 0)
 *                 r = client_message_read_answer(reply, &verdict);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/lib/connect.h"

/* A call being built, or a reply being read. */
typedef struct sd_bus_message ClientMessage;

#define CLIENT_TEXT_MAX 1024 /* longer texts in errors and answers are cut */

/* What the other side reported; both empty when it did not. Cleaned (common/name.h). */
typedef struct ClientError {
        char name[256]; /* a D-Bus error name: WIRE_ERROR_* with CLIENT_E_REMOTE */
        char message[CLIENT_TEXT_MAX];
} ClientError;

/* An argument's dictionary: those without a value are left out. */
typedef struct ClientEntry {
        const char *key;
        const char *string;         /* s, when not NULL */
        const char *const *strings; /* as, when not NULL */
        const bool *boolean;        /* b, when not NULL */
        const int64_t *integer;     /* x, when not NULL */
} ClientEntry;

/* Building. All return 0 or a negative errno. */

int client_message_new(Client *client, const char *destination, const char *path, const char *interface,
                       const char *method, ClientMessage **ret);
/* A method of the daemon's one object. */
int client_call_new(Client *client, const char *interface, const char *method, ClientMessage **ret);
int client_message_add_string(ClientMessage *message, const char *value);
int client_message_add_bool(ClientMessage *message, bool value);
int client_message_add_int32(ClientMessage *message, int32_t value);
int client_message_add_uint32(ClientMessage *message, uint32_t value);
int client_message_add_dict(ClientMessage *message, const ClientEntry *entries, size_t n_entries);
/* The secret crosses as a sealed memfd, never in the message. The caller keeps and wipes @data. */
int client_message_add_secret(ClientMessage *message, const char *data, size_t size);

ClientMessage *client_message_free(ClientMessage *message);

static inline void cleanup_client_message(ClientMessage **message) {
        *message = client_message_free(*message);
}

#define _cleanup_client_message_ __attribute__((__cleanup__(cleanup_client_message)))

/*
 * Sends @call and waits for its reply until the connection's deadline. 0 and the reply, or
 * CLIENT_E_*, or a negative errno; @ret_error may be NULL and is filled in any case.
 */
int client_message_call(Client *client, ClientMessage *call, ClientMessage **ret, ClientError *ret_error);

/*
 * Reading, in order. 0; CLIENT_E_VERSION where something else stands there; a negative errno.
 * Strings belong to the message and are not cleaned; one longer than @max is CLIENT_E_VERSION.
 */

int client_message_check_signature(ClientMessage *message, const char *signature); /* the whole body's */
int client_message_read_string(ClientMessage *message, size_t max, const char **ret);
int client_message_read_bool(ClientMessage *message, bool *ret);
int client_message_read_uint32(ClientMessage *message, uint32_t *ret);
int client_message_read_uint64(ClientMessage *message, uint64_t *ret);
int client_message_read_path(ClientMessage *message, const char **ret);
/* Steps into a variant ('v', "s") or a struct ('r', "uo"); what is in it is read next. */
int client_message_enter(ClientMessage *message, char type, const char *contents);
/* Reads a descriptor's contents: at most @max bytes and a terminator, which the caller wipes and frees. */
int client_message_read_secret(ClientMessage *message, size_t max, char **ret, size_t *ret_size);
/* At most @max_items strings, NULL-terminated; client_strings_free(). */
int client_message_read_strings(ClientMessage *message, size_t max_items, char ***ret);
char **client_strings_free(char **strings);

/* A reply's a{sv}: values of the types that the interface uses, copied. Others are skipped. */
typedef struct ClientDict ClientDict;

#define CLIENT_DICT_MAX 64 /* entries */

int client_message_read_dict(ClientMessage *message, ClientDict **ret);
/* aa{sv}; the items and the array are the caller's: client_dicts_free(). */
int client_message_read_dicts(ClientMessage *message, size_t max_items, ClientDict ***ret, size_t *ret_n);
ClientDict *client_dict_free(ClientDict *dict);
ClientDict **client_dicts_free(ClientDict **dicts, size_t n);

/* By key; the default where it is missing or of another type. */
const char *client_dict_get_string(const ClientDict *dict, const char *key); /* NULL */
bool client_dict_get_bool(const ClientDict *dict, const char *key);          /* false */
int64_t client_dict_get_integer(const ClientDict *dict, const char *key);    /* 0; of u, x */
const char *const *client_dict_get_strings(const ClientDict *dict, const char *key); /* an empty array */
/* An aa{sv} within; the items are the dictionary's. NULL and 0 in @ret_n. */
ClientDict *const *client_dict_get_dicts(const ClientDict *dict, const char *key, size_t *ret_n);

static inline void cleanup_client_dict(ClientDict **dict) {
        *dict = client_dict_free(*dict);
}

#define _cleanup_client_dict_ __attribute__((__cleanup__(cleanup_client_dict)))
