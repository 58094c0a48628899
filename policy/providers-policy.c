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

/* The role is there, and it is a provider's to give. */
static void check_pair(const Provider *provider, const ProviderGroupRole *pair, Policy *policy, GPtrArray *mistakes) {
        if (!policy_role_find(policy, pair->role))
                g_ptr_array_add(mistakes, conf_mistake_new(
                        provider->file, provider->group_roles_line, pair->column,
                        "correct the name, or define it in policy.conf", "there is no role \"%s\"", pair->role));
        else if (policy_role_opens(policy, pair->role, POLICY_SERVICE_ADMIN))
                g_ptr_array_add(mistakes, conf_mistake_new(
                        provider->file, provider->group_roles_line, pair->column,
                        "remove it; give that role in policy.conf, or by \"tessera role grant\"",
                        "the role \"%s\" may administer tessera, by [service:" POLICY_SERVICE_ADMIN "]: no provider "
                        "gives that", pair->role));
        else
                policy_role_is_given(policy, pair->role);
}

void providers_check(const GPtrArray *providers, Policy *policy, GPtrArray *mistakes) {
        for (guint i = 0; i < providers->len; i++) {
                const Provider *provider = providers->pdata[i];

                for (size_t j = 0; j < provider->n_group_roles; j++)
                        check_pair(provider, &provider->group_roles[j], policy, mistakes);
        }
}

void providers_warn(const GPtrArray *providers, Policy *policy, GPtrArray *warnings) {
        for (guint i = 0; i < policy->service_list->len; i++)
                warn_of_methods(providers, policy->service_list->pdata[i], warnings);
}
