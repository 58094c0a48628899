/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Hosts whose tickets this one accepts. */

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "client/errors.h"
#include "client/jwks.h"
#include "client/output.h"
#include "client/request.h"
#include "client/trust-change.h"
#include "client/verbs.h"
#include "common/name.h"
#include "policy/conf.h"

#define UID_LEAST 1000 /* no ticket is ever for a lower one */

#define HINT_KEYS "ssh HOST sudo tessera key export | sudo tessera trust add HOST --users NAMES --roles ROLES"

int verb_trust_list(Cli *cli, const Arguments *arguments) {
        static const Request request = { .interface = WIRE_INTERFACE_TRUST, .method = "List", .reply = "aa{sv}" };
        g_autoptr(Table) table = table_new();
        json_auto_t *hosts = NULL;
        const json_t *host;
        size_t i;
        int r;

        r = request_array(cli, &request, shape_trust, &hosts);
        if (r != 0)
                return r;
        if (cli->json)
                return output_json(cli, json_incref(hosts));
        table_head(table, "HOST", "USERS", "ROLES", "KEYS", "FILE", NULL);
        json_array_foreach(hosts, i, host) {
                g_autofree char *users = output_list(json_object_get(host, "users"));
                g_autofree char *roles = output_list(json_object_get(host, "roles"));
                g_autofree char *keys = output_list(json_object_get(host, "keys"));
                table_row(table, output_text(host, "host"), users, roles, keys, output_text(host, "file"), NULL);
        }
        if (table_is_empty(table))
                output_note(cli, "no host is trusted; add one: tessera trust add HOST");
        else
                table_print(table, cli);
        return CLI_DONE;
}

static int need_root(Cli *cli) {
        if (geteuid() == 0)
                return 0;
        return cli_fail(cli, CLI_REFUSED, "denied", "root may: try it with sudo", "only root may say whom to trust");
}

static int check_host(Cli *cli, const char *host) {
        if (name_is_host(host))
                return 0;
        return cli_usage(cli, "the name in its own tokens: lower case, such as web1.example.org",
                         "that cannot be a host's name");
}

/* Tells of a change; {"changed","host","file","loaded"}. */
static int tell(Cli *cli, const char *host, const char *file, const TrustResult *result, const char *news) {
        if (cli->json)
                return output_json(cli, json_pack("{s:b, s:s, s:s, s:b}", "changed", result->changed, "host", host,
                                                  "file", file, "loaded", result->loaded));
        output_say(cli, "%s %s%s", host, news, result->changed ? "" : "; nothing changed");
        if (result->changed && !result->loaded)
                output_note(cli, "  there is no systemd here; tesserad reads it when it starts");
        return CLI_DONE;
}

/* Adding */

typedef bool (*NameCheck)(const char *name);

/* A list as in the configuration, or "*" alone; not saying anything trusts nobody, and is asked back. */
static int parse_names(Cli *cli, const char *option, const char *text, NameCheck check, GStrv *ret) {
        g_autoptr(GStrvBuilder) names = g_strv_builder_new();
        g_auto(GStrv) words = text ? g_strsplit_set(text, ";, ", -1) : NULL, list = NULL;

        for (size_t i = 0; words && words[i]; i++) {
                if (!words[i][0])
                        continue;
                if (!check(words[i]) && strcmp(words[i], "*") != 0)
                        return cli_usage(cli, NULL, "--%s has \"%s\" in it, which is no name", option, words[i]);
                g_strv_builder_add(names, words[i]);
        }
        list = g_strv_builder_end(names);
        if (!list[0])
                return cli_usage(cli, "names with a comma between, or '*' for all of them",
                                 "nothing is trusted that was not said: --%s is missing", option);
        for (size_t i = 0; list[i]; i++) {
                if (strcmp(list[i], "*") == 0 && list[1])
                        return cli_usage(cli, NULL, "--%s is '*' or names, not both", option);
                for (size_t j = 0; j < i; j++)
                        if (strcmp(list[i], list[j]) == 0)
                                return cli_usage(cli, NULL, "--%s has \"%s\" twice", option, list[i]);
        }
        *ret = g_steal_pointer(&list);
        return 0;
}

static void note_users(const Cli *cli, const GStrv users) {
        for (size_t i = 0; users[i]; i++) {
                const struct passwd *account = strcmp(users[i], "*") == 0 ? NULL : getpwnam(users[i]);
                if (account && account->pw_uid < UID_LEAST)
                        output_note(cli, "warning: no ticket is ever for %s, whose uid is below %d", users[i],
                                    UID_LEAST);
        }
}

/* All of stdin, at most WIRE_JWKS_MAX bytes. */
static int read_keys(Cli *cli, json_t **ret) {
        g_autofree char *text = g_malloc(WIRE_JWKS_MAX + 1), *problem = NULL;
        size_t size = 0;
        ssize_t n;

        if (isatty(STDIN_FILENO))
                return cli_usage(cli, HINT_KEYS, "trust add reads the host's public keys from stdin");
        do {
                n = read(STDIN_FILENO, text + size, WIRE_JWKS_MAX + 1 - size);
                if (n < 0 && errno != EINTR)
                        return cli_fail(cli, CLI_FAILED, "input", NULL, "the keys could not be read: %s",
                                        g_strerror(errno));
                size += n > 0 ? (size_t) n : 0;
        } while (n != 0 && size <= WIRE_JWKS_MAX);
        if (size == 0)
                return cli_usage(cli, HINT_KEYS, "there are no public keys on stdin");
        if (size > WIRE_JWKS_MAX)
                return cli_fail(cli, CLI_FAILED, "invalid", "nothing was changed",
                                "what is on stdin is longer than %d KiB", WIRE_JWKS_MAX / 1024);
        *ret = jwks_read(text, size, &problem);
        return *ret ? 0 : cli_fail(cli, CLI_FAILED, "invalid", "nothing was changed", "%s", problem);
}

