/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "client/errors.h"
#include "client/event.h"
#include "client/lib/journal.h"
#include "client/output.h"
#include "client/shape.h"
#include "client/verbs.h"

typedef struct Printing {
        const Cli *cli;
        bool begun;
} Printing;

/* A log is as long as it is: each event is written as it is read. */
static int print_event(const JournalEvent *event, void *userdata) {
        json_auto_t *object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                                        "time", json_integer(event->time), "event", shape_text(event->event),
                                        "user", shape_text(event->user), "session", shape_text(event->session),
                                        "device", json_null(), "service", shape_text(event->service),
                                        "from", shape_text(event->rhost), "reason", shape_text(event->reason),
                                        "message", shape_text(event->message), "by", shape_text(event->by));
        Printing *printing = userdata;

        if (printing->cli->json) {
                (void) fputs(printing->begun ? "," : "[", stdout);
                (void) json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        } else {
                g_autofree char *line = event_line(object);
                (void) puts(line);
        }
        printing->begun = true;
        return 0;
}

static int tell_failure(Cli *cli, int r) {
        switch (r) {
        case JOURNAL_E_DENIED:
                return cli_fail(cli, CLI_REFUSED, "denied",
                                "try it with sudo, or let root add you: usermod -aG systemd-journal USER",
                                "you may not read the journal of this host");
        case JOURNAL_E_NONE:
                return cli_fail(cli, CLI_FAILED, "no-journal", "is it running? systemctl status systemd-journald",
                                "this host has no journal");
        default:
                return cli_fail(cli, CLI_FAILED, "journal", "does this work? journalctl -u tesserad",
                                "the journal cannot be read: %s", g_strerror(-r));
        }
}

int verb_log(Cli *cli, const Arguments *arguments) {
        JournalFilter filter = { .user = arguments_get(arguments, "user") };
        const char *since = arguments_get(arguments, "since");
        Printing printing = { .cli = cli };
        int r;

        if (since && !event_parse_since(since, cli->now, &filter.since))
                return cli_usage(cli, "a duration as 2h, or a date as 2026-03-01 or \"2026-03-01 12:00\"",
                                 "--since does not understand \"%s\"", since);
        r = journal_read(&filter, print_event, &printing);
        if (r != 0)
                return tell_failure(cli, r);
        if (cli->json)
                (void) puts(printing.begun ? "]" : "[]");
        else if (!printing.begun)
                output_note(cli, "no events");
        return CLI_DONE;
}
