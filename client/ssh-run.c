/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/ssh-run.h"
#include "common/cleanup.h"

#define OUTPUT_MAX 65536
#define ASKPASS "tessera-askpass"
#define NO_ASKPASS "/bin/false"

bool ssh_run_mark_parse(const char *text, SshRunMark *ret) {
        g_auto(GStrv) words = g_strsplit(text, " ", -1);
        SshRunMark mark = { 0 };
        guint64 pid, port;
        char name[DEVICE_FILE_NAME_MAX];

        if (g_strv_length(words) != 6 || !g_ascii_string_to_unsigned(words[0], 10, 1, INT32_MAX, &pid, NULL) ||
            !g_ascii_string_to_unsigned(words[4], 10, 1, UINT16_MAX, &port, NULL) ||
            g_strlcpy(mark.target.user, words[1], sizeof(mark.target.user)) >= sizeof(mark.target.user) ||
            g_strlcpy(mark.target.host, words[2], sizeof(mark.target.host)) >= sizeof(mark.target.host) ||
            g_strlcpy(mark.target.shown, words[3], sizeof(mark.target.shown)) >= sizeof(mark.target.shown))
                return false;
        mark.pid = (int64_t) pid;
        mark.target.port = (uint16_t) port;
        mark.no_input = strcmp(words[5], "1") == 0;
        if (!device_file_name(mark.target.user, mark.target.host, mark.target.port, name))
                return false;
        *ret = mark;
        return true;
}

/* Where it is installed; in a build folder, beside the command. One that is missing would be an empty password to ssh. */
static char *askpass_path(void) {
        g_autofree char *self = NULL, *folder = NULL, *path = NULL;

        if (access(TESSERA_LIBEXECDIR "/" ASKPASS, X_OK) == 0)
                return g_strdup(TESSERA_LIBEXECDIR "/" ASKPASS);
        self = g_file_read_link("/proc/self/exe", NULL);
        folder = self ? g_path_get_dirname(self) : NULL;
        path = folder ? g_build_filename(folder, ASKPASS, NULL) : NULL;
        return path && access(path, X_OK) == 0 ? g_steal_pointer(&path) : NULL;
}

/* For this very process: the variable names its pid, which exec keeps. */
static char **environment(const SshTarget *target, bool no_input) {
        g_autofree char *askpass = target ? askpass_path() : NULL, *mark = NULL;
        char **result = g_get_environ();

        if (!target || (!askpass && !no_input))
                return g_environ_setenv(result, "SSH_ASKPASS_REQUIRE", "never", TRUE);
        /* A name with a blank in it would make another mark; ssh_run_mark_parse() refuses that. */
        mark = g_strdup_printf("%d %s %s %s %u %d", (int) getpid(), target->user, target->host, target->shown,
                               target->port, no_input ? 1 : 0);
        result = g_environ_setenv(result, "SSH_ASKPASS", askpass ?: NO_ASKPASS, TRUE);
        result = g_environ_setenv(result, "SSH_ASKPASS_REQUIRE", "force", TRUE);
        return g_environ_setenv(result, SSH_RUN_VARIABLE, mark, TRUE);
}

int ssh_exec(char **argv, const SshTarget *target, bool no_input) {
        g_auto(GStrv) variables = environment(target, no_input);

        (void) execvpe("ssh", argv, variables);
        return -errno;
}

static int read_all(int fd, char **ret) {
        g_autofree char *text = g_malloc(OUTPUT_MAX + 1);
        size_t size = 0;

        for (;;) {
                ssize_t n = read(fd, text + size, OUTPUT_MAX - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0 || size + (size_t) n == OUTPUT_MAX)
                        break;
                size += (size_t) n;
        }
        text[size] = '\0';
        *ret = g_steal_pointer(&text);
        return 0;
}

int ssh_run(char **argv, const SshTarget *target, bool no_input, char **ret_output, int *ret_exit) {
        _cleanup_close_ int from = -1, to = -1;
        int fds[2], status, r;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        from = fds[0];
        to = fds[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                if (dup2(to, STDOUT_FILENO) >= 0)
                        (void) ssh_exec(argv, target, no_input);
                _exit(255);
        }
        to = safe_close(to);
        r = read_all(from, ret_output);
        from = safe_close(from);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        *ret_exit = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
        return r;
}

int ssh_spawn_asking(char **argv, int *ret_pid, int *ret_stdin, int *ret_stdout) {
        g_auto(GStrv) variables = environment(NULL, /* no_input= */ false);
        g_autoptr(GError) error = NULL;

        if (!g_spawn_async_with_pipes(NULL, argv, variables, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL,
                                      ret_pid, ret_stdin, ret_stdout, NULL, &error))
                return -ENOENT;
        return 0;
}