static int fail_mistake(Cli *cli, const ConfMistake *mistake) {
        g_autofree char *text = conf_mistake_to_string(mistake);

        return cli_fail(cli, CLI_FAILED, "invalid", "nothing was changed", "%s", text);
}

/* May this host's file come to what is wanted, beside what stands in the folder? */
static int check_folder(Cli *cli, const TrustChange *change, const char *host, const char *path, const json_t *jwks) {
        const ConfMistake *mistake = trust_change_mistake(change, path);
        const TrustFile *file = trust_change_find(change, host);
        json_auto_t *old = NULL;
        const char *kid;

        if (mistake)
                return fail_mistake(cli, mistake);
        if (!file)
                return 0;
        if (strcmp(file->file, path) != 0)
                return cli_fail(cli, CLI_FAILED, "exists", "change it there, or: tessera trust remove HOST",
                                "\"%s\" stands in %s already", host, file->file);
        old = json_loads(file->keys, 0, NULL);
        kid = jwks_conflict(old, jwks);
        if (!kid)
                return 0;
        return cli_fail(cli, CLI_FAILED, "invalid",
                        "if the host was installed anew: tessera trust remove HOST, and add it again",
                        "the key \"%s\" of \"%s\" is not the one that had that name before", kid, host);
}

/* What will be read of what is going to be written. */
static int check_text(Cli *cli, const char *path, const char *text) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new(), files = NULL;

        files = trust_files_read_text(path, text, strlen(text), mistakes);
        if (mistakes->len > 0)
                return fail_mistake(cli, g_ptr_array_index(mistakes, 0));
        return files && files->len == 1 ? 0 : request_read(cli, CLIENT_E_VERSION);
}

static int add(Cli *cli, const char *host, const GStrv users, const GStrv roles, const json_t *jwks) {
        g_auto(TrustChange) change = { .lock = -1 };
        g_autofree char *path = trust_change_path(host), *line = jwks_format(jwks), *text = NULL, *problem = NULL;
        json_auto_t *json_users = shape_strings((const char *const *) users);
        json_auto_t *json_roles = shape_strings((const char *const *) roles), *kids = jwks_kids(jwks);
        const TrustWish wish = { .host = host, .users = json_users, .roles = json_roles, .keys = kids };
        g_autoptr(FileEdit) edit = NULL;
        TrustResult result;
        int r;

        text = trust_file_format(host, (const char *const *) users, (const char *const *) roles, line);
        r = trust_change_open(cli, &change);
        if (r == 0)
                r = check_folder(cli, &change, host, path, jwks);
        if (r == 0)
                r = check_text(cli, path, text);
        if (r != 0)
                return r;
        edit = file_edit_new(path, 0644, &problem);
        if (!edit)
                return cli_fail(cli, CLI_FAILED, "failed", "nothing was changed", "%s", problem);
        edit->after = g_steal_pointer(&text);
        r = trust_change_make(cli, g_steal_pointer(&edit), &wish, &result);
        if (r != 0)
                return r;
        r = tell(cli, host, path, &result, result.changed ? "is trusted" : "is trusted so already");
        note_users(cli, users);
        return r;
}

int verb_trust_add(Cli *cli, const Arguments *arguments) {
        const char *host = arguments->operands[0];
        g_auto(GStrv) users = NULL, roles = NULL;
        json_auto_t *jwks = NULL;
        int r;

        r = check_host(cli, host);
        if (r == 0)
                r = parse_names(cli, "users", arguments_get(arguments, "users"), name_is_user, &users);
        if (r == 0)
                r = parse_names(cli, "roles", arguments_get(arguments, "roles"), name_is_word, &roles);
        if (r == 0)
                r = need_root(cli);
        if (r == 0)
                r = read_keys(cli, &jwks);
        return r == 0 ? add(cli, host, users, roles, jwks) : r;
}

/* Removing */

int verb_trust_remove(Cli *cli, const Arguments *arguments) {
        const char *host = arguments->operands[0];
        const TrustWish wish = { .host = host };
        g_auto(TrustChange) change = { .lock = -1 };
        g_autofree char *path = NULL, *problem = NULL;
        g_autoptr(FileEdit) edit = NULL;
        const TrustFile *file;
        TrustResult result;
        int r;

        r = check_host(cli, host);
        if (r == 0)
                r = need_root(cli);
        if (r == 0)
                r = trust_change_open(cli, &change);
        if (r != 0)
                return r;
        file = trust_change_find(&change, host);
        path = file ? g_strdup(file->file) : trust_change_path(host);
        edit = file_edit_new(path, 0644, &problem);
        if (!edit)
                return cli_fail(cli, CLI_FAILED, "failed", "nothing was changed", "%s", problem);
        r = trust_change_make(cli, g_steal_pointer(&edit), &wish, &result); /* to no file, as edit->after is */
        if (r != 0)
                return r;
        r = tell(cli, host, path, &result, result.changed ? "is not trusted any more" : "is not trusted");
        if (result.changed)
                output_note(cli, "  what was opened with its tickets goes on: tessera session list --all-users");
        return r;
}
