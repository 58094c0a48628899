/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/process.h"

/* As one that is started without 0, 1 and 2: these are filled, and nothing else is left open. */
int main(void) {
        struct rlimit limit;
        int ends[2];

        for (int fd = 0; fd < 16; fd++)
                (void) close(fd);
        assert(process_begin() == 0);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                assert(fcntl(fd, F_GETFD) >= 0);
        assert(fcntl(STDERR_FILENO + 1, F_GETFD) < 0);
        assert(prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
        assert(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
        assert(umask(0) == 077);
        assert(pipe(ends) == 0 && close(ends[0]) == 0);
        assert(write(ends[1], "", 1) < 0 && errno == EPIPE);
        return 0;
}
