/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/name.h"
#include "policy/conf.h"
#include "policy/trust-files.h"

#define NO_KEYS "write keys= and what \"tessera key export\" prints on that host"

TrustFile *trust_file_free(TrustFile *file) {
        if (!file)
                return NULL;
        g_free(file->name);
        g_strfreev(file->users);
        g_strfreev(file->roles);
        g_free(file->keys);
        g_free(file->file);
        g_free(file);
        return NULL;
}

static void destroy_file(gpointer file) {
        (void) trust_file_free(file);
}

static TrustFile *last_of(const GPtrArray *files) {
        return files->len > 0 ? files->pdata[files->len - 1] : NULL;
}

static char **no_words(void) {
        return g_new0(char *, 1);
}

/* The heading: one host in each file, and each host in one. */
static bool open_host(ConfReader *reader, const ConfValue *value, void *target) {
        GPtrArray *files = target;
        const TrustFile *last = last_of(files);
        TrustFile *file;

        if (!name_is_host(value->name)) {
                g_autofree char *lower = g_ascii_strdown(value->name, -1);
                g_autofree char *remedy = name_is_host(lower) ? g_strdup_printf("did you mean \"%s\"?", lower) : NULL;

                return conf_mistake(reader, value, 0,
                                    remedy ?: "use up to 64 lower-case letters, digits, \".\" and \"-\"",
                                    "\"%s\" cannot be the name of a host", value->name);
        }
        if (last && strcmp(last->file, value->file) == 0)
                return conf_mistake(reader, value, 0, "put it into a file of its own",
                                    "second host in this file, after \"%s\" in line %u", last->name, last->line);
        for (guint i = 0; i < files->len; i++) {
                const TrustFile *other = files->pdata[i];

                if (strcmp(other->name, value->name) == 0)
                        return conf_mistake(reader, value, 0, "remove one of the two files",
                                            "host \"%s\" stands in %s already", other->name, other->file);
        }
        file = g_new0(TrustFile, 1);
        *file = (TrustFile) {
                .name = g_strdup(value->name),
                .users = no_words(),
                .roles = no_words(),
                .file = g_strdup(value->file),
                .line = value->line,
        };
        g_ptr_array_add(files, file);
        return true;
}

/* Names, each of which @is, or "*" alone. @what: what they are, @shape: what they look like. */
static bool set_names(ConfReader *reader, const ConfValue *value, bool (*is)(const char *), const char *what,
                      const char *shape, char ***names, bool *ret_all) {
        g_autofree size_t *offsets = NULL;
        g_auto(GStrv) items = NULL;

        if (!conf_list(reader, value, &items, &offsets))
                return false;
        if (strcmp(value->text, "*") == 0) {
                *ret_all = true;
                return true;
        }
        for (size_t i = 0; items[i]; i++) {
                if (strcmp(items[i], "*") == 0)
                        return conf_mistake(reader, value, offsets[i], "write \"*\" alone, or only names",
                                            "\"*\" among names in \"%s\"", value->key);
                if (!is(items[i]))
                        return conf_mistake(reader, value, offsets[i], shape, "\"%s\" cannot be the name of a %s",
                                            items[i], what);
        }
        g_strfreev(*names);
        *names = g_steal_pointer(&items);
        return true;
}

static bool set_users(ConfReader *reader, const ConfValue *value, void *target) {
        TrustFile *file = last_of(target);

        if (!set_names(reader, value, name_is_user, "user", "use the names of Unix accounts", &file->users,
                       &file->all_users))
                return false;
        if (g_strv_contains((const char *const *) file->users, "root"))
                return conf_mistake(reader, value, 0, "remove it", "no ticket is ever for root");
        return true;
}

static bool set_roles(ConfReader *reader, const ConfValue *value, void *target) {
        TrustFile *file = last_of(target);

        return set_names(reader, value, name_is_word, "role", "use letters, digits, \".\", \"-\" and \"_\"", &file->roles,
                         &file->all_roles);
}

/* What they say, the daemon's core finds out: it has the libraries for it. */
static bool set_keys(ConfReader *reader, const ConfValue *value, void *target) {
        TrustFile *file = last_of(target);

        if (value->text[0] != '{')
                return conf_mistake(reader, value, 0, NO_KEYS, "\"keys\" is no JWKS: it begins with \"{\"");
        g_free(file->keys);
        file->keys = g_strdup(value->text);
        file->keys_line = value->line;
        file->keys_column = value->column;
        return true;
}

static const ConfSection trust_sections[] = {
        { "host", .named = true, .open = open_host, .keys = (const ConfKey[]) {
                { "users", set_users },
                { "roles", set_roles },
                { "keys", set_keys },
                {},
        } },
        {},
};

/* Adds what can only be seen at the end. */
static GPtrArray *check_files(GPtrArray *files, unsigned before, GPtrArray *mistakes) {
        for (guint i = 0; i < files->len && mistakes->len == before; i++) {
                const TrustFile *file = files->pdata[i];

                if (!file->keys)
                        g_ptr_array_add(mistakes, conf_mistake_new(file->file, file->line, 0, NO_KEYS,
                                                                   "[host:%s] has no \"keys\"", file->name));
        }
        return mistakes->len == before ? g_ptr_array_ref(files) : NULL;
}

GPtrArray *trust_files_read(const char *folder, GPtrArray *mistakes) {
        g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(destroy_file);
        unsigned before = mistakes->len;

        (void) conf_read_folder(folder, trust_sections, files, mistakes);
        return check_files(files, before, mistakes);
}

GPtrArray *trust_files_read_text(const char *file, const char *text, size_t size, GPtrArray *mistakes) {
        g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(destroy_file);
        unsigned before = mistakes->len;

        (void) conf_read_text(file, text, size, trust_sections, files, mistakes);
        return check_files(files, before, mistakes);
}

static void warn_of_nobody(const TrustFile *file, const char *key, GPtrArray *warnings) {
        g_autofree char *remedy = g_strdup_printf("write %s=", key);

        g_ptr_array_add(warnings, conf_mistake_new(file->file, file->line, 0, remedy,
                                                   "[host:%s] has no \"%s\", so that nobody may come from there",
                                                   file->name, key));
}

void trust_file_warn(const TrustFile *file, Policy *policy, GPtrArray *warnings) {
        if (!file->all_users && !file->users[0])
                warn_of_nobody(file, "users", warnings);
        if (!file->all_roles && !file->roles[0])
                warn_of_nobody(file, "roles", warnings);
        for (size_t i = 0; file->roles[i]; i++)
                if (!policy_role_find(policy, file->roles[i]))
                        g_ptr_array_add(warnings, conf_mistake_new(file->file, file->line, 0,
                                                                   "correct the name, or remove it",
                                                                   "[host:%s] names the role \"%s\", which the policy "
                                                                   "does not have", file->name, file->roles[i]));
}

static void append_names(GString *text, const char *key, const char *const *names) {
        g_autofree char *list = NULL;

        if (!names || !*names)
                return;
        list = g_strjoinv(";", (char **) names);
        g_string_append_printf(text, "%s=%s\n", key, list);
}

char *trust_file_format(const char *host, const char *const *users, const char *const *roles, const char *jwks) {
        GString *text = g_string_new(NULL);

        g_string_append_printf(text, "[host:%s]\n", host);
        append_names(text, "users", users);
        append_names(text, "roles", roles);
        g_string_append_printf(text, "keys=%s\n", jwks);
        return g_string_free(text, FALSE);
}
