/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The authorisation table: one row per method of the interface, and what has no row may not be
 * called. It decides on the uid alone; whose session or password it is, core checks.
 */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/bus/caller.h"
#include "daemon/bus/request.h"

typedef enum AuthorizeWho {
        AUTHORIZE_NOBODY = 0,
        AUTHORIZE_ROOT,
        AUTHORIZE_USERS,        /* anybody but root, of itself */
        AUTHORIZE_ROOT_OR_SELF, /* root for anybody, others for themselves: checked further in core */
        AUTHORIZE_ANYBODY,
        _AUTHORIZE_WHO_MAX,
} AuthorizeWho;

typedef struct Method {
        const char *interface;
        const char *name;
        AuthorizeWho who;
        CallerDepth of_login; /* whether it is about the login of the calling process, which must then be found */
        RequestHandler handle;
} Method;

/* The row of a method; NULL without one. */
const Method *authorize_find(const char *interface, const char *name);

/* In the table's order; NULL beyond the last. */
const Method *authorize_at(size_t index);

/* May @uid call it? UID_UNSET may call nothing. */
bool authorize_uid(const Method *method, uid_t uid);
