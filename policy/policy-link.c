/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What can be said only when every file is read: who refers to whom, circles, groups, warnings. */

#include <errno.h>
#include <grp.h>
#include <string.h>

#include "policy/policy-private.h"

#define GROUP_BUFFER_MAX ((size_t) 64 * 1024 * 1024) /* all members of one group; beyond it something is wrong */

/* Colours of the walk that looks for circles. */
enum {
        MARK_NEW = 0,
        MARK_ON_PATH,
        MARK_DONE,
};

/* Groups */

int group_look_up_nss(const char *name, gid_t *ret_gid) {
        g_autofree char *buffer = NULL;
        size_t size = 1024;
        struct group group, *found;
        int r;

        do {
                size *= 4;
                g_free(buffer);
                buffer = g_malloc(size);
                do
                        r = getgrnam_r(name, &group, buffer, size, &found);
                while (r == EINTR);
        } while (r == ERANGE && size < GROUP_BUFFER_MAX);
        if (r != 0)
                return -r;
        if (!found)
                return GROUP_E_NOT_FOUND;
        if (found->gr_gid == GID_UNSET)
                return -EINVAL;
        *ret_gid = found->gr_gid;
        return 0;
}

static void resolve_groups(Policy *policy, Role *role) {
        size_t n = g_strv_length(role->groups.names);

        role->gids = g_new(gid_t, n);
        for (size_t i = 0; i < n; i++) {
                const char *name = role->groups.names[i];
                unsigned column = role->groups.column + (unsigned) role->groups.offsets[i];
                int r;

                role->gids[i] = GID_UNSET;
                r = policy->look_up(name, &role->gids[i]);
                if (r == GROUP_E_NOT_FOUND)
                        g_ptr_array_add(policy->warnings,
                                        conf_mistake_new(role->file, role->groups.line, column,
                                                         "make the group, or correct its name",
                                                         "group \"%s\" of [role:%s] does not exist", name,
                                                         role->name));
                else if (r < 0)
                        g_ptr_array_add(policy->warnings,
                                        conf_mistake_new(role->file, role->groups.line, column,
                                                         "until it can be, the group gives the role to nobody",
                                                         "group \"%s\" of [role:%s] cannot be looked up: %s", name,
                                                         role->name, g_strerror(-r)));
        }
}

/* References */

/* The role that item @i of @names refers to; where there is none, a mistake is reported. */
static Role *find_referred(Policy *policy, const char *file, const Names *names, size_t i, GPtrArray *mistakes) {
        Role *role = g_hash_table_lookup(policy->roles, names->names[i]);
        g_autoptr(GPtrArray) words = NULL;
        g_autofree char *remedy = NULL;

        if (role)
                return role;
        words = g_ptr_array_new();
        for (unsigned j = 0; j < policy->role_list->len; j++)
                g_ptr_array_add(words, ((const Role *) policy->role_list->pdata[j])->name);
        g_ptr_array_add(words, NULL);
        remedy = conf_suggest(names->names[i], (const char *const *) words->pdata);
        if (!remedy)
                remedy = g_strdup_printf("add a section [role:%s]", names->names[i]);
        g_ptr_array_add(mistakes, conf_mistake_new(file, names->line,
                                                   names->column + (unsigned) names->offsets[i], remedy,
                                                   "there is no role \"%s\"", names->names[i]));
        return NULL;
}

static void link_service(Policy *policy, Service *service, GPtrArray *mistakes) {
        if (!service->roles.names[0])
                g_ptr_array_add(mistakes, conf_mistake_new(service->file, service->line, 1,
                                                           "add roles=, or remove the section: it lets nobody in",
                                                           "[service:%s] names no roles", service->name));
        for (size_t i = 0; service->roles.names[i]; i++) {
                Role *role = find_referred(policy, service->file, &service->roles, i, mistakes);
                if (role)
                        g_ptr_array_add(service->needed, role);
        }
}

/* Circles */

/* "admin -> operator -> admin", for the part of @path that begins at @first. */
static char *describe_circle(const GPtrArray *path, const Role *first) {
        GString *text = g_string_new(NULL);
        unsigned i = 0;

        while (path->pdata[i] != first)
                i++;
        for (; i < path->len; i++)
                g_string_append_printf(text, "%s -> ", ((const Role *) path->pdata[i])->name);
        return g_string_free(g_string_append(text, first->name), FALSE);
}

