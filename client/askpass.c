/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * "tessera askpass": what ssh asks, answered.
 *
 * ssh runs it for everything that it would ask at a terminal: passwords, passphrases of keys, whether
 * a host key is right. Exactly one question is answered here, that of the very host that the asking
 * ssh was told to log in to; a jump host on the way asks the same words in its own name and from an
 * ssh of its own, and gets nothing. All else goes to the human at the terminal.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/device-take.h"
#include "client/errors.h"
#include "client/lib/connect.h"
#include "client/process.h"
#include "client/secret-input.h"
#include "client/ssh-run.h"
#include "client/state-folder.h"
#include "client/ticket.h"
#include "client/verbs.h"
#include "common/cleanup.h"
#include "common/name.h"

#define HUMAN_TIMEOUT 600 /* s; ssh waits as long, and sshd ends it after 120 s */

/* The answer, wiped where it ends. */
typedef struct Answer {
        char text[WIRE_TICKET_MAX + 1];
} Answer;

static void answer_wipe(Answer *answer) {
        explicit_bzero(answer, sizeof(*answer));
}

#define _cleanup_answer_ __attribute__((__cleanup__(answer_wipe)))

/*
 * A prompt may be a host's own words, of several lines: those may not move the cursor, or they would paint
 * over the name of who asks.
 */
static char *cleaned(const char *prompt) {
        g_auto(GStrv) lines = g_strsplit(prompt, "\n", -1);

        for (char **line = lines; *line; line++) {
                size_t size = strlen(*line) + 1;
                char *clean = g_malloc(size);

                name_clean(*line, clean, size);
                g_free(*line);
                *line = clean;
        }
        return g_strjoinv("\n", lines);
}

/* Without its ssh nobody wants the answer, and a terminal that went on without echo would swallow what is typed next. */
static void end_with(pid_t asker) {
        if (!process_is_ssh(asker)) /* it is the end of a thread that counts, and ssh has one */
                return;
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != asker)
                (void) raise(SIGTERM);
}

/* Who asks, and about whom. */
typedef struct Asker {
        pid_t pid;
        bool known; /* target is whom it logs in to, and it may be answered */
        bool ours;  /* the prompt is tessera's own, not sshd's for any password */
        bool no_input;
        SshTarget target;
} Asker;

/* An ssh that "tessera ssh" did not start says itself whom it means. One with -W is on the way to another host. */
static bool ask_parent(pid_t pid, SshTarget *ret) {
        _cleanup_ssh_line_ SshLine line = { 0 };
        g_auto(GStrv) words = process_is_ssh(pid) ? process_arguments(pid) : NULL;

        return words && words[0] && ssh_line_parse(words + 1, &line) && !line.forwards &&
               ssh_target_resolve(&line, ret);
}

static void find_asker(const char *prompt, Asker *ret) {
        const char *text = getenv(SSH_RUN_VARIABLE);
        SshRunMark mark;

        *ret = (Asker) { .pid = getppid() };
        if (text && ssh_run_mark_parse(text, &mark)) {
                ret->no_input = mark.no_input;
                ret->target = mark.target;
                ret->known = mark.pid == ret->pid;
        }
        if (!text && (g_str_has_suffix(prompt, WIRE_PROMPT) || g_str_has_suffix(prompt, "'s password: ")))
                ret->known = ask_parent(ret->pid, &ret->target);
        ret->known = ret->known && ssh_target_is_asking(&ret->target, prompt, &ret->ours);
}

/* Leaves a mark for this ssh, once; those of processes that are gone are taken away. */
static bool mark_ticket(const DeviceOwner *owner) {
        g_autofree char *name = g_strdup_printf("ticket-%lld-%llu", (long long) owner->pid,
                                                (unsigned long long) owner->start);
        g_autofree char *path = NULL;
        g_autoptr(GDir) dir = NULL;
        _cleanup_close_ int folder = -1, fd = -1;

        if (state_folder_open("asked", /* create= */ true, &folder) < 0)
                return false;
        path = g_strdup_printf("/proc/self/fd/%d", folder);
        dir = g_dir_open(path, 0, NULL);
        for (const char *entry; dir && (entry = g_dir_read_name(dir));) {
                unsigned long long start;
                uint64_t now;
                int pid;

                if (sscanf(entry, "ticket-%d-%llu", &pid, &start) == 2 &&
                    (process_start(pid, &now) < 0 || now != start))
                        (void) unlinkat(folder, entry, 0);
        }
        fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        return fd >= 0;
}

/*
 * A ticket is for this user's own name at the other host, and is offered to nobody who has not shown
 * tessera's prompt. 0, or why there is none; NULL where that is nobody's business.
 */
static int answer_by_ticket(const Asker *asker, const DeviceOwner *owner, Answer *ret, char **ret_why) {
        const char *user = g_get_user_name();
        int r;

        if (!asker->ours || strcmp(user, asker->target.user) != 0 || !ticket_is_possible())
                return -ENOENT;
        if (asker->target.port != TICKET_PORT) {
                *ret_why = g_strdup_printf("tickets are for port %d alone; \"tessera login\" makes a device for this one",
                                           TICKET_PORT);
                return -EPERM;
        }
        if (!mark_ticket(owner)) {
                *ret_why = g_strdup("the ticket was not accepted");
                return -EEXIST;
        }
        r = ticket_print(asker->target.host, ret->text, ret_why);
        if (r != 0 && !*ret_why)
                *ret_why = g_strdup(r > 0 ? client_strerror(r) : g_strerror(-r));
        return r;
}

