/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <unistd.h>

#include "client/device-status.h"
#include "client/lib/connect.h"
#include "client/output.h"
#include "client/request.h"
#include "client/session.h"
#include "client/verbs.h"

#define CONNECT_TIMEOUT 10 /* s */
#define ELSEWHERE "\nsigned in from here to:\n"

static int print_status(Cli *cli, json_t *status, json_t *hosts) {
        if (json_array_size(hosts) > 0)
                (void) json_object_set(status, "hosts", hosts);
        return output_json(cli, status);
}

static int not_signed_in(Cli *cli, json_t *hosts) {
        if (cli->json) {
                (void) print_status(cli, shape_status(NULL), hosts);
        } else {
                (void) puts("not signed in");
                output_note(cli, "  sign this login in: tessera login");
                device_status_print(cli, hosts, ELSEWHERE);
        }
        return CLI_NOT_SIGNED_IN;
}

/* A machine that logs in elsewhere and has no daemon of its own; one whose daemon is down is another matter. */
static bool has_daemon(void) {
        _cleanup_client_ Client *client = NULL;

        return access(TESSERA_LIBEXECDIR "/tesserad", F_OK) == 0 ||
               client_connect(client_deadline(CONNECT_TIMEOUT), &client) == 0;
}

static int show_hosts(Cli *cli, json_t *hosts) {
        if (json_array_size(hosts) == 0) {
                if (cli->json) {
                        (void) output_json(cli, shape_status(NULL));
                } else {
                        (void) puts("not signed in anywhere");
                        output_note(cli, "  sign in to a host: tessera login [USER@]HOST");
                }
                return CLI_NOT_SIGNED_IN;
        }
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:n, s:n, s:[], s:n, s:O}", "signed_in", 1, "user", "host",
                                                  "roles", "session", "hosts", hosts));
        device_status_print(cli, hosts, NULL);
        return CLI_DONE;
}

static int show_session(Cli *cli, json_t *session, json_t *hosts) {
        if (cli->json)
                return print_status(cli, shape_status(json_incref(session)), hosts);
        (void) printf("%s is signed in on %s\n\n", output_text(session, "user"), output_text(session, "host"));
        session_print(cli, session);
        device_status_print(cli, hosts, ELSEWHERE);
        return CLI_DONE;
}

int verb_status(Cli *cli, const Arguments *arguments) {
        static const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "GetCurrent",
                .reply = "a{sv}",
                .expect = WIRE_ERROR_NOT_SIGNED_IN,
        };
        json_auto_t *session = NULL, *hosts = NULL;
        int r;

        if (arguments->n_operands > 0)
                return device_status_show(cli, arguments->operands[0]);
        hosts = device_status_hosts(cli);
        if (!has_daemon())
                return show_hosts(cli, hosts);
        r = request_object(cli, &request, shape_session, &session);
        if (r == REQUEST_EXPECTED)
                return not_signed_in(cli, hosts);
        return r == 0 ? show_session(cli, session, hosts) : r;
}
