/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <inttypes.h>
#include <string.h>

#include "daemon/oidc/identity.h"
#include "daemon/oidc/strict-json.h"

Identity *identity_free(Identity *identity) {
        if (!identity)
                return NULL;
        g_free(identity->issuer);
        g_free(identity->subject);
        g_free(identity->user);
        g_strfreev(identity->groups);
        g_free(identity->name);
        g_free(identity);
        return NULL;
}

/* NULL: none that can be kept. */
static char *subject_of(const Provider *provider, const Json *object) {
        const char *text = strict_json_string(object, provider->subject_claim, IDENTITY_SUBJECT_MAX);
        int64_t number;

        if (provider->type == PROVIDER_OAUTH2 && strict_json_integer(object, provider->subject_claim, &number))
                return number > 0 ? g_strdup_printf("%" PRId64, number) : NULL;
        for (const char *c = text; c && *c; c++)
                if (!g_ascii_isprint(*c))
                        return NULL;
        return g_strdup(text);
}

/* Absent (NULL) and good, or one plain text. */
static bool take_user(const Provider *provider, const Json *object, char **ret) {
        const char *text = strict_json_string(object, provider->user_claim, IDENTITY_TEXT_MAX);

        if (!text || !strict_json_is_plain(text))
                return !strict_json_has(object, provider->user_claim);
        *ret = g_strdup(text);
        return true;
}

/* A list; providers that have only one group to say may say it without. */
static bool take_groups(const Provider *provider, const Json *object, char ***ret) {
        const Json *claim = json_object_get(object, provider->groups_claim);
        g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(g_free);
        size_t n = json_is_array(claim) ? json_array_size(claim) : claim ? 1 : 0;

        if (n > IDENTITY_GROUPS_MAX)
                return false;
        for (size_t i = 0; i < n; i++) {
                const Json *item = json_is_array(claim) ? json_array_get(claim, i) : claim;
                const char *text = json_string_value(item);

                if (!text || !text[0] || json_string_length(item) > IDENTITY_TEXT_MAX || !strict_json_is_plain(text))
                        return false;
                g_ptr_array_add(groups, g_strdup(text));
        }
        g_ptr_array_add(groups, NULL);
        *ret = (char **) g_ptr_array_free(g_steal_pointer(&groups), FALSE);
        return true;
}

OidcReason identity_from_claims(const Provider *provider, const struct json_t *object, Identity **ret) {
        g_autoptr(Identity) identity = g_new0(Identity, 1);
        const char *name = strict_json_string(object, "name", IDENTITY_TEXT_MAX);

        identity->subject = subject_of(provider, object);
        if (!identity->subject || !take_user(provider, object, &identity->user) ||
            !take_groups(provider, object, &identity->groups))
                return OIDC_CLAIMS;
        identity->issuer = g_strdup(provider->urls[PROVIDER_ISSUER]);
        identity->name = name && strict_json_is_plain(name) ? g_strdup(name) : NULL;
        *ret = g_steal_pointer(&identity);
        return OIDC_GOOD;
}
