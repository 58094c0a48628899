/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What a provider's keys mean together, once its file is read. */

#include "policy/providers-private.h"

#define mistake(draft, mistakes, place, remedy, ...)                                                            \
        g_ptr_array_add((mistakes), conf_mistake_new((draft)->provider->file, (place).line, (place).column,     \
                                                     (remedy), __VA_ARGS__))

static void check_present(const ProviderDraft *draft, GPtrArray *mistakes) {
        const Provider *provider = draft->provider;

        if (!provider->urls[PROVIDER_ISSUER])
                mistake(draft, mistakes, draft->heading, "write issuer= and the provider's address",
                        "[provider:%s] has no \"issuer\"", provider->name);
        if (!provider->client_id)
                mistake(draft, mistakes, draft->heading, "write client-id= and what the provider calls this client",
                        "[provider:%s] has no \"client-id\"", provider->name);
}

static void check_urls(const ProviderDraft *draft, GPtrArray *mistakes) {
        const Provider *provider = draft->provider;

        for (int i = 0; i < PROVIDER_URL_COUNT; i++) {
                const char *url = provider->urls[i], *what;

                what = url ? provider_url_mistake(url, provider->insecure_loopback) : NULL;
                if (what)
                        mistake(draft, mistakes, draft->urls[i], "write it as https://HOST/…", "%s \"%s\" %s",
                                provider_url_keys[i], url, what);
        }
}

/* Discovery finds the endpoints; who wrote some may think that they are used. */
static void check_oidc(const ProviderDraft *draft, GPtrArray *mistakes) {
        const Provider *provider = draft->provider;

        for (int i = PROVIDER_DEVICE; i < PROVIDER_URL_COUNT; i++)
                if (provider->urls[i])
                        mistake(draft, mistakes, draft->urls[i], "remove it, or write type=oauth2",
                                "\"%s\" is for type=oauth2: with oidc the provider tells its own",
                                provider_url_keys[i]);
        if (provider->subject_claim)
                mistake(draft, mistakes, draft->subject_claim, "remove it, or write type=oauth2",
                        "\"subject-claim\" is for type=oauth2: with oidc it is always \"sub\"");
        if (provider->scopes && !g_strv_contains((const char *const *) provider->scopes, "openid"))
                mistake(draft, mistakes, draft->scopes, "add openid",
                        "\"scopes\" without \"openid\": there would be no ID token");
}

static void check_oauth2(const ProviderDraft *draft, GPtrArray *mistakes) {
        const Provider *provider = draft->provider;
        static const ProviderUrl wanted[] = { PROVIDER_TOKEN, PROVIDER_USERINFO };

        for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++)
                if (!provider->urls[wanted[i]])
                        mistake(draft, mistakes, draft->heading, "write it: the provider's documentation has it",
                                "[provider:%s] of type=oauth2 has no \"%s\"", provider->name,
                                provider_url_keys[wanted[i]]);
        if (!provider->urls[PROVIDER_DEVICE] && !provider->urls[PROVIDER_AUTHORIZATION])
                mistake(draft, mistakes, draft->heading, "write one of them, or both",
                        "[provider:%s] of type=oauth2 has neither \"device-endpoint\" nor \"authorization-endpoint\"",
                        provider->name);
}

static void fill_in(Provider *provider) {
        static const char *const openid[] = { "openid", NULL }, *const none[] = { NULL };
        bool oidc = provider->type == PROVIDER_OIDC;

        if (!provider->scopes)
                provider->scopes = g_strdupv((char **) (oidc ? openid : none));
        if (!provider->subject_claim)
                provider->subject_claim = g_strdup(oidc ? "sub" : "id");
}

void provider_draft_check(ProviderDraft *draft, GPtrArray *mistakes) {
        check_present(draft, mistakes);
        check_urls(draft, mistakes);
        if (draft->provider->type == PROVIDER_OAUTH2)
                check_oauth2(draft, mistakes);
        else
                check_oidc(draft, mistakes);
        fill_in(draft->provider);
}
