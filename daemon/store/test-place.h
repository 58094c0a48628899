/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* A folder for one test's database, gone with everything in it at the end. */

#include "daemon/store/store.h"

typedef struct Place {
        char *folder, *path, *log;
} Place;

Place place_new(void);
void place_deinit(Place *place);

#define _cleanup_place_ __attribute__((__cleanup__(place_deinit)))

/* Must work. */
Store *place_open(const char *path, bool must_exist);
/* Past the store, as whoever has the file could. */
void place_run_sql(const char *path, const char *sql);
