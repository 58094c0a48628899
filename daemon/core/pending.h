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

/* Keeps a copy of @session, authenticated by @caller. 0, or -EBUSY when the table is full of younger ones. */
int pending_add(Pending *pending, const Session *session, const Caller *caller);

/*
 * Takes the session out, when all that is said above holds; NULL otherwise, and then it stays for
 * its rightful opener.
 */
Session *pending_take(Pending *pending, const char *id, uid_t uid, const char *service, const char *rhost,
                      const Caller *caller);

/* Drops those of a user (disabled, removed, revoked, password changed) or, with UID_UNSET, all. */
void pending_drop_user(Pending *pending, uid_t uid);

/* Drops those whose parent session is @id. */
void pending_drop_children(Pending *pending, const char *id);
