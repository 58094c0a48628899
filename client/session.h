/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A session for people to read. */

#include <jansson.h>

#include "client/cli.h"
#include "client/output.h"

/* What a session is, one line each: @session in the documented shape. */
void session_print(const Cli *cli, const json_t *session);

/* Sessions as a table with a head. */
Table *session_table(const Cli *cli, const json_t *sessions);
