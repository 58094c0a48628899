/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The handlers: unpack, one use case, reply. Named interface and method as in the XML. */

#include "daemon/bus/request.h"

/* Daemon */
int handle_daemon_check(Request *request);
int handle_daemon_look_at_store(Request *request);
int handle_daemon_adopt_store(Request *request);

/* Login */
int handle_login_authenticate(Request *request);
int handle_login_check(Request *request);
int handle_login_authorize(Request *request);
int handle_login_has_role(Request *request);
int handle_login_open_session(Request *request);
int handle_login_close_session(Request *request);
int handle_login_change_password(Request *request);

/* Sessions */
int handle_sessions_get_current(Request *request);
int handle_sessions_list(Request *request);
int handle_sessions_show(Request *request);
int handle_sessions_revoke(Request *request);
int handle_sessions_logout(Request *request);
int handle_sessions_step_up(Request *request);
int handle_sessions_start_sign_in(Request *request);
int handle_sessions_finish_sign_in(Request *request);

/* Tokens */
int handle_tokens_print(Request *request);
int handle_tokens_verify(Request *request);
int handle_tokens_refresh(Request *request);

/* Devices */
int handle_devices_list(Request *request);
int handle_devices_add(Request *request);
int handle_devices_revoke(Request *request);

/* Monitor */
int handle_monitor_subscribe(Request *request);
int handle_monitor_unsubscribe(Request *request);

/* Users */
int handle_users_list(Request *request);
int handle_users_show(Request *request);
int handle_users_add(Request *request);
int handle_users_set_enabled(Request *request);
int handle_users_remove(Request *request);
int handle_users_link(Request *request);
int handle_users_unlink(Request *request);
int handle_users_set_password(Request *request);

/* Roles, Policy, Trust */
int handle_roles_list(Request *request);
int handle_roles_show(Request *request);
int handle_roles_grant(Request *request);
int handle_roles_revoke(Request *request);
int handle_policy_explain(Request *request);
int handle_policy_show(Request *request);
int handle_trust_list(Request *request);

/* Throttle */
int handle_throttle_list(Request *request);
int handle_throttle_reset(Request *request);

/* Keys */
int handle_keys_list(Request *request);
int handle_keys_export(Request *request);
int handle_keys_prepare(Request *request);
int handle_keys_rotate(Request *request);
int handle_keys_rename(Request *request);
