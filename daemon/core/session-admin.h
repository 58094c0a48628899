/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Sessions, as the CLI and other programs ask for them: of one's own login, and by administrators. */

#include "common/secret.h"
#include "daemon/core/core.h"
#include "daemon/core/login.h"

/* The live session of the caller's login. CORE_E_NOT_SIGNED_IN. Moves seen. */
int session_current(Core *core, const Caller *caller, Session **ret);

/* Of others, and of everybody, for who may administer: else as admin_check(). An array of Session *. */
int session_list(Core *core, const Caller *caller, const SessionFilter *filter, GPtrArray **ret);

/*
 * By id or unambiguous prefix: of the caller's own, and where none of them is meant of everybody's, for
 * who may administer (root: of everybody's at once). Somebody else's is CORE_E_NOT_FOUND to who may not,
 * CORE_E_STALE to who might. @ret_events: Event *.
 */
int session_show(Core *core, const Caller *caller, const char *prefix, Session **ret, GPtrArray **ret_events);

typedef struct SessionRevoke {
        const char *const *ids; /* prefixes, or NULL */
        const char *user;       /* all of this user, or NULL */
        bool others;            /* all of the caller's but this login */
        bool all;               /* everybody's; for who may administer, as @user of others */
        bool keep_login;        /* spare the live login */
        const char *reason;     /* an admin's own words, at most 200 bytes; NULL */
} SessionRevoke;

/*
 * Revokes, with children and tokens, and ends the live logins. All ids are found first, as by
 * session_show(): with one unknown nothing is revoked (CORE_E_NOT_FOUND, the name in @ret_culprit, g_free). @ret_ended: the
 * Session * that this call ended; empty: nothing changed.
 */
int session_revoke(Core *core, const Caller *caller, const SessionRevoke *what, GPtrArray **ret_ended,
                   char **ret_culprit);

/* Logout: closes the caller's session (or, with @others, revokes the user's others). The shell stays. */
int session_logout(Core *core, const Caller *caller, bool others, GPtrArray **ret_ended);
