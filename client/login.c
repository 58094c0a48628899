/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Signing this very login in and out, where the shell stays whatever happens to its session; or, with a
 * host, this machine there.
 */

#include <string.h>

#include "client/device-login.h"
#include "client/errors.h"
#include "client/lib/answer.h"
#include "client/output.h"
#include "client/password.h"
#include "client/request.h"
#include "client/verbs.h"

static int tell_refusal(Cli *cli, const ClientAnswer *answer) {
        if (answer->verdict == CLIENT_NOT_OURS)
                return cli_fail(cli, CLI_REFUSED, "not-enrolled", "an admin can add you: tessera user add NAME",
                                "tessera does not know you");
        if (strcmp(answer->reason, WIRE_REASON_CREDENTIAL) == 0)
                return cli_fail(cli, CLI_REFUSED, "credential", NULL, "%s",
                                answer->message[0] ? answer->message : "the password was not accepted");
        return cli_fail(cli, CLI_REFUSED, answer->reason[0] ? answer->reason : "denied", NULL, "%s",
                        answer->message[0] ? answer->message : "tessera does not sign this login in");
}

static int tell_signed_in(Cli *cli, const ClientAnswer *answer) {
        if (cli->json)
                return output_json(cli,
                                   json_pack("{s:b, s:o}", "changed", 1, "session", shape_text(answer->session)));
        output_say(cli, "signed in; session %.*s", WIRE_SESSION_ID_SHOWN, answer->session);
        return CLI_DONE;
}

/* This very login. */
static int login_here(Cli *cli) {
        _cleanup_secret_input_ SecretInput password = { 0 };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "StepUp",
                .arguments = { REQUEST_ARG_SECRET(&password) },
                .reply = "sa{sv}",
        };
        ClientAnswer answer = { 0 };
        int r;

        r = password_ask(cli, "Password: ", &password);
        if (r == 0)
                r = request_call(cli, &request, &reply);
        if (r == 0)
                r = request_read(cli, client_message_read_answer(reply, &answer));
        if (r != 0)
                return r;
        return answer.verdict == CLIENT_ALLOW ? tell_signed_in(cli, &answer) : tell_refusal(cli, &answer);
}

int verb_login(Cli *cli, const Arguments *arguments) {
        const char *destination = arguments->n_operands > 0 ? arguments->operands[0] : NULL;
        const char *name = arguments_get(arguments, "name");
        bool key = arguments_get(arguments, "device"), service = arguments_get(arguments, "secret-service");

        if (!destination && (name || key || service))
                return cli_usage(cli, "such as tessera login alice@web1", "--%s goes with a host",
                                 key ? "device" : name ? "name" : "secret-service");
        if (key && name)
                return cli_usage(cli, NULL, "the key has a name already; --name does not go with --device");
        if (!destination)
                return login_here(cli);
        return key ? device_login_key(cli, destination, service) : device_login(cli, destination, name, service);
}

static int tell_signed_out(Cli *cli, json_t *closed, bool others) {
        size_t n = json_array_size(closed);

        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:O}", "changed", n > 0, "closed", closed));
        if (n == 0)
                output_say(cli, "%s; nothing changed", others ? "there are no other sessions" : "not signed in");
        else if (others)
                output_say(cli, "revoked %zu other session%s", n, n == 1 ? "" : "s");
        else
                output_say(cli, "signed out; the shell stays");
        return CLI_DONE;
}

static int logout_here(Cli *cli, bool others) {
        const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "Logout",
                .arguments = { REQUEST_ARG_BOOL(others) },
                .reply = "as",
                .expect = others ? NULL : WIRE_ERROR_NOT_SIGNED_IN, /* signed out already is done */
        };
        json_auto_t *closed = NULL;
        int r;

        r = request_strings(cli, &request, &closed);
        if (r == REQUEST_EXPECTED)
                closed = json_array();
        else if (r != 0)
                return r;
        return tell_signed_out(cli, closed, others);
}

int verb_logout(Cli *cli, const Arguments *arguments) {
        bool others = arguments_get(arguments, "others"), forget = arguments_get(arguments, "forget");

        if (arguments->n_operands == 0 && forget)
                return cli_usage(cli, "such as tessera logout --forget web1", "--forget goes with a host");
        if (arguments->n_operands > 0 && others)
                return cli_usage(cli, "on the host: tessera logout --others", "--others does not go with a host");
        if (arguments->n_operands > 0)
                return device_logout(cli, arguments->operands[0], forget);
        return logout_here(cli, others);
}
