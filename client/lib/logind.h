/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What we ask of logind: whose session a process is in and since when, and to end one. */

#include <stdint.h>
#include <sys/types.h>

#include "client/lib/connect.h"

typedef struct LogindSession {
        char id[64];
        uid_t uid;
        uint64_t began; /* CLOCK_MONOTONIC, in microseconds */
} LogindSession;

/* As client_connect(). The connection is good for the calls below. */
int logind_connect(uint64_t deadline, Client **ret);

/*
 * All return 0, CLIENT_E_* or a negative errno. CLIENT_E_NOT_FOUND: no such session or user, or a
 * process outside every session.
 */

int logind_session_by_pid(Client *logind, pid_t pid, LogindSession *ret);
int logind_session_by_id(Client *logind, const char *id, LogindSession *ret);
int logind_terminate_session(Client *logind, const char *id);
int logind_terminate_user(Client *logind, uid_t uid); /* ends the user's manager too */
int logind_kill_session(Client *logind, const char *id); /* SIGKILL to all that is left of it */
int logind_kill_user(Client *logind, uid_t uid);