/* Walks down from @role; meeting a role that is on the @path to here closes a circle. */
static void find_circles(Policy *policy, Role *role, GPtrArray *path, GPtrArray *mistakes) {
        const Names *includes = &role->includes;

        role->mark = MARK_ON_PATH;
        g_ptr_array_add(path, role);
        for (size_t i = 0; includes->names[i]; i++) {
                Role *next = find_referred(policy, role->file, includes, i, mistakes);

                if (next && next->mark == MARK_NEW)
                        find_circles(policy, next, path, mistakes);
                else if (next && next->mark == MARK_ON_PATH) {
                        g_autofree char *circle = describe_circle(path, next);
                        g_ptr_array_add(mistakes,
                                        conf_mistake_new(role->file, includes->line,
                                                         includes->column + (unsigned) includes->offsets[i],
                                                         "remove one of these includes",
                                                         "circle of includes: %s", circle));
                }
        }
        g_ptr_array_set_size(path, (int) path->len - 1);
        role->mark = MARK_DONE;
}

/* Enters @giver with every role below it, itself first. */
static void spread(Policy *policy, Role *giver) {
        g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
        g_autoptr(GPtrArray) queue = g_ptr_array_new();

        g_hash_table_add(seen, giver);
        g_ptr_array_add(queue, giver);
        for (unsigned i = 0; i < queue->len; i++) {
                Role *role = queue->pdata[i];

                g_ptr_array_add(role->givers, giver);
                for (size_t j = 0; role->includes.names[j]; j++) {
                        Role *next = g_hash_table_lookup(policy->roles, role->includes.names[j]);

                        if (next && role == giver)
                                g_ptr_array_add(next->includers, giver);
                        if (next && g_hash_table_add(seen, next))
                                g_ptr_array_add(queue, next);
                }
        }
}

/* Roles */

static int compare_roles(const void *a, const void *b) {
        return strcmp((*(const Role *const *) a)->name, (*(const Role *const *) b)->name);
}

static void show_role(Role *role) {
        role->shown = (PolicyRole) {
                .name = role->name,
                .users = (const char *const *) role->users.names,
                .groups = (const char *const *) role->groups.names,
                .includes = (const char *const *) role->includes.names,
                .file = role->file,
                .line = role->line,
        };
}

static void warn_of_empty(Policy *policy, Role *role) {
        for (unsigned i = 0; i < role->givers->len; i++) {
                const Role *giver = role->givers->pdata[i];
                if (giver->users.names[0] || giver->groups.names[0])
                        return;
        }
        role->empty = conf_mistake_new(role->file, role->line, 1,
                                       "add users= or groups=, or assign it: tessera role grant",
                                       "nobody has the role \"%s\"", role->name);
        g_ptr_array_add(policy->warnings, role->empty);
}

void policy_role_is_given(Policy *policy, const char *role) {
        Role *giver = g_hash_table_lookup(policy->roles, role);

        for (unsigned i = 0; giver && i < policy->role_list->len; i++) {
                Role *held = policy->role_list->pdata[i];

                if (held->empty && g_ptr_array_find(held->givers, giver, NULL)) {
                        (void) g_ptr_array_remove(policy->warnings, held->empty);
                        held->empty = NULL;
                }
        }
}

static bool link_references(Policy *policy, GPtrArray *mistakes) {
        g_autoptr(GPtrArray) path = g_ptr_array_new();
        unsigned before = mistakes->len;

        for (unsigned i = 0; i < policy->role_list->len; i++) {
                Role *role = policy->role_list->pdata[i];
                if (role->mark == MARK_NEW)
                        find_circles(policy, role, path, mistakes);
        }
        for (unsigned i = 0; i < policy->service_list->len; i++)
                link_service(policy, policy->service_list->pdata[i], mistakes);
        return mistakes->len == before;
}

bool policy_link(Policy *policy, GPtrArray *mistakes) {
        if (!link_references(policy, mistakes))
                return false;
        for (unsigned i = 0; i < policy->role_list->len; i++)
                spread(policy, policy->role_list->pdata[i]);
        for (unsigned i = 0; i < policy->role_list->len; i++) {
                Role *role = policy->role_list->pdata[i];

                show_role(role);
                resolve_groups(policy, role);
                warn_of_empty(policy, role);
        }
        g_ptr_array_sort(policy->role_list, compare_roles);
        return true;
}
