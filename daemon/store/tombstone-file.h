/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#pragma once

/*
 * The file behind tombstones.h: lines that are appended, and now and then all written anew. Knows nothing of what
 * they say. One thread at a time.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct TombstoneFile {
        int folder, fd;
        off_t size;      /* up to here it is whole */
        unsigned lines;
        bool unsaved;    /* something could not be appended: the next write is of all */
} TombstoneFile;

/* Calls @line for each line, without its end; what that returns below 0 ends it. What a crash cut off is dropped. */
int tombstone_file_open(const char *folder, int (*line)(const char *text, void *data), void *data, TombstoneFile *ret);
void tombstone_file_close(TombstoneFile *file);

/* @text: whole lines, @n of them. On disk when it returns 0; else the file is as it was, and is unsaved. */
int tombstone_file_append(TombstoneFile *file, const GString *text, unsigned n);
/* In the place of all that is there. */
int tombstone_file_replace(TombstoneFile *file, const GString *text, unsigned n);
