/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * /etc/tessera/providers.d/NAME.conf: who else may say who somebody is, one file each.
 *
 *         [provider:corp]                        NAME, as in the file's name and in methods=oidc:corp
 *         issuer=https://login.example.org       the iss of its tokens, exactly
 *         client-id=tessera                      what the provider calls this host
 *         client-secret-file=/etc/tessera/corp.secret    not read here (default: a public client)
 *         scopes=openid;profile                  (openid)
 *         user-claim=preferred_username          where the user's name stands (the default)
 *         groups-claim=groups                    where the groups stand (the default)
 *         allowed-groups=staff                   members of one of these only (default: everybody)
 *         group-roles=ops:operator               which group brings which role (default: none)
 *         create=no                              at a first login, for any Unix account? (the default)
 *         ca-file=/etc/ssl/corp.pem              trust these authorities, no others (default: the system's)
 *
 * With type=oauth2, for providers that issue no ID token, the endpoints stand here, since there is
 * no discovery, and who somebody is comes from the userinfo endpoint; issuer= is then only the name
 * that identities are kept under. Which keys there are, and what they may hold, is the table in
 * provider-read.c.
 *
 * Every address is https. Plain http is for tests: only to a loopback address in figures, and only
 * with allow-insecure-loopback=yes. Files and folder must be root's and writable by nobody else.
 */

#include <glib.h>
#include <stdbool.h>

#define PROVIDERS_FOLDER "/etc/tessera/providers.d"

#define PROVIDER_URL_MAX 1024  /* bytes of an address */
#define PROVIDER_TEXT_MAX 256  /* of client-id, and of a claim's name */

typedef enum ProviderType {
        PROVIDER_OIDC,   /* OpenID Connect: discovery, ID tokens */
        PROVIDER_OAUTH2, /* OAuth 2.0 alone: endpoints stand in the file, userinfo says who */
        PROVIDER_TYPE_MAX,
        PROVIDER_TYPE_INVALID = -1,
} ProviderType;

/* The addresses that a file may hold. */
typedef enum ProviderUrl {
        PROVIDER_ISSUER,
        PROVIDER_DEVICE,        /* device-endpoint, and the others of type=oauth2 */
        PROVIDER_AUTHORIZATION,
        PROVIDER_TOKEN,
        PROVIDER_USERINFO,
        PROVIDER_URL_COUNT,
} ProviderUrl;

typedef struct ProviderGroupRole {
        char *group;
        char *role;
        char *pair;      /* "GROUP:ROLE", as it stands there */
        unsigned column;
} ProviderGroupRole;

typedef struct Provider {
        char *name;
        ProviderType type;
        char *urls[PROVIDER_URL_COUNT]; /* those that do not stand there are NULL; the issuer always does */
        bool insecure_loopback;
        char *client_id;
        char *client_secret_file;       /* NULL: a public client */
        char **scopes;                  /* never NULL; empty only with oauth2 */
        char *user_claim, *groups_claim;
        char *subject_claim;            /* of userinfo; "sub" with oidc */
        char **allowed_groups;          /* NULL: everybody */
        ProviderGroupRole *group_roles;
        size_t n_group_roles;
        unsigned group_roles_line;
        bool create;
        char *ca_file;                  /* NULL: the system's authorities */
        char *file;
        unsigned line;                  /* of the section */
} Provider;

ProviderType provider_type_from_string(const char *text);

/* Providers are counted, as a flow outlives the list that its provider came from. */
Provider *provider_ref(Provider *provider);
Provider *provider_unref(Provider *provider);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Provider, provider_unref)

/*
 * Reads every file of @folder that ends in .conf, in the order of their names; an absent folder is
 * none. An array of Provider *; NULL when there were mistakes (ConfMistake *), of which a name that
 * is not the file's, an issuer in two files and a key that does not go with the type are some.
 */
GPtrArray *providers_read(const char *folder, GPtrArray *mistakes);
GPtrArray *providers_read_text(const char *file, const char *text, size_t size, GPtrArray *mistakes);

/*
 * Appends (ConfMistake *) what cannot be together with @policy: a role in group-roles= that it does not have, and
 * one that may administer tessera: that is not a provider's to give. And what it warned of where no user has a role that
 * groups of a provider's have after all is taken back. Before anybody else knows @policy.
 */
typedef struct Policy Policy;
void providers_check(const GPtrArray *providers, Policy *policy, GPtrArray *mistakes);

/* Appends (ConfMistake *) what is right, and yet may not be meant: a provider that is in no file. */
void providers_warn(const GPtrArray *providers, Policy *policy, GPtrArray *warnings);

/* The one called @name, or the one whose issuer is @issuer, the array's, or NULL. */
Provider *providers_find(const GPtrArray *providers, const char *name);
Provider *providers_find_issuer(const GPtrArray *providers, const char *issuer);

/*
 * What is wrong with @url as an address to talk to, or NULL when it is good: https, or http to a
 * loopback address where @insecure_loopback; a host in lower case, no user, no fragment, no
 * characters that RFC 3986 does not have. The words fit behind the address: "is not https".
 */
const char *provider_url_mistake(const char *url, bool insecure_loopback);

/* May a member of @groups (ended by NULL) come in? */
bool provider_lets_in(const Provider *provider, const char *const *groups);

/* What of group-roles= applies to @groups, as it stands there: "GROUP:ROLE"; g_strfreev. */
char **provider_pairs_of(const Provider *provider, const char *const *groups);

/* Does @pair still stand there? The provider's, or NULL. */
const ProviderGroupRole *provider_find_pair(const Provider *provider, const char *pair);
