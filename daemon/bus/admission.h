/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * How many calls are under way, and whose. Root's have threads of their own and no limit but the
 * queue's, so that nobody else's calls stand in their way; every other uid has at most
 * ADMISSION_PER_UID at a time, whatever number of connections it makes.
 */

#include <stdbool.h>
#include <sys/types.h>

#define ADMISSION_PER_UID 16
#define ADMISSION_MAX 512 /* all uids but root together, waiting and under way */
#define ADMISSION_ROOT_MAX 2048

typedef struct Admission Admission;

Admission *admission_new(void);
Admission *admission_free(Admission *admission);

/* Counts a call of @uid in, or returns false when there are too many. Any thread. */
bool admission_enter(Admission *admission, uid_t uid);
void admission_leave(Admission *admission, uid_t uid);

/* Calls that entered and have not left. */
unsigned admission_under_way(Admission *admission);
