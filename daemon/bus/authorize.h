/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The authorisation table: one row per method of the interface, and what has no row may not be
 * called. Where the row says ADMIN, and it is not root who calls, core is asked about the caller's login
 * before the handler runs (call.h); where it says ADMIN_OR_SELF core asks that itself wherever it is about
 * somebody else. All others are decided on the uid alone.
 */

#include <stdbool.h>
#include <stddef.h>

#include "daemon/bus/caller.h"
#include "daemon/bus/request.h"

typedef enum AuthorizeWho {
        AUTHORIZE_NOBODY = 0,
        AUTHORIZE_ROOT,
        AUTHORIZE_ADMIN,         /* root, and who may administer: daemon/core/admin.h */
        AUTHORIZE_USERS,        /* anybody but root, of itself */
        AUTHORIZE_ADMIN_OR_SELF, /* the same for anybody, others for themselves */
        AUTHORIZE_ROOT_OR_SELF,  /* root for anybody, others for themselves: checked further in core */
        AUTHORIZE_ANYBODY,
        _AUTHORIZE_WHO_MAX,
} AuthorizeWho;

typedef struct Method {
        const char *interface;
        const char *name;
        AuthorizeWho who;
        CallerDepth of_login; /* what must be found of the calling process's login, which it is about or decided by */
        RequestHandler handle;
        bool changes; /* something that lasts: charged to its caller also where it succeeds */
} Method;

/* The row of a method; NULL without one. */
const Method *authorize_find(const char *interface, const char *name);

/* In the table's order; NULL beyond the last. */
const Method *authorize_at(size_t index);

/* May @uid call it at all? UID_UNSET may call nothing. */
bool authorize_uid(const Method *method, uid_t uid);
