/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Signing this login in at an identity provider: with a code, on any device, or in the browser of this
 * machine. @provider is NULL where the daemon is to choose. 0 and the answer, an "allow"; or the exit
 * code of a failure, which was told.
 */

#include "client/cli.h"
#include "client/lib/answer.h"

int sign_in_with_code(Cli *cli, const char *provider, ClientAnswer *ret);
int sign_in_with_browser(Cli *cli, const char *provider, ClientAnswer *ret);
