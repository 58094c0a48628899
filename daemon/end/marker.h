/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The names of the files by which the daemon asks for a login's end. */

#include <sys/types.h>

/* Accounts below are the system's; their logins are not ended for anybody. */
#define MARKER_UID_MIN 1000

#define MARKER_SESSION_MAX 63

typedef struct Marker {
        char session[MARKER_SESSION_MAX + 1]; /* logind's id; "" where a user is meant */
        uid_t uid;                            /* where a user is meant */
} Marker;

/*
 * Reads "session-ID" (1 to 63 of [A-Za-z0-9]) or "user-UID" (1 to 10 digits, a uid of 1000 or
 * more). Returns 0, or -EINVAL for any other name, or -EPERM for a uid that is not to be touched.
 */
int marker_parse(const char *name, Marker *ret);
