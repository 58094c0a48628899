/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * For LD_PRELOAD: the program's clocks go by the file that TEST_CLOCK names, which the test writes
 * while the program runs. libfaketime moves all clocks or the wall's alone; a machine that slept has
 * moved the wall's and CLOCK_BOOTTIME, and not CLOCK_MONOTONIC.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* Seconds, added to what the kernel says. */
typedef struct Offsets {
        volatile int64_t wall, boot;
} Offsets;

static const Offsets none;
static const Offsets *offsets = &none;

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("TEST_CLOCK");
        void *map;
        int fd;

        if (!path)
                return;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                abort();
        map = mmap(NULL, sizeof(*offsets), PROT_READ, MAP_SHARED, fd, 0);
        (void) close(fd);
        if (map == MAP_FAILED)
                abort();
        offsets = map;
}

EXPORT int clock_gettime(clockid_t id, struct timespec *ret) {
        if (syscall(SYS_clock_gettime, id, ret) < 0)
                return -1;
        if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_TAI)
                ret->tv_sec += offsets->wall;
        else if (id == CLOCK_BOOTTIME)
                ret->tv_sec += offsets->boot;
        return 0;
}

EXPORT int gettimeofday(struct timeval *restrict ret, void *restrict zone) {
        struct timespec now;

        if (clock_gettime(CLOCK_REALTIME, &now) < 0)
                return -1;
        *ret = (struct timeval) { now.tv_sec, now.tv_nsec / 1000 };
        return 0;
}

EXPORT time_t time(time_t *ret) {
        struct timespec now = { 0 };

        (void) clock_gettime(CLOCK_REALTIME, &now);
        if (ret)
                *ret = now.tv_sec;
        return now.tv_sec;
}
