/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Runs a fuzz target over the files of a folder, with any compiler: its corpus as a plain test. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run(const char *path) {
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        _cleanup_free_ uint8_t *data = NULL;
        size_t room = 1024 * 1024, size;

        data = malloc(room);
        if (!file || !data)
                return -1;
        size = fread(data, 1, room, file);
        if (ferror(file) || size == room)
                return -1;
        /* To the byte, so that a sanitizer sees a read past the end. */
        data = realloc(data, size > 0 ? size : 1);
        return data ? LLVMFuzzerTestOneInput(data, size) : -1;
}

int main(int argc, char **argv) {
        struct dirent **entries = NULL;
        int n, r = 0;

        if (argc != 2 || chdir(argv[1]) < 0)
                return 1;
        n = scandir(".", &entries, NULL, alphasort);
        if (n <= 2) /* "." and ".." are no corpus */
                r = 1;
        for (int i = 0; i < n; i++) {
                if (entries[i]->d_name[0] != '.' && run(entries[i]->d_name) != 0) {
                        fprintf(stderr, "%s/%s: cannot be run\n", argv[1], entries[i]->d_name);
                        r = 1;
                }
                free(entries[i]);
        }
        free(entries);
        return r;
}
