/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Outcomes to D-Bus errors: the one place where they meet. */

/* The error's name for CORE_E_* or a negative errno; never NULL. */
const char *bus_error_name(int r);

/* What to do about it, for people; used where the request has no detail of its own. */
const char *bus_error_message(int r);
