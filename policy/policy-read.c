/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/name.h"
#include "policy/policy-private.h"

#define MAX_AGE_LONGEST (365 * 86400)

/* Names */

static void names_deinit(Names *names) {
        g_strfreev(names->names);
        g_free(names->offsets);
}

static bool is_user(const char *name) {
        return name_is_user(name) || strcmp(name, "*") == 0;
}

/* Longer than a user's may be: directories like long ones. All digits would be taken for a gid. */
static bool is_group(const char *name) {
        return name_is_user(name) || (name_is_word(name) && name[strspn(name, "0123456789")] != '\0');
}

/* What proves something afresh, and so can have set auth_time; tokens and keys never do. */
static bool is_method(const char *name) {
        const char *provider = policy_method_provider(name);

        return strcmp(name, "pwd") == 0 || (provider && name_is_word(provider));
}

/* A list of names that all pass @check; @what they are, for messages. */
static bool set_names(ConfReader *reader, const ConfValue *value, bool (*check)(const char *name), const char *what,
                      const char *remedy, Names *names) {
        g_auto(GStrv) items = NULL;
        g_autofree size_t *offsets = NULL;
        bool good = true;

        if (!conf_list(reader, value, &items, &offsets))
                return false;
        for (size_t i = 0; items[i]; i++)
                if (!check(items[i]))
                        good = conf_mistake(reader, value, offsets[i], remedy, "\"%s\" is not %s", items[i], what);
        if (!good)
                return false;
        g_strfreev(names->names);
        *names = (Names) {
                .names = g_steal_pointer(&items),
                .offsets = g_steal_pointer(&offsets),
                .line = value->line,
                .column = value->column,
        };
        return true;
}

/* Roles */

static void role_free(void *data) {
        Role *role = data;

        names_deinit(&role->users);
        names_deinit(&role->groups);
        names_deinit(&role->includes);
        g_ptr_array_unref(role->givers);
        g_ptr_array_unref(role->includers);
        g_free(role->gids);
        g_free(role->name);
        g_free(role);
}

static bool open_role(ConfReader *reader, const ConfValue *value, void *target) {
        Policy *policy = target;
        const Role *other = g_hash_table_lookup(policy->roles, value->name);
        Role *role;

        if (other)
                return conf_mistake(reader, value, 0, "put both together in one section",
                                    "role \"%s\" is defined already in %s:%u", value->name, other->file, other->line);
        if (g_hash_table_size(policy->roles) >= POLICY_ROLES_MAX)
                return conf_mistake(reader, value, 0, "put roles together", "more than %d roles", POLICY_ROLES_MAX);
        role = g_new(Role, 1);
        *role = (Role) {
                .name = g_strdup(value->name),
                .file = g_string_chunk_insert_const(policy->files, value->file),
                .line = value->line,
                .users.names = g_new0(char *, 1),
                .groups.names = g_new0(char *, 1),
                .includes.names = g_new0(char *, 1),
                .givers = g_ptr_array_new(),
                .includers = g_ptr_array_new(),
        };
        g_hash_table_insert(policy->roles, role->name, role);
        g_ptr_array_add(policy->role_list, role);
        return true;
}

static Role *role_of(const ConfValue *value, void *target) {
        return g_hash_table_lookup(((Policy *) target)->roles, value->name);
}

static bool set_users(ConfReader *reader, const ConfValue *value, void *target) {
        Role *role = role_of(value, target);

        if (!set_names(reader, value, is_user, "a user's name", "write names of Unix accounts, or \"*\" for everyone",
                       &role->users))
                return false;
        role->everybody = g_strv_contains((const char *const *) role->users.names, "*");
        if (role->everybody && role->users.names[1])
                return conf_mistake(reader, value, 0, "write \"*\" alone, or remove it", "\"*\" beside other users");
        return true;
}

static bool set_groups(ConfReader *reader, const ConfValue *value, void *target) {
        return set_names(reader, value, is_group, "a group's name", "write names of Unix groups",
                         &role_of(value, target)->groups);
}

static bool set_includes(ConfReader *reader, const ConfValue *value, void *target) {
        return set_names(reader, value, name_is_word, "a role's name", "write names of roles",
                         &role_of(value, target)->includes);
}

/* Services */

static void service_free(void *data) {
        Service *service = data;

        names_deinit(&service->roles);
        names_deinit(&service->methods);
        g_ptr_array_unref(service->needed);
        g_free(service->name);
        g_free(service);
}

