/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What the command calls of libsecret, over files in the folder FAKE_KEYRING. Without one the keyring is locked. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

int secret_password_store_sync(const void *schema, const char *collection, const char *label, const char *password,
                               void *cancellable, void **error, ...);
char *secret_password_lookup_nonpageable_sync(const void *schema, void *cancellable, void **error, ...);
int secret_password_clear_sync(const void *schema, void *cancellable, void **error, ...);
void secret_password_free(char *password);

static bool path_of(va_list attributes, char ret[4096]) {
        const char *folder = getenv("FAKE_KEYRING"), *name = va_arg(attributes, const char *);
        const char *value = va_arg(attributes, const char *);

        if (!folder || strcmp(name, "device") != 0 || va_arg(attributes, const char *))
                return false;
        return snprintf(ret, 4096, "%s/%s", folder, value) < 4096;
}

EXPORT int secret_password_store_sync(const void *schema, const char *collection, const char *label,
                                      const char *password, void *cancellable, void **error, ...) {
        char path[4096];
        va_list attributes;
        bool good;
        FILE *file;

        va_start(attributes, error);
        good = path_of(attributes, path);
        va_end(attributes);
        file = good ? fopen(path, "w") : NULL;
        if (!file)
                return 0;
        (void) fputs(password, file);
        (void) fclose(file);
        return 1;
}

EXPORT char *secret_password_lookup_nonpageable_sync(const void *schema, void *cancellable, void **error, ...) {
        char path[4096], *text = calloc(1, 256);
        va_list attributes;
        bool good;
        FILE *file;

        va_start(attributes, error);
        good = path_of(attributes, path);
        va_end(attributes);
        file = good ? fopen(path, "r") : NULL;
        if (!file || !text || !fgets(text, 256, file)) {
                free(text);
                return NULL;
        }
        (void) fclose(file);
        return text;
}

EXPORT int secret_password_clear_sync(const void *schema, void *cancellable, void **error, ...) {
        char path[4096];
        va_list attributes;
        bool good;

        va_start(attributes, error);
        good = path_of(attributes, path);
        va_end(attributes);
        return good && unlink(path) == 0;
}

EXPORT void secret_password_free(char *password) {
        free(password);
}
