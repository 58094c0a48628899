/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Other processes of this user, as /proc shows them. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* When @pid began, in clock ticks since boot: with the pid it names a process for good. 0 or a negative errno. */
int process_start(pid_t pid, uint64_t *ret);

/* The words it was started with, NULL-terminated; g_strfreev(). NULL where there are none to be seen. */
char **process_arguments(pid_t pid);

/* Is it an ssh(1) of this user? */
bool process_is_ssh(pid_t pid);
