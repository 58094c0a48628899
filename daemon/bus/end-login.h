/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Asks the root helper to end live logins: an empty file session-ID or user-UID in the folder that
 * tessera-end.path watches. The daemon has no right to end them itself. The helper checks every
 * name again.
 */

#include "daemon/core/core.h"

typedef struct EndLoginFolder {
        EndLogin end_login; /* what core is given; must stand first */
        const char *path;   /* /run/tessera/end */
} EndLoginFolder;

/* @path must outlive the value. */
EndLoginFolder end_login_folder(const char *path);
