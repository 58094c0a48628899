/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/wire.h"
#include "daemon/bus/authorize.h"
#include "daemon/bus/handle.h"

#define DAEMON WIRE_INTERFACE_DAEMON
#define LOGIN WIRE_INTERFACE_LOGIN
#define SESSIONS WIRE_INTERFACE_SESSIONS
#define TOKENS WIRE_INTERFACE_TOKENS
#define MONITOR WIRE_INTERFACE_MONITOR
#define USERS WIRE_INTERFACE_USERS
#define ROLES WIRE_INTERFACE_ROLES
#define POLICY WIRE_INTERFACE_POLICY
#define KEYS WIRE_INTERFACE_KEYS
#define DEVICES WIRE_INTERFACE_DEVICES
#define TRUST WIRE_INTERFACE_TRUST
#define THROTTLE WIRE_INTERFACE_THROTTLE

/* Whose login it is matters wherever it, or the caller's process, decides or is shown: who administers has one. */
#define OF_LOGIN CALLER_DEPTH_LOGIN
#define OF_AUDIT CALLER_DEPTH_AUDIT /* which login, and nothing else of it */
#define OF_NONE CALLER_DEPTH_NONE

/* What it leaves behind: what changes something is charged to its caller also where it succeeds. */
#define CHANGES true
#define LOOKS false

