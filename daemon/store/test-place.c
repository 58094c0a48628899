/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/store/store-sqlite.h"
#include "daemon/store/test-place.h"

Place place_new(void) {
        g_autofree char *folder = g_dir_make_tmp("test-store-sqlite-XXXXXX", NULL);
        Place place = { .folder = realpath(folder, NULL) };

        place.path = g_build_filename(place.folder, "tessera.db", NULL);
        place.log = g_strconcat(place.path, "-wal", NULL);
        return place;
}

static void remove_folder(const char *folder) {
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        const char *name;

        while ((name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);

                assert(remove(path) == 0);
        }
        assert(rmdir(folder) == 0);
}

void place_deinit(Place *place) {
        remove_folder(place->folder);
        free(place->folder);
        g_free(place->path);
        g_free(place->log);
}

Store *place_open(const char *path, bool must_exist) {
        g_autofree char *message = NULL;
        Store *store = NULL;

        if (store_sqlite_open(path, must_exist, &store, &message) < 0)
                g_error("%s", message);
        g_assert_null(message);
        return store;
}

void place_run_sql(const char *path, const char *sql) {
        sqlite3 *db;

        assert(sqlite3_open(path, &db) == SQLITE_OK);
        g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
        assert(sqlite3_close(db) == SQLITE_OK);
}
