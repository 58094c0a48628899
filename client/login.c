/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Signing this very login in and out, where the shell stays whatever happens to its session; or, with a
 * host, this machine there.
 */

#include "client/device-login.h"
#include "client/errors.h"
#include "client/output.h"
#include "client/request.h"
#include "client/sign-in.h"
#include "client/step-up.h"
#include "client/verbs.h"

static int tell_signed_in(Cli *cli, const ClientAnswer *answer) {
        if (cli->json)
                return output_json(cli,
                                   json_pack("{s:b, s:o}", "changed", 1, "session", shape_text(answer->session)));
        output_say(cli, "signed in; session %.*s", WIRE_SESSION_ID_SHOWN, answer->session);
        return CLI_DONE;
}

static int login_here(Cli *cli, const Arguments *arguments) {
        const char *provider = arguments_get(arguments, "provider");
        ClientAnswer answer = { 0 };
        int r;

        if (arguments_get(arguments, "browser"))
                r = sign_in_with_browser(cli, provider, &answer);
        else if (arguments_get(arguments, "device-code"))
                r = sign_in_with_code(cli, provider, &answer);
        else
                r = step_up(cli, &answer);
        return r == 0 ? tell_signed_in(cli, &answer) : r;
}

/* How: by one way, and a provider where it has one. 0, or the exit code of a mistake that was told. */
static int check_way(Cli *cli, const Arguments *arguments, bool here) {
        bool password = arguments_get(arguments, "password"), code = arguments_get(arguments, "device-code"),
             browser = arguments_get(arguments, "browser"), provider = arguments_get(arguments, "provider");

        if (password + code + browser > 1)
                return cli_usage(cli, NULL, "one of --password, --device-code and --browser, not two");
        if (provider && !code && !browser)
                return cli_usage(cli, "such as tessera login --device-code --provider NAME",
                                 "--provider goes with --device-code or --browser");
        if (!here && (code || browser))
                return cli_usage(cli, "tessera ssh asks there, and Enter alone begins it",
                                 "--%s does not go with a host", code ? "device-code" : "browser");
        return 0;
}

int verb_login(Cli *cli, const Arguments *arguments) {
        const char *destination = arguments->n_operands > 0 ? arguments->operands[0] : NULL;
        const char *name = arguments_get(arguments, "name");
        bool key = arguments_get(arguments, "device"), service = arguments_get(arguments, "secret-service");
        int r;

        r = check_way(cli, arguments, !destination);
        if (r != 0)
                return r;
        if (!destination && (name || key || service))
                return cli_usage(cli, "such as tessera login alice@web1", "--%s goes with a host",
                                 key ? "device" : name ? "name" : "secret-service");
        if (key && name)
                return cli_usage(cli, NULL, "the key has a name already; --name does not go with --device");
        if (!destination)
                return login_here(cli, arguments);
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
