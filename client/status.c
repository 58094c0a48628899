/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "client/output.h"
#include "client/request.h"
#include "client/session.h"
#include "client/verbs.h"

static int not_signed_in(Cli *cli) {
        if (cli->json) {
                (void) output_json(cli, shape_status(NULL));
        } else {
                (void) puts("not signed in");
                output_note(cli, "  sign this login in: tessera login");
        }
        return CLI_NOT_SIGNED_IN;
}

int verb_status(Cli *cli, const Arguments *arguments) {
        static const Request request = {
                .interface = WIRE_INTERFACE_SESSIONS,
                .method = "GetCurrent",
                .reply = "a{sv}",
                .expect = WIRE_ERROR_NOT_SIGNED_IN,
        };
        json_auto_t *session = NULL;
        int r;

        r = request_object(cli, &request, shape_session, &session);
        if (r == REQUEST_EXPECTED)
                return not_signed_in(cli);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, shape_status(json_incref(session)));
        (void) printf("%s is signed in on %s\n\n", output_text(session, "user"), output_text(session, "host"));
        session_print(cli, session);
        return CLI_DONE;
}
