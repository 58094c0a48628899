/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* tessera service: which of the host's services ask tessera. */

#include <stdio.h>
#include <unistd.h>

#include "client/errors.h"
#include "client/lib/logind.h"
#include "client/output.h"
#include "client/request.h"
#include "client/service-change.h"
#include "client/service-diff.h"
#include "client/service-host.h"
#include "client/service-sudoers.h"
#include "client/verbs.h"
#include "policy/conf.h"
#include "policy/policy.h"
#include "policy/settings.h"

#define LOGIND_SECONDS 10

#define HINT_CONFIRM "log in anew in a second terminal and run there: sudo tessera service confirm"

/* What a change that failed has left. */
static int fail_change(Cli *cli, const ServiceChange *change, const char *problem) {
        return cli_fail(cli, CLI_FAILED, "failed",
                        file_edits_untouched(change->edits)
                                ? "nothing was changed"
                                : "not every file is what it was; they are kept in " SERVICE_FOLDER, "%s", problem);
}

static int fail(Cli *cli, const char *problem) {
        return cli_fail(cli, CLI_FAILED, "failed", NULL, "%s", problem);
}

static int need_root(Cli *cli) {
        if (geteuid() == 0)
                return 0;
        return cli_fail(cli, CLI_REFUSED, "denied", "root may: try it with sudo", "only root may look after services");
}

static char *spec_names(const GPtrArray *specs) {
        g_autoptr(GString) names = g_string_new(NULL);

        for (guint i = 0; i < specs->len; i++) {
                const ServiceSpec *spec = g_ptr_array_index(specs, i);
                g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", spec->name);
        }
        return g_string_free(g_steal_pointer(&names), FALSE);
}

static void add_all(GPtrArray *specs) {
        for (const ServiceSpec *spec = service_specs; spec->name; spec++)
                g_ptr_array_add(specs, (void *) spec);
}

/* The services that were named, each once. */
static int find_specs(Cli *cli, const Arguments *arguments, GPtrArray *specs) {
        for (int i = 0; i < arguments->n_operands; i++) {
                const ServiceSpec *spec = service_spec_by_name(arguments->operands[i]);
                if (!spec) {
                        g_autoptr(GPtrArray) all = g_ptr_array_new();
                        g_autofree char *names = NULL;
                        add_all(all);
                        names = spec_names(all);
                        return cli_usage(cli, NULL, "\"%s\" is no service that tessera can be enabled for; there are: %s",
                                         arguments->operands[i], names);
                }
                if (!g_ptr_array_find(specs, spec, NULL))
                        g_ptr_array_add(specs, (void *) spec);
        }
        return 0;
}

static json_t *json_names(const GPtrArray *specs) {
        json_t *names = json_array();

        for (guint i = 0; i < specs->len; i++) {
                const ServiceSpec *spec = g_ptr_array_index(specs, i);
                (void) json_array_append_new(names, json_string(spec->name));
        }
        return names;
}

static json_t *json_files(const GPtrArray *edits) {
        json_t *files = json_array();

        for (guint i = 0; i < edits->len; i++) {
                const FileEdit *edit = g_ptr_array_index(edits, i);
                (void) json_array_append_new(files, json_string(edit->path));
        }
        return files;
}

static json_t *json_time(int64_t when) {
        return when > 0 ? json_integer(when) : json_null();
}

/* {"changed","services","files","undo_at","warnings"}, or the same in words. */
static int tell_change(Cli *cli, const ServiceChange *change, const char *done, int64_t undo_at, json_t *warnings) {
        g_autofree char *names = spec_names(change->specs);
        bool changed = change->edits->len > 0;

        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:o, s:o, s:o, s:O}", "changed", changed, "services",
                                                  json_names(change->specs), "files", json_files(change->edits),
                                                  "undo_at", json_time(undo_at), "warnings", warnings));
        if (!changed) {
                output_say(cli, "nothing changed: %s already %s", names, done);
                return CLI_DONE;
        }
        output_say(cli, "%s: %s", names, done);
        for (guint i = 0; i < change->edits->len; i++) {
                const FileEdit *edit = g_ptr_array_index(change->edits, i);
                output_say(cli, "  %s  %s", !edit->before ? "new    " : edit->after ? "changed" : "removed", edit->path);
        }
        return CLI_DONE;
}

/* What enable needs, before anything is touched */

static int count_users(Cli *cli, size_t *ret) {
        static const Request request = { .interface = WIRE_INTERFACE_USERS, .method = "List", .reply = "aa{sv}" };
        json_auto_t *users = NULL;
        int r;

        r = request_array(cli, &request, shape_user, &users);
        if (r == 0)
                *ret = json_array_size(users);
        return r;
}

