/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Registering a machine as a device, over an ssh that a human logged in by password. The host runs
 * the hidden `tessera device enroll --name NAME`; both sides send lines of JSON:
 *
 *         host      {"device":"32 hex digits","audience":"the host's name, or its fleet's","host":"its name"}
 *         machine   {"known":"32 hex digits"}          where it is a device of that fleet already, …
 *         host      {"known":true}                     … and the end, if that works; false: all else
 *         machine   {"public_key":"43 characters"}     once the key is on its disk, as pending
 *         host      {"added":true,"audience":"…","name":"…"}
 *                                                      once the daemon has it, by a name that was free
 *         machine   {"revoke":"32 hex digits"}         the device that it was until now, if any
 *         host      {"revoked":true}
 *
 * A line lost: before the public key arrives there is no device; after it the pending file is the
 * device; the last two are best effort, and the old device then ends by itself.
 */

#include "client/cli.h"
#include "client/ssh-target.h"

#define ENROLL_LINE_MAX 4096
#define ENROLL_NOISE_MAX 200 /* lines that a login's own scripts print before ours */

/* 
 * Registers this machine as @name (NULL: the machine's own name) at @destination, with its key in a file
 * or, @in_service, in the Secret Service. Returns the exit code.
 */
int device_login(Cli *cli, const char *destination, const char *name, bool in_service);

/* Takes the device's key from stdin instead: one that `tessera device add` made. */
int device_login_key(Cli *cli, const char *destination, bool in_service);

/* Revokes this machine's device at @destination, forgets it here, and ends the shared connection. @forget: here alone. */
int device_logout(Cli *cli, const char *destination, bool forget);

/* Resolves what a human typed; 0, or the exit code of a failure that was told. */
int device_resolve(Cli *cli, const char *destination, SshTarget *ret);
