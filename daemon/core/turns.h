/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * One at a time for each name: what may block (a commit) and must not be done twice at once for one
 * thing is done in its turn, while that of another thing goes on.
 */

#include <glib.h>

typedef struct Turns Turns;

Turns *turns_new(void);
Turns *turns_free(Turns *turns);

/* Waits until nobody has the turn of @name, and takes it. */
void turns_take(Turns *turns, const char *name);
void turns_pass(Turns *turns, const char *name);
