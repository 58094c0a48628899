/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What kind of program a PAM service is. libc only. */

#include <stdbool.h>

/*
 * sudo, sudo-i, su, su-l: the gate is for the invoking user, an existing login's session answers
 * first, the prompt comes only on step-up, and no session of their own is opened. Every other
 * service prompts first and opens a session.
 */
bool service_is_invoker(const char *service);

/* The service whose section rules @service where it has none itself: sudo-i → sudo, su-l → su; else NULL. */
const char *service_fallback(const char *service);
