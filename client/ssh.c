/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* "tessera ssh": ssh, answered by askpass, over a connection that is shared. */

#include <string.h>
#include <unistd.h>

#include "client/device-alias.h"
#include "client/errors.h"
#include "client/ssh-line.h"
#include "client/ssh-master.h"
#include "client/ssh-run.h"
#include "client/ssh-target.h"
#include "client/ticket.h"
#include "client/verbs.h"

#define CONTROL_PERSIST "ControlPersist=10m"
#define ALIVE_INTERVAL "ServerAliveInterval=15" /* a master whose network is gone must not hold everybody up */

/* ssh's own words, with ours before the destination, where the user's come first and so win. */
static GPtrArray *with_options(char *const *words, int insert, const GPtrArray *ours) {
        GPtrArray *argv = g_ptr_array_new();

        g_ptr_array_add(argv, (gpointer) "ssh");
        for (int i = 0; words[i]; i++) {
                for (guint j = 0; i == insert && j < ours->len; j++) {
                        g_ptr_array_add(argv, (gpointer) "-o");
                        g_ptr_array_add(argv, g_ptr_array_index(ours, j));
                }
                g_ptr_array_add(argv, words[i]);
        }
        g_ptr_array_add(argv, NULL);
        return argv;
}

static void add_master_options(const SshTarget *target, GPtrArray *ours) {
        if (!target->control_master)
                g_ptr_array_add(ours, (gpointer) "ControlMaster=auto");
        if (!target->control_persist)
                g_ptr_array_add(ours, (gpointer) CONTROL_PERSIST);
        if (!target->alive)
                g_ptr_array_add(ours, (gpointer) ALIVE_INTERVAL);
}

/* Nobody to answer the prompt but a human, who must not be asked. */
static int check_no_input(Cli *cli, const SshTarget *target, bool there) {
        _cleanup_device_file_ DeviceFile file = { 0 };
        g_autofree char *name = ssh_target_name(target), *hint = g_strconcat("tessera login ", name, NULL);
        int r;

        if (!cli->no_input || there)
                return 0;
        r = device_find(target->user, target->host, target->port, &file);
        if (r == 0 || (r == DEVICE_E_NONE && target->port == TICKET_PORT && ticket_is_possible()))
                return 0;
        return cli_fail(cli, CLI_NOT_SIGNED_IN, "not-signed-in", hint, "%s: %s", name, device_strerror(r, NULL));
}

static int become(Cli *cli, char **argv, const SshTarget *target) {
        int r = ssh_exec(argv, target, cli->no_input);

        return cli_fail(cli, CLI_FAILED, "ssh", "install OpenSSH's client", "ssh cannot be run: %s", g_strerror(-r));
}

/* What ssh is to judge itself: it is given its words. */
static int pass_on(Cli *cli, char *const *words) {
        g_autoptr(GPtrArray) ours = g_ptr_array_new(), argv = NULL;

        if (cli->no_input) /* askpass is not there to say no, and ssh would ask by itself */
                g_ptr_array_add(ours, (gpointer) "BatchMode=yes");
        argv = with_options(words, 0, ours);
        return become(cli, (char **) argv->pdata, /* target= */ NULL);
}

static int log_in(Cli *cli, char *const *words, const SshLine *line, SshTarget *target) {
        g_autoptr(GPtrArray) ours = g_ptr_array_new(), argv = NULL;
        bool configured = target->control_path[0], there = false;
        g_autofree char *path = NULL;
        int r;

        if (!line->control)
                ssh_master_path(target, line);
        path = ssh_master_option(target);
        if (target->control_path[0] && !configured)
                g_ptr_array_add(ours, path);
        if (target->control_path[0] && !line->forwards && !line->no_login)
                there = ssh_master_is_there(target->control_path);
        r = line->no_login ? 0 : check_no_input(cli, target, there);
        if (r != 0)
                return r;
        if (target->control_path[0] && !line->control && !line->forwards && !line->no_login) {
                add_master_options(target, ours);
                (void) ssh_master_wait(target->control_path);
        }
        /* With nobody to ask, ssh would send empty passwords until its tries are used up, and be throttled for them. */
        if (cli->no_input)
                g_ptr_array_add(ours, (gpointer) "NumberOfPasswordPrompts=1");
        argv = with_options(words, line->insert, ours);
        return become(cli, (char **) argv->pdata, target);
}

int verb_ssh(Cli *cli, const Arguments *arguments) {
        char *const *words = arguments->operands;
        _cleanup_ssh_line_ SshLine line = { 0 };
        SshTarget target;

        if (!ssh_line_parse(words, &line) || !ssh_target_resolve(&line, &target))
                return pass_on(cli, words);
        return log_in(cli, words, &line, &target);
}