static void mistake_free(void *p) {
        conf_mistake_free(p);
}

static int read_undo_after(Cli *cli, int64_t *ret) {
        g_autoptr(GPtrArray) mistakes = g_ptr_array_new_with_free_func(mistake_free);
        g_autoptr(Settings) settings = settings_read(SETTINGS_FILE, mistakes);
        g_autofree char *first = NULL;

        if (!settings) {
                first = conf_mistake_to_string(g_ptr_array_index(mistakes, 0));
                return cli_fail(cli, CLI_FAILED, "configuration", NULL, "%s", first);
        }
        *ret = settings->undo_after;
        return 0;
}

static void warn(Cli *cli, json_t *warnings, const char *text) {
        (void) json_array_append_new(warnings, json_string(text));
        output_note(cli, "warning: %s", text);
}

/*
 * The daemon may go on with an older policy while the files have mistakes, but it will not start with
 * them; and where they do not name a service, tessera refuses it to all of its users.
 */
static int check_policy(Cli *cli, const GPtrArray *specs, json_t *warnings) {
        g_autoptr(GPtrArray) mistakes = g_ptr_array_new_with_free_func(mistake_free);
        g_autoptr(Policy) policy = policy_read(POLICY_FILE, POLICY_FOLDER, mistakes);
        const PolicyUser anybody = { .name = "nobody", .uid = (uid_t) -1 };
        g_autofree char *first = NULL;

        if (!policy) {
                first = conf_mistake_to_string(g_ptr_array_index(mistakes, 0));
                return cli_fail(cli, CLI_FAILED, "configuration", "tessera policy check shows all mistakes", "%s", first);
        }
        for (guint i = 0; i < specs->len; i++) {
                const ServiceSpec *spec = g_ptr_array_index(specs, i);
                g_autofree char *text = NULL;
                if (!service_spec_is_gate(spec) ||
                    policy_decide_role(policy, &anybody, spec->name).reason != POLICY_REASON_UNKNOWN_SERVICE)
                        continue;
                text = g_strdup_printf("the policy has no [service:%s], so tessera refuses it to all of its users",
                                       spec->name);
                warn(cli, warnings, text);
        }
        return 0;
}

/* A gate that nobody can pass is not put up: module, group and daemon must be there. */
static int check_ready(Cli *cli, const char *breakglass, json_t *warnings) {
        g_autofree char *problem = NULL;
        size_t n_users = 0;
        int r;

        if (!service_host_check_module(&problem))
                return cli_fail(cli, CLI_FAILED, "module", "install the package libpam-tessera", "%s", problem);
        if (breakglass && !service_host_check_group(breakglass, &problem))
                return cli_fail(cli, CLI_FAILED, "group", NULL, "%s", problem);
        r = count_users(cli, &n_users);
        if (r != 0)
                return r;
        if (n_users == 0)
                warn(cli, warnings, "tessera knows no user yet, so everybody signs in as before (tessera user add NAME)");
        if (!breakglass)
                warn(cli, warnings, "without --breakglass GROUP no user of tessera's gets in while the daemon is down");
        return 0;
}

/* May sudoers name roles? Where not, all else is enabled all the same, and says so. */
static bool check_roles(Cli *cli, const GPtrArray *specs, json_t *warnings) {
        g_autofree char *problem = NULL, *text = NULL;

        if (!g_ptr_array_find((GPtrArray *) specs, service_spec_by_name("sudo"), NULL))
                return false;
        if (service_sudoers_has_place(&problem))
                return true;
        text = g_strdup_printf("roles in sudoers (%%:admin) are not available: %s", problem);
        warn(cli, warnings, text);
        return false;
}

static int show_dry_run(Cli *cli, const ServiceChange *change) {
        g_autoptr(GString) text = g_string_new(NULL);

        for (guint i = 0; i < change->edits->len; i++)
                service_diff(g_ptr_array_index(change->edits, i), text);
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:b, s:o, s:o, s:s}", "changed", 0, "dry_run", 1, "services",
                                                  json_names(change->changed), "files", json_files(change->edits),
                                                  "diff", text->str));
        if (!cli->quiet)
                (void) fputs(text->str, stdout);
        output_note(cli, "%s", text->len > 0 ? "nothing was changed (--dry-run)" : "there is nothing to change");
        return CLI_DONE;
}

