/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Records that come from another store into the Redis store, as they are and with all indexes. Each is atomic, and
 * one that is here already stays as it is, but that what has ended, was revoked or used there is so here, too: what was
 * interrupted is done again from the beginning. First the users, then the devices, then the sessions in the order in
 * which they were opened. -EOPNOTSUPP for another backend.
 */

#include "daemon/store/store-export.h"
#include "daemon/store/store.h"

typedef struct ImportUser {
        const User *user;
        const LoginNews *news;
        const GPtrArray *assignments; /* Assignment *: his */
        const GPtrArray *identities;  /* UserIdentity *: his */
        const GPtrArray *networks;    /* KnownNetwork *: his */
} ImportUser;

/*
 * STORE_E_EXISTS when the name, the uid or a subject is somebody else's, or he has another password there. @ret_new is
 * false where he was there: then he keeps what he has there, and gets nothing of all this.
 */
int store_import_user(Store *store, const ImportUser *user, bool *ret_new);

/*
 * STORE_E_EXISTS when its user has another one of that name that may be used, STORE_E_STATE when it may be used and
 * its user is not there.
 */
int store_import_device(Store *store, const Device *device, int64_t now, bool *ret_new);

/*
 * Sessions, with the events of each: as many arrays of Event *. An active one whose user, device or parent was revoked
 * there is revoked. @ret_new: how many were not there.
 */
int store_import_sessions(Store *store, const GPtrArray *sessions, const GPtrArray *events, int64_t now,
                          unsigned *ret_new);
