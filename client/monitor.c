/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>

#include "client/errors.h"
#include "client/event.h"
#include "client/lib/events.h"
#include "client/output.h"
#include "client/request.h"
#include "client/step-up.h"
#include "client/verbs.h"
#include "common/cleanup.h"

#define TIMEOUT 10 /* s, as for any call */
#define BACK_WITHIN 5 /* s: a restart takes one */
#define AGAIN_MS 200

/* ^C is how this ends, and no failure. */
static int take_signals(int *ret_fd) {
        sigset_t set;
        int fd;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGTERM);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

static int subscribe(uint64_t deadline, Client **ret, ClientError *ret_error) {
        _cleanup_client_ Client *client = NULL;
        int r;

        r = client_connect(deadline, &client);
        if (r == 0)
                r = client_events_subscribe(client, ret_error);
        if (r != 0)
                return r;
        *ret = client;
        client = NULL;
        return 0;
}

/* Unlike a remark, also where programs read: what was missed is for them to know. */
static void tell(const Cli *cli, const char *text) {
        if (!cli->quiet)
                (void) fprintf(stderr, "tessera: %s\n", text);
}

/* 0 and a client, or NULL where it was told to stop; else what the last attempt came to. */
static int subscribe_again(const Cli *cli, int stop, Client **ret, ClientError *ret_error) {
        uint64_t deadline = client_deadline(BACK_WITHIN);
        int r;

        *ret = NULL;
        tell(cli, "the daemon has gone; connecting again");
        do {
                struct pollfd fd = { .fd = stop, .events = POLLIN };

                *ret_error = (ClientError) { .name = "" };
                r = subscribe(deadline, ret, ret_error);
                if (r == 0) {
                        tell(cli, "connected again; what happened meanwhile is in \"tessera log\"");
                        return 0;
                }
                if (poll(&fd, 1, AGAIN_MS) > 0)
                        return 0;
        } while (client_left(deadline) > 0);
        return r;
}

/* Until it is told to stop, or cannot write any more (cli_finish() tells): 0. Else what client/lib returned. */
static int watch(const Cli *cli, Client *client, int stop) {
        while (!ferror(stdout)) {
                _cleanup_client_dict_ ClientDict *dict = NULL;
                g_autofree char *line = NULL;
                json_auto_t *event = NULL;
                int r;

                r = client_events_next(client, stop, &dict);
                if (r != 0 || !dict)
                        return r;
                event = shape_object(shape_happening, dict);
                line = cli->json ? json_dumps(event, JSON_COMPACT | JSON_ENSURE_ASCII) : event_line(event);
                (void) puts(line);
                (void) fflush(stdout);
        }
        return 0;
}

/* Signs in again where that helps, as request_call() does; @ret_told: the exit code, where that failed. */
static int subscribe_first(Cli *cli, Client **ret, int *ret_told, ClientError *ret_error) {
        ClientAnswer answer;
        int r;

        r = subscribe(client_deadline(TIMEOUT), ret, ret_error);
        if (!step_up_helps(cli, r, ret_error))
                return r;
        *ret_told = step_up(cli, &answer);
        if (*ret_told != 0)
                return r;
        *ret_error = (ClientError) { .name = "" };
        return subscribe(client_deadline(TIMEOUT), ret, ret_error);
}

int verb_monitor(Cli *cli, const Arguments *arguments) {
        _cleanup_client_ Client *client = NULL;
        _cleanup_close_ int stop = -1;
        ClientError error = { .name = "" };
        int r, told = 0;

        r = subscribe_first(cli, &client, &told, &error);
        if (told != 0)
                return told;
        if (r == 0)
                r = take_signals(&stop);
        if (r == 0)
                output_note(cli, "watching; ^C ends it");
        while (r == 0 && client) {
                r = watch(cli, client, stop);
                client = client_close(client);
                if (r == CLIENT_E_UNREACHABLE)
                        r = subscribe_again(cli, stop, &client, &error);
        }
        return r == 0 ? CLI_DONE : request_fail(cli, r, &error);
}
