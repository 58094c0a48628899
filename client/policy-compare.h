/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* "policy check --diff": who would gain or lose what by a reload, against what the daemon has now. */

#include <jansson.h>

#include "client/cli.h"
#include "policy/policy.h"

/*
 * Prints what becomes of people and services when @to takes the place of the policy that counts now
 * (the daemon is down: of the installed files), and with whom and what was compared. @draft: @to is
 * not what is installed. With --json nothing is printed and @ret gets the members to add to the
 * answer. 0, or the exit code of a failure that was told.
 */
int policy_compare(Cli *cli, Policy *to, bool draft, json_t **ret);
