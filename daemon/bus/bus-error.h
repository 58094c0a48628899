/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

#include <stdbool.h>

/* Outcomes to D-Bus errors: the one place where they meet. */

/* The error's name for CORE_E_* or a negative errno; never NULL. */
const char *bus_error_name(int r);

/* Is it the store that failed? */
bool bus_error_is_outage(int r);

/*
 * What it is and what to do about it, for people; used where the request has no detail of its own. g_free.
 * @problem: of an outage what the store says of it, or NULL. With addresses and the names of others, it is for root.
 */
char *bus_error_message(int r, const char *problem);
