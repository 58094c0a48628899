/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Everything that a host's own store keeps, into the store of its fleet. What was interrupted is done again from the
 * beginning: a record that is there already stays as it is, and only ends where it has ended here. Nobody may use
 * @from meanwhile; others may use @to.
 *
 * A user who is there already with the same uid and password keeps the roles, links and networks that he has there.
 */

#include "daemon/store/store.h"

typedef struct StoreMove {
        Store *from; /* SQLite */
        Store *to;   /* Redis; NULL: it would be an empty one */
        bool dry;    /* changes nothing: only looks, and counts */
        int64_t now; /* Unix seconds */
        /* What is owed there for what is owed here; false: nothing any more. */
        bool (*share_debt)(const UserDebt *debt, int64_t now, void *data, SharedDebt *ret);
        void *data;
} StoreMove;

/* How many there are here; and how many of those came new, where it was not dry. */
typedef struct StoreMoved {
        struct {
                unsigned all, new;
        } users, roles, identities, devices, sessions, tickets, debts;
        GPtrArray *kept; /* char *: names of the users who were there */
} StoreMoved;

void store_moved_deinit(StoreMoved *moved);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreMoved, store_moved_deinit)

/*
 * What of @move->from has no place in @move->to, because there is another one of that name, uid or subject: lines for
 * people, g_ptr_array_unref(). With any, nothing may be moved.
 */
int store_move_check(const StoreMove *move, GPtrArray **ret_conflicts);

/* 0; STORE_E_EXISTS, _STATE or a negative errno, and in @ret_at (g_free) what it was at. */
int store_move_run(const StoreMove *move, StoreMoved *ret, char **ret_at);
