/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Where policy.conf and providers.d meet: a service names a provider, a provider names roles. */

#include <string.h>

#include "policy/conf.h"
#include "policy/policy-private.h"
#include "policy/providers.h"

const char *policy_method_provider(const char *method) {
        return g_str_has_prefix(method, POLICY_METHOD_PROVIDER) ? method + strlen(POLICY_METHOD_PROVIDER) : NULL;
}

const char *policy_provider_of(Policy *policy, const char *service) {
        const Service *found = policy_find_service(policy, service);

        for (size_t i = 0; found && found->methods.names[i]; i++)
                if (policy_method_provider(found->methods.names[i]))
                        return policy_method_provider(found->methods.names[i]);
        return NULL;
}

static void warn_of_methods(const GPtrArray *providers, const Service *service, GPtrArray *warnings) {
        for (size_t i = 0; service->methods.names[i]; i++) {
                const char *name = policy_method_provider(service->methods.names[i]);

                if (name && !providers_find(providers, name))
                        g_ptr_array_add(warnings, conf_mistake_new(
                                service->file, service->methods.line, service->methods.column + service->methods.offsets[i],
                                "correct the name, or describe it in providers.d",
                                "[service:%s] takes a sign-in at the provider \"%s\", which no file in providers.d "
                                "describes", service->name, name));
        }
}

/* Nobody must believe that they are given. */
static void warn_of_group_roles(const Provider *provider, GPtrArray *warnings) {
        if (provider->n_group_roles > 0)
                g_ptr_array_add(warnings, conf_mistake_new(
                        provider->file, provider->line, 0, "grant roles in policy.conf or by \"tessera role grant\"",
                        "[provider:%s] has group-roles=, which gives no role yet", provider->name));
}

static void warn_of_roles(const Provider *provider, Policy *policy, GPtrArray *warnings) {
        for (size_t i = 0; i < provider->n_group_roles; i++)
                if (!policy_role_find(policy, provider->group_roles[i].role))
                        g_ptr_array_add(warnings, conf_mistake_new(
                                provider->file, provider->line, 0, "correct the name, or remove it",
                                "[provider:%s] names the role \"%s\", which the policy does not have", provider->name,
                                provider->group_roles[i].role));
}

void providers_warn(const GPtrArray *providers, Policy *policy, GPtrArray *warnings) {
        for (guint i = 0; i < policy->service_list->len; i++)
                warn_of_methods(providers, policy->service_list->pdata[i], warnings);
        for (guint i = 0; i < providers->len; i++) {
                warn_of_group_roles(providers->pdata[i], warnings);
                warn_of_roles(providers->pdata[i], policy, warnings);
        }
}
