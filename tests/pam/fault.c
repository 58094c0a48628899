/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* With it the headers declare and wrap the very functions that are replaced here. */
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include <security/pam_modules.h>

#include "tests/pam/fault.h"

static const char *armed;
static int countdown, calls;
static bool lasting;

void (*fault_log)(int priority, const char *line);

void fault_arm(const char *function, int n, bool all_after) {
        armed = function;
        countdown = n;
        calls = 0;
        lasting = all_after;
}

int fault_disarm(void) {
        armed = NULL;
        return calls;
}

static bool fails(const char *function, int error) {
        if (!armed || strcmp(armed, function) != 0 || ++calls < countdown || (calls > countdown && !lasting))
                return false;
        errno = error;
        return true;
}

/* glibc's own names of its allocator: looking them up would allocate. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t size) {
        return fails("malloc", ENOMEM) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size) {
        return fails("malloc", ENOMEM) ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t size) {
        return fails("malloc", ENOMEM) ? NULL : __libc_realloc(p, size);
}

static const char *watched;
static int dropped;

int fault_watch(const char *text) {
        int n = dropped;

        watched = text;
        dropped = 0;
        return n;
}

/* A secret that goes back to the allocator unwiped stays in memory for whoever reads a core. */
EXPORT void free(void *p) {
        if (watched && p && memmem(p, malloc_usable_size(p), watched, strlen(watched)))
                dropped++;
        __libc_free(p);
}

/* The one that ours stands before: libc's. */
#define NEXT(function) ((__typeof__(&function)) dlsym(RTLD_NEXT, #function))

EXPORT int socket(int domain, int type, int protocol) {
        if (domain == AF_INET || domain == AF_INET6)
                (void) fails("socket-inet", EACCES);
        return fails("socket", EMFILE) ? -1 : NEXT(socket)(domain, type, protocol);
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t size) {
        if (fails("connect", EACCES))
                return -1;
        return NEXT(connect)(fd, address, size);
}

EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *size) {
        if (fails("getsockopt", ENOBUFS))
                return -1;
        return NEXT(getsockopt)(fd, level, name, value, size);
}

EXPORT int memfd_create(const char *name, unsigned flags) {
        return fails("memfd_create", EMFILE) ? -1 : NEXT(memfd_create)(name, flags);
}

EXPORT int fcntl64(int fd, int command, ...) {
        va_list list;
        void *argument;

        va_start(list, command);
        argument = va_arg(list, void *);
        va_end(list);
        return fails("fcntl", EMFILE) ? -1 : NEXT(fcntl64)(fd, command, argument);
}

EXPORT ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
        if (fails("write", ENOSPC))
                return -1;
        return NEXT(pwrite64)(fd, data, size, offset);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        if (fails("write", EIO))
                return -1;
        return NEXT(sendmsg)(fd, message, flags);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
        if (fails("read", EIO))
                return -1;
        return NEXT(recvmsg)(fd, message, flags);
}

EXPORT ssize_t readv(int fd, const struct iovec *parts, int n) {
        return fails("read", EIO) ? -1 : NEXT(readv)(fd, parts, n);
}

EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask) {
        if (fails("poll", EINTR))
                return -1;
        return NEXT(ppoll)(fds, n, timeout, mask);
}

EXPORT int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **ret) {
        static const struct {
                const char *function;
                int error;
        } ways[] = { { "getpwnam", EIO }, { "getpwnam-emfile", EMFILE }, { "getpwnam-enomem", ENOMEM },
                     { "getpwnam-eacces", EACCES } };

        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
                if (fails(ways[i].function, ways[i].error)) {
                        *ret = NULL;
                        return ways[i].error;
                }
        return NEXT(getpwnam_r)(name, entry, buffer, size, ret);
}

EXPORT int getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size, struct group **ret) {
        *ret = NULL;
        if (fails("getgrnam", EIO))
                return EIO;
        return NEXT(getgrnam_r)(name, entry, buffer, size, ret);
}

EXPORT int getgrouplist(const char *user, gid_t gid, gid_t *groups, int *n) {
        if (fails("getgrouplist", EIO))
                return -1;
        return NEXT(getgrouplist)(user, gid, groups, n);
}

/* No failure, but an application that names no service: libpam itself does not survive its being set to NULL. */
EXPORT int pam_get_item(const pam_handle_t *pamh, int item, const void **ret) {
        if (item != PAM_SERVICE || !fails("service", 0))
                return NEXT(pam_get_item)(pamh, item, ret);
        *ret = NULL;
        return PAM_SUCCESS;
}

/* Is @address, where a function returns to, in libaudit? libpam's audit records resolve the host there. */
static bool is_libaudit(const void *address) {
        Dl_info info;

        return dladdr(address, &info) && info.dli_fname && strstr(info.dli_fname, "libaudit");
}

/* Names of hosts are nobody's business here: armed only to be counted. */
EXPORT int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret) {
        if (!is_libaudit(__builtin_return_address(0)))
                (void) fails("getaddrinfo", EIO);
        return EAI_FAIL;
}

/* libpam comes here with __vsyslog_chk or vsyslog, as it was built. */
EXPORT void vsyslog(int priority, const char *format, va_list list) {
        char line[8192];

        (void) vsnprintf(line, sizeof(line), format, list);
        if (fault_log)
                fault_log(priority, line);
}

EXPORT void __vsyslog_chk(int priority, int flag, const char *format, va_list list);
EXPORT void __vsyslog_chk(int priority, int flag, const char *format, va_list list) {
        vsyslog(priority, format, list);
}

EXPORT void __syslog_chk(int priority, int flag, const char *format, ...);
EXPORT void __syslog_chk(int priority, int flag, const char *format, ...) {
        va_list list;

        va_start(list, format);
        vsyslog(priority, format, list);
        va_end(list);
}

EXPORT void syslog(int priority, const char *format, ...) {
        va_list list;

        va_start(list, format);
        vsyslog(priority, format, list);
        va_end(list);
}