static const Method methods[] = {
        { DAEMON,   "Check",          AUTHORIZE_ADMIN,         OF_AUDIT, handle_daemon_check,          LOOKS   },
        { DAEMON,   "LookAtStore",    AUTHORIZE_ROOT,          OF_AUDIT, handle_daemon_look_at_store,  LOOKS   },
        { DAEMON,   "AdoptStore",     AUTHORIZE_ROOT,          OF_AUDIT, handle_daemon_adopt_store,    CHANGES },

        { LOGIN,    "Authenticate",   AUTHORIZE_ROOT_OR_SELF,  OF_LOGIN, handle_login_authenticate,    CHANGES },
        { LOGIN,    "Check",          AUTHORIZE_ROOT,          OF_AUDIT, handle_login_check,           LOOKS   },
        { LOGIN,    "Authorize",      AUTHORIZE_ROOT_OR_SELF,  OF_LOGIN, handle_login_authorize,       LOOKS   },
        { LOGIN,    "HasRole",        AUTHORIZE_ROOT,          OF_AUDIT, handle_login_has_role,        LOOKS   },
        { LOGIN,    "OpenSession",    AUTHORIZE_ROOT,          OF_LOGIN, handle_login_open_session,    CHANGES },
        { LOGIN,    "CloseSession",   AUTHORIZE_ROOT,          OF_NONE,  handle_login_close_session,   CHANGES },
        { LOGIN,    "ChangePassword", AUTHORIZE_ROOT,          OF_LOGIN, handle_login_change_password, CHANGES },

        { SESSIONS, "GetCurrent",     AUTHORIZE_ANYBODY,       OF_LOGIN, handle_sessions_get_current,  LOOKS   },
        { SESSIONS, "List",           AUTHORIZE_ADMIN_OR_SELF, OF_LOGIN, handle_sessions_list,         LOOKS   },
        { SESSIONS, "Show",           AUTHORIZE_ADMIN_OR_SELF, OF_LOGIN, handle_sessions_show,         LOOKS   },
        { SESSIONS, "Revoke",         AUTHORIZE_ADMIN_OR_SELF, OF_LOGIN, handle_sessions_revoke,       CHANGES },
        { SESSIONS, "Logout",         AUTHORIZE_ANYBODY,       OF_LOGIN, handle_sessions_logout,       CHANGES },
        { SESSIONS, "StepUp",         AUTHORIZE_USERS,         OF_LOGIN, handle_sessions_step_up,      CHANGES },
        { SESSIONS, "StartSignIn",    AUTHORIZE_USERS,         OF_LOGIN, handle_sessions_start_sign_in, CHANGES },
        { SESSIONS, "FinishSignIn",   AUTHORIZE_USERS,         OF_LOGIN, handle_sessions_finish_sign_in, CHANGES },

        { TOKENS,   "Print",          AUTHORIZE_ANYBODY,       OF_LOGIN, handle_tokens_print,          LOOKS   },
        { TOKENS,   "Verify",         AUTHORIZE_ANYBODY,       OF_NONE,  handle_tokens_verify,         LOOKS   },
        { TOKENS,   "Refresh",        AUTHORIZE_ROOT_OR_SELF,  OF_NONE,  handle_tokens_refresh,        CHANGES },

        { DEVICES,  "List",           AUTHORIZE_ADMIN_OR_SELF, OF_AUDIT, handle_devices_list,          LOOKS   },
        { DEVICES,  "Add",            AUTHORIZE_ADMIN_OR_SELF, OF_LOGIN, handle_devices_add,           CHANGES },
        { DEVICES,  "Revoke",         AUTHORIZE_ADMIN_OR_SELF, OF_AUDIT, handle_devices_revoke,        CHANGES },

        { MONITOR,  "Subscribe",      AUTHORIZE_ANYBODY,       OF_AUDIT, handle_monitor_subscribe,     LOOKS   },
        { MONITOR,  "Unsubscribe",    AUTHORIZE_ANYBODY,       OF_NONE,  handle_monitor_unsubscribe,   LOOKS   },

        { USERS,    "List",           AUTHORIZE_ADMIN,         OF_AUDIT, handle_users_list,            LOOKS   },
        { USERS,    "Show",           AUTHORIZE_ADMIN,         OF_AUDIT, handle_users_show,            LOOKS   },
        { USERS,    "Add",            AUTHORIZE_ADMIN,         OF_AUDIT, handle_users_add,             CHANGES },
        { USERS,    "SetEnabled",     AUTHORIZE_ADMIN,         OF_AUDIT, handle_users_set_enabled,     CHANGES },
        { USERS,    "Remove",         AUTHORIZE_ADMIN,         OF_AUDIT, handle_users_remove,          CHANGES },
        { USERS,    "Link",           AUTHORIZE_ADMIN,         OF_AUDIT, handle_users_link,            CHANGES },
        { USERS,    "Unlink",         AUTHORIZE_ADMIN,         OF_AUDIT, handle_users_unlink,          CHANGES },
        { USERS,    "SetPassword",    AUTHORIZE_ADMIN_OR_SELF, OF_LOGIN, handle_users_set_password,    CHANGES },

        { ROLES,    "List",           AUTHORIZE_ANYBODY,       OF_AUDIT, handle_roles_list,            LOOKS   },
        { ROLES,    "Show",           AUTHORIZE_ANYBODY,       OF_AUDIT, handle_roles_show,            LOOKS   },
        { ROLES,    "Grant",          AUTHORIZE_ADMIN,         OF_AUDIT, handle_roles_grant,           CHANGES },
        { ROLES,    "Revoke",         AUTHORIZE_ADMIN,         OF_AUDIT, handle_roles_revoke,          CHANGES },

        { POLICY,   "Explain",        AUTHORIZE_ADMIN_OR_SELF, OF_AUDIT, handle_policy_explain,        LOOKS   },
        { POLICY,   "Show",           AUTHORIZE_ANYBODY,       OF_NONE,  handle_policy_show,           LOOKS   },

        { KEYS,     "List",           AUTHORIZE_ADMIN,         OF_AUDIT, handle_keys_list,             LOOKS   },
        { KEYS,     "Export",         AUTHORIZE_ADMIN,         OF_AUDIT, handle_keys_export,           LOOKS   },
        { KEYS,     "Prepare",        AUTHORIZE_ADMIN,         OF_AUDIT, handle_keys_prepare,          CHANGES },
        { KEYS,     "Rotate",         AUTHORIZE_ADMIN,         OF_AUDIT, handle_keys_rotate,           CHANGES },
        { KEYS,     "Rename",         AUTHORIZE_ADMIN,         OF_AUDIT, handle_keys_rename,           CHANGES },

        { TRUST,    "List",           AUTHORIZE_ANYBODY,       OF_NONE,  handle_trust_list,            LOOKS   },

        { THROTTLE, "List",           AUTHORIZE_ADMIN,         OF_AUDIT, handle_throttle_list,         LOOKS   },
        { THROTTLE, "Reset",          AUTHORIZE_ADMIN,         OF_AUDIT, handle_throttle_reset,        CHANGES },
};

const Method *authorize_at(size_t index) {
        return index < G_N_ELEMENTS(methods) ? &methods[index] : NULL;
}

const Method *authorize_find(const char *interface, const char *name) {
        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
                if (g_str_equal(methods[i].interface, interface) && g_str_equal(methods[i].name, name))
                        return &methods[i];
        return NULL;
}

bool authorize_uid(const Method *method, uid_t uid) {
        if (uid == UID_UNSET)
                return false;
        switch (method->who) {
        case AUTHORIZE_ROOT:
                return uid == 0;
        case AUTHORIZE_USERS:
                return uid != 0;
        case AUTHORIZE_ADMIN:
        case AUTHORIZE_ADMIN_OR_SELF:
        case AUTHORIZE_ROOT_OR_SELF:
        case AUTHORIZE_ANYBODY:
                return true;
        case AUTHORIZE_NOBODY:
        case _AUTHORIZE_WHO_MAX:
                break;
        }
        return false;
}
