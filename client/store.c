/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* tessera store: what root does to the store, by the daemon's program while no daemon runs, and by a daemon that does. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/daemon-run.h"
#include "client/errors.h"
#include "client/output.h"
#include "client/request.h"
#include "client/verbs.h"
#include "common/wire.h"

#define HINT_START "now: systemctl start tesserad.socket tesserad.service"

static bool is_state(const DaemonAnswer *answer, const char *state) {
        return g_str_equal(daemon_answer_get(answer, "state"), state);
}

/* Moving */

static const char *const kinds[] = { "users", "roles", "identities", "devices", "sessions", "tickets", "debts" };

/* "ALL NEW" */
static void read_count(const DaemonAnswer *answer, const char *kind, unsigned long *ret_all, unsigned long *ret_new) {
        char *rest;

        *ret_all = strtoul(daemon_answer_get(answer, kind), &rest, 10);
        *ret_new = strtoul(rest, NULL, 10);
}

static json_t *json_kept(const DaemonAnswer *answer) {
        g_autofree char *joined = daemon_answer_join(answer, "kept", "\n");
        g_auto(GStrv) names = g_strsplit(joined ?: "", "\n", -1);
        json_t *kept = json_array();

        for (char **name = names; *name; name++)
                (void) json_array_append_new(kept, json_string(*name));
        return kept;
}

static int tell_json(Cli *cli, const DaemonAnswer *answer) {
        json_t *object = json_pack("{s:b, s:b, s:o}", "changed", is_state(answer, "done"), "dry-run",
                                   is_state(answer, "dry"), "kept", json_kept(answer));

        for (size_t i = 0; !is_state(answer, "again") && i < G_N_ELEMENTS(kinds); i++) {
                unsigned long all, new;

                read_count(answer, kinds[i], &all, &new);
                (void) json_object_set_new(object, kinds[i],
                                           json_pack("{s:I, s:I}", "all", (json_int_t) all, "new", (json_int_t) new));
        }
        return output_json(cli, object);
}

static void print_counts(Cli *cli, const DaemonAnswer *answer, bool dry) {
        g_autoptr(Table) table = table_new();

        table_head(table, "", "HERE", dry ? NULL : "NEW THERE", NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                g_autofree char *here = NULL, *there = NULL;
                unsigned long all, new;

                read_count(answer, kinds[i], &all, &new);
                here = g_strdup_printf("%lu", all);
                there = dry ? NULL : g_strdup_printf("%lu", new);
                table_row(table, kinds[i], here, there, NULL);
        }
        table_print(table, cli);
}

static int tell_migrated(Cli *cli, const DaemonAnswer *answer) {
        g_autofree char *kept = daemon_answer_join(answer, "kept", ", ");
        bool dry = is_state(answer, "dry");

        if (cli->json)
                return tell_json(cli, answer);
        if (is_state(answer, "again")) {
                output_say(cli, "this host's store has been moved already; nothing changed");
                return CLI_DONE;
        }
        if (dry || !cli->quiet)
                print_counts(cli, answer, dry);
        if (kept)
                output_note(cli, "there already, with the roles and links that they have there: %s", kept);
        output_say(cli, dry ? "nothing stands in the way; nothing was changed"
                            : "moved; what was tessera.db is tessera.db.migrated");
        if (!dry)
                output_note(cli, "  " HINT_START);
        return CLI_DONE;
}

int verb_store_migrate(Cli *cli, const Arguments *arguments) {
        bool dry = arguments_get(arguments, "dry-run");
        g_auto(DaemonAnswer) answer = { .lines = NULL };
        g_autofree char *conflicts = NULL;
        int r;

        r = daemon_run(cli, "--migrate-store", dry ? "--dry-run" : NULL, &answer);
        if (r != 0)
                return r;
        conflicts = daemon_answer_join(&answer, "conflict", "; ");
        if (conflicts)
                return cli_fail(cli, CLI_FAILED, "conflict", "remove one of each, here or there, and run it again",
                                "nothing was moved: %s", conflicts);
        if (!answer.good)
                return cli_fail(cli, CLI_FAILED, "failed", NULL, "tesserad did not say why it failed");
        return tell_migrated(cli, &answer);
}

/* Adopting: what was found is the same object, whether a daemon that runs has looked or its program. */

static const ShapeMember shape_found[] = {
        { "adopted", SHAPE_BOOL },  { "id", SHAPE_TEXT },    { "known", SHAPE_TEXT },
        { "users", SHAPE_NUMBER },  { "active", SHAPE_NUMBER }, { "lost", SHAPE_NUMBER },
        { NULL },
};

