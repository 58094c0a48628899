/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * What sudo does with its group plugin, one command a line on stdin; what came of it on stdout.
 *
 *   load PATH · init MAJOR ARGUMENT · query USER ROLE UID [N] · cleanup · unload · reload PATH N · state
 *   euid UID · arm FUNCTION N · disarm
 *
 * Each ends with a line "ok …"; before it come the lines "print TYPE TEXT" that the plugin had sudo
 * show. Texts are hex, "-" is none; a UID of -1 is an account that is not in passwd.
 */

#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <dlfcn.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sudo_plugin.h>

#include "tests/pam/fault.h"

#define LINE_MAX_SIZE (1024 * 1024)

typedef struct Driver {
        void *handle;
        const struct sudoers_group_plugin *plugin;
} Driver;

/* In place: an allocation of ours would be one that may fail. */
static char *from_hex(char *hex) {
        size_t n = strlen(hex) / 2;

        if (strcmp(hex, "-") == 0)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                const char pair[] = { hex[2 * i], hex[2 * i + 1], '\0' };
                hex[i] = (char) strtoul(pair, NULL, 16);
        }
        hex[n] = '\0';
        return hex;
}

__attribute__((format(printf, 2, 3))) static int on_print(int type, const char *format, ...) {
        char text[4096];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        printf("print %d ", type);
        for (const char *c = text; *c; c++)
                printf("%02x", (unsigned char) *c);
        putchar('\n');
        return 0;
}

static int count_entries(const char *path) {
        DIR *folder = opendir(path);
        int n = 0;

        assert(folder);
        while (readdir(folder))
                n++;
        closedir(folder);
        return n;
}

static void say_state(void) {
        unsigned long handlers = 0;

        for (int s = 1; s < NSIG; s++) {
                struct sigaction action;
                if (sigaction(s, NULL, &action) == 0)
                        handlers = handlers * 31 + (unsigned long) action.sa_handler;
        }
        printf("ok %d %d %lu %u\n", count_entries("/proc/self/fd"), count_entries("/proc/self/task"), handlers,
               (unsigned) geteuid());
}

/* As sudo loads it: lazily, and for everybody to see. */
static void load(Driver *driver, const char *path) {
        driver->handle = dlopen(path, RTLD_LAZY | RTLD_GLOBAL);
        if (!driver->handle)
                fprintf(stderr, "%s\n", dlerror());
        assert(driver->handle);
        driver->plugin = dlsym(driver->handle, "group_plugin");
        assert(driver->plugin);
}

static int init(const Driver *driver, int major, char *argument) {
        char *const arguments[] = { argument, NULL };

        return driver->plugin->init((int) SUDO_API_MKVERSION((unsigned) major, 0), on_print,
                                    argument ? arguments : NULL);
}

static void query(const Driver *driver, char *user, const char *role, long uid, int n) {
        const struct passwd account = { .pw_name = user, .pw_uid = (uid_t) uid };
        int yes = 0;

        for (int i = 0; i < n; i++) {
                int r = driver->plugin->query(user, role, uid == -1 ? NULL : &account);
                assert(r == 0 || r == 1);
                yes += r;
        }
        printf("ok %d\n", yes);
}

static void unload(Driver *driver) {
        assert(dlclose(driver->handle) == 0);
        driver->handle = NULL;
}

static void reload(Driver *driver, const char *path, int n) {
        for (int i = 0; i < n; i++) {
                load(driver, path);
                assert(init(driver, GROUP_API_VERSION_MAJOR, NULL) == 1);
                driver->plugin->cleanup();
                unload(driver);
        }
        printf("ok %d\n", dlopen(path, RTLD_LAZY | RTLD_NOLOAD) ? 1 : 0);
}

static void obey(Driver *driver, char *line) {
        char *word[5] = { NULL }, *rest = line;
        int n = 0;

        while (n < 5 && (word[n] = strsep(&rest, " \n")) && word[n][0])
                n++;
        if (strcmp(word[0], "query") == 0) {
                query(driver, from_hex(word[1]), from_hex(word[2]), atol(word[3]), n > 4 ? atoi(word[4]) : 1);
                return;
        }
        if (strcmp(word[0], "reload") == 0) {
                reload(driver, word[1], atoi(word[2]));
                return;
        }
        if (strcmp(word[0], "state") == 0) {
                say_state();
                return;
        }
        if (strcmp(word[0], "init") == 0) {
                printf("ok %d\n", init(driver, atoi(word[1]), from_hex(word[2])));
                return;
        }
        if (strcmp(word[0], "disarm") == 0) {
                printf("ok %d\n", fault_disarm());
                return;
        }
        if (strcmp(word[0], "load") == 0)
                load(driver, word[1]);
        else if (strcmp(word[0], "cleanup") == 0)
                driver->plugin->cleanup();
        else if (strcmp(word[0], "unload") == 0)
                unload(driver);
        else if (strcmp(word[0], "euid") == 0)
                assert(seteuid((uid_t) atol(word[1])) == 0);
        else if (strcmp(word[0], "arm") == 0)
                fault_arm(strdup(word[1]), atoi(word[2]), /* all_after= */ false); /* the name is kept */
        else
                abort();
        printf("ok\n");
}

int main(void) {
        Driver driver = { .plugin = NULL };
        char *line = malloc(LINE_MAX_SIZE);

        assert(line);
        while (fgets(line, LINE_MAX_SIZE, stdin)) {
                obey(&driver, line);
                fflush(stdout);
        }
        free(line);
        return 0;
}
