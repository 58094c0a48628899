/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The table of keys of a [provider:NAME], and what each may hold. */

#include <string.h>

#include "common/name.h"
#include "policy/conf.h"
#include "policy/providers-private.h"

#define CLAIM_ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:/"

static ProviderDraft *last_of(const GPtrArray *drafts) {
        return drafts->len > 0 ? drafts->pdata[drafts->len - 1] : NULL;
}

static Provider *current(void *target) {
        return last_of(target)->provider;
}

static ProviderPlace place_of(const ConfValue *value) {
        return (ProviderPlace) { value->line, value->column };
}

/* The heading: one provider in each file, which is called like it. */
static bool check_heading(ConfReader *reader, const ConfValue *value, const ProviderDraft *last) {
        g_autofree char *base = g_path_get_basename(value->file), *wanted = g_strdup_printf("%s.conf", value->name);
        g_autofree char *remedy = g_strdup_printf("call the file %s, or the provider as the file", wanted);

        if (last && strcmp(last->provider->file, value->file) == 0)
                return conf_mistake(reader, value, 0, "put it into a file of its own",
                                    "second provider in this file, after \"%s\" in line %u", last->provider->name,
                                    last->provider->line);
        if (strcmp(base, wanted) != 0)
                return conf_mistake(reader, value, 0, remedy, "[provider:%s] stands in a file called \"%s\"",
                                    value->name, base);
        return true;
}

static bool open_provider(ConfReader *reader, const ConfValue *value, void *target) {
        GPtrArray *drafts = target;
        ProviderDraft *draft;

        if (!check_heading(reader, value, last_of(drafts)))
                return false;
        draft = g_new0(ProviderDraft, 1);
        draft->heading = place_of(value);
        draft->provider = g_rc_box_new0(Provider);
        *draft->provider = (Provider) {
                .name = g_strdup(value->name),
                .user_claim = g_strdup("preferred_username"),
                .groups_claim = g_strdup("groups"),
                .file = g_strdup(value->file),
                .line = value->line,
        };
        g_ptr_array_add(drafts, draft);
        return true;
}

/* Addresses: whether http is allowed is seen at the end, as the key that allows it may come later. */
static bool set_url(ConfReader *reader, const ConfValue *value, void *target, ProviderUrl which) {
        ProviderDraft *draft = last_of(target);
        const char *mistake = provider_url_mistake(value->text, /* insecure_loopback= */ true);

        if (mistake)
                return conf_mistake(reader, value, 0, "write it as https://HOST/…", "%s \"%s\" %s", value->key,
                                    value->text, mistake);
        draft->urls[which] = place_of(value);
        g_free(draft->provider->urls[which]);
        draft->provider->urls[which] = g_strdup(value->text);
        return true;
}

/* It is compared with what tokens say, byte for byte. */
static bool set_issuer(ConfReader *reader, const ConfValue *value, void *target) {
        const GPtrArray *drafts = target;

        if (strchr(value->text, '?'))
                return conf_mistake(reader, value, strcspn(value->text, "?"), "remove what begins with \"?\"",
                                    "issuer \"%s\" has a query", value->text);
        for (guint i = 0; i + 1 < drafts->len; i++) {
                const Provider *other = ((const ProviderDraft *) drafts->pdata[i])->provider;

                if (g_strcmp0(other->urls[PROVIDER_ISSUER], value->text) == 0)
                        return conf_mistake(reader, value, 0, "keep one of the two files",
                                            "issuer \"%s\" stands in %s already", value->text, other->file);
        }
        return set_url(reader, value, target, PROVIDER_ISSUER);
}

static bool set_device(ConfReader *reader, const ConfValue *value, void *target) {
        return set_url(reader, value, target, PROVIDER_DEVICE);
}

static bool set_authorization(ConfReader *reader, const ConfValue *value, void *target) {
        return set_url(reader, value, target, PROVIDER_AUTHORIZATION);
}

