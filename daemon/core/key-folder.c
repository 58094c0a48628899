/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "common/file.h"
#include "daemon/core/key-folder.h"

#define TEMPORARY ".new" /* what file_write_atomic() puts behind a name */
#define RESTORE KEY_FOLDER_RESTORE

int key_folder_complain(KeyFolder *folder, int r, const char *name, const char *problem, const char *remedy) {
        if (folder->message)
                return r;
        folder->message = name ? g_strdup_printf("key \"%s/%s\" %s; %s", folder->path, name, problem, remedy)
                               : g_strdup_printf("key folder \"%s\" %s; %s", folder->path, problem, remedy);
        return error_trace(r);
}

int key_folder_complain_errno(KeyFolder *folder, int r, const char *name) {
        g_autofree char *problem = g_strdup_printf("cannot be used: %s", g_strerror(-r));

        switch (r) {
        case -ELOOP:
                return key_folder_complain(folder, r, name, "is a symbolic link", "put the file itself there");
        case -ENOTDIR:
        case -EISDIR:
                return key_folder_complain(folder, r, name, "is neither a file nor the folder it must be",
                                           "move it away");
        case -EFBIG:
                return key_folder_complain(folder, r, name, "is too large for a key", RESTORE);
        case -EPERM:
                return key_folder_complain(folder, r, name, "belongs to somebody else, or others may read or change it",
                                           "chown it to the daemon's user and chmod it 600 (the folder 700), "
                                           "and ask who could have read it");
        default:
                return key_folder_complain(folder, r, name, problem, "see to its owner, mode and disk, or " RESTORE);
        }
}

/* The new folder must be there after a power cut, as the key in it will be. */
static int make_folder(const char *path) {
        g_autofree char *parent = g_path_get_dirname(path);
        _cleanup_close_ int fd = -1;

        if (mkdir(path, 0700) < 0)
                return errno == EEXIST ? 0 : -errno;
        fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || fsync(fd) < 0)
                return -errno;
        return 0;
}

int key_folder_open(KeyFolder *folder, bool create) {
        struct stat st;
        int r;

        r = create ? make_folder(folder->path) : 0;
        if (r < 0)
                return key_folder_complain_errno(folder, r, NULL);
        folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder->fd < 0 || fstat(folder->fd, &st) < 0)
                return key_folder_complain_errno(folder, -errno, NULL);
        if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 0022))
                return key_folder_complain_errno(folder, -EPERM, NULL);
        return 0;
}

static int read_key(KeyFolder *folder, GPtrArray *keys, const char *kid) {
        _cleanup_free_ char *text = NULL;
        const char *problem;
        Key *key = NULL;
        size_t size;
        int r;

        r = file_read_trusted(folder->fd, kid, KEY_FILE_SIZE_MAX, geteuid(), /* secret= */ 1, &text, &size);
        if (r < 0)
                return key_folder_complain_errno(folder, r, kid);
        problem = key_parse(kid, text, size, &key);
        sodium_memzero(text, size);
        if (problem)
                return key_folder_complain(folder, -EBADMSG, kid, problem, RESTORE);
        g_ptr_array_add(keys, key);
        return 0;
}

/* A crash while a key was being written leaves one of these; it never was a key. */
static bool is_left_over(const char *name) {
        g_autofree char *stem = g_str_has_suffix(name, TEMPORARY) ? g_strndup(name, strlen(name) - strlen(TEMPORARY))
                                                                  : NULL;

        return stem && key_kid_is_valid(stem);
}

static int read_entry(KeyFolder *folder, GPtrArray *keys, const char *name) {
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return 0;
        if (is_left_over(name))
                return unlinkat(folder->fd, name, 0) < 0 ? key_folder_complain_errno(folder, -errno, name) : 0;
        if (!key_kid_is_valid(name))
                return key_folder_complain(folder, -EINVAL, name, "has a name that is not 1 to 8 of a-z and 0-9",
                                           "move it out of the folder");
        return read_key(folder, keys, name);
}

static void cleanup_closedir(DIR **d) {
        if (*d)
                (void) closedir(*d);
}

int key_folder_read(KeyFolder *folder, GPtrArray *keys) {
        _cleanup_(cleanup_closedir) DIR *entries = NULL;
        int fd = fcntl(folder->fd, F_DUPFD_CLOEXEC, 3), r;

        entries = fd < 0 ? NULL : fdopendir(fd);
        if (!entries) {
                r = -errno;
                safe_close(fd);
                return key_folder_complain_errno(folder, r, NULL);
        }
        for (;;) {
                const struct dirent *entry;

                errno = 0;
                entry = readdir(entries);
                if (!entry)
                        break;
                r = read_entry(folder, keys, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (errno > 0)
                return key_folder_complain_errno(folder, -errno, NULL);
        return 0;
}

bool key_folder_has(const KeyFolder *folder, const char *kid) {
        return faccessat(folder->fd, kid, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int key_folder_write(KeyFolder *folder, const Key *key) {
        char text[KEY_FILE_SIZE_MAX];
        size_t size = key_format(key, text);
        int r;

        r = file_write_atomic(folder->fd, key->kid, text, size, 0600);
        sodium_memzero(text, sizeof(text));
        return r < 0 ? key_folder_complain_errno(folder, r, key->kid) : 0;
}

int key_folder_remove(KeyFolder *folder, const char *kid) {
        if (unlinkat(folder->fd, kid, 0) < 0 && errno != ENOENT)
                return key_folder_complain_errno(folder, -errno, kid);
        return fsync(folder->fd) < 0 ? key_folder_complain_errno(folder, -errno, kid) : 0;
}

void key_folder_deinit(KeyFolder *folder) {
        folder->fd = safe_close(folder->fd);
        g_clear_pointer(&folder->message, g_free);
}
