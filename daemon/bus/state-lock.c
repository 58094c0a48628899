/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/file.h>
#include <unistd.h>

#include "daemon/bus/state-lock.h"

#define LOCK_FILE "lock"

int state_lock(const char *folder, bool alone, char **ret_message) {
        g_autofree char *path = g_build_filename(folder, LOCK_FILE, NULL);
        int fd, r;

        /* Nothing is written to it: where the disk is read-only, that is said of what has to be. */
        fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0 && flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
                return 0; /* it stays open: that is the lock */
        r = -errno;
        if (fd >= 0)
                (void) close(fd);
        if (r != -EWOULDBLOCK)
                *ret_message = g_strdup_printf("\"%s\" cannot be opened or made: %s; look at the folder's owner and disk",
                                               path, g_strerror(-r));
        else if (alone)
                *ret_message = g_strdup("tesserad is running; systemctl stop tesserad.socket tesserad.service");
        else
                *ret_message = g_strdup("\"tessera store\" is at work here; wait until it is done");
        return r;
}