static bool set_token(ConfReader *reader, const ConfValue *value, void *target) {
        return set_url(reader, value, target, PROVIDER_TOKEN);
}

static bool set_userinfo(ConfReader *reader, const ConfValue *value, void *target) {
        return set_url(reader, value, target, PROVIDER_USERINFO);
}

static bool set_type(ConfReader *reader, const ConfValue *value, void *target) {
        static const char *const words[] = { "oidc", "oauth2", NULL };
        ProviderType type = provider_type_from_string(value->text);
        g_autofree char *remedy = conf_suggest(value->text, words);

        if (type == PROVIDER_TYPE_INVALID)
                return conf_mistake(reader, value, 0, remedy ?: "write oidc or oauth2", "unknown type \"%s\"",
                                    value->text);
        current(target)->type = type;
        return true;
}

static bool set_bool(ConfReader *reader, const ConfValue *value, bool *ret) {
        bool yes = strcmp(value->text, "yes") == 0;

        if (!yes && strcmp(value->text, "no") != 0)
                return conf_mistake(reader, value, 0, "write yes or no", "\"%s\" is neither yes nor no in \"%s\"",
                                    value->text, value->key);
        *ret = yes;
        return true;
}

static bool set_create(ConfReader *reader, const ConfValue *value, void *target) {
        return set_bool(reader, value, &current(target)->create);
}

static bool set_insecure_loopback(ConfReader *reader, const ConfValue *value, void *target) {
        return set_bool(reader, value, &current(target)->insecure_loopback);
}

static bool set_client_id(ConfReader *reader, const ConfValue *value, void *target) {
        Provider *provider = current(target);

        for (const char *c = value->text; *c; c++)
                if (!g_ascii_isgraph(*c))
                        return conf_mistake(reader, value, (size_t) (c - value->text),
                                            "write it as the provider shows it", "client-id has more than ASCII letters, "
                                            "digits and punctuation");
        if (strlen(value->text) > PROVIDER_TEXT_MAX)
                return conf_mistake(reader, value, 0, "write it as the provider shows it",
                                    "client-id is longer than %d bytes", PROVIDER_TEXT_MAX);
        g_free(provider->client_id);
        provider->client_id = g_strdup(value->text);
        return true;
}

static bool set_path(ConfReader *reader, const ConfValue *value, char **ret) {
        g_autofree char *plain = g_canonicalize_filename(value->text, "/");

        if (value->text[0] != '/' || strcmp(plain, value->text) != 0)
                return conf_mistake(reader, value, 0, "begin with \"/\", without \"..\" and \"//\"",
                                    "\"%s\" of \"%s\" is no absolute path", value->text, value->key);
        g_free(*ret);
        *ret = g_strdup(value->text);
        return true;
}

static bool set_client_secret_file(ConfReader *reader, const ConfValue *value, void *target) {
        return set_path(reader, value, &current(target)->client_secret_file);
}

static bool set_ca_file(ConfReader *reader, const ConfValue *value, void *target) {
        return set_path(reader, value, &current(target)->ca_file);
}

static bool set_claim(ConfReader *reader, const ConfValue *value, char **ret) {
        size_t size = strlen(value->text), good = strspn(value->text, CLAIM_ALPHABET);

        if (good != size || size > PROVIDER_TEXT_MAX)
                return conf_mistake(reader, value, good, "write one claim's name as it stands in the token",
                                    "\"%s\" cannot be the name of a claim", value->text);
        g_free(*ret);
        *ret = g_strdup(value->text);
        return true;
}

static bool set_user_claim(ConfReader *reader, const ConfValue *value, void *target) {
        if (strcmp(value->text, "email") == 0)
                return conf_mistake(reader, value, 0, "name a claim that holds the name of a Unix account",
                                    "an email address is never an identity");
        return set_claim(reader, value, &current(target)->user_claim);
}

