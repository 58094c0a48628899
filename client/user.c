/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "client/errors.h"
#include "client/output.h"
#include "client/password.h"
#include "client/request.h"
#include "client/verbs.h"

static int fetch_user(Cli *cli, const char *user, const char *expect, json_t **ret) {
        const Request request = {
                .interface = WIRE_INTERFACE_USERS,
                .method = "Show",
                .arguments = { REQUEST_ARG_STRING(user) },
                .reply = "a{sv}",
                .expect = expect,
        };

        return request_object(cli, &request, shape_user, ret);
}

static const char *word(const json_t *user, const char *member, const char *yes, const char *no) {
        return json_is_true(json_object_get(user, member)) ? yes : no;
}

/* Its roles, or why they are not known. */
static char *roles_text(const json_t *user) {
        const char *error = json_string_value(json_object_get(user, "error"));

        return error ? g_strdup_printf("(%s)", error) : output_list(json_object_get(user, "roles"));
}

/* Who signs in as this user at which provider, or is to, at the first time. */
static char *identities_text(const json_t *user) {
        const char *awaits = json_string_value(json_object_get(user, "awaits"));
        g_autofree char *list = output_list(json_object_get(user, "identities"));

        if (!awaits || !awaits[0])
                return g_steal_pointer(&list);
        if (json_array_size(json_object_get(user, "identities")) == 0)
                return g_strdup_printf("(awaits %s)", awaits);
        return g_strdup_printf("%s (awaits %s)", list, awaits);
}

int verb_user_list(Cli *cli, const Arguments *arguments) {
        static const Request request = { .interface = WIRE_INTERFACE_USERS, .method = "List", .reply = "aa{sv}" };
        g_autoptr(Table) table = table_new();
        json_auto_t *users = NULL;
        const json_t *user;
        size_t i;
        int r;

        r = request_array(cli, &request, shape_user, &users);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_incref(users));
        table_head(table, "USER", "UID", "STATE", "PASSWORD", "ROLES", "IDENTITIES", NULL);
        json_array_foreach(users, i, user) {
                g_autofree char *roles = roles_text(user), *identities = identities_text(user);
                g_autofree char *uid = g_strdup_printf("%" G_GINT64_FORMAT, output_number(user, "uid"));
                table_row(table, output_text(user, "user"), uid, word(user, "enabled", "enabled", "disabled"),
                          word(user, "password", "yes", "no"), roles, identities, NULL);
        }
        if (table_is_empty(table))
                output_note(cli, "no users; add one: tessera user add USER");
        else
                table_print(table, cli);
        return CLI_DONE;
}

int verb_user_show(Cli *cli, const Arguments *arguments) {
        g_autoptr(Table) table = table_new();
        g_autofree char *roles = NULL, *uid = NULL, *created = NULL, *identities = NULL;
        json_auto_t *user = NULL;
        int r;

        r = fetch_user(cli, arguments->operands[0], NULL, &user);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_incref(user));
        uid = g_strdup_printf("%" G_GINT64_FORMAT, output_number(user, "uid"));
        roles = roles_text(user);
        identities = identities_text(user);
        created = output_time(output_number(user, "created"), cli->now);
        table_pair(table, "user", output_text(user, "user"));
        table_pair(table, "uid", uid);
        table_pair(table, "state", word(user, "enabled", "enabled", "disabled"));
        table_pair(table, "password", word(user, "password", "yes", "no"));
        table_pair(table, "roles", roles);
        table_pair(table, "identities", identities);
        table_pair(table, "added", created);
        table_print(table, cli);
        return CLI_DONE;
}

static int tell_change(Cli *cli, const char *user, bool changed, const char *news) {
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s}", "changed", changed, "user", user));
        output_say(cli, "%s %s%s", user, news, changed ? "" : "; nothing changed");
        return CLI_DONE;
}

static int tell_known(Cli *cli, const char *user, const char *role, const char *provider) {
        int r = tell_change(cli, user, false, "is known already");

        output_note(cli, "  to change the password: tessera passwd %s", user);
        if (role)
                output_note(cli, "  to assign the role: tessera role grant %s %s", role, user);
        if (provider)
                output_note(cli, "  to link it: tessera user link %s --provider %s --subject SUB", user, provider);
        return r;
}

static int add_user(Cli *cli, const char *name, const SecretInput *password, const char *role, const char *provider) {
        const ClientEntry options[] = {
                { .key = "role", .string = role },
                { .key = "provider", .string = provider },
        };
        const Request request = {
                .interface = WIRE_INTERFACE_USERS,
                .method = "Add",
                .arguments = { REQUEST_ARG_STRING(name), REQUEST_ARG_SECRET(password), REQUEST_ARG_DICT(options) },
                .reply = "s",
                .expect = WIRE_ERROR_EXISTS,
        };
        _cleanup_client_message_ ClientMessage *reply = NULL;
        json_auto_t *warning = NULL;
        const char *text;
        int r;

        r = request_call(cli, &request, &reply);
        if (r == REQUEST_EXPECTED)
                return tell_known(cli, name, role, provider);
        if (r == 0)
                r = request_read(cli, client_message_read_string(reply, CLIENT_TEXT_MAX, &text));
        if (r != 0)
                return r;
        warning = shape_text(text);
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s, s:O}", "changed", 1, "user", name, "warning", warning));
        output_say(cli, "added %s%s%s%s%s", name, role ? " with the role " : "", role ?: "",
                   provider ? "; linked at the first sign-in with " : "", provider ?: "");
        if (json_is_string(warning))
                output_note(cli, "warning: %s", json_string_value(warning));
        return CLI_DONE;
}

