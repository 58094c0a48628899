/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "common/memfd.h"

static void test_round_trip(void) {
        _cleanup_close_ int fd = -1;
        char buffer[6];
        size_t size;

        assert(memfd_new_sealed("secret", 6, &fd) == 0);
        assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        assert(memfd_check(fd, 6, &size) == 0 && size == 6);
        assert(memfd_read(fd, buffer, size) == 0 && memcmp(buffer, "secret", 6) == 0);
        assert(memfd_check(fd, 5, &size) == -E2BIG);
}

static void test_what_the_sender_could_change_is_refused(void) {
        _cleanup_close_ int unsealed = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        _cleanup_close_ int half = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        _cleanup_close_ int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
        size_t size;

        assert(fcntl(half, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0);
        assert(memfd_check(unsealed, 10, &size) == -EINVAL);
        assert(memfd_check(half, 10, &size) == -EINVAL);
        assert(memfd_check(file, 10, &size) == -EINVAL);
        assert(memfd_check(-1, 10, &size) == -EINVAL);
}

int main(void) {
        test_round_trip();
        test_what_the_sender_could_change_is_refused();
        return 0;
}
