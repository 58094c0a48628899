/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Times logins through libpam. Each sample is a process of its own, as sshd's and sudo's are: what
 * a module loads is loaded anew, and nothing is left from the sample before. Services take turns,
 * so that a noisy moment of the machine is everybody's. Prints a line "SERVICE MICROSECONDS" for
 * each sample; with -j it is the time in which so many logins at once were done.
 *
 *   bench-pam [-n ROUNDS] [-j LOGINS] [-s] -u USER SERVICE[=ANSWER-FILE]…
 *
 * A login is authenticate, account, open and close. With -s it is what sudo asks before it says
 * yes, authenticate and account, for USER as the invoker.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

#include "common/cleanup.h"

#define SERVICES_MAX 8
#define ANSWER_SIZE 1024
#define LOGIN_UID "/proc/self/loginuid"

typedef struct Service {
        char name[64];
        char answer[ANSWER_SIZE];
} Service;

typedef struct Bench {
        unsigned rounds;
        unsigned at_once; /* 0: one after the other */
        bool sudo;
        const char *user;
        Service services[SERVICES_MAX];
        size_t n_services;
} Bench;

static uint64_t now_usec(void) {
        struct timespec ts = { 0 };

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}

/* Answers every prompt alike; what modules say is nobody's here. */
static int converse(int n, const struct pam_message **messages, struct pam_response **ret, void *data) {
        struct pam_response *responses = calloc((size_t) n, sizeof(*responses));

        if (!responses)
                return PAM_BUF_ERR;
        for (int i = 0; i < n; i++)
                if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF || messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
                        responses[i].resp = strdup(data);
        *ret = responses;
        return PAM_SUCCESS;
}

/* A kernel without audit has no such file, and a process may have no right to it: then all samples go without. */
static void begin_audit_session(void) {
        _cleanup_close_ int fd = open(LOGIN_UID, O_WRONLY | O_CLOEXEC);

        if (fd >= 0 && write(fd, "0", 1) < 0)
                return;
}

static int set_items(pam_handle_t *pamh, const Bench *bench) {
        int r;

        r = pam_set_item(pamh, PAM_TTY, bench->sudo ? "/dev/pts/0" : "ssh");
        if (r == PAM_SUCCESS && bench->sudo)
                r = pam_set_item(pamh, PAM_RUSER, bench->user);
        else if (r == PAM_SUCCESS)
                r = pam_set_item(pamh, PAM_RHOST, "192.0.2.1");
        return r;
}

static int run_phases(pam_handle_t *pamh, bool sudo) {
        int r;

        r = pam_authenticate(pamh, PAM_SILENT);
        if (r == PAM_SUCCESS)
                r = pam_acct_mgmt(pamh, PAM_SILENT);
        if (r == PAM_SUCCESS && !sudo)
                r = pam_open_session(pamh, PAM_SILENT);
        if (r == PAM_SUCCESS && !sudo)
                r = pam_close_session(pamh, PAM_SILENT);
        return r;
}

static bool log_in(const Bench *bench, const Service *service) {
        const struct pam_conv conv = { converse, (char *) service->answer };
        pam_handle_t *pamh = NULL;
        int r;

        r = pam_start(service->name, bench->user, &conv, &pamh);
        if (r == PAM_SUCCESS)
                r = set_items(pamh, bench);
        if (r == PAM_SUCCESS)
                r = run_phases(pamh, bench->sudo);
        (void) pam_end(pamh, r);
        if (r != PAM_SUCCESS)
                (void) fprintf(stderr, "bench-pam: %s: %s\n", service->name, pam_strerror(NULL, r));
        return r == PAM_SUCCESS;
}

/* The child's part: waits for the start, logs in, and reports how long that took. */
__attribute__((noreturn))
static void sample(const Bench *bench, const Service *service, int start, int report) {
        uint64_t began, took;
        char byte;
        bool good;

        if (!bench->sudo)
                begin_audit_session();
        if (read(start, &byte, 1) != 0) /* the parent closes its end */
                _exit(EXIT_FAILURE);
        began = now_usec();
        good = log_in(bench, service);
        took = now_usec() - began;
        if (!good || write(report, &took, sizeof(took)) != sizeof(took))
                _exit(EXIT_FAILURE);
        _exit(EXIT_SUCCESS);
}

