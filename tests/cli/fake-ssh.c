/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Called "ssh", in PATH before the real one: asks askpass as ssh does, and is the parent that askpass
 * sees. What it is to do stands in the environment:
 *
 *         FAKE_LOG       a file that gets a line "login ARGV" for each login, "ride" for each ride on a master
 *         FAKE_PROMPTS   what to ask, separated by newlines; the answers go to stdout
 *         FAKE_JUMP      before that, ask it in the name of a jump host, from an `ssh -W` of its own
 *         FAKE_MASTER    how many milliseconds a login takes until its master's socket is there
 *         FAKE_EXIT      how it ends
 *
 * `ssh -G` and `ssh -O` are the real one's.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define REAL "/usr/bin/ssh"

static void note(const char *word, char **argv) {
        const char *path = getenv("FAKE_LOG");
        char line[4096] = "";
        int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

        (void) snprintf(line, sizeof(line), "%s", word);
        for (char **arg = argv; arg && *arg; arg++)
                (void) snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s", *arg);
        (void) snprintf(line + strlen(line), sizeof(line) - strlen(line), "\n");
        if (fd >= 0 && write(fd, line, strlen(line)) < 0)
                _exit(99);
}

static void ask(const char *prompt) {
        const char *askpass = getenv("SSH_ASKPASS");
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                if (askpass)
                        (void) execl(askpass, askpass, prompt, (char *) NULL);
                _exit(98);
        }
        (void) waitpid(pid, &status, 0);
        if (status != 0)
                (void) printf("exit %d\n", WEXITSTATUS(status));
        (void) fflush(stdout);
}

static void ask_all(void) {
        const char *prompts = getenv("FAKE_PROMPTS");
        char *copy = prompts ? strdup(prompts) : NULL, *rest = copy;

        for (char *prompt; rest && (prompt = strsep(&rest, "\n"));)
                ask(prompt);
        free(copy);
}

static void jump(void) {
        pid_t pid;

        if (!getenv("FAKE_JUMP"))
                return;
        (void) unsetenv("FAKE_JUMP");
        pid = fork();
        if (pid == 0) {
                (void) execl("/proc/self/exe", "ssh", "-W", "[web1]:22", "alice@jump", (char *) NULL);
                _exit(97);
        }
        (void) waitpid(pid, NULL, 0);
}

static const char *control_path(char **argv) {
        for (; *argv; argv++)
                if (strncmp(*argv, "ControlPath=", 12) == 0)
                        return *argv + 12;
        return NULL;
}

static int dial(const char *path, bool listening) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        int r;

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (listening)
                r = bind(fd, (struct sockaddr *) &address, sizeof(address)) == 0 ? listen(fd, 100) : -1;
        else
                r = connect(fd, (struct sockaddr *) &address, sizeof(address));
        return r == 0 ? fd : -1;
}

/* Lives as long as the test's folder does, and a minute at most. */
static void be_master(const char *path) {
        if (fork() > 0)
                return;
        (void) setsid();
        for (int fd = 0; fd < 3; fd++)
                (void) close(fd);
        for (int i = 0; i < 600 && access(path, F_OK) == 0; i++)
                (void) usleep(100000);
        _exit(0);
}

int main(int argc, char **argv) {
        const char *master = getenv("FAKE_MASTER"), *end = getenv("FAKE_EXIT"), *path = control_path(argv);

        if (argc > 1 && (strcmp(argv[1], "-G") == 0 || strcmp(argv[1], "-O") == 0)) {
                (void) execv(REAL, argv);
                return 96;
        }
        if (path && dial(path, /* listening= */ false) >= 0) {
                note("ride", argv);
        } else {
                jump();
                ask_all();
                note("login", argv);
                if (master && path) {
                        (void) usleep((unsigned) atoi(master) * 1000);
                        if (dial(path, /* listening= */ true) >= 0)
                                be_master(path);
                }
        }
        return end ? atoi(end) : 0;
}
