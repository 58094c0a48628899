/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "client/secret-input.h"
#include "common/cleanup.h"

void secret_input_wipe(SecretInput *secret) {
        explicit_bzero(secret, sizeof(*secret));
}

/* Signals come as reads of a descriptor while we ask, so that no handler and no state of the process is needed. */
typedef struct Prompt {
        int tty;
        int signals;
        sigset_t caught, mask_before;
        struct termios before;
        bool silent; /* the terminal is ours */
        bool echo;
} Prompt;

static int64_t monotonic_ms(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int write_text(int fd, const char *text) {
        size_t size = strlen(text);

        while (size > 0) {
                ssize_t n = write(fd, text, size);
                if (n < 0) {
                        if (errno == EINTR || errno == EAGAIN)
                                continue;
                        return -errno;
                }
                text += n;
                size -= (size_t) n;
        }
        return 0;
}

static int prompt_silence(Prompt *prompt) {
        struct termios silent;

        if (tcgetattr(prompt->tty, &prompt->before) < 0)
                return -errno;
        silent = prompt->before;
        if (!prompt->echo)
                silent.c_lflag &= ~(tcflag_t) (ECHO | ECHOE | ECHOK | ECHONL);
        silent.c_lflag |= ICANON | ISIG;
        /* Drops what was typed ahead, which the terminal has shown already. */
        if (tcsetattr(prompt->tty, TCSAFLUSH, &silent) < 0)
                return -errno;
        prompt->silent = true;
        return 0;
}

static void prompt_restore(Prompt *prompt) {
        if (!prompt->silent)
                return;
        while (tcsetattr(prompt->tty, TCSAFLUSH, &prompt->before) < 0 && errno == EINTR)
                ;
        prompt->silent = false;
        if (!prompt->echo)
                (void) write_text(prompt->tty, "\n");
}

static void prompt_close(Prompt *prompt) {
        prompt_restore(prompt);
        prompt->signals = safe_close(prompt->signals);
        (void) sigprocmask(SIG_SETMASK, &prompt->mask_before, NULL);
        prompt->tty = safe_close(prompt->tty);
}

static int prompt_open(Prompt *prompt) {
        static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGTSTP };

        prompt->tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (prompt->tty < 0)
                return -errno;
        (void) sigemptyset(&prompt->caught);
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
                (void) sigaddset(&prompt->caught, signals[i]);
        prompt->signals = signalfd(-1, &prompt->caught, SFD_CLOEXEC | SFD_NONBLOCK);
        if (prompt->signals < 0)
                return -errno;
        if (sigprocmask(SIG_BLOCK, &prompt->caught, NULL) < 0)
                return -errno;
        return 0;
}

/* Lets the signal do what it would have done without us; it may stop the process, or do nothing, and we go on. */
static void prompt_pass_signal(Prompt *prompt) {
        struct signalfd_siginfo info;

        if (read(prompt->signals, &info, sizeof(info)) != (ssize_t) sizeof(info))
                return;
        prompt_restore(prompt);
        (void) raise((int) info.ssi_signo);
        (void) sigprocmask(SIG_SETMASK, &prompt->mask_before, NULL); /* here it arrives */
        (void) sigprocmask(SIG_BLOCK, &prompt->caught, NULL);
}

/* Waits until the terminal has something: 1; or passes a signal on: 0; or -ETIMEDOUT. */
static int prompt_wait(Prompt *prompt, int64_t deadline) {
        struct pollfd fds[] = {
                { .fd = prompt->tty, .events = POLLIN },
                { .fd = prompt->signals, .events = POLLIN },
        };
        int64_t left = deadline - monotonic_ms();
        int n;

        if (left <= 0)
                return -ETIMEDOUT;
        n = poll(fds, 2, (int) left);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ETIMEDOUT;
        if (fds[1].revents) {
                prompt_pass_signal(prompt);
                return 0;
        }
        return 1;
}

/* Takes what the terminal has: 1 with a whole line, 0 without, -ENODATA at its end, -E2BIG, another errno. */
static int prompt_read(Prompt *prompt, SecretInput *secret) {
        size_t room = sizeof(secret->data) - secret->size;
        ssize_t n;

        if (room == 0)
                return -E2BIG;
        n = read(prompt->tty, secret->data + secret->size, room);
        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        if (n == 0)
                return -ENODATA;
        secret->size += (size_t) n;
        if (secret->data[secret->size - 1] != '\n')
                return 0;
        secret->data[--secret->size] = '\0';
        return 1;
}

static int read_line(int fd, SecretInput *secret) {
        for (;;) {
                char c;
                ssize_t n = read(fd, &c, 1);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return secret->size > 0 ? 0 : -ENODATA;
                if (c == '\n')
                        return 0;
                if (secret->size == sizeof(secret->data))
                        return -E2BIG;
                secret->data[secret->size++] = c;
                explicit_bzero(&c, 1);
        }
}

static int prompt_ask(Prompt *prompt, const char *text, int64_t deadline, SecretInput *secret) {
        int r;

        do {
                if (!prompt->silent) { /* at first, and after a signal */
                        secret_input_wipe(secret);
                        r = prompt_silence(prompt);
                        if (r < 0)
                                return r;
                        r = write_text(prompt->tty, text);
                        if (r < 0)
                                return r;
                }
                r = prompt_wait(prompt, deadline);
                if (r > 0)
                        r = prompt_read(prompt, secret);
        } while (r == 0);
        return r < 0 ? r : 0;
}

static int ask(const char *text, bool echo, int timeout, SecretInput *ret) {
        _cleanup_secret_input_ SecretInput secret = { 0 };
        Prompt prompt = { .tty = -1, .signals = -1, .echo = echo };
        int r;

        if (sigprocmask(SIG_SETMASK, NULL, &prompt.mask_before) < 0)
                return -errno;
        r = prompt_open(&prompt);
        if (r == 0)
                r = prompt_ask(&prompt, text, monotonic_ms() + (int64_t) timeout * 1000, &secret);
        prompt_close(&prompt);
        if (r == 0)
                *ret = secret;
        return r;
}

int secret_input_prompt(const char *text, int timeout, SecretInput *ret) {
        return ask(text, /* echo= */ false, timeout, ret);
}

int secret_input_question(const char *text, int timeout, SecretInput *ret) {
        return ask(text, /* echo= */ true, timeout, ret);
}

int secret_input_line(int fd, SecretInput *ret) {
        _cleanup_secret_input_ SecretInput secret = { 0 };
        int r;

        r = read_line(fd, &secret);
        if (r == 0)
                *ret = secret;
        return r;
}

int secret_input_all(int fd, SecretInput *ret) {
        _cleanup_secret_input_ SecretInput secret = { 0 };

        for (;;) {
                char extra;
                bool full = secret.size == sizeof(secret.data);
                ssize_t n = read(fd, full ? &extra : secret.data + secret.size,
                                 full ? 1 : sizeof(secret.data) - secret.size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                if (full)
                        return -E2BIG;
                secret.size += (size_t) n;
        }
        if (secret.size > 0 && secret.data[secret.size - 1] == '\n')
                secret.data[--secret.size] = '\0';
        *ret = secret;
        return 0;
}