static bool fork_samples(const Bench *bench, const Service *service, unsigned n, const int start[2], int report) {
        for (unsigned i = 0; i < n; i++) {
                pid_t pid = fork();

                if (pid < 0)
                        return false;
                if (pid == 0) {
                        (void) close(start[1]);
                        sample(bench, service, start[0], report);
                }
        }
        return true;
}

static bool reap(unsigned n) {
        bool good = true;
        int status;

        for (unsigned i = 0; i < n; i++)
                if (wait(&status) < 0 || status != 0)
                        good = false;
        return good;
}

/* One sample of a login alone, or of so many at once. */
static bool measure(const Bench *bench, const Service *service, uint64_t *ret_usec) {
        unsigned n = bench->at_once > 0 ? bench->at_once : 1;
        int start[2], report[2];
        uint64_t began, took = 0;
        bool good;

        if (pipe2(start, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0)
                return false;
        good = fork_samples(bench, service, n, start, report[1]);
        (void) close(start[0]);
        (void) close(report[1]);
        began = now_usec();
        (void) close(start[1]);
        good = good && reap(n);
        if (good && bench->at_once == 0)
                good = read(report[0], &took, sizeof(took)) == sizeof(took);
        else
                took = now_usec() - began;
        (void) close(report[0]);
        *ret_usec = took;
        return good;
}

static bool run(const Bench *bench) {
        for (unsigned round = 0; round <= bench->rounds; round++)
                for (size_t i = 0; i < bench->n_services; i++) {
                        uint64_t usec;

                        if (!measure(bench, &bench->services[i], &usec))
                                return false;
                        if (round > 0) /* the first one warms the caches up */
                                (void) printf("%s %llu\n", bench->services[i].name, (unsigned long long) usec);
                }
        return fflush(stdout) == 0;
}

/* "SERVICE" or "SERVICE=FILE" with the answer to its prompt. */
static bool add_service(Bench *bench, const char *argument) {
        size_t size = strcspn(argument, "=");
        Service *service = &bench->services[bench->n_services];
        _cleanup_close_ int fd = -1;
        ssize_t n;

        if (bench->n_services == SERVICES_MAX || size == 0 || size >= sizeof(service->name))
                return false;
        memcpy(service->name, argument, size);
        bench->n_services++;
        if (argument[size] == '\0')
                return true;
        fd = open(argument + size + 1, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, service->answer, ANSWER_SIZE - 1) : -1;
        if (n < 0)
                return false;
        service->answer[strcspn(service->answer, "\n")] = '\0';
        return true;
}

static bool parse_argv(int argc, char **argv, Bench *bench) {
        int option;

        while ((option = getopt(argc, argv, "n:j:su:")) >= 0)
                switch (option) {
                case 'n':
                        bench->rounds = (unsigned) strtoul(optarg, NULL, 10);
                        break;
                case 'j':
                        bench->at_once = (unsigned) strtoul(optarg, NULL, 10);
                        break;
                case 's':
                        bench->sudo = true;
                        break;
                case 'u':
                        bench->user = optarg;
                        break;
                default:
                        return false;
                }
        for (; optind < argc; optind++)
                if (!add_service(bench, argv[optind])) {
                        (void) fprintf(stderr, "bench-pam: %s: %s\n", argv[optind], strerror(errno));
                        return false;
                }
        return bench->user && bench->n_services > 0;
}

int main(int argc, char **argv) {
        Bench bench = { .rounds = 200 };

        if (!parse_argv(argc, argv, &bench)) {
                (void) fprintf(stderr, "usage: bench-pam [-n ROUNDS] [-j LOGINS] [-s] -u USER SERVICE[=FILE]…\n");
                return 2;
        }
        return run(&bench) ? EXIT_SUCCESS : EXIT_FAILURE;
}