static void say_what_next(Cli *cli, const ServiceChange *change, const ServiceState *wanted, int64_t undo_after) {
        g_autofree char *time = output_time(cli->now + undo_after, cli->now);

        for (guint i = 0; i < change->changed->len; i++)
                if (g_ptr_array_index(change->changed, i) == service_spec_by_name("sudo"))
                        output_say(cli, "sudo's own timestamp is off for the whole host: how fresh a sign-in must be "
                                        "stands in /etc/tessera/policy.conf (max-age)%s",
                                   wanted->roles ? "\nsudoers may name roles now, and lets the role admin run all: "
                                                   "%:admin (see /usr/share/doc/tessera/sudo.md)" : "");
        if (undo_after > 0)
                output_say(cli, "all of this is undone %s, or by a reboot, unless you confirm it:\n  " HINT_CONFIRM,
                           time);
}

static int enable(Cli *cli, const Arguments *arguments, ServiceChange *change, json_t *warnings) {
        const ServiceState wanted = {
                .enabled = true,
                .roles = check_roles(cli, change->specs, warnings),
                .breakglass = (char *) arguments_get(arguments, "breakglass"),
        };
        bool dry_run = arguments_get(arguments, "dry-run");
        g_autofree char *problem = NULL;
        int64_t undo_after = 0;
        int r = 0;

        if (!cli->yes)
                r = read_undo_after(cli, &undo_after);
        if (r != 0)
                return r;
        if (!service_change_open(change, !dry_run, &problem) || !service_change_plan(change, &wanted, &problem))
                return fail(cli, problem);
        if (dry_run)
                return show_dry_run(cli, change);
        if (change->edits->len > 0 && !service_change_enable(change, undo_after, &problem))
                return fail_change(cli, change, problem);
        /* Who takes the risk now takes it for what waits for a confirmation too. */
        if (change->edits->len == 0 && cli->yes && !service_change_settle(change, &problem))
                return fail(cli, problem);
        r = tell_change(cli, change, "enabled", change->pending->undo_at, warnings);
        if (r == 0 && change->edits->len > 0)
                say_what_next(cli, change, &wanted, undo_after);
        return r;
}

int verb_service_enable(Cli *cli, const Arguments *arguments) {
        g_auto(ServiceChange) change;
        json_auto_t *warnings = json_array();
        int r;

        service_change_init(&change);
        r = find_specs(cli, arguments, change.specs);
        if (r == 0)
                r = need_root(cli);
        if (r == 0)
                r = check_ready(cli, arguments_get(arguments, "breakglass"), warnings);
        if (r == 0)
                r = check_policy(cli, change.specs, warnings);
        return r == 0 ? enable(cli, arguments, &change, warnings) : r;
}

int verb_service_disable(Cli *cli, const Arguments *arguments) {
        const ServiceState wanted = { .enabled = false };
        g_auto(ServiceChange) change;
        g_autofree char *problem = NULL;
        json_auto_t *warnings = json_array();
        bool all = arguments_get(arguments, "all");
        int r;

        service_change_init(&change);
        if (all == (arguments->n_operands > 0))
                return cli_usage(cli, NULL, "name the services to disable, or all of them with --all");
        r = find_specs(cli, arguments, change.specs);
        if (r == 0)
                r = need_root(cli);
        if (r != 0)
                return r;
        if (all)
                add_all(change.specs);
        if (!service_change_open(&change, /* write= */ true, &problem) ||
            !service_change_plan(&change, &wanted, &problem))
                return fail(cli, problem);
        if (!(change.edits->len > 0 ? service_change_disable(&change, &problem)
                                    : service_change_settle(&change, &problem)))
                return fail_change(cli, &change, problem);
        return tell_change(cli, &change, "disabled", /* undo_at= */ 0, warnings);
}

/* Is this a login that shows, by being there, that one can log in? */
static int check_new_login(Cli *cli, const Pending *pending) {
        _cleanup_client_ Client *logind = NULL;
        LogindSession session;
        int r;

        r = logind_connect(client_deadline(LOGIND_SECONDS), &logind);
        if (r == 0)
                r = logind_session_by_pid(logind, getpid(), &session);
        if (r == CLIENT_E_NOT_FOUND)
                return cli_fail(cli, CLI_REFUSED, "no-login", HINT_CONFIRM, "this is not run in a login");
        if (r != 0)
                return cli_fail(cli, CLI_FAILED, "logind", NULL, "logind does not say which login this is: %s",
                                client_strerror(r));
        if (!pending_is_older(pending, session.began))
                return cli_fail(cli, CLI_REFUSED, "old-login", HINT_CONFIRM,
                                "this login is older than the change, so it does not show that one can still log in");
        return 0;
}

static void add_pending(const Pending *pending, GPtrArray *specs) {
        for (guint i = 0; i < pending->services->len; i++) {
                const PendingService *service = g_ptr_array_index(pending->services, i);
                g_ptr_array_add(specs, (void *) service->spec);
        }
}

