/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * sudo's group plugin: "%:operator" in sudoers is who holds the role operator at that moment. It
 * answers "no" wherever there is no plain yes from the daemon, so a rule of ours can only be missing;
 * all other rules are as they are without it.
 *
 * sudo asks once for each such rule that it comes to, in every call, also in `sudo -l` and for
 * "(%:role)" among the users that a command may be run as. All questions of one call share one time:
 * people wait for sudo, and whoever has no role in it must get by without the daemon.
 */

#include <errno.h>
#include <pwd.h>
#include <stddef.h>
#include <unistd.h>

#include <sudo_plugin.h>

#include "client/lib/answer.h"
#include "common/name.h"
#include "common/wire.h"

/* What a sudo that gets no answer waits for, in all; with the rest of its work it ends within 2 s. */
#define TIME_USEC 1500000

/*
 * sudo hands no handle from one function to the next, so what they share lies here. It is one call's:
 * sudo loads the plugin anew for each, also for the commands that it intercepts, and asks from one thread.
 */
static struct {
        sudo_printf_t print;
        uint64_t left; /* microseconds of TIME_USEC that are not used up; 0: nobody is asked any more */
        bool complained;
} run;

static int group_init(int version, sudo_printf_t print, char *const argv[]) {
        if (SUDO_API_VERSION_GET_MAJOR(version) != GROUP_API_VERSION_MAJOR) {
                (void) print(SUDO_CONV_ERROR_MSG, "tessera: this sudo asks group plugins by version %d of its interface, "
                             "and tessera_group.so is for version %d\n",
                             SUDO_API_VERSION_GET_MAJOR(version), GROUP_API_VERSION_MAJOR);
                return -1;
        }
        if (argv && argv[0]) {
                (void) print(SUDO_CONV_ERROR_MSG, "tessera: group_plugin= in sudoers: tessera_group.so takes no "
                             "arguments\n");
                return -1;
        }
        run.print = print;
        run.left = TIME_USEC;
        run.complained = false;
        return 1;
}

static void group_cleanup(void) {
        run.print = NULL;
        run.left = 0;
}

static int ask(const char *user, const char *role, uint64_t deadline, ClientVerdict *ret, ClientError *error) {
        _cleanup_client_message_ ClientMessage *message = NULL, *reply = NULL;
        _cleanup_client_ Client *client = NULL;
        ClientAnswer answer;
        int r;

        r = client_connect(deadline, &client);
        if (r == 0)
                r = client_call_new(client, WIRE_INTERFACE_LOGIN, "HasRole", &message);
        if (r == 0)
                r = client_message_add_string(message, user);
        if (r == 0)
                r = client_message_add_string(message, role);
        if (r == 0)
                r = client_message_add_dict(message, NULL, 0);
        if (r == 0)
                r = client_message_call(client, message, &reply, error);
        if (r == 0)
                r = client_message_read_answer(reply, &answer);
        if (r == 0)
                *ret = answer.verdict;
        return r;
}

/*
 * sudo looks through its rules with the effective uid of the user whom the command is to run as (its
 * PERM_RUNAS; root stays the saved one), and the daemon answers this question to root alone.
 */
static int ask_as_root(const char *user, const char *role, uint64_t deadline, ClientVerdict *ret, ClientError *error) {
        uid_t uid = geteuid();
        int r;

        if (uid != 0 && seteuid(0) < 0)
                return -errno;
        r = ask(user, role, deadline, ret, error);
        if (uid != 0 && seteuid(uid) < 0)
                return -errno;
        return r;
}

/* Once a call: else whoever misses a rule is told by sudo that there is none, and looks in the wrong place. */
static void complain(const char *role, int r, const ClientError *error) {
        if (run.complained)
                return;
        run.complained = true;
        (void) run.print(SUDO_CONV_ERROR_MSG, "tessera: the rules for %%:%s in sudoers do not count now: %s\n", role,
                         r == CLIENT_E_REMOTE && error->message[0] ? error->message : client_strerror(r));
}

static int group_query(const char *user, const char *role, const struct passwd *account) {
        ClientVerdict verdict = CLIENT_DENY;
        ClientError error = { .message = "" };
        uint64_t deadline;
        int r;

        /* Root is never enrolled, and must not wait for us; what no user or role can be called needs no answer. */
        if (run.left == 0 || !account || account->pw_uid == 0 || !name_is_user(user) || !name_is_word(role))
                return 0;
        deadline = client_deadline_in(run.left);
        r = ask_as_root(user, role, deadline, &verdict, &error);
        run.left = client_left(deadline);
        if (r != 0) {
                /* An error of the daemon's own is about this question; all else is about every question. */
                if (r != CLIENT_E_REMOTE)
                        run.left = 0;
                complain(role, r, &error);
                return 0;
        }
        return verdict == CLIENT_ALLOW;
}

__attribute__((visibility("default"))) const struct sudoers_group_plugin group_plugin = {
        .version = GROUP_API_VERSION,
        .init = group_init,
        .cleanup = group_cleanup,
        .query = group_query,
};
