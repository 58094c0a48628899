/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Roles in sudoers need tessera's group plugin in sudo, and sudo has a place for one. Functions that
 * return false say why in @ret_problem (g_free).
 */

#include <stdbool.h>

#define SUDO_PLUGIN "/usr/libexec/sudo/tessera_group.so"

/* sudoers' settings as sudo itself reads them, through every include: what "cvtsudoers -f json" prints. g_free. */
bool service_sudoers_read(char **ret_json, char **ret_problem);

/* Is that place ours or free, as sudoers stands now, and the plugin there to take it? A doubt is a no. */
bool service_sudoers_has_place(char **ret_problem);

/* The same of what "cvtsudoers -f json" printed. */
bool service_sudoers_leaves_place(const char *json, char **ret_problem);
