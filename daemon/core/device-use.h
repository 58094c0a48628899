/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* One use of a refresh token, whoever brings it: PAM's prompt, or Tokens.Refresh. Private to core. */

#include "common/secret.h"
#include "daemon/core/core-internal.h"

enum {
        _DEVICE_E_SUCCESS = 0,
        DEVICE_E_FORGED = _CORE_E_MAX, /* not genuine, or of a device that is not there: a guess */
        DEVICE_E_REFUSED,              /* genuine, but it does not count: the reason code is in @ret_why */
};

/* Is it genuine? Uses nothing. 0 or a negative errno. */
int device_token_genuine(Core *core, const Secret *secret, bool *ret);

/*
 * Spends the counter of a genuine token. 0 and the device, which is @user's (NULL: anybody's). A
 * second use has then revoked the device and its sessions, durably; their logins are ended, those
 * under way dropped, and it is reported.
 */
int device_use(Core *core, const CoreConfig *config, const User *user, const char *rhost, int64_t now,
               const Secret *secret, Device **ret, const char **ret_why);

/* Makes @session one of @device: it proves what the device's origin proved, and ends no later. */
void device_set_proof(Session *session, const Device *device);

/* Ends what is left of a device that was revoked: live logins, those under way; and reports @ended, at whose request or NULL. */
void device_after_end(Core *core, const Device *device, const GPtrArray *ended, const char *by);
