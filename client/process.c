/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/process.h"
#include "common/cleanup.h"

#define STAT_MAX 1024
#define ARGUMENTS_MAX (2 << 20) /* execve's own limit is about that */
#define FIELD_START 22

int process_start(pid_t pid, uint64_t *ret) {
        char path[64], text[STAT_MAX];
        _cleanup_close_ int fd = -1;
        const char *field;
        ssize_t n;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                return n < 0 ? -errno : -ESRCH;
        text[n] = '\0';
        field = strrchr(text, ')'); /* the name before it may hold anything */
        for (int i = 2; field && i < FIELD_START; i++)
                field = strchr(field + 1, ' ');
        if (!field)
                return -EBADMSG;
        *ret = g_ascii_strtoull(field + 1, NULL, 10);
        return 0;
}

char **process_arguments(pid_t pid) {
        g_autofree char *path = g_strdup_printf("/proc/%d/cmdline", (int) pid), *text = NULL;
        g_autoptr(GPtrArray) words = g_ptr_array_new();
        gsize size;

        if (!g_file_get_contents(path, &text, &size, NULL) || size == 0 || size > ARGUMENTS_MAX)
                return NULL;
        for (const char *word = text; word < text + size; word += strlen(word) + 1)
                g_ptr_array_add(words, g_strdup(word));
        g_ptr_array_add(words, NULL);
        return (char **) g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

bool process_is_ssh(pid_t pid) {
        g_autofree char *folder = g_strdup_printf("/proc/%d", (int) pid);
        g_autofree char *exe = g_strconcat(folder, "/exe", NULL);
        g_autofree char *program = g_file_read_link(exe, NULL), *name = NULL;
        struct stat st;

        if (!program || stat(folder, &st) < 0 || st.st_uid != getuid())
                return false;
        name = g_path_get_basename(program);
        return strcmp(name, "ssh") == 0;
}
