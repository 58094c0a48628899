/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Asks for passwords: at the terminal, or, where stdin is none, one line of it each. */

#include "client/cli.h"
#include "client/secret-input.h"

/* Returns 0, or the exit code of a failure that was told; @ret is to be wiped by the caller. */
int password_ask(Cli *cli, const char *prompt, SecretInput *ret);

/* A new one: typed twice at a terminal, once otherwise. */
int password_ask_new(Cli *cli, const char *prompt, SecretInput *ret);
