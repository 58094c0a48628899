/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * What people read before they approve a sign-in at their company's login page: in one place, for the
 * PAM module's prompt and for the command.
 *
 * The attack on every such flow is that somebody begins it and gets another to approve it (RFC 8628,
 * 5.4). So the text says on which host, for whom and for what it is, and who should not go on. Of what
 * the daemon says nothing is shown but printable ASCII: nothing in it moves a cursor, hides behind a
 * look-alike letter or begins a line of its own.
 */

#include <stdbool.h>
#include <stddef.h>

#include "client/lib/answer.h"

#define SIGN_IN_TEXT_SIZE 2048
#define SIGN_IN_LINK_MAX 512 /* a link that somebody may have to type */

#define SIGN_IN_PROMPT "Press Enter when you have approved it: "

/* An address that may be shown and opened: https, or http on this very machine, as RFC 3986 spells it. */
bool sign_in_is_uri(const char *text);
/* A code that may be shown: printable ASCII without a blank at its ends. */
bool sign_in_is_code(const char *text);

/*
 * The text: lines with a newline between and none at the end; none is empty, because not every program
 * that shows them keeps those. @service is what is signed in to, NULL for the command itself. 0, or
 * CLIENT_E_VERSION where the daemon left something out that people need, or said what cannot be shown.
 */
int sign_in_text(const ClientPending *pending, const char *user, const char *service, char ret[SIGN_IN_TEXT_SIZE]);
