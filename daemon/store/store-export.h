/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What the SQLite store has and the contract does not list, for moving it elsewhere. Nobody else may use the
 * store meanwhile. -EOPNOTSUPP for another backend.
 */

#include "daemon/store/store.h"

/*
 * The next @max sessions, of all states, in the order in which they were opened; none: that was all. @after: 0 at
 * first, and moved on by each call. An array of Session *.
 */
int store_export_sessions(Store *store, int64_t *after, unsigned max, GPtrArray **ret);

/* What this user's next login would be told. STORE_E_NOT_FOUND. @ret: login_news_deinit(). */
int store_export_news(Store *store, const char *user, LoginNews *ret);

typedef struct KnownNetwork {
        char *network;
        int64_t seen; /* when the user was last there */
} KnownNetwork;

/* Of @uid: an array of KnownNetwork *. */
int store_export_networks(Store *store, uid_t uid, GPtrArray **ret);

typedef struct SpentTicket {
        char *issuer, *jti;
        int64_t until;
} SpentTicket;

/* All: an array of SpentTicket *. */
int store_export_tickets(Store *store, GPtrArray **ret);
