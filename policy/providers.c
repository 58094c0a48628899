/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/name.h"
#include "policy/conf.h"
#include "policy/providers-private.h"

static const char *const type_names[PROVIDER_TYPE_MAX] = {
        [PROVIDER_OIDC] = "oidc",
        [PROVIDER_OAUTH2] = "oauth2",
};

const char *const provider_url_keys[PROVIDER_URL_COUNT] = {
        [PROVIDER_ISSUER] = "issuer",
        [PROVIDER_DEVICE] = "device-endpoint",
        [PROVIDER_AUTHORIZATION] = "authorization-endpoint",
        [PROVIDER_TOKEN] = "token-endpoint",
        [PROVIDER_USERINFO] = "userinfo-endpoint",
};

ProviderType provider_type_from_string(const char *text) {
        for (int type = 0; type < PROVIDER_TYPE_MAX; type++)
                if (strcmp(type_names[type], text) == 0)
                        return (ProviderType) type;
        return PROVIDER_TYPE_INVALID;
}

static void provider_clear(gpointer data) {
        Provider *provider = data;

        for (int i = 0; i < PROVIDER_URL_COUNT; i++)
                g_free(provider->urls[i]);
        for (size_t i = 0; i < provider->n_group_roles; i++) {
                g_free(provider->group_roles[i].group);
                g_free(provider->group_roles[i].role);
                g_free(provider->group_roles[i].pair);
        }
        g_free(provider->name);
        g_free(provider->client_id);
        g_free(provider->client_secret_file);
        g_strfreev(provider->scopes);
        g_free(provider->user_claim);
        g_free(provider->groups_claim);
        g_free(provider->subject_claim);
        g_strfreev(provider->allowed_groups);
        g_free(provider->group_roles);
        g_free(provider->ca_file);
        g_free(provider->file);
}

Provider *provider_ref(Provider *provider) {
        return g_rc_box_acquire(provider);
}

Provider *provider_unref(Provider *provider) {
        if (provider)
                g_rc_box_release_full(provider, provider_clear);
        return NULL;
}

static void destroy_provider(gpointer provider) {
        (void) provider_unref(provider);
}

static void destroy_draft(gpointer data) {
        ProviderDraft *draft = data;

        (void) provider_unref(draft->provider);
        g_free(draft);
}

Provider *providers_find(const GPtrArray *providers, const char *name) {
        for (guint i = 0; i < providers->len; i++) {
                Provider *provider = providers->pdata[i];

                if (strcmp(provider->name, name) == 0)
                        return provider;
        }
        return NULL;
}

Provider *providers_find_issuer(const GPtrArray *providers, const char *issuer) {
        for (guint i = 0; i < providers->len; i++) {
                Provider *provider = providers->pdata[i];

                if (strcmp(provider->urls[PROVIDER_ISSUER], issuer) == 0)
                        return provider;
        }
        return NULL;
}

bool provider_lets_in(const Provider *provider, const char *const *groups) {
        if (!provider->allowed_groups)
                return true;
        for (size_t i = 0; groups[i]; i++)
                if (g_strv_contains((const char *const *) provider->allowed_groups, groups[i]))
                        return true;
        return false;
}

char **provider_pairs_of(const Provider *provider, const char *const *groups) {
        GPtrArray *pairs = g_ptr_array_new();

        for (size_t i = 0; i < provider->n_group_roles; i++)
                if (g_strv_contains(groups, provider->group_roles[i].group))
                        g_ptr_array_add(pairs, g_strdup(provider->group_roles[i].pair));
        g_ptr_array_add(pairs, NULL);
        return (char **) g_ptr_array_free(pairs, FALSE);
}

const ProviderGroupRole *provider_find_pair(const Provider *provider, const char *pair) {
        for (size_t i = 0; i < provider->n_group_roles; i++)
                if (strcmp(provider->group_roles[i].pair, pair) == 0)
                        return &provider->group_roles[i];
        return NULL;
}

/* What can only be seen at the end; the providers, or NULL when there were mistakes. */
static GPtrArray *finish(const GPtrArray *drafts, unsigned before, GPtrArray *mistakes) {
        g_autoptr(GPtrArray) providers = g_ptr_array_new_with_free_func(destroy_provider);

        for (guint i = 0; i < drafts->len && mistakes->len == before; i++)
                provider_draft_check(drafts->pdata[i], mistakes);
        if (mistakes->len != before)
                return NULL;
        for (guint i = 0; i < drafts->len; i++)
                g_ptr_array_add(providers, provider_ref(((ProviderDraft *) drafts->pdata[i])->provider));
        return g_steal_pointer(&providers);
}

GPtrArray *providers_read(const char *folder, GPtrArray *mistakes) {
        g_autoptr(GPtrArray) drafts = g_ptr_array_new_with_free_func(destroy_draft);
        unsigned before = mistakes->len;

        (void) conf_read_folder(folder, provider_sections, drafts, mistakes);
        return finish(drafts, before, mistakes);
}

GPtrArray *providers_read_text(const char *file, const char *text, size_t size, GPtrArray *mistakes) {
        g_autoptr(GPtrArray) drafts = g_ptr_array_new_with_free_func(destroy_draft);
        unsigned before = mistakes->len;

        (void) conf_read_text(file, text, size, provider_sections, drafts, mistakes);
        return finish(drafts, before, mistakes);
}
