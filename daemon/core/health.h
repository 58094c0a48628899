/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Is what the daemon goes by whole? For an admin who asks; the edge has seen to that. */

#include "daemon/core/core.h"

/*
 * Reads the database through: 0, and what is wrong with it in @ret_problem (g_free), or NULL; *@ret_finished
 * is false where HEALTH_LIMIT was too short to say. CORE_E_BUSY while another one does.
 */
int health_check_database(Core *core, bool *ret_finished, char **ret_problem);

/* Less than a client waits for its reply (10 s). */
#define HEALTH_LIMIT (5 * G_TIME_SPAN_SECOND)

/* Is what keeps the store fit for it? As store_probe(). */
int health_check_store(Core *core, char ***ret_faults, char ***ret_warnings);

/* Is it a fleet's, and not a database of this host? */
bool health_store_is_shared(Core *core);

/*
 * Can logins begin at the providers? Of each a line, "NAME" or "NAME: what is wrong" (g_strfreev). None is begun
 * with after HEALTH_PROVIDERS: with that and PROVIDER_CHECK_MAX_MS the reply still comes in time.
 */
#define HEALTH_PROVIDERS (1 * G_TIME_SPAN_SECOND)
char **health_check_providers(Core *core);
