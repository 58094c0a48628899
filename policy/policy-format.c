/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* A policy as one canonical text: no line of it is longer than the one that it was read from. */

#include <string.h>

#include "policy/policy-private.h"

static void put_list(GString *text, const char *key, const Names *names) {
        g_autofree char *list = g_strjoinv(";", names->names);

        if (list[0])
                g_string_append_printf(text, "%s=%s\n", key, list);
}

static void put_role(GString *text, const Role *role) {
        g_string_append_printf(text, "%s[role:%s]\n", text->len > 0 ? "\n" : "", role->name);
        put_list(text, "users", &role->users);
        put_list(text, "groups", &role->groups);
        put_list(text, "includes", &role->includes);
}

static void put_service(GString *text, const Service *service) {
        g_autofree char *max_age = conf_duration_to_string(service->max_age);

        g_string_append_printf(text, "%s[service:%s]\n", text->len > 0 ? "\n" : "", service->name);
        put_list(text, "roles", &service->roles);
        if (service->max_age > 0)
                g_string_append_printf(text, "max-age=%s\n", max_age);
        put_list(text, "methods", &service->methods);
}

static int compare_services(const void *a, const void *b) {
        return strcmp((*(const Service *const *) a)->name, (*(const Service *const *) b)->name);
}

char *policy_format(Policy *policy) {
        g_autoptr(GPtrArray) services = g_ptr_array_copy(policy->service_list, NULL, NULL);
        GString *text = g_string_new(NULL);

        g_ptr_array_sort(services, compare_services);
        for (guint i = 0; i < policy->role_list->len; i++)
                put_role(text, policy->role_list->pdata[i]);
        for (guint i = 0; i < services->len; i++)
                put_service(text, services->pdata[i]);
        return g_string_free(text, FALSE);
}

/* Section by section: together they may be larger than a file may be, as those were that it came from. */
static bool add_sections(Policy *policy, const char *file, const char *text, GPtrArray *mistakes) {
        bool good = true;

        while (*text) {
                const char *end = strstr(text, "\n\n");
                size_t size = end ? (size_t) (end - text) + 2 : strlen(text);

                good = policy_add_text(policy, file, text, size, mistakes) && good;
                text += size;
        }
        return good;
}

Policy *policy_read_formatted(const char *file, const char *text, GPtrArray *mistakes) {
        g_autoptr(Policy) policy = policy_new(group_look_up_nss);
        bool good;

        good = add_sections(policy, file, text, mistakes);
        good = policy_link(policy, mistakes) && good;
        return good ? g_steal_pointer(&policy) : NULL;
}
