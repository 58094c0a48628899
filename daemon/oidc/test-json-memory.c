/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * The nth malloc() of all fails while a subject is read, each in a process of its own: it is read rightly, or
 * not at all, or GLib ends the process. It is never another subject.
 */

#undef NDEBUG
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/oidc/strict-json.h"

/* As long as jansson's first buffer holds, its second, and one more, as a Google subject. */
static const char *const subjects[] = { "12345678901234", "123456789012345678901234567890", "117248289761001248289" };

enum { RIGHT, REFUSED, ANOTHER, NONE_FAILED };

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);

static size_t count, nth;

static bool fails(void) {
        return nth > 0 && ++count == nth;
}

__attribute__((visibility("default"))) void *malloc(size_t size) {
        return fails() ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size) {
        return fails() ? NULL : __libc_calloc(n, size);
}

static int read_subject(const char *subject, size_t failing) {
        g_autofree char *text = g_strdup_printf("{\"sub\":\"%s\"}", subject);
        const char *read = NULL;
        Json *object;
        bool failed;

        strict_json_need_memory();
        nth = failing;
        object = strict_json_object(text, strlen(text));
        if (object)
                read = strict_json_string(object, "sub", 255);
        failed = count >= nth;
        nth = 0;
        if (!failed)
                return NONE_FAILED;
        return !read ? REFUSED : strcmp(read, subject) == 0 ? RIGHT : ANOTHER;
}

/* Was there an nth? */
static bool try(const char *subject, size_t failing) {
        pid_t pid;
        int status;

        pid = fork();
        assert(pid >= 0);
        if (pid == 0) {
                assert(setrlimit(RLIMIT_CORE, &(struct rlimit) { 0, 0 }) == 0);
                assert(freopen("/dev/null", "w", stderr)); /* what GLib says at its end */
                _exit(read_subject(subject, failing));
        }
        assert(waitpid(pid, &status, 0) == pid);
        if (WIFSIGNALED(status)) {
                assert(WTERMSIG(status) == SIGTRAP || WTERMSIG(status) == SIGABRT);
                return true;
        }
        assert(WEXITSTATUS(status) != ANOTHER);
        return WEXITSTATUS(status) != NONE_FAILED;
}

int main(void) {
        for (size_t i = 0; i < G_N_ELEMENTS(subjects); i++) {
                size_t n = 1;

                while (try(subjects[i], n))
                        n++;
                printf("%s: %zu calls failed in turn\n", subjects[i], n - 1);
                assert(n > 5);
        }
        return 0;
}
