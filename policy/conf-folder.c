/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <dirent.h>
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "policy/conf.h"

static int compare_names(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void close_folder(DIR **folder) {
        if (*folder)
                (void) closedir(*folder);
}

/* Names of the *.conf in @path, sorted, in @ret: 0, or a negative errno. Not those of editors (".#x.conf"). */
static int list_folder(const char *path, GPtrArray **ret) {
        g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
        _cleanup_(close_folder) DIR *folder = NULL;
        const struct dirent *entry;
        struct stat st;

        folder = opendir(path);
        if (!folder || fstat(dirfd(folder), &st) < 0)
                return -errno;
        if (st.st_uid != 0 || (st.st_mode & 0022))
                return -EPERM;
        for (;;) {
                errno = 0;
                entry = readdir(folder);
                if (!entry)
                        break;
                if (entry->d_name[0] != '.' && g_str_has_suffix(entry->d_name, ".conf"))
                        g_ptr_array_add(names, g_strdup(entry->d_name));
        }
        if (errno != 0)
                return -errno;
        g_ptr_array_sort(names, compare_names);
        *ret = g_steal_pointer(&names);
        return 0;
}

bool conf_read_folder(const char *path, const ConfSection *sections, void *target, GPtrArray *mistakes) {
        g_autoptr(GPtrArray) names = NULL;
        bool good = true;
        int r;

        r = list_folder(path, &names);
        if (r == -ENOENT)
                return true;
        if (r < 0) {
                g_autofree char *remedy = g_strdup_printf("chown root:root %s; chmod 0755 %s", path, path);

                g_ptr_array_add(mistakes, r == -EPERM ?
                                conf_mistake_new(path, 0, 0, remedy,
                                                 "folder does not belong to root or others can write it") :
                                conf_mistake_new(path, 0, 0, NULL, "folder cannot be read: %s", g_strerror(-r)));
                return false;
        }
        for (unsigned i = 0; i < names->len; i++) {
                g_autofree char *file = g_build_filename(path, names->pdata[i], NULL);
                good = conf_read_file(file, /* may_be_absent= */ false, sections, target, mistakes) && good;
        }
        return good;
}
