/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/ssh-master.h"
#include "client/state-folder.h"
#include "common/cleanup.h"

#define LOGIN_MAX_MS 150000 /* sshd's LoginGraceTime is 120 s; then everybody goes on alone */
#define POLL_MS 20

/*
 * %C names the connection (host, port, user) and is ssh's to work out: what we would take for it
 * might be another. So ssh is asked once more, with the path.
 */
static void resolve_path(const char *path, const SshLine *line, SshTarget *target) {
        g_autofree char *option = g_strconcat("ControlPath=", path, NULL);
        SshLine with = *line;
        SshTarget again;

        with.resolving = g_ptr_array_copy(line->resolving, NULL, NULL);
        g_ptr_array_insert(with.resolving, 0, option);
        g_ptr_array_insert(with.resolving, 0, (gpointer) "-o");
        with.before += 2;
        if (ssh_target_resolve(&with, &again))
                memcpy(target->control_path, again.control_path, sizeof(target->control_path));
        g_ptr_array_unref(with.resolving);
}

/* ssh expands what it is told. */
static char *escape(const char *path) {
        g_auto(GStrv) parts = g_strsplit(path, "%", -1);

        return g_strjoinv("%%", parts);
}

char *ssh_master_option(const SshTarget *target) {
        g_autofree char *path = escape(target->control_path);

        return g_strconcat("ControlPath=", path[0] ? path : "none", NULL);
}

void ssh_master_path(SshTarget *target, const SshLine *line) {
        g_autofree char *runtime = NULL, *folder = NULL, *plain = NULL, *path = NULL;

        if (target->control_path[0])
                return;
        runtime = state_runtime_path();
        folder = runtime ? g_strdup(runtime) : g_build_filename(g_get_home_dir(), ".ssh", NULL);
        /* Who has never used ssh has none yet, and ssh does not go on without the socket. */
        if (!runtime && g_mkdir_with_parents(folder, 0700) < 0)
                return;
        plain = escape(folder);
        path = g_build_filename(plain, runtime ? "%C" : "tessera-%C", NULL);
        resolve_path(path, line, target);
}

bool ssh_master_is_there(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;

        if (!path[0] || g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
                return false;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        return fd >= 0 && connect(fd, (struct sockaddr *) &address, sizeof(address)) == 0;
}

/* Holds the lock, which it inherited, and nothing else: a pipe that it kept open would hang its reader. */
static _Noreturn void hold(const char *path, int lock, int process) {
        int64_t deadline = state_now_ms() + LOGIN_MAX_MS;
        struct pollfd gone = { .fd = process, .events = POLLIN };
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        (void) setsid();
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
                if (null < 0 || dup2(null, fd) < 0)
                        (void) close(fd);
        for (int fd = STDERR_FILENO + 1; fd < (int) sysconf(_SC_OPEN_MAX) && fd < 1024; fd++)
                if (fd != lock && fd != process)
                        (void) close(fd);
        while (!ssh_master_is_there(path) && poll(&gone, 1, POLL_MS) == 0 && state_now_ms() < deadline)
                ;
        _exit(0);
}

/* Twice forked, so that it is no child that ssh would wonder about. Where that fails, nobody waits. */
static void leave_holder(const char *path, int lock) {
        _cleanup_close_ int process = (int) syscall(SYS_pidfd_open, getpid(), 0);
        pid_t pid;

        if (process < 0)
                return;
        pid = fork();
        if (pid == 0) {
                if (fork() == 0)
                        hold(path, lock, process);
                _exit(0);
        }
        if (pid > 0)
                while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
}

bool ssh_master_wait(const char *path) {
        g_autofree char *hash = NULL, *name = NULL;
        int64_t deadline = state_now_ms() + LOGIN_MAX_MS;
        _cleanup_close_ int lock = -1;
        int r;

        if (ssh_master_is_there(path))
                return true;
        hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, path, -1);
        name = g_strconcat("master-", hash, NULL);
        do {
                r = state_lock(name, state_now_ms() + POLL_MS, &lock);
                if (ssh_master_is_there(path))
                        return true;
        } while (r == -ETIMEDOUT && state_now_ms() < deadline);
        if (r == 0)
                leave_holder(path, lock);
        return false;
}

bool ssh_master_end(const SshTarget *target) {
        g_autofree char *path = ssh_master_option(target);
        char *argv[] = { (char *) "ssh", (char *) "-O", (char *) "exit", (char *) "-o", path, (char *) "--",
                         (char *) target->host, NULL };

        if (!ssh_master_is_there(target->control_path))
                return false;
        return g_spawn_sync(NULL, argv, NULL,
                            G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                            NULL, NULL, NULL, NULL);
}
