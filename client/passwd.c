/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>
#include <unistd.h>

#include "client/errors.h"
#include "client/output.h"
#include "client/password.h"
#include "client/request.h"
#include "client/verbs.h"

/* The name of who asks; NULL for root, who has no password here. The daemon asks the bus again who that is. */
static int find_own_name(Cli *cli, char **ret) {
        return getuid() == 0 ? 0 : cli_own_name(cli, ret);
}

int verb_passwd(Cli *cli, const Arguments *arguments) {
        _cleanup_secret_input_ SecretInput current = { 0 }, password = { 0 };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        g_autofree char *own = NULL;
        const char *user;
        int r;

        r = find_own_name(cli, &own);
        if (r != 0)
                return r;
        user = arguments->n_operands > 0 ? arguments->operands[0] : own;
        if (!user)
                return cli_usage(cli, "tessera passwd USER", "root has no password here; name a user");
        if (g_strcmp0(user, own) == 0) /* of others the daemon asks for another right, and for none of theirs */
                r = password_ask(cli, "Current password: ", &current);
        if (r == 0)
                r = password_ask_new(cli, "New password: ", &password);
        if (r != 0)
                return r;
        r = request_call(cli,
                         &(const Request) {
                                 .interface = WIRE_INTERFACE_USERS,
                                 .method = "SetPassword",
                                 .arguments = { REQUEST_ARG_STRING(user), REQUEST_ARG_SECRET(&current),
                                                REQUEST_ARG_SECRET(&password) },
                                 .reply = "",
                         },
                         &reply);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s}", "changed", 1, "user", user));
        output_say(cli, "password of %s changed; other sessions of %s are revoked", user, user);
        return CLI_DONE;
}
