/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Devices: registered, listed, revoked; and their refresh tokens, used. */

#include "common/refresh-token.h"
#include "common/secret.h"
#include "daemon/core/core.h"
#include "daemon/core/token.h"

#define DEVICE_NAME_MAX 64
#define DEVICES_PER_USER_MAX 64 /* that are neither revoked nor over */

/* "active", "revoked", or "expired": over, or idle for longer than [device] idle. */
const char *device_state(const Device *device, int64_t idle, int64_t now);

/* A device as shown: as it is, and what device_state() says of it now. */
typedef struct DeviceView {
        Device *device;
        const char *state;
} DeviceView;

DeviceView *device_view_free(DeviceView *view);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DeviceView, device_view_free)

/* Of others, and of everybody (UID_UNSET), for who may administer: else as admin_check(). An array of DeviceView *. */
int device_list(Core *core, const Caller *caller, uid_t uid, GPtrArray **ret);

typedef struct DeviceAdd {
        const char *id;         /* 32 lower-case hex digits */
        const char *name;
        const char *public_key; /* 43 characters of base64url */
        const char *user;       /* NULL: the caller */
} DeviceAdd;

/*
 * Registers a device. Of oneself: the caller's login must be fresh by admin_check_own_login(), which is
 * CORE_E_STALE, or CORE_E_DENIED, with a line in @ret_why (g_free) that says how. The device carries that
 * login's auth_time and cap. For others, by who may administer: no auth_time, no cap. CORE_E_INVALID, CORE_E_NOT_FOUND (no such user),
 * CORE_E_EXISTS (id or name), CORE_E_BUSY (too many).
 */
int device_add(Core *core, const Caller *caller, const DeviceAdd *what, DeviceView **ret, char **ret_why);

/*
 * By id, unambiguous prefix, or name; @user NULL: the caller's, or, where none of those is meant,
 * anybody's by id, for who may administer (CORE_E_NOT_FOUND to who may not). Revokes its sessions, and
 * ends their logins. CORE_E_NOT_FOUND, CORE_E_AMBIGUOUS.
 */
int device_revoke(Core *core, const Caller *caller, const char *what, const char *user, const char *reason,
                  bool *ret_changed, GPtrArray **ret_ended);

/*
 * An access token for a refresh token: Tokens.Refresh. Spends it. The device must be the caller's,
 * or the caller root; of somebody else's the counter is spent, nothing revoked and the answer
 * CORE_E_CREDENTIAL, as for everything that is wrong with it. The token is of the device's live
 * session of service "tessera", which is opened, unbound, where there is none.
 */
int device_refresh(Core *core, const Caller *caller, const Secret *secret, int64_t min_ttl, char **ret,
                   TokenClaims **ret_claims);
