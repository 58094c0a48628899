/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "policy/policy-diff.h"
#include "policy/policy-private.h"

typedef struct Diff {
        Policy *from, *to;
        GPtrArray *changes;
} Diff;

/* Changes */

const char *policy_change_to_string(PolicyChangeKind kind) {
        static const char *const words[_POLICY_CHANGE_MAX] = {
                [POLICY_CHANGE_GAINS] = "gains",     [POLICY_CHANGE_LOSES] = "loses",
                [POLICY_CHANGE_ADDED] = "added",     [POLICY_CHANGE_REMOVED] = "removed",
                [POLICY_CHANGE_ROLES] = "roles",     [POLICY_CHANGE_MAX_AGE] = "max-age",
                [POLICY_CHANGE_METHODS] = "methods",
        };

        g_assert(kind < _POLICY_CHANGE_MAX);
        return words[kind];
}

static void change_free(void *data) {
        PolicyChange *change = data;

        g_free(change->user);
        g_free(change->role);
        g_free(change->service);
        g_free(change->reason);
        g_free(change->from);
        g_free(change->to);
        g_free(change);
}

/* What @change points to is copied, but reason, from and to, which are taken over. */
static void add_change(Diff *diff, const PolicyChange *change) {
        PolicyChange *copy = g_new(PolicyChange, 1);

        *copy = *change;
        copy->user = g_strdup(change->user);
        copy->role = g_strdup(change->role);
        copy->service = g_strdup(change->service);
        g_ptr_array_add(diff->changes, copy);
}

/* Services as wholes */

static int compare_words(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Every name that one of the policies has a section for, sorted. */
static GPtrArray *names_of_services(const Diff *diff) {
        g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
        const GPtrArray *const lists[] = { diff->from->service_list, diff->to->service_list };
        GPtrArray *sorted = g_ptr_array_new();

        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
                for (guint j = 0; j < lists[i]->len; j++) {
                        const Service *service = lists[i]->pdata[j];
                        if (g_hash_table_add(names, service->name))
                                g_ptr_array_add(sorted, service->name);
                }
        g_ptr_array_sort(sorted, compare_words);
        return sorted;
}

/* As one text, in an order that two lists of the same items share. */
static char *sorted_list(const Names *names) {
        g_autoptr(GPtrArray) items = g_ptr_array_new();

        for (size_t i = 0; names->names[i]; i++)
                g_ptr_array_add(items, names->names[i]);
        g_ptr_array_sort(items, compare_words);
        g_ptr_array_add(items, NULL);
        return items->len > 1 ? g_strjoinv(";", (char **) items->pdata) : g_strdup("any");
}

static char *age_text(Policy *policy, const char *service) {
        int64_t age = policy_max_age(policy, service);

        return age > 0 ? conf_duration_to_string(age) : g_strdup("any");
}

/* Takes @from and @to over. */
static void compare_texts(Diff *diff, const char *service, PolicyChangeKind kind, char *from, char *to) {
        if (strcmp(from, to) != 0) {
                add_change(diff, &(PolicyChange) {
                        .kind = kind, .service = (char *) service, .from = from, .to = to,
                });
                return;
        }
        g_free(from);
        g_free(to);
}

static void compare_service(Diff *diff, const char *name) {
        const Service *from = policy_find_service(diff->from, name), *to = policy_find_service(diff->to, name);

        if (!from || !to) {
                add_change(diff, &(PolicyChange) {
                        .kind = to ? POLICY_CHANGE_ADDED : POLICY_CHANGE_REMOVED,
                        .service = (char *) name,
                });
                return;
        }
        compare_texts(diff, name, POLICY_CHANGE_ROLES, sorted_list(&from->roles), sorted_list(&to->roles));
        compare_texts(diff, name, POLICY_CHANGE_MAX_AGE, age_text(diff->from, name), age_text(diff->to, name));
        compare_texts(diff, name, POLICY_CHANGE_METHODS, sorted_list(&from->methods), sorted_list(&to->methods));
}

/* Users */

static char *describe_role(Policy *policy, const PolicyUser *user, const char *role) {
        return policy_describe_holding(policy, g_hash_table_lookup(policy->roles, role), user);
}

static void compare_roles(Diff *diff, const PolicyUser *user) {
        g_auto(GStrv) before = policy_roles_of(diff->from, user), after = policy_roles_of(diff->to, user);
        char **old = before, **new = after;

        while (*old || *new) {
                int order = !*old ? 1 : !*new ? -1 : strcmp(*old, *new);

                if (order != 0)
                        add_change(diff, &(PolicyChange) {
                                .kind = order > 0 ? POLICY_CHANGE_GAINS : POLICY_CHANGE_LOSES,
                                .user = (char *) user->name,
                                .role = order > 0 ? *new : *old,
                                .reason = order > 0 ? describe_role(diff->to, user, *new) :
                                                      describe_role(diff->from, user, *old),
                        });
                old += order <= 0;
                new += order >= 0;
        }
}

/* The first role of the service's that lets @user in: `by "admin"`, g_free; NULL: none does. */
static char *let_in_by(Policy *policy, const PolicyUser *user, const char *service) {
        const Service *found = policy_find_service(policy, service);

        for (guint i = 0; found && i < found->needed->len; i++) {
                const Role *role = found->needed->pdata[i];
                if (policy_role_held(policy, role, user) == HELD_YES)
                        return g_strdup_printf("by \"%s\"", role->name);
        }
        return NULL;
}

static void compare_use(Diff *diff, const PolicyUser *user, const char *service) {
        g_autofree char *before = let_in_by(diff->from, user, service), *after = let_in_by(diff->to, user, service);

        if (!before == !after)
                return;
        add_change(diff, &(PolicyChange) {
                .kind = after ? POLICY_CHANGE_GAINS : POLICY_CHANGE_LOSES,
                .user = (char *) user->name,
                .service = (char *) service,
                .reason = after ? g_steal_pointer(&after) : g_steal_pointer(&before),
        });
}

GPtrArray *policy_diff(Policy *from, Policy *to, const PolicyUser *users, size_t n_users) {
        Diff diff = { .from = from, .to = to, .changes = g_ptr_array_new_with_free_func(change_free) };
        g_autoptr(GPtrArray) services = names_of_services(&diff);

        for (guint i = 0; i < services->len; i++)
                compare_service(&diff, services->pdata[i]);
        for (size_t i = 0; i < n_users; i++) {
                compare_roles(&diff, &users[i]);
                for (guint j = 0; j < services->len; j++)
                        compare_use(&diff, &users[i], services->pdata[j]);
        }
        return diff.changes;
}
