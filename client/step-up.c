/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>
#include <unistd.h>

#include "client/errors.h"
#include "client/password.h"
#include "client/request.h"
#include "client/step-up.h"

int step_up_refuse(Cli *cli, const ClientAnswer *answer, const char *words) {
        if (answer->verdict == CLIENT_NOT_OURS)
                return cli_fail(cli, CLI_REFUSED, "not-enrolled", "an admin can add you: tessera user add NAME",
                                "tessera does not know you");
        if (strcmp(answer->reason, WIRE_REASON_CREDENTIAL) == 0)
                return cli_fail(cli, CLI_REFUSED, "credential", NULL, "%s",
                                answer->message[0] ? answer->message : words);
        return cli_fail(cli, CLI_REFUSED, answer->reason[0] ? answer->reason : "denied", NULL, "%s",
                        answer->message[0] ? answer->message : "tessera does not sign this login in");
}

int step_up(Cli *cli, ClientAnswer *ret) {
        _cleanup_secret_input_ SecretInput password = { 0 };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "StepUp",
                .arguments = { REQUEST_ARG_SECRET(&password) },
                .reply = "sa{sv}",
        };
        int r;

        r = password_ask(cli, "Password: ", &password);
        if (r == 0)
                r = request_call(cli, &request, &reply);
        if (r == 0)
                r = request_read(cli, client_message_read_answer(reply, ret));
        if (r != 0)
                return r;
        return ret->verdict == CLIENT_ALLOW ? 0 : step_up_refuse(cli, ret, "the password was not accepted");
}

/* What is not a terminal may hold what the command itself reads, a key say. */
bool step_up_helps(const Cli *cli, int r, const ClientError *error) {
        return r == CLIENT_E_REMOTE && g_strcmp0(error->name, WIRE_ERROR_STALE) == 0 && !cli->no_input &&
               isatty(STDIN_FILENO);
}
