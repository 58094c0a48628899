/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * For LD_PRELOAD: allocations and system calls of the program go by the control that lies in the
 * file FAULT_CONTROL names, for the test to write while the program runs.
 */

#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/faults/trap.h"

#define EXPORT __attribute__((visibility("default")))

static FaultControl *control;

static bool fails(void) {
        if (!control || !fault_comes(control, FAULT_MEMORY, 0))
                return false;
        errno = ENOMEM;
        return true;
}

/* glibc's own names of its allocator: looking them up would allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

EXPORT void *malloc(size_t size) {
        return fails() ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size) {
        return fails() ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t size) {
        return fails() ? NULL : __libc_realloc(p, size);
}

EXPORT int posix_memalign(void **ret, size_t alignment, size_t size) {
        void *p = fails() ? NULL : __libc_memalign(alignment, size);

        if (!p)
                return ENOMEM;
        *ret = p;
        return 0;
}

/* GLib's worker blocks every signal, and the kernel kills whom a blocked SIGSYS hits. */
EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old) {
        __typeof__(&pthread_sigmask) next = (__typeof__(&pthread_sigmask)) dlsym(RTLD_NEXT, "pthread_sigmask");
        sigset_t mask;

        if (!set || how == SIG_UNBLOCK)
                return next(how, set, old);
        mask = *set;
        (void) sigdelset(&mask, SIGSYS);
        return next(how, &mask, old);
}

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("FAULT_CONTROL");
        void *map;
        int fd;

        if (!path)
                return;
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0)
                abort();
        map = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        (void) close(fd);
        if (map == MAP_FAILED || trap_install(map) < 0)
                abort();
        control = map;
}
