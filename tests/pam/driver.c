/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * A PAM application that does what it is told on stdin, one command a line, and says on stdout what
 * came of it. libpam and the module are the real ones; the conversation, the delay, the log and
 * libc's failures are ours. Texts are hex, so that any byte may stand in them; "-" is none.
 *
 *   start SERVICE USER DIR    pam_start with the configuration in DIR
 *   item NAME TEXT · env TEXT · uid N · become N · answer KIND [TEXT] · then TEXT · arm FUNCTION N [lasting]
 *   disarm · watch TEXT · trap · arm-call N ERRNO LASTING ONLY · disarm-call · storm · calm · bare
 *   chroot PATH · be UID · pair SERVICE USER DIR RIGHT WRONG N
 *   call FUNCTION [FLAGS] · soak FUNCTION N · fork-end · exec PATH · state · reload PATH N · end STATUS
 *
 * Each command ends with a line "ok …"; before it come the lines "prompt TEXT", "error TEXT",
 * "info TEXT", "log PRIORITY TEXT", "delay USEC" of what happened meanwhile.
 */

#undef NDEBUG
#include <assert.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <security/pam_appl.h>
#include <security/pam_ext.h>

#include "tests/faults/trap.h"
#include "tests/pam/caller.h"
#include "tests/pam/fault.h"

#define LINE_MAX_SIZE (4 * 1024 * 1024)

static FaultControl system_calls = { .only = -1 };

typedef struct Driver {
        pam_handle_t *pamh;
        const char *kind; /* of the answer: "text", "null", "no-response", "fail", "flip"; "last-…": of the last one alone */
        char *answer;
        char *flip; /* PAM_USER becomes this while we answer */
        char *then[4]; /* what later prompts are answered; the last answer goes on */
        int n_then;
        bool bare;  /* calls are made without standard descriptors */
} Driver;

static char *from_hex(const char *hex) {
        size_t n;
        char *text;

        if (!hex || strcmp(hex, "-") == 0)
                return NULL;
        n = strlen(hex) / 2;
        text = calloc(1, n + 1);
        assert(text);
        for (size_t i = 0; i < n; i++) {
                const char pair[] = { hex[2 * i], hex[2 * i + 1], '\0' };
                text[i] = (char) strtoul(pair, NULL, 16);
        }
        return text;
}

static void say_hex(const char *word, const char *text) {
        printf("%s ", word);
        for (const char *c = text; *c; c++)
                printf("%02x", (unsigned char) *c);
        putchar('\n');
}

static void on_log(int priority, const char *line) {
        char word[32];

        (void) snprintf(word, sizeof(word), "log %d", priority & 7);
        say_hex(word, line);
}

static void on_delay(int status, unsigned usec, void *userdata) {
        if (status != PAM_SUCCESS)
                printf("delay %u\n", usec);
}

/* What was answered before is not freed: a watch is on the module's memory, not on ours. */
static void take_next_answer(Driver *driver) {
        if (driver->n_then == 0)
                return;
        driver->answer = driver->then[0];
        memmove(driver->then, driver->then + 1, sizeof(driver->then) - sizeof(driver->then[0]));
        driver->n_then--;
}

