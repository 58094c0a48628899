/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A sign-in at an identity provider, by device flow, at the prompt. */

#include "pam/pam-call.h"

/*
 * The daemon said PENDING to an empty answer: shows where to go, waits for Enter, and asks until it
 * says something else, or the time is over. Sets the call's situation: ALLOWED by the daemon's word
 * alone.
 */
void sign_in(Call *call);
