/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Edits of the host's files, all of them or none. An edit knows what the file was, so that it can
 * be shown, checked and taken back. Functions that return false say why in @ret_problem (g_free).
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct FileEdit {
        char *path;
        char *before; /* NULL: there was no such file */
        char *after;  /* NULL: there is to be none */
        mode_t mode;
        uid_t uid;
        gid_t gid;
} FileEdit;

FileEdit *file_edit_free(FileEdit *edit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FileEdit, file_edit_free)

/*
 * Reads @path, which must be absent or a plain file of root's (or ours) that nobody else may write.
 * `after` is NULL at first; @mode is for a file that is not there yet.
 */
FileEdit *file_edit_new(const char *path, mode_t mode, char **ret_problem);

bool file_edit_changes(const FileEdit *edit);

/*
 * For looking only: what @path says, wherever it leads and whoever may write it. NULL (and still true)
 * where no plain file is; false where it could not be read as text. g_free.
 */
bool file_look(const char *path, char **ret_text);

/*
 * Makes each file (of a GPtrArray of FileEdit) what it is to be, keeping owner and mode. When one
 * cannot be, or is not what `before` says any more, those already made are taken back.
 */
bool file_edits_apply(GPtrArray *edits, char **ret_problem);

/* Takes all back, as far as it goes; false where a file could not be. */
bool file_edits_revert(GPtrArray *edits, char **ret_problem);

/* Is each file what `before` says? */
bool file_edits_untouched(GPtrArray *edits);