static bool set_groups_claim(ConfReader *reader, const ConfValue *value, void *target) {
        return set_claim(reader, value, &current(target)->groups_claim);
}

static bool set_subject_claim(ConfReader *reader, const ConfValue *value, void *target) {
        last_of(target)->subject_claim = place_of(value);
        return set_claim(reader, value, &current(target)->subject_claim);
}

static bool set_scopes(ConfReader *reader, const ConfValue *value, void *target) {
        ProviderDraft *draft = last_of(target);
        g_autofree size_t *offsets = NULL;
        g_auto(GStrv) items = NULL;

        if (!conf_list(reader, value, &items, &offsets))
                return false;
        for (size_t i = 0; items[i]; i++)
                for (const char *c = items[i]; *c; c++)
                        if (!g_ascii_isgraph(*c) || *c == '"' || *c == '\\')
                                return conf_mistake(reader, value, offsets[i], "write it as the provider names it",
                                                    "\"%s\" cannot be a scope", items[i]);
        draft->scopes = place_of(value);
        g_strfreev(draft->provider->scopes);
        draft->provider->scopes = g_steal_pointer(&items);
        return true;
}

static bool set_allowed_groups(ConfReader *reader, const ConfValue *value, void *target) {
        Provider *provider = current(target);
        g_auto(GStrv) items = NULL;

        if (!conf_list(reader, value, &items, NULL))
                return false;
        if (g_strv_contains((const char *const *) items, "*"))
                return conf_mistake(reader, value, 0, "remove the line: then everybody may",
                                    "\"*\" is no group of a provider");
        g_strfreev(provider->allowed_groups);
        provider->allowed_groups = g_steal_pointer(&items);
        return true;
}

/* GROUP:ROLE, at the last colon: a group may be called anything. */
static bool set_group_roles(ConfReader *reader, const ConfValue *value, void *target) {
        Provider *provider = current(target);
        g_autofree size_t *offsets = NULL;
        g_auto(GStrv) items = NULL;

        if (!conf_list(reader, value, &items, &offsets))
                return false;
        for (size_t i = 0; items[i]; i++) {
                const char *colon = strrchr(items[i], ':');

                if (!colon || colon == items[i] || !name_is_word(colon + 1))
                        return conf_mistake(reader, value, offsets[i], "write GROUP:ROLE, as in staff:everyone",
                                            "\"%s\" in \"group-roles\" is no group with a role", items[i]);
        }
        provider->group_roles_line = value->line;
        provider->n_group_roles = g_strv_length(items);
        provider->group_roles = g_new0(ProviderGroupRole, provider->n_group_roles);
        for (size_t i = 0; items[i]; i++) {
                const char *colon = strrchr(items[i], ':');

                provider->group_roles[i] = (ProviderGroupRole) {
                        .group = g_strndup(items[i], (size_t) (colon - items[i])),
                        .role = g_strdup(colon + 1),
                        .pair = g_strdup(items[i]),
                        .column = value->column + (unsigned) offsets[i],
                };
        }
        return true;
}

const ConfSection provider_sections[] = {
        { "provider", .named = true, .open = open_provider, .keys = (const ConfKey[]) {
                { "type", set_type },
                { "issuer", set_issuer },
                { "client-id", set_client_id },
                { "client-secret-file", set_client_secret_file },
                { "scopes", set_scopes },
                { "user-claim", set_user_claim },
                { "groups-claim", set_groups_claim },
                { "allowed-groups", set_allowed_groups },
                { "group-roles", set_group_roles },
                { "create", set_create },
                { "ca-file", set_ca_file },
                { "device-endpoint", set_device },
                { "authorization-endpoint", set_authorization },
                { "token-endpoint", set_token },
                { "userinfo-endpoint", set_userinfo },
                { "subject-claim", set_subject_claim },
                { "allow-insecure-loopback", set_insecure_loopback },
                {},
        } },
        {},
};