int verb_user_add(Cli *cli, const Arguments *arguments) {
        _cleanup_secret_input_ SecretInput password = { 0 };
        const char *name = arguments->operands[0], *role = arguments_get(arguments, "role");
        const char *provider = arguments_get(arguments, "provider");
        json_auto_t *user = NULL;
        int r;

        /* Before anybody types a password in vain. */
        r = fetch_user(cli, name, WIRE_ERROR_NOT_FOUND, &user);
        if (r == 0)
                return tell_known(cli, name, role, provider);
        if (r != REQUEST_EXPECTED)
                return r;
        r = provider ? 0 : password_ask_new(cli, "Password: ", &password); /* tessera passwd gives it one, too */
        return r == 0 ? add_user(cli, name, &password, role, provider) : r;
}

static int set_enabled(Cli *cli, const char *user, bool enabled, bool *ret_changed) {
        const Request request = {
                .interface = WIRE_INTERFACE_USERS,
                .method = "SetEnabled",
                .arguments = { REQUEST_ARG_STRING(user), REQUEST_ARG_BOOL(enabled) },
                .reply = "b",
        };

        return request_bool(cli, &request, ret_changed);
}

int verb_user_enable(Cli *cli, const Arguments *arguments) {
        const char *user = arguments->operands[0];
        bool changed;
        int r;

        r = set_enabled(cli, user, true, &changed);
        return r == 0 ? tell_change(cli, user, changed, changed ? "is enabled" : "is enabled already") : r;
}

int verb_user_disable(Cli *cli, const Arguments *arguments) {
        const char *user = arguments->operands[0];
        bool changed;
        int r;

        r = set_enabled(cli, user, false, &changed);
        if (r != 0)
                return r;
        return tell_change(cli, user, changed, changed ? "is disabled, all sessions revoked" : "is disabled already");
}

int verb_user_remove(Cli *cli, const Arguments *arguments) {
        const char *user = arguments->operands[0];
        const Request request = {
                .interface = WIRE_INTERFACE_USERS,
                .method = "Remove",
                .arguments = { REQUEST_ARG_STRING(user) },
                .reply = "b",
        };
        g_autofree char *question = g_strdup_printf("Remove %s from tessera, and end all of its logins?", user);
        bool changed;
        int r;

        r = cli_confirm(cli, question);
        if (r == 0)
                r = request_bool(cli, &request, &changed);
        if (r != 0)
                return r;
        return tell_change(cli, user, changed, changed ? "is removed; the Unix account stays" : "is not known here");
}

static int tell_link(Cli *cli, const char *user, const char *provider, bool changed, const char *news) {
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s, s:s}", "changed", changed, "user", user, "provider", provider));
        output_say(cli, "%s %s %s%s", user, news, provider, changed ? "" : "; nothing changed");
        return CLI_DONE;
}

int verb_user_link(Cli *cli, const Arguments *arguments) {
        const char *user = arguments->operands[0], *provider = arguments_get(arguments, "provider"),
                   *subject = arguments_get(arguments, "subject");
        const Request request = {
                .interface = WIRE_INTERFACE_USERS,
                .method = "Link",
                .arguments = { REQUEST_ARG_STRING(user), REQUEST_ARG_STRING(provider), REQUEST_ARG_STRING(subject) },
                .reply = "b",
        };
        bool changed;
        int r;

        if (!provider || !subject)
                return cli_usage(cli, "tessera user link USER --provider NAME --subject SUB",
                                 "user link needs --provider and --subject");
        r = request_bool(cli, &request, &changed);
        return r == 0 ? tell_link(cli, user, provider, changed, changed ? "is linked to" : "is linked so already, to") : r;
}

int verb_user_unlink(Cli *cli, const Arguments *arguments) {
        const char *user = arguments->operands[0], *provider = arguments_get(arguments, "provider");
        const Request request = {
                .interface = WIRE_INTERFACE_USERS,
                .method = "Unlink",
                .arguments = { REQUEST_ARG_STRING(user), REQUEST_ARG_STRING(provider) },
                .reply = "b",
        };
        bool changed;
        int r;

        if (!provider)
                return cli_usage(cli, "tessera user unlink USER --provider NAME", "user unlink needs --provider");
        r = request_bool(cli, &request, &changed);
        return r == 0 ? tell_link(cli, user, provider, changed, changed ? "is no longer linked to" : "is not linked to") : r;
}
