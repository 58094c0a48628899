/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Sessions between authenticate and open_session. They live in memory only: a restart drops half a
 * login, and that is the right thing to do with it. 120 s (sshd's LoginGraceTime), at most 4096.
 *
 * The id that survives from sshd's authentication process to its session process is a hint in the
 * PAM environment, and users can forge that. So the opener must be the process that authenticated,
 * or the one that forked it, by pid and start time, and must name the same user, service and rhost.
 */

#include "daemon/core/caller.h"
#include "daemon/core/clock.h"
#include "daemon/core/types.h"

#define PENDING_LIFETIME_MS (120 * 1000)
#define PENDING_MAX 4096

typedef struct Pending Pending;

Pending *pending_new(const Clock *clock);
Pending *pending_free(Pending *pending);

/*
 * A mark tells whether a user's credentials or rights changed while somebody looked at them: take
 * one before looking, hand it in where the result is used. Between pending_bar() and
 * pending_unbar() no mark of the user holds, neither an old one nor one taken meanwhile.
 */
uint64_t pending_mark(Pending *pending, uid_t uid);
bool pending_mark_holds(Pending *pending, uid_t uid, uint64_t mark);

/*
 * Around a change that ends everything of a user (disabled, removed, revoked, another password),
 * or unlinks him, or with UID_UNSET of everybody: drops their pending sessions, and breaks the marks under way.
 */
void pending_bar(Pending *pending, uid_t uid);
void pending_unbar(Pending *pending, uid_t uid);

/*
 * Keeps a copy of @session, authenticated by @caller under @mark. 0, PENDING_E_CHANGED, or
 * PENDING_E_FULL when the table is full of younger ones.
 */
enum {
        _PENDING_E_SUCCESS = 0,
        PENDING_E_CHANGED,
        PENDING_E_FULL,
};
int pending_add(Pending *pending, const Session *session, const Caller *caller, uint64_t mark);

/*
 * Takes the session out, when all that is said above holds; NULL otherwise, and then it stays for
 * its rightful opener.
 */
Session *pending_take(Pending *pending, const char *id, uid_t uid, const char *service, const char *rhost,
                      const Caller *caller);

/* A copy of what pending_take() would give; it stays. session_free(). */
Session *pending_look(Pending *pending, const char *id, uid_t uid, const char *service, const char *rhost,
                      const Caller *caller);

/* Drops those whose parent session is @id, or that came from the device @id. */
void pending_drop_children(Pending *pending, const char *id);
void pending_drop_device(Pending *pending, const char *id);
