/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Where a setting stands that a program took: the programs say what holds, not which line says so,
 * and the line is what has to be mended.
 */

#include "client/doctor.h"

typedef struct Place {
        char *path;
        unsigned line; /* 0: nowhere */
        char *value;   /* what stands there behind the keyword */
} Place;

void place_deinit(Place *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_deinit)

/* The first line with @keyword (in any case) that sshd comes to, through its Include lines, before any Match. */
bool place_find_sshd(const Doctor *doctor, const char *keyword, Place *ret);

/* The last "Defaults" line with @option in @files, the files that sudo reads, in order. */
bool place_find_sudoers(const Doctor *doctor, const GPtrArray *files, const char *option, Place *ret);
