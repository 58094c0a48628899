/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/state-folder.h"
#include "common/cleanup.h"

#define LOCK_POLL_US 10000

int64_t state_now_ms(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_BOOTTIME, &now);
        return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* As the XDG base directory specification has it: a path that is not absolute does not count. */
static char *state_home(void) {
        const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
        const struct passwd *entry;

        if (state && g_path_is_absolute(state))
                return g_strdup(state);
        if (!home || !g_path_is_absolute(home)) {
                entry = getpwuid(getuid());
                home = entry ? entry->pw_dir : "/nonexistent";
        }
        return g_build_filename(home, ".local", "state", NULL);
}

char *state_folder_path(void) {
        g_autofree char *home = state_home();

        return g_build_filename(home, "tessera", NULL);
}

/* One folder of ours below another. The umask takes nothing away that a private folder needs. */
static int open_private(int dirfd, const char *name, bool create, int *ret_fd) {
        _cleanup_close_ int fd = -1;
        struct stat st;

        if (create && mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
                return -errno;
        fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return errno == ELOOP || errno == ENOTDIR ? -EPERM : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != getuid() || (st.st_mode & 0077))
                return -EPERM;
        *ret_fd = steal_fd(&fd);
        return 0;
}

int state_folder_open(const char *name, bool create, int *ret_fd) {
        g_autofree char *home = state_home();
        _cleanup_close_ int above = -1, tessera = -1;
        int r;

        if (create && g_mkdir_with_parents(home, 0700) < 0)
                return -errno;
        above = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (above < 0)
                return -errno;
        r = open_private(above, "tessera", create, &tessera);
        return r < 0 ? r : open_private(tessera, name, create, ret_fd);
}

char *state_runtime_path(void) {
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        _cleanup_close_ int above = -1, folder = -1;

        if (!runtime || !g_path_is_absolute(runtime))
                return NULL;
        above = open(runtime, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (above < 0 || open_private(above, "tessera", /* create= */ true, &folder) < 0)
                return NULL;
        return g_build_filename(runtime, "tessera", NULL);
}

int state_lock(const char *name, int64_t deadline, int *ret_fd) {
        _cleanup_close_ int folder = -1, fd = -1;
        int r;

        r = state_folder_open("locks", /* create= */ true, &folder);
        if (r < 0)
                return r;
        fd = openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return -errno;
                if (state_now_ms() >= deadline)
                        return -ETIMEDOUT;
                (void) usleep(LOCK_POLL_US);
        }
        *ret_fd = steal_fd(&fd);
        return 0;
}
