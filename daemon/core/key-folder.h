/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The folder of the keys: reading it, writing one, removing one, and words for what can be wrong
 * with it. Private to the key ring.
 */

#include "daemon/core/key-file.h"

#define KEY_FOLDER_RESTORE "restore it from a backup"

typedef struct KeyFolder {
        const char *path;
        int fd;
        char *message; /* what went wrong, for people; the first is kept */
} KeyFolder;

void key_folder_deinit(KeyFolder *folder);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KeyFolder, key_folder_deinit)

/* Each returns 0, or a negative errno and leaves a message. */

/* The folder must be the daemon's own and writable by nobody else; with @create it may have to be made. */
int key_folder_open(KeyFolder *folder, bool create);
/* Appends every key; removes what a crash left of a write. */
int key_folder_read(KeyFolder *folder, GPtrArray *keys);
/* Durably. */
int key_folder_write(KeyFolder *folder, const Key *key);
int key_folder_remove(KeyFolder *folder, const char *kid);

bool key_folder_has(const KeyFolder *folder, const char *kid);

/* Returns @r. @name NULL: the folder itself. */
int key_folder_complain(KeyFolder *folder, int r, const char *name, const char *problem, const char *remedy);
int key_folder_complain_errno(KeyFolder *folder, int r, const char *name);
