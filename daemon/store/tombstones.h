/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What was revoked stays revoked, whatever becomes of the fleet's store: emptied, replaced by an older copy, or
 * by a replica that had not heard of it. Each host remembers in a file of its own what it revoked and what it
 * was told of (feed.h), and asks that before it believes the store about a session, a device, a ticket or a user.
 *
 * The file is one line for each, appended and on disk when a call returns. Lines whose time is over, because
 * the session or device would be over by itself by then, are left out when it is written anew. A last
 * line that a crash cut off is dropped: nobody was told that it is there. Other damage is an error.
 *
 * Users have no end: of each uid the latest counts, and only for a record of the store that is older
 * (lua/user.lua): who is enabled again on any host is so on all, whether or not they were told.
 *
 * From any thread.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/types.h"

#define TOMBSTONES_FILE "tombstones"

typedef struct Tombstones Tombstones;

/* 0, or a negative errno and in @ret_message (g_free) what is wrong and what to do. */
int tombstones_open(const char *folder, Tombstones **ret, char **ret_message);
/* Accepts NULL, returns NULL. */
Tombstones *tombstones_free(Tombstones *tombstones);

/*
 * Adding: 0 when it is on disk. Negative: it counts until the daemon ends, and is tried again with the next; so
 * only who may still refuse need look.
 */

/* Those of @sessions (Session *) that are SESSION_REVOKED, until they would end. */
int tombstones_add_sessions(Tombstones *tombstones, const GPtrArray *sessions);
int tombstones_add_device(Tombstones *tombstones, const char *id, int64_t ends);
int tombstones_add_ticket(Tombstones *tombstones, const char *issuer, const char *jti, int64_t until);

typedef enum TombstoneUser {
        TOMBSTONE_USER,     /* was disabled or removed: records of the store that are older are not enabled */
        TOMBSTONE_PASSWORD, /* was given a new one: in records that are older is none */
        _TOMBSTONE_USER_MAX,
} TombstoneUser;

/* @since: microseconds of the server's clock. An earlier one than is known changes nothing. */
int tombstones_add_user(Tombstones *tombstones, TombstoneUser what, uid_t uid, int64_t since);

/*
 * Users that the store had when this host looked. Whom it has no more, though nobody removed him, it has lost: he
 * is no stranger, who would be left to the stack behind. Cheap for who is known; who has no user's name is nobody.
 */
int tombstones_see_user(Tombstones *tombstones, const char *name);
int tombstones_unsee_user(Tombstones *tombstones, const char *name);
/* All but @names (a set). */
void tombstones_unsee_others(Tombstones *tombstones, GHashTable *names);
/* How many that would be. */
unsigned tombstones_count_others(Tombstones *tombstones, GHashTable *names);

/* How far the feed was followed: the entry's id and number. */
int tombstones_set_position(Tombstones *tombstones, const char *id, int64_t number);
/* That was the feed of another store. */
void tombstones_forget_position(Tombstones *tombstones);

/* Asking */

bool tombstones_has_session(Tombstones *tombstones, const char *id);
bool tombstones_has_device(Tombstones *tombstones, const char *id);
bool tombstones_has_ticket(Tombstones *tombstones, const char *issuer, const char *jti);
/* A session that was revoked and is bound to this login, with no more than is known of it; NULL. */
Session *tombstones_get_login(Tombstones *tombstones, const char *boot_id, uint32_t audit_id, uid_t uid);
bool tombstones_saw_user(Tombstones *tombstones, const char *name);
/* 0: nothing. */
int64_t tombstones_get_user(Tombstones *tombstones, TombstoneUser what, uid_t uid);
/* NULL: nothing followed yet; g_free. */
char *tombstones_get_position(Tombstones *tombstones, int64_t *ret_number);

/* Is there anything that is not on disk? */
bool tombstones_is_saved(Tombstones *tombstones);

/* Forgets what would be over by itself before @now: sessions and devices, or tickets. */
void tombstones_sweep(Tombstones *tombstones, int64_t now);
void tombstones_sweep_tickets(Tombstones *tombstones, int64_t now);
