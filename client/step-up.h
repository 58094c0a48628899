/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Signing this very login in again, by password: at "tessera login", and where a call says Stale. */

#include "client/cli.h"
#include "client/lib/answer.h"

/* Asks for the password: 0 and the answer, which is ALLOW, or the exit code of a failure that was told. */
int step_up(Cli *cli, ClientAnswer *ret);

/* Tells that @answer is no "allow", in the daemon's words or, where it has none, in @words: the exit code. */
int step_up_refuse(Cli *cli, const ClientAnswer *answer, const char *words);

/*
 * What the daemon said, @r with @error, is Stale, and there is a person at a terminal who may be asked:
 * then the call is worth repeating after step_up(), once.
 */
bool step_up_helps(const Cli *cli, int r, const ClientError *error);