static int answer_prompt(Driver *driver, struct pam_response **ret) {
        const char *kind = driver->kind;

        if (strncmp(kind, "last-", 5) == 0)
                kind = driver->n_then > 0 ? "text" : kind + 5;
        if (strcmp(kind, "fail") == 0)
                return PAM_CONV_ERR;
        if (strcmp(kind, "no-response") == 0)
                return PAM_SUCCESS;
        if (strcmp(kind, "flip") == 0)
                assert(pam_set_item(driver->pamh, PAM_USER, driver->flip) == PAM_SUCCESS);
        *ret = calloc(1, sizeof(**ret));
        if (*ret && strcmp(kind, "null") != 0)
                (*ret)->resp = strdup(driver->answer);
        take_next_answer(driver);
        return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int converse(int n, const struct pam_message **messages, struct pam_response **ret, void *userdata) {
        const char *words[] = { [PAM_PROMPT_ECHO_OFF] = "prompt", [PAM_PROMPT_ECHO_ON] = "prompt-echo",
                                [PAM_ERROR_MSG] = "error", [PAM_TEXT_INFO] = "info" };
        Driver *driver = userdata;
        int style = messages[0]->msg_style;

        assert(n == 1);
        say_hex(words[style], messages[0]->msg);
        if (style == PAM_PROMPT_ECHO_OFF || style == PAM_PROMPT_ECHO_ON)
                return answer_prompt(driver, ret);
        *ret = calloc(1, sizeof(**ret));
        return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static int item_number(const char *name) {
        static const struct {
                const char *name;
                int number;
        } items[] = { { "user", PAM_USER },   { "ruser", PAM_RUSER }, { "rhost", PAM_RHOST },
                      { "tty", PAM_TTY },     { "authtok", PAM_AUTHTOK }, { "service", PAM_SERVICE } };

        for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
                if (strcmp(items[i].name, name) == 0)
                        return items[i].number;
        abort();
}

static void start(Driver *driver, const char *service, const char *user, const char *folder) {
        static struct pam_conv conv = { .conv = converse };
        char *name = from_hex(user);
        int r;

        conv.appdata_ptr = driver;
        r = pam_start_confdir(service, name, &conv, folder, &driver->pamh);
        if (r == PAM_SUCCESS)
                r = pam_set_item(driver->pamh, PAM_FAIL_DELAY, (void *) on_delay);
        free(name);
        printf("ok %d\n", r);
}

static int call(Driver *driver, const char *function, int flags) {
        static const struct {
                const char *name;
                int (*function)(pam_handle_t *pamh, int flags);
        } functions[] = { { "authenticate", pam_authenticate }, { "setcred", pam_setcred },
                          { "account", pam_acct_mgmt },         { "open", pam_open_session },
                          { "close", pam_close_session },       { "chauthtok", pam_chauthtok } };

        for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
                if (strcmp(functions[i].name, function) == 0) {
                        int r;

                        if (driver->bare)
                                caller_close_standard();
                        system_calls.kind = FAULT_CALL; /* and none of ours */
                        r = functions[i].function(driver->pamh, flags);
                        system_calls.kind = FAULT_NONE;
                        if (driver->bare)
                                caller_restore_standard();
                        return r;
                }
        abort();
}

/* Sets the answer; "none" takes the conversation away. */
static void set_answer(Driver *driver, const char *kind, const char *text, const char *flip) {
        static const struct pam_conv none = { .conv = NULL };

        driver->kind = strdup(kind);
        driver->answer = from_hex(text);
        driver->flip = from_hex(flip);
        driver->n_then = 0;
        if (strcmp(kind, "none") == 0)
                assert(pam_set_item(driver->pamh, PAM_CONV, &none) == PAM_SUCCESS);
        puts("ok");
}

static int count_entries(const char *path) {
        DIR *folder = opendir(path);
        int n = 0;

        assert(folder);
        while (readdir(folder))
                n++;
        closedir(folder);
        return n - 3; /* ".", "..", and the folder itself or, for tasks, nobody */
}

/* Descriptors, threads and signal handlers: what a guest must leave as it found them. */
static void say_state(void) {
        unsigned long handlers = 0;

        for (int s = 1; s < NSIG; s++) {
                struct sigaction action;
                if (sigaction(s, NULL, &action) < 0)
                        continue;
                handlers = handlers * 31 + (unsigned long) action.sa_handler;
                handlers = handlers * 31 + (unsigned long) action.sa_flags;
        }
        printf("ok %d %d %lu\n", count_entries("/proc/self/fd"), count_entries("/proc/self/task"), handlers);
}

/* Bytes that @n calls leave allocated. Those before have made what is made once, and the heap has settled. */
static void soak(Driver *driver, const char *function, int n) {
        size_t before;

        for (int i = 0; i < 20; i++)
                (void) call(driver, function, 0);
        before = mallinfo2().uordblks;
        for (int i = 0; i < n; i++)
                (void) call(driver, function, 0);
        printf("ok %zd\n", (ssize_t) (mallinfo2().uordblks - before));
}

/* In a child, as sshd and login do: end the handle silently, while the parent's goes on. */
static void fork_end(Driver *driver) {
        int status;
        pid_t pid = fork();

        if (pid == 0)
                _exit(pam_end(driver->pamh, PAM_SUCCESS | PAM_DATA_SILENT));
        assert(waitpid(pid, &status, 0) == pid);
        printf("ok %d\n", status);
}

/* Runs a program as a login's shell: with the PAM environment and the descriptors that are left. */
static void run_shell(Driver *driver, const char *path) {
        int status;
        pid_t pid;

        fflush(stdout);
        pid = fork();
        if (pid == 0) {
                char *argv[] = { (char *) path, NULL };
                execve(path, argv, pam_getenvlist(driver->pamh));
                _exit(127);
        }
        assert(waitpid(pid, &status, 0) == pid);
        printf("ok %d\n", status);
}

static void reload(const char *path, int n) {
        for (int i = 0; i < n; i++) {
                void *module = dlopen(path, RTLD_NOW);
                int (*setcred)(pam_handle_t *, int, int, const char **);

                assert(module);
                setcred = (int (*)(pam_handle_t *, int, int, const char **)) dlsym(module, "pam_sm_setcred");
                assert(setcred && setcred(NULL, 0, 0, NULL) == PAM_IGNORE);
                assert(dlclose(module) == 0);
        }
        printf("ok %d\n", dlopen(path, RTLD_NOW | RTLD_NOLOAD) ? 1 : 0);
}

static void say_item(Driver *driver, const char *name) {
        const void *value = NULL;

        if (name[0] == '$')
                value = pam_getenv(driver->pamh, name + 1);
        else
                assert(pam_get_item(driver->pamh, item_number(name), &value) == PAM_SUCCESS);
        say_hex("ok", value ? value : "");
}

static void arm_call(const char *n, const char *error, const char *lasting, const char *only) {
        system_calls.nth = (uint32_t) atoi(n);
        system_calls.error = atoi(error);
        system_calls.lasting = (uint32_t) atoi(lasting);
        system_calls.only = atoi(only);
        system_calls.count = 0;
        system_calls.fired = -1;
        puts("ok");
}

/* How many came since, which number failed, and the numbers of all. */
static void disarm_call(void) {
        uint32_t count = system_calls.count;

        printf("ok %u %d", count, system_calls.fired);
        for (uint32_t i = 0; i < count && i < FAULT_TRACE_MAX; i++)
                printf(" %u", system_calls.trace[i]);
        putchar('\n');
        system_calls.nth = 0;
        system_calls.lasting = 0;
        system_calls.fired = -1;
}

/* True where the command was one of those that say what this caller is like. */
static bool obey_as_caller(Driver *driver, char **word) {
        if (strcmp(word[0], "storm") == 0) {
                caller_storm();
                puts("ok");
        } else if (strcmp(word[0], "calm") == 0)
                printf("ok %lu\n", caller_calm());
        else if (strcmp(word[0], "bare") == 0) {
                driver->bare = true;
                puts("ok");
        } else if (strcmp(word[0], "chroot") == 0)
                printf("ok %d\n", chroot(word[1]) || chdir("/"));
        else if (strcmp(word[0], "be") == 0) {
                uid_t uid = (uid_t) atoi(word[1]);
                printf("ok %d\n", setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid));
        } else if (strcmp(word[0], "pair") == 0)
                printf("ok %u\n", caller_pair(word[1], word[2], word[3], word[4], word[5], (unsigned) atoi(word[6])));
        else
                return false;
        return true;
}

static void obey(Driver *driver, char *line) {
        char *word[7] = { NULL }, *rest = line;
        int n = 0;

        while (n < 7 && (word[n] = strsep(&rest, " \n")) && word[n][0])
                n++;
        if (strcmp(word[0], "start") == 0)
                start(driver, word[1], word[2], word[3]);
        else if (strcmp(word[0], "item") == 0)
                printf("ok %d\n", pam_set_item(driver->pamh, item_number(word[1]), from_hex(word[2])));
        else if (strcmp(word[0], "env") == 0)
                printf("ok %d\n", pam_putenv(driver->pamh, from_hex(word[1])));
        else if (strcmp(word[0], "get") == 0)
                say_item(driver, word[1]);
        else if (strcmp(word[0], "uid") == 0)
                printf("ok %d\n", setresuid((uid_t) atoi(word[1]), 0, 0));
        else if (strcmp(word[0], "become") == 0)
                printf("ok %d\n", setresuid((uid_t) atoi(word[1]), (uid_t) atoi(word[1]), (uid_t) atoi(word[1])));
        else if (strcmp(word[0], "then") == 0) {
                assert(driver->n_then < 4);
                driver->then[driver->n_then++] = from_hex(word[1]);
                puts("ok");
        } else if (strcmp(word[0], "answer") == 0)
                set_answer(driver, word[1], n > 2 ? word[2] : "", n > 3 ? word[3] : "-");
        else if (strcmp(word[0], "arm") == 0) {
                fault_arm(strdup(word[1]), atoi(word[2]), n > 3);
                puts("ok");
        } else if (strcmp(word[0], "disarm") == 0)
                printf("ok %d\n", fault_disarm());
        else if (strcmp(word[0], "trap") == 0)
                printf("ok %d\n", trap_install(&system_calls));
        else if (strcmp(word[0], "arm-call") == 0)
                arm_call(word[1], word[2], word[3], word[4]);
        else if (strcmp(word[0], "disarm-call") == 0)
                disarm_call();
        else if (obey_as_caller(driver, word))
                return;
        else if (strcmp(word[0], "watch") == 0)
                printf("ok %d\n", fault_watch(from_hex(word[1])));
        else if (strcmp(word[0], "call") == 0)
                printf("ok %d\n", call(driver, word[1], n > 2 ? atoi(word[2]) : 0));
        else if (strcmp(word[0], "soak") == 0)
                soak(driver, word[1], atoi(word[2]));
        else if (strcmp(word[0], "fork-end") == 0)
                fork_end(driver);
        else if (strcmp(word[0], "exec") == 0)
                run_shell(driver, word[1]);
        else if (strcmp(word[0], "state") == 0)
                say_state();
        else if (strcmp(word[0], "reload") == 0)
                reload(word[1], atoi(word[2]));
        else if (strcmp(word[0], "end") == 0)
                printf("ok %d\n", pam_end(driver->pamh, atoi(word[1])));
        else
                abort();
}

int main(void) {
        Driver driver = { .kind = "text", .answer = strdup("") };
        char *line = malloc(LINE_MAX_SIZE);

        assert(line);
        setvbuf(stdout, NULL, _IOFBF, 65536); /* no write of ours in the middle of a call */
        fault_log = on_log;
        /* glibc 2.36 aborts where it has no memory to read nsswitch.conf with; whoever calls PAM has read it. */
        (void) getpwuid(getuid());
        for (;;) {
                clearerr(stdin);
                errno = 0;
                if (!fgets(line, LINE_MAX_SIZE, stdin)) {
                        if (errno == EINTR)
                                continue;
                        break;
                }
                obey(&driver, line);
                while (fflush(stdout) != 0 && errno == EINTR)
                        ;
        }
        return 0;
}