/* 0 and the answer. Else what keeps it from being given, for the human; NULL where nothing was to be expected. */
static int answer_by_tessera(const Asker *asker, Answer *ret, char **ret_why) {
        g_autofree char *name = ssh_target_name(&asker->target);
        DeviceOwner owner = { .pid = asker->pid };
        const char *hint;
        int r;

        r = process_start(asker->pid, &owner.start);
        if (r < 0)
                return r;
        r = device_take(asker->target.user, asker->target.host, asker->target.port, &owner, ret->text);
        if (r == 0)
                return 0;
        if (r != DEVICE_E_NONE) {
                const char *why = device_strerror(r, &hint);
                *ret_why = g_strdup_printf("the device for %s: %s%s%s", name, why, hint ? "; " : "", hint ?: "");
                return r;
        }
        r = answer_by_ticket(asker, &owner, ret, ret_why);
        if (r != 0 && !*ret_why && asker->ours)
                *ret_why = g_strdup_printf("\"tessera login %s\" saves this prompt", name);
        return r;
}

static int tell_no_terminal(Cli *cli, int r, const char *why) {
        if (r == -ENODATA)
                return CLI_FAILED; /* ^D: they know */
        return cli_fail(cli, CLI_FAILED, "no-terminal", why, "ssh asks, and nobody can answer: %s",
                        r == -ENXIO ? "there is no terminal" : g_strerror(-r));
}

static int write_answer(Cli *cli, const char *text, size_t size) {
        char line[WIRE_SECRET_MAX + 1];
        ssize_t n;

        /* One write: a pipe takes it whole, or ssh is gone. */
        memcpy(line, text, size);
        line[size] = '\n';
        n = write(STDOUT_FILENO, line, size + 1);
        explicit_bzero(line, sizeof(line));
        return n == (ssize_t) size + 1 ? CLI_DONE : cli_fail(cli, CLI_FAILED, "output", NULL, "ssh does not listen");
}

static bool is_yes(const SecretInput *answer) {
        return (answer->size == 1 && g_ascii_tolower(answer->data[0]) == 'y') ||
               (answer->size == 3 && g_ascii_strncasecmp(answer->data, "yes", 3) == 0);
}

/* ssh asks for a yes ("confirm"), and reads it off the exit status. */
static int confirm(Cli *cli, const char *prompt) {
        _cleanup_secret_input_ SecretInput answer = { 0 };
        g_autofree char *clean = cleaned(prompt);
        g_autofree char *text = g_strconcat(clean, prompt[0] && strchr("\n ", prompt[strlen(prompt) - 1]) ? "" : " ", NULL);
        int r = secret_input_question(text, HUMAN_TIMEOUT, &answer);

        if (r < 0)
                return tell_no_terminal(cli, r, NULL);
        return is_yes(&answer) ? CLI_DONE : CLI_FAILED;
}

/* ssh only says something ("none": touch the key), and ends us when that is over. */
static int show(const char *prompt) {
        _cleanup_fclose_ FILE *tty = fopen("/dev/tty", "we");
        g_autofree char *text = cleaned(prompt);

        if (tty)
                (void) fprintf(tty, "%s\n", text);
        return CLI_DONE;
}

static int ask_human(Cli *cli, const char *prompt, const char *why) {
        _cleanup_secret_input_ SecretInput answer = { 0 };
        g_autofree char *clean = cleaned(prompt);
        g_autofree char *text = why ? g_strdup_printf("tessera: %s\n%s", why, clean) : g_strdup(clean);
        /* "(yes/no)?", "(yes/no/[fingerprint])?" and "Please type 'yes', 'no' or the fingerprint: " */
        bool echo = strstr(prompt, "(yes/no") || g_str_has_prefix(prompt, "Please type 'yes'");
        int r;

        r = echo ? secret_input_question(text, HUMAN_TIMEOUT, &answer) : secret_input_prompt(text, HUMAN_TIMEOUT, &answer);
        if (r < 0)
                return tell_no_terminal(cli, r, why);
        return write_answer(cli, answer.data, answer.size);
}

int verb_askpass(Cli *cli, const Arguments *arguments) {
        const char *prompt = arguments->n_operands > 0 ? arguments->operands[0] : "";
        const char *hint = getenv("SSH_ASKPASS_PROMPT");
        _cleanup_answer_ Answer answer = { 0 };
        g_autofree char *why = NULL;
        Asker asker;

        end_with(getppid());
        if (g_strcmp0(hint, "none") == 0)
                return show(prompt);
        if (g_strcmp0(hint, "confirm") == 0)
                return confirm(cli, prompt);
        find_asker(prompt, &asker);
        if (asker.known && answer_by_tessera(&asker, &answer, &why) == 0)
                return write_answer(cli, answer.text, strlen(answer.text));
        if (cli->no_input || asker.no_input)
                return cli_fail(cli, CLI_FAILED, "no-input", NULL, "ssh asks, and --no-input is given%s%s",
                                why ? ": " : "", why ?: "");
        return ask_human(cli, prompt, why);
}
