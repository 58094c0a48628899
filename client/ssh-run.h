/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Running ssh so that `tessera askpass` answers it. */

#include "client/ssh-target.h"

/* Says to askpass which ssh it may answer, whom that asks, and whether a human may be asked: "PID USER HOST SHOWN PORT 1". */
#define SSH_RUN_VARIABLE "TESSERA_SSH"

typedef struct SshRunMark {
        int64_t pid;
        SshTarget target; /* user, host, shown, port */
        bool no_input;
} SshRunMark;

/* Reads the variable's value; false for what ssh_exec() did not write. */
bool ssh_run_mark_parse(const char *text, SshRunMark *ret);

/*
 * Becomes `ssh` with @argv ("ssh", …), answered by askpass for @target only. NULL: by nobody, and
 * without a terminal not at all. Returns only when it fails: a negative errno.
 */
int ssh_exec(char **argv, const SshTarget *target, bool no_input);

/* The same in a child whose standard output is read (at most 64 KiB), for at most what ssh itself takes. */
int ssh_run(char **argv, const SshTarget *target, bool no_input, char **ret_output, int *ret_exit);

/* A child with pipes at its standard input and output that asks the human by itself, at the terminal. */
int ssh_spawn_asking(char **argv, int *ret_pid, int *ret_stdin, int *ret_stdout);