static const char *text_of(const json_t *found, const char *member) {
        return json_string_value(json_object_get(found, member)) ?: "";
}

static json_t *found_offline(const DaemonAnswer *answer) {
        return json_pack("{s:b, s:s, s:s, s:I, s:I, s:I}", "adopted", is_state(answer, "again"),
                         "id", daemon_answer_get(answer, "id"), "known", daemon_answer_get(answer, "known"),
                         "users", (json_int_t) strtoul(daemon_answer_get(answer, "there-users"), NULL, 10),
                         "active", (json_int_t) strtoul(daemon_answer_get(answer, "there-active"), NULL, 10),
                         "lost", (json_int_t) strtoul(daemon_answer_get(answer, "lost"), NULL, 10));
}

static int confirm(Cli *cli, const json_t *found) {
        const char *id = text_of(found, "id"), *known = text_of(found, "known");
        g_autofree char *question = NULL, *before = NULL;

        before = known[0] ? g_strdup_printf(" in place of %s", known) : g_strdup("");
        if (id[0] && g_str_equal(id, known))
                question = g_strdup_printf("Users are gone from this host's store (%" PRIi64 "). Are they to be "
                                           "unknown here from now on?", output_number(found, "lost"));
        else if (id[0])
                question = g_strdup_printf("Make the store %s there (users: %" PRIi64 ", live sessions: %"
                                           PRIi64 ") this host's%s?", id, output_number(found, "users"),
                                           output_number(found, "active"), before);
        else
                question = g_strdup_printf("The Redis there is empty: nobody is enrolled in it. Make it this host's store%s?",
                                           before);
        return cli_confirm(cli, question);
}

static int tell_adopted(Cli *cli, const json_t *found, bool changed) {
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:I, s:I}", "changed", changed,
                                                  "users", (json_int_t) output_number(found, "users"),
                                                  "sessions", (json_int_t) output_number(found, "active")));
        if (changed)
                output_say(cli, "this host believes the store at that address from now on");
        else
                output_say(cli, "it is this host's store already; nothing changed");
        return CLI_DONE;
}

/* The daemon goes on with it. */
static int adopt_running(Cli *cli) {
        const Request look = { .interface = WIRE_INTERFACE_DAEMON, .method = "LookAtStore", .reply = "a{sv}" };
        json_auto_t *found = NULL;
        bool changed = false;
        int r;

        r = request_object(cli, &look, shape_found, &found);
        if (r == 0 && !json_is_true(json_object_get(found, "adopted"))) {
                const Request adopt = { .interface = WIRE_INTERFACE_DAEMON, .method = "AdoptStore", .reply = "b",
                                        .arguments = { REQUEST_ARG_STRING(text_of(found, "id")) } };

                r = confirm(cli, found);
                if (r == 0)
                        r = request_bool(cli, &adopt, &changed);
        }
        return r == 0 ? tell_adopted(cli, found, changed) : r;
}

static int adopt_offline(Cli *cli, const json_t *found) {
        const char *id = text_of(found, "id");
        g_autofree char *option = g_strconcat("--adopt-store=", id[0] ? id : "empty", NULL);
        g_auto(DaemonAnswer) answer = { .lines = NULL };
        int r;

        r = daemon_run(cli, option, NULL, &answer);
        if (r != 0)
                return r;
        if (is_state(&answer, "running"))
                return cli_fail(cli, CLI_FAILED, "failed", "run it again, and it asks the daemon", "tesserad has started "
                                "meanwhile; nothing was changed");
        r = tell_adopted(cli, found, is_state(&answer, "done"));
        if (r == 0 && !cli->json)
                output_note(cli, "  " HINT_START);
        return r;
}

/* Offline first, and over the bus only where that says so: a question on the bus would start a daemon that was stopped. */
int verb_store_adopt(Cli *cli, const Arguments *arguments) {
        g_auto(DaemonAnswer) answer = { .lines = NULL };
        json_auto_t *found = NULL;
        int r;

        r = daemon_run(cli, "--adopt-store=look", NULL, &answer);
        if (r != 0)
                return r;
        if (is_state(&answer, "running"))
                return adopt_running(cli);
        found = found_offline(&answer);
        if (json_is_true(json_object_get(found, "adopted")))
                return tell_adopted(cli, found, /* changed= */ false);
        r = confirm(cli, found);
        return r == 0 ? adopt_offline(cli, found) : r;
}
