/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/service-files.h"
#include "common/cleanup.h"
#include "common/file.h"

#define FILE_SIZE_MAX (256 * 1024)

FileEdit *file_edit_free(FileEdit *edit) {
        if (!edit)
                return NULL;
        g_free(edit->path);
        g_free(edit->before);
        g_free(edit->after);
        g_free(edit);
        return NULL;
}

static const char *read_strerror(int r) {
        switch (r) {
        case -ELOOP:
                return "it is a symbolic link, and would stop being one";
        case -EISDIR:
                return "it is no plain file";
        case -EPERM:
                return "it does not belong to root, or others may write it";
        case -EFBIG:
                return "it is larger than 256 KiB";
        case -EILSEQ:
                return "it has a NUL byte in it";
        default:
                return g_strerror(-r);
        }
}

/* 0 and the text; -ENOENT; or what read_strerror() knows. */
static int read_text(const char *path, char **ret) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        r = file_read_trusted(AT_FDCWD, path, FILE_SIZE_MAX, geteuid(), /* secret= */ 0, &data, &size);
        if (r < 0)
                return r;
        if (strlen(data) != size)
                return -EILSEQ;
        *ret = g_strdup(data);
        return 0;
}

FileEdit *file_edit_new(const char *path, mode_t mode, char **ret_problem) {
        g_autoptr(FileEdit) edit = g_new0(FileEdit, 1);
        struct stat st;
        int r;

        *edit = (FileEdit) { .path = g_strdup(path), .mode = mode, .uid = (uid_t) -1, .gid = (gid_t) -1 };
        r = read_text(path, &edit->before);
        if (r == 0 && lstat(path, &st) < 0)
                r = -errno;
        if (r == 0) {
                edit->mode = st.st_mode & 07777;
                edit->uid = st.st_uid;
                edit->gid = st.st_gid;
        }
        if (r < 0 && r != -ENOENT) {
                *ret_problem = g_strdup_printf("%s cannot be edited: %s", path, read_strerror(r));
                return NULL;
        }
        return g_steal_pointer(&edit);
}

bool file_look(const char *path, char **ret_text) {
        g_autofree char *text = NULL;
        struct stat st;
        gsize size;

        *ret_text = NULL;
        if (stat(path, &st) < 0)
                return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
        if (!S_ISREG(st.st_mode)) /* a fifo would hold us up, and is nothing that PAM reads */
                return true;
        if (!g_file_get_contents(path, &text, &size, NULL) || strlen(text) != size)
                return false;
        *ret_text = g_steal_pointer(&text);
        return true;
}

bool file_edit_changes(const FileEdit *edit) {
        return g_strcmp0(edit->before, edit->after) != 0;
}

static int sync_folder(const char *path) {
        g_autofree char *folder = g_path_get_dirname(path);
        _cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int put(const FileEdit *edit, const char *text) {
        if (text)
                return file_write_atomic_as(AT_FDCWD, edit->path, text, strlen(text), edit->mode, edit->uid, edit->gid);
        if (unlink(edit->path) < 0 && errno != ENOENT)
                return -errno;
        return sync_folder(edit->path);
}

/* Nobody else edits while we do; what an editor left open writes later is not ours to see. */
static int check_unchanged(const FileEdit *edit) {
        g_autofree char *now = NULL;
        int r = read_text(edit->path, &now);

        if (r < 0 && r != -ENOENT)
                return r;
        return g_strcmp0(now, edit->before) == 0 ? 0 : -ESTALE;
}

static bool revert_first(GPtrArray *edits, guint n, char **ret_problem) {
        bool done = true;

        while (n-- > 0) {
                const FileEdit *edit = g_ptr_array_index(edits, n);
                int r = put(edit, edit->before);
                if (r == 0)
                        continue;
                if (done)
                        *ret_problem = g_strdup_printf("%s could not be put back: %s", edit->path, g_strerror(-r));
                done = false;
        }
        return done;
}

bool file_edits_apply(GPtrArray *edits, char **ret_problem) {
        for (guint i = 0; i < edits->len; i++) {
                const FileEdit *edit = g_ptr_array_index(edits, i);
                g_autofree char *worse = NULL;
                int r = check_unchanged(edit);

                if (r == 0)
                        r = put(edit, edit->after);
                if (r == 0)
                        continue;
                /* The one that failed is put back too: its rename may have happened. */
                (void) revert_first(edits, r == -ESTALE ? i : i + 1, &worse);
                *ret_problem = g_strdup_printf("%s could not be written: %s%s%s", edit->path,
                                               r == -ESTALE ? "somebody else is editing it" : g_strerror(-r),
                                               worse ? "; " : "", worse ?: "");
                return false;
        }
        return true;
}

bool file_edits_revert(GPtrArray *edits, char **ret_problem) {
        return revert_first(edits, edits->len, ret_problem);
}

bool file_edits_untouched(GPtrArray *edits) {
        for (guint i = 0; i < edits->len; i++)
                if (check_unchanged(g_ptr_array_index(edits, i)) < 0)
                        return false;
        return true;
}
