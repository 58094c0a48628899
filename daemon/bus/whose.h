/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Whose things a list is to show: the filter "user", "all-users" that several methods have. */

#include "daemon/bus/request.h"

/*
 * The uid that is meant: without either the caller's own, UID_UNSET for all users. Another user's, and
 * everybody's, are for who may administer: else CORE_E_DENIED or CORE_E_STALE. Also CORE_E_INVALID,
 * CORE_E_NOT_FOUND and a negative errno.
 */
int whose_uid(Request *request, const char *user, bool all_users, uid_t *ret);
