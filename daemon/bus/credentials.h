/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Who is behind a unique name, by the bus's word (GetConnectionCredentials).
 *
 * Asked once for each name: a bus never gives a name twice, and what it knows of a connection it
 * knew when that was made. Asking does not block, and calls that come meanwhile wait for the same
 * answer, a few for each name: so who sends much takes no room from others. An answer that cannot
 * be had is no answer, and not kept. One table per connection to a bus. The main loop's.
 */

#include <gio/gio.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct Credentials Credentials;

typedef struct Credential {
        uid_t uid;
        pid_t pid; /* 0: unknown */
} Credential;

/* @who is NULL where the bus does not say; @data is what was given. */
typedef void (*CredentialsDone)(const Credential *who, gpointer data);

Credentials *credentials_new(GDBusConnection *bus);
Credentials *credentials_ref(Credentials *credentials);
Credentials *credentials_unref(Credentials *credentials); /* accepts NULL, returns NULL */

/* The connection has ended, and its reference is given back: nobody is known any more. */
void credentials_close(Credentials *credentials);

/*
 * Calls @done, at once where the name is known. Returns false, and does not call it, where too
 * many wait.
 */
bool credentials_look_up(Credentials *credentials, const char *name, CredentialsDone done, gpointer data);

/* The uid and pid in an a{sv} as the bus answers; false without a uid. */
bool credentials_parse(GVariant *dict, Credential *ret);
