/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The connection that others share (ssh_config(5), ControlMaster): who logs in first makes it, and a
 * hundred that come meanwhile wait for it instead of logging in a hundred times.
 *
 * ssh makes the master itself, out of the first login, and has no way to be waited for. So the first
 * one holds a lock, and leaves a small process behind that holds it on until the master's socket
 * answers, or that ssh is gone.
 */

#include "client/ssh-target.h"

/* target->control_path, or, where none is configured, ours. "" where there is no place for one. */
void ssh_master_path(SshTarget *target, const SshLine *line);

/* Does somebody answer there? */
bool ssh_master_is_there(const char *path);

/*
 * Before this process becomes the ssh that logs in: returns when a master is there (true), or when it
 * is for this process to make it (false), which then holds the others back for as long as that takes.
 */
bool ssh_master_wait(const char *path);

/* target->control_path as an option for ssh, which reads a "%" in it as it should; the caller's (g_free). */
char *ssh_master_option(const SshTarget *target);

/* Asks the master to end; true when there was one. */
bool ssh_master_end(const SshTarget *target);
