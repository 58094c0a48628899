/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What callers of a PAM module can be like. */

#include <security/pam_appl.h>
#include <stdbool.h>

/*
 * From now on SIGALRM, SIGINT, SIGTERM, SIGCHLD and SIGUSR1 come, caught and without SA_RESTART, some
 * ten thousand a second in all. SIGPIPE stays as it is: deadly.
 */
void caller_storm(void);

/* Ends it; how many came. */
unsigned long caller_calm(void);

/* Between the two there is no descriptor 0, 1 and 2. */
void caller_close_standard(void);
void caller_restore_standard(void);

/*
 * Two threads, each with a handle of its own for @service and @user with the configuration in
 * @folder, authenticate @n times, one with @right and one with @wrong. How many of both were as they should.
 */
unsigned caller_pair(const char *service, const char *user, const char *folder, const char *right, const char *wrong,
                     unsigned n);
