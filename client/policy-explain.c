/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "client/errors.h"
#include "client/output.h"
#include "client/request.h"
#include "client/verbs.h"

/* A step is never longer (policy/policy-explain.h), and a path may stand behind it. */
static void print_step(const json_t *step) {
        const char *text = output_text(step, "text"), *file = json_string_value(json_object_get(step, "file"));

        if (file)
                (void) printf("%s (%s:%" G_GINT64_FORMAT ")\n", text, file, output_number(step, "line"));
        else
                (void) printf("%s\n", text);
}

static int tell(Cli *cli, const char *verdict, const char *reason, json_t *steps) {
        bool allowed = strcmp(verdict, WIRE_VERDICT_ALLOW) == 0;
        int exit = allowed ? CLI_DONE : CLI_REFUSED;
        const json_t *step;
        size_t i;
        int r;

        if (cli->json) {
                r = output_json(cli, json_pack("{s:o, s:o, s:O}", "verdict", shape_text(verdict), "reason",
                                               shape_text(reason), "steps", steps));
                return r == 0 ? exit : r;
        }
        json_array_foreach(steps, i, step)
                print_step(step);
        (void) printf("%s%s%s\n", verdict, allowed ? "" : ": ", allowed ? "" : reason);
        return exit;
}

int verb_policy_explain(Cli *cli, const Arguments *arguments) {
        const ClientEntry options[] = { { .key = "session", .string = arguments_get(arguments, "session") } };
        const Request request = {
                .interface = WIRE_INTERFACE_POLICY,
                .method = "Explain",
                .arguments = { REQUEST_ARG_STRING(arguments->operands[0]), REQUEST_ARG_STRING(arguments->operands[1]),
                               REQUEST_ARG_DICT(options) },
                .reply = "ssaa{sv}",
        };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        const char *verdict, *reason;
        json_auto_t *steps = NULL;
        int r;

        r = request_call(cli, &request, &reply);
        if (r == 0)
                r = request_read(cli, client_message_read_string(reply, WIRE_NAME_MAX, &verdict));
        if (r == 0)
                r = request_read(cli, client_message_read_string(reply, WIRE_NAME_MAX, &reason));
        if (r == 0)
                r = request_read_array(cli, reply, shape_step, &steps);
        return r == 0 ? tell(cli, verdict, reason, steps) : r;
}
