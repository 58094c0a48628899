/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The module's lines in the system log, by pam_syslog. Never a secret, never a name that no account
 * has: people type passwords there.
 */

#include "pam/pam-call.h"

/* The one line for a bad argument. */
void log_option(const Call *call, const char *culprit);

/* A session line where the program is not root's. */
void log_not_root(const Call *call);

/* How the call ended: nothing when all is well, else one line. */
void log_outcome(const Call *call);

/* The answer to the prompt has the length at which programs cut. */
void log_cut(const Call *call, size_t size);

/* With the argument "debug" only. */
void log_debug(const Call *call, const char *method);
