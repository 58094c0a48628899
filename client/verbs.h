/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* The commands: one file per noun. Each runs one row of the command table and returns the exit code. */

#include "client/options.h"

int verb_status(Cli *cli, const Arguments *arguments);
int verb_login(Cli *cli, const Arguments *arguments);
int verb_logout(Cli *cli, const Arguments *arguments);
int verb_ssh(Cli *cli, const Arguments *arguments);
int verb_askpass(Cli *cli, const Arguments *arguments);
int verb_passwd(Cli *cli, const Arguments *arguments);

int verb_device_enroll(Cli *cli, const Arguments *arguments);

int verb_session_list(Cli *cli, const Arguments *arguments);
int verb_session_show(Cli *cli, const Arguments *arguments);
int verb_session_revoke(Cli *cli, const Arguments *arguments);

int verb_device_list(Cli *cli, const Arguments *arguments);
int verb_device_add(Cli *cli, const Arguments *arguments);
int verb_device_revoke(Cli *cli, const Arguments *arguments);

int verb_token_print(Cli *cli, const Arguments *arguments);
int verb_token_refresh(Cli *cli, const Arguments *arguments);
int verb_token_verify(Cli *cli, const Arguments *arguments);
int verb_token_decode(Cli *cli, const Arguments *arguments);

int verb_user_list(Cli *cli, const Arguments *arguments);
int verb_user_show(Cli *cli, const Arguments *arguments);
int verb_user_add(Cli *cli, const Arguments *arguments);
int verb_user_link(Cli *cli, const Arguments *arguments);
int verb_user_unlink(Cli *cli, const Arguments *arguments);
int verb_user_enable(Cli *cli, const Arguments *arguments);
int verb_user_disable(Cli *cli, const Arguments *arguments);
int verb_user_remove(Cli *cli, const Arguments *arguments);

int verb_role_list(Cli *cli, const Arguments *arguments);
int verb_role_show(Cli *cli, const Arguments *arguments);
int verb_role_grant(Cli *cli, const Arguments *arguments);
int verb_role_revoke(Cli *cli, const Arguments *arguments);

int verb_policy_check(Cli *cli, const Arguments *arguments);
int verb_policy_explain(Cli *cli, const Arguments *arguments);

int verb_key_list(Cli *cli, const Arguments *arguments);
int verb_key_export(Cli *cli, const Arguments *arguments);
int verb_key_prepare(Cli *cli, const Arguments *arguments);
int verb_key_rotate(Cli *cli, const Arguments *arguments);
int verb_key_rename(Cli *cli, const Arguments *arguments);

int verb_trust_list(Cli *cli, const Arguments *arguments);
int verb_trust_add(Cli *cli, const Arguments *arguments);
int verb_trust_remove(Cli *cli, const Arguments *arguments);

int verb_doctor(Cli *cli, const Arguments *arguments);

int verb_throttle_list(Cli *cli, const Arguments *arguments);
int verb_throttle_reset(Cli *cli, const Arguments *arguments);

int verb_log(Cli *cli, const Arguments *arguments);
int verb_monitor(Cli *cli, const Arguments *arguments);

int verb_store_migrate(Cli *cli, const Arguments *arguments);
int verb_store_adopt(Cli *cli, const Arguments *arguments);

int verb_service_list(Cli *cli, const Arguments *arguments);
int verb_service_enable(Cli *cli, const Arguments *arguments);
int verb_service_confirm(Cli *cli, const Arguments *arguments);
int verb_service_disable(Cli *cli, const Arguments *arguments);
int verb_service_undo(Cli *cli, const Arguments *arguments);
