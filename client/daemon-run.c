/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "client/daemon-run.h"
#include "client/errors.h"
#include "common/wire.h"

#define DAEMON TESSERA_LIBEXECDIR "/tesserad"

void daemon_answer_deinit(DaemonAnswer *answer) {
        g_clear_pointer(&answer->lines, g_strfreev);
}

const char *daemon_answer_get(const DaemonAnswer *answer, const char *key) {
        size_t length = strlen(key);

        for (char **line = answer->lines; *line; line++)
                if (strncmp(*line, key, length) == 0 && (*line)[length] == '=')
                        return *line + length + 1;
        return "";
}

char *daemon_answer_join(const DaemonAnswer *answer, const char *key, const char *between) {
        g_autofree char *begin = g_strconcat(key, "=", NULL);
        GString *joined = NULL;

        for (char **line = answer->lines; *line; line++) {
                if (!g_str_has_prefix(*line, begin))
                        continue;
                if (joined)
                        g_string_append(joined, between);
                else
                        joined = g_string_new(NULL);
                g_string_append(joined, *line + strlen(begin));
        }
        return joined ? g_string_free(joined, FALSE) : NULL;
}

/* In the child, where root is given up for good or nothing is run. */
static void become_daemon(void *data) {
        const struct passwd *account = data;

        if (setgroups(1, &account->pw_gid) < 0 ||
            setresgid(account->pw_gid, account->pw_gid, account->pw_gid) < 0 ||
            setresuid(account->pw_uid, account->pw_uid, account->pw_uid) < 0)
                _exit(1);
}

static int need_account(Cli *cli, const struct passwd **ret) {
        if (geteuid() != 0)
                return cli_fail(cli, CLI_REFUSED, "denied", "root may: try it with sudo",
                                "only root may look after the store");
        *ret = getpwnam(WIRE_DAEMON_USER);
        if (!*ret || (*ret)->pw_uid == 0)
                return cli_fail(cli, CLI_FAILED, "failed", NULL,
                                "there is no user " WIRE_DAEMON_USER " to run " DAEMON " as");
        return 0;
}

/* The last that it logged says why; the number before it is for the journal. */
static char *last_words(const char *errors) {
        g_auto(GStrv) lines = g_strsplit(errors, "\n", -1);
        const char *last = NULL;

        for (char **line = lines; *line; line++)
                if (**line)
                        last = *line;
        if (last && last[0] == '<' && g_ascii_isdigit(last[1]) && last[2] == '>')
                last += 3;
        return g_strdup(last);
}

int daemon_run(Cli *cli, const char *option, const char *second, DaemonAnswer *ret) {
        static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", NULL };
        const char *const argv[] = { DAEMON, option, second, NULL };
        g_autofree char *output = NULL, *errors = NULL, *why = NULL;
        const struct passwd *account = NULL;
        g_autoptr(GError) error = NULL;
        int status, r;

        r = need_account(cli, &account);
        if (r != 0)
                return r;
        if (!g_spawn_sync("/", (char **) argv, (char **) environment, G_SPAWN_DEFAULT, become_daemon, (void *) account,
                          &output, &errors, &status, &error))
                return cli_fail(cli, CLI_FAILED, "failed", NULL, DAEMON " could not be run: %s", error->message);
        why = last_words(errors);
        ret->good = g_spawn_check_wait_status(status, NULL);
        ret->lines = g_strsplit(output, "\n", -1);
        if (!*daemon_answer_get(ret, "state")) /* else it has logged no more than warnings */
                return cli_fail(cli, CLI_FAILED, "failed", NULL, "%s", why ?: DAEMON " said nothing");
        return 0;
}