int verb_service_confirm(Cli *cli, const Arguments *arguments) {
        g_auto(ServiceChange) change;
        g_autofree char *problem = NULL, *names = NULL;
        bool changed;
        int r;

        service_change_init(&change);
        r = need_root(cli);
        if (r != 0)
                return r;
        if (!service_change_open(&change, /* write= */ true, &problem))
                return fail(cli, problem);
        add_pending(change.pending, change.specs);
        changed = change.specs->len > 0;
        if (changed)
                r = check_new_login(cli, change.pending);
        if (r != 0)
                return r;
        if (!service_change_settle(&change, &problem))
                return fail(cli, problem);
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:o}", "changed", changed, "services",
                                                  json_names(change.specs)));
        names = spec_names(change.specs);
        output_say(cli, changed ? "confirmed: %s" : "nothing changed: nothing waits for a confirmation", names);
        return CLI_DONE;
}

/* Run by tessera-undo.service, at its time or at boot; says in the journal what it did. */
int verb_service_undo(Cli *cli, const Arguments *arguments) {
        g_auto(ServiceChange) change;
        g_autofree char *damage = NULL, *problem = NULL, *names = NULL;
        int r;

        service_change_init(&change);
        r = need_root(cli);
        if (r != 0)
                return r;
        if (!service_change_open(&change, /* write= */ true, &damage)) {
                if (change.lock < 0)
                        return fail(cli, damage);
                /* What was before is not known any more; without tessera everybody could log in. */
                output_note(cli, "%s; disabling every service", damage);
                change.pending = pending_new_all_disabled();
        }
        add_pending(change.pending, change.specs);
        names = spec_names(change.specs);
        if (!service_change_undo(&change, &problem))
                return fail(cli, problem);
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:o}", "changed", change.specs->len > 0, "services",
                                                  json_names(change.specs)));
        if (change.specs->len > 0)
                output_say(cli, "nobody confirmed it in a login made afterwards: %s as before", names);
        return CLI_DONE;
}

static json_t *json_service(const ServiceSpec *spec, const Pending *pending, char **ret_problem) {
        int64_t undo_at = pending_find(pending, spec) ? pending->undo_at : 0;
        g_auto(ServiceState) state = { 0 };

        if (!service_state_read(spec, /* root= */ "", &state, ret_problem))
                return NULL;
        return json_pack("{s:s, s:b, s:b, s:s?, s:o, s:b, s:o}", "service", spec->name, "enabled", state.enabled,
                         "partly", state.partly, "breakglass", state.breakglass, "since",
                         json_time(state.enabled ? service_change_since(spec) : 0), "pending_undo", undo_at > 0,
                         "undo_at", json_time(undo_at));
}

static void print_services(const Cli *cli, const json_t *services) {
        g_autoptr(Table) table = table_new();
        const json_t *service;
        size_t i;

        table_head(table, "SERVICE", "ENABLED", "BREAK-GLASS", "SINCE", "UNDONE", NULL);
        json_array_foreach(services, i, service) {
                bool enabled = json_is_true(json_object_get(service, "enabled"));
                bool partly = json_is_true(json_object_get(service, "partly"));
                int64_t undo_at = output_number(service, "undo_at"), begun = output_number(service, "since");
                g_autofree char *since = begun > 0 ? output_time(begun, cli->now) : g_strdup("-");
                g_autofree char *undone = undo_at > 0 ? output_time(undo_at, cli->now) : g_strdup("-");
                table_row(table, output_text(service, "service"), enabled ? "yes" : partly ? "partly" : "no",
                          output_text(service, "breakglass"), since, undone, NULL);
        }
        table_print(table, cli);
}

/* Whoever reads "partly" has to know that this may be no gate at all. */
static void note_partly(const Cli *cli, const json_t *services) {
        const json_t *service;
        size_t i;

        json_array_foreach(services, i, service)
                if (json_is_true(json_object_get(service, "partly")))
                        output_note(cli, "some files of %s have lost tessera's lines: tessera service enable %s (or "
                                    "disable)", output_text(service, "service"), output_text(service, "service"));
}

int verb_service_list(Cli *cli, const Arguments *arguments) {
        g_auto(ServiceChange) change;
        g_autofree char *problem = NULL;
        json_auto_t *services = json_array();
        int r;

        service_change_init(&change);
        r = need_root(cli);
        if (r != 0)
                return r;
        if (!service_change_open(&change, /* write= */ false, &problem))
                return fail(cli, problem);
        for (const ServiceSpec *spec = service_specs; spec->name; spec++) {
                json_t *service = json_service(spec, change.pending, &problem);
                if (!service)
                        return fail(cli, problem);
                (void) json_array_append_new(services, service);
        }
        if (cli->json)
                return output_json(cli, json_incref(services));
        print_services(cli, services);
        note_partly(cli, services);
        return CLI_DONE;
}
