/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* A policy as people see it: roles, services, and the line for somebody who was refused. */

#include <string.h>

#include "common/name.h"
#include "policy/policy-private.h"

#define REFUSAL_MAX 200
#define WORD_SIZE 65 /* a service or role: see name_is_word() */

GPtrArray *policy_warnings(Policy *policy) {
        return policy->warnings;
}

const PolicyRole *policy_role_at(Policy *policy, size_t index) {
        return index < policy->role_list->len ? &((const Role *) policy->role_list->pdata[index])->shown : NULL;
}

const PolicyRole *policy_role_find(Policy *policy, const char *name) {
        const Role *role = name ? g_hash_table_lookup(policy->roles, name) : NULL;

        return role ? &role->shown : NULL;
}

char **policy_roles_of(Policy *policy, const PolicyUser *user) {
        GPtrArray *roles = g_ptr_array_new();

        for (unsigned i = 0; i < policy->role_list->len; i++) {
                const Role *role = policy->role_list->pdata[i];
                if (policy_role_held(policy, role, user) == HELD_YES)
                        g_ptr_array_add(roles, g_strdup(role->name));
        }
        g_ptr_array_add(roles, NULL);
        return (char **) g_ptr_array_free(roles, FALSE);
}

static bool service_takes(const Service *service, Role *role) {
        for (unsigned i = 0; i < service->needed->len; i++)
                if (g_ptr_array_find(((const Role *) service->needed->pdata[i])->givers, role, NULL))
                        return true;
        return false;
}

bool policy_role_opens(Policy *policy, const char *role, const char *service) {
        const Service *found = policy_find_service(policy, service);
        Role *giver = role ? g_hash_table_lookup(policy->roles, role) : NULL;

        return found && giver && service_takes(found, giver);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

char **policy_services_of(Policy *policy, const char *role) {
        Role *found = role ? g_hash_table_lookup(policy->roles, role) : NULL;
        GPtrArray *names = g_ptr_array_new();

        for (unsigned i = 0; found && i < policy->service_list->len; i++) {
                const Service *service = policy->service_list->pdata[i];
                if (service_takes(service, found))
                        g_ptr_array_add(names, g_strdup(service->name));
        }
        g_ptr_array_sort(names, compare_names);
        g_ptr_array_add(names, NULL);
        return (char **) g_ptr_array_free(names, FALSE);
}

/* The refusal */

/* "a", "b" or "c"; @last goes between the last two. */
static char *quote_names(char **names, const char *last) {
        GString *text = g_string_new(NULL);

        for (size_t i = 0; names[i]; i++)
                g_string_append_printf(text, "%s\"%s\"", i == 0 ? "" : names[i + 1] ? ", " : last, names[i]);
        return g_string_free(text, FALSE);
}

/* The command an admin would type: by the first group that exists of a role that the service needs. */
static char *advise(const Service *service, const PolicyUser *user) {
        if (!user || !name_is_user(user->name)) /* it would be pasted into a shell */
                return NULL;
        for (unsigned i = 0; i < service->needed->len; i++) {
                const Role *role = service->needed->pdata[i];
                for (size_t j = 0; role->groups.names[j]; j++)
                        if (role->gids[j] != GID_UNSET)
                                return g_strdup_printf(". An admin can add you: usermod -aG %s %s",
                                                       role->groups.names[j], user->name);
        }
        return g_strdup_printf(". An admin can add you: tessera role grant %s %s", service->roles.names[0], user->name);
}

/* Is it the login that may not, while its user may? Then no command of an admin's would help. */
static bool is_for_the_cap(Policy *policy, const Service *service, const PolicyUser *user) {
        PolicyUser uncapped;

        if (!user || !user->cap)
                return false;
        uncapped = *user;
        uncapped.cap = NULL;
        return policy_service_held(policy, service, &uncapped) == HELD_YES;
}

/* What is wrong, as full as fits: first what the user has is left out, then the other roles, then the advice. */
static char *refuse_for_role(Policy *policy, const Service *service, const PolicyUser *user, const char *name) {
        g_auto(GStrv) held = policy_roles_of(policy, user);
        g_autofree char *needs = quote_names(service->roles.names, " or ");
        g_autofree char *has = held[0] ? quote_names(held, " and ") : g_strdup("no role");
        bool unknown = policy_service_held(policy, service, user) == HELD_UNKNOWN;
        g_autofree char *advice = unknown ? g_strdup(". A group cannot be looked up: try again later") :
                                  is_for_the_cap(policy, service, user) ?
                                            g_strdup(". This login came by ticket and has no more: log in anew") :
                                            advise(service, user);
        char *line = g_strdup_printf("%s needs the role %s; you have %s%s", name, needs, has, advice ?: "");

        if (strlen(line) >= REFUSAL_MAX) {
                g_free(line);
                line = g_strdup_printf("%s needs the role %s%s", name, needs, advice ?: "");
        }
        if (strlen(line) >= REFUSAL_MAX) {
                g_free(line);
                line = g_strdup_printf("%s needs the role \"%s\"%s%s", name, service->roles.names[0],
                                       service->roles.names[1] ? " or another" : "", advice ?: "");
        }
        if (strlen(line) >= REFUSAL_MAX) {
                g_free(line);
                line = g_strdup_printf("%s needs the role \"%s\"%s", name, service->roles.names[0],
                                       service->roles.names[1] ? " or another" : "");
        }
        return line;
}

char *policy_refusal(Policy *policy, const PolicyUser *user, const char *service) {
        const Service *found = policy_find_service(policy, service);
        g_autofree char *line = NULL;
        char name[WORD_SIZE], clean[REFUSAL_MAX];

        name_clean(service ?: "?", name, sizeof(name));
        line = found ? refuse_for_role(policy, found, user, name) :
                       g_strdup_printf("%s is open to nobody here. An admin can add [service:%s] to %s", name, name,
                                       POLICY_FILE);
        name_clean(line, clean, sizeof(clean));
        return g_strdup(clean);
}