static bool open_service(ConfReader *reader, const ConfValue *value, void *target) {
        Policy *policy = target;
        const Service *other = g_hash_table_lookup(policy->services, value->name);
        Service *service;

        if (other)
                return conf_mistake(reader, value, 0, "put both together in one section",
                                    "service \"%s\" is defined already in %s:%u", value->name, other->file,
                                    other->line);
        service = g_new(Service, 1);
        *service = (Service) {
                .name = g_strdup(value->name),
                .file = g_string_chunk_insert_const(policy->files, value->file),
                .line = value->line,
                .roles.names = g_new0(char *, 1),
                .methods.names = g_new0(char *, 1),
                .needed = g_ptr_array_new(),
        };
        g_hash_table_insert(policy->services, service->name, service);
        g_ptr_array_add(policy->service_list, service);
        return true;
}

static Service *service_of(const ConfValue *value, void *target) {
        return g_hash_table_lookup(((Policy *) target)->services, value->name);
}

static bool set_roles(ConfReader *reader, const ConfValue *value, void *target) {
        return set_names(reader, value, name_is_word, "a role's name", "write names of roles",
                         &service_of(value, target)->roles);
}

static bool set_max_age(ConfReader *reader, const ConfValue *value, void *target) {
        Service *service = service_of(value, target);

        service->max_age_line = value->line;
        return conf_duration(reader, value, 1, MAX_AGE_LONGEST, &service->max_age);
}

static bool set_methods(ConfReader *reader, const ConfValue *value, void *target) {
        return set_names(reader, value, is_method, "a method that proves something afresh", "there is \"pwd\", and \"oidc:NAME\"",
                         &service_of(value, target)->methods);
}

static const ConfSection policy_sections[] = {
        { "role", .named = true, .open = open_role, .keys = (const ConfKey[]) {
                { "users", set_users },
                { "groups", set_groups },
                { "includes", set_includes },
                {},
        } },
        { "service", .named = true, .open = open_service, .keys = (const ConfKey[]) {
                { "roles", set_roles },
                { "max-age", set_max_age },
                { "methods", set_methods },
                {},
        } },
        {},
};

/* The policy */

Policy *policy_new(GroupLookUp look_up) {
        Policy *policy = g_new(Policy, 1);

        *policy = (Policy) {
                .look_up = look_up,
                .roles = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, role_free),
                .services = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, service_free),
                .role_list = g_ptr_array_new(),
                .service_list = g_ptr_array_new(),
                .warnings = conf_mistakes_new(),
                .files = g_string_chunk_new(256),
        };
        g_atomic_ref_count_init(&policy->references);
        return policy;
}

Policy *policy_ref(Policy *policy) {
        g_atomic_ref_count_inc(&policy->references);
        return policy;
}

Policy *policy_unref(Policy *policy) {
        if (!policy || !g_atomic_ref_count_dec(&policy->references))
                return NULL;
        g_hash_table_unref(policy->roles);
        g_hash_table_unref(policy->services);
        g_ptr_array_unref(policy->role_list);
        g_ptr_array_unref(policy->service_list);
        g_ptr_array_unref(policy->warnings);
        g_string_chunk_free(policy->files);
        g_free(policy);
        return NULL;
}

bool policy_add_text(Policy *policy, const char *file, const char *text, size_t size, GPtrArray *mistakes) {
        return conf_read_text(file, text, size, policy_sections, policy, mistakes);
}

Policy *policy_read_text(const char *file, const char *text, size_t size, GPtrArray *mistakes) {
        g_autoptr(Policy) policy = policy_new(group_look_up_nss);
        bool good;

        good = policy_add_text(policy, file, text, size, mistakes);
        good = policy_link(policy, mistakes) && good;
        return good ? g_steal_pointer(&policy) : NULL;
}

Policy *policy_read_draft(const char *file, const char *text, size_t size, const char *folder, GPtrArray *mistakes) {
        g_autoptr(Policy) policy = policy_new(group_look_up_nss);
        bool good;

        good = policy_add_text(policy, file, text, size, mistakes);
        good = conf_read_folder(folder, policy_sections, policy, mistakes) && good;
        good = policy_link(policy, mistakes) && good;
        return good ? g_steal_pointer(&policy) : NULL;
}

/* Files */

/* Both may be absent, and then nobody may anything: not what somebody meant who moved a file away. */
static void warn_of_nothing(Policy *policy, const char *file) {
        if (policy->service_list->len == 0)
                g_ptr_array_add(policy->warnings,
                                conf_mistake_new(file, 0, 0, "write who may use what, such as [service:sshd] with "
                                                 "roles=, and those roles",
                                                 "no service is named, so tessera refuses all of its users everywhere"));
}

Policy *policy_read(const char *file, const char *folder, GPtrArray *mistakes) {
        g_autoptr(Policy) policy = policy_new(group_look_up_nss);
        bool good = true;

        if (file)
                good = conf_read_file(file, /* may_be_absent= */ true, policy_sections, policy, mistakes);
        if (folder)
                good = conf_read_folder(folder, policy_sections, policy, mistakes) && good;
        good = policy_link(policy, mistakes) && good;
        if (file)
                warn_of_nothing(policy, file);
        return good ? g_steal_pointer(&policy) : NULL;
}
