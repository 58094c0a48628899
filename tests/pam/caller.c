/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pam/caller.h"

/* Signals */

static const int storm_signals[] = { SIGALRM, SIGINT, SIGTERM, SIGCHLD, SIGUSR1 };
#define N_STORM_SIGNALS (sizeof(storm_signals) / sizeof(storm_signals[0]))

static struct sigaction before[N_STORM_SIGNALS];
static volatile sig_atomic_t came;
static pid_t sender;

static void on_signal(int signal) {
        came++;
}

/*
 * By descriptor: a pid is somebody else's once the process is gone, and who fails in the middle of a
 * storm is gone before he could end it.
 */
__attribute__((noreturn)) static void send_signals(int target) {
        for (size_t i = 0; pidfd_send_signal(target, storm_signals[1 + i % (N_STORM_SIGNALS - 1)], NULL, 0) == 0; i++)
                (void) usleep(50);
        _exit(0);
}

void caller_storm(void) {
        const struct sigaction action = { .sa_handler = on_signal };
        const struct itimerval often = { .it_interval.tv_usec = 100, .it_value.tv_usec = 100 };
        int self = pidfd_open(getpid(), 0);

        assert(self >= 0);
        came = 0;
        for (size_t i = 0; i < N_STORM_SIGNALS; i++)
                assert(sigaction(storm_signals[i], &action, &before[i]) == 0);
        sender = fork();
        assert(sender >= 0);
        if (sender == 0)
                send_signals(self);
        (void) close(self);
        assert(setitimer(ITIMER_REAL, &often, NULL) == 0);
}

unsigned long caller_calm(void) {
        const struct itimerval never = { 0 };

        assert(setitimer(ITIMER_REAL, &never, NULL) == 0);
        assert(kill(sender, SIGKILL) == 0);
        while (waitpid(sender, NULL, 0) != sender)
                ;
        for (size_t i = 0; i < N_STORM_SIGNALS; i++)
                assert(sigaction(storm_signals[i], &before[i], NULL) == 0);
        return (unsigned long) came;
}

/* Descriptors */

static int kept[3];

void caller_close_standard(void) {
        for (int fd = 0; fd < 3; fd++) {
                kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
                assert(kept[fd] >= 100);
        }
        for (int fd = 0; fd < 3; fd++)
                (void) close(fd);
}

void caller_restore_standard(void) {
        for (int fd = 0; fd < 3; fd++) {
                assert(fcntl(fd, F_GETFD) < 0); /* whoever took its place has left it */
                assert(dup2(kept[fd], fd) == fd);
                (void) close(kept[fd]);
        }
}

/* Threads */

typedef struct Half {
        const char *service, *user, *folder, *answer;
        int expected;
        unsigned n, good;
} Half;

static int converse(int n, const struct pam_message **messages, struct pam_response **ret, void *userdata) {
        *ret = calloc((size_t) n, sizeof(**ret));
        if (!*ret)
                return PAM_BUF_ERR;
        for (int i = 0; i < n; i++)
                if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF)
                        (*ret)[i].resp = strdup(userdata);
        return PAM_SUCCESS;
}

static void no_delay(int status, unsigned usec, void *userdata) {
}

static void *authenticate(void *userdata) {
        Half *half = userdata;
        const struct pam_conv conv = { converse, (void *) half->answer };
        pam_handle_t *pamh = NULL;
        int r = PAM_SUCCESS;

        assert(pam_start_confdir(half->service, half->user, &conv, half->folder, &pamh) == PAM_SUCCESS);
        assert(pam_set_item(pamh, PAM_FAIL_DELAY, (void *) no_delay) == PAM_SUCCESS);
        for (unsigned i = 0; i < half->n; i++) {
                r = pam_authenticate(pamh, PAM_SILENT);
                half->good += r == half->expected;
        }
        assert(pam_end(pamh, r) == PAM_SUCCESS);
        return NULL;
}

unsigned caller_pair(const char *service, const char *user, const char *folder, const char *right, const char *wrong,
                     unsigned n) {
        Half halves[] = {
                { service, user, folder, right, PAM_SUCCESS, n, 0 },
                { service, user, folder, wrong, PAM_AUTH_ERR, n, 0 },
        };
        pthread_t threads[2];

        for (int i = 0; i < 2; i++)
                assert(pthread_create(&threads[i], NULL, authenticate, &halves[i]) == 0);
        for (int i = 0; i < 2; i++)
                assert(pthread_join(threads[i], NULL) == 0);
        return halves[0].good + halves[1].good;
}
