/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <arpa/inet.h>
#include <string.h>

#include "policy/store-settings.h"
#include "policy/url-host.h"

#define REDIS_PORT 6379
#define NAME_MAX_SIZE 64
#define PATH_MAX_SIZE 512
#define NAME_ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define PREFIX_ALPHABET NAME_ALPHABET ":"
#define URL_REMEDY "write rediss://HOST:6379/0"

const char *const store_text_keys[] = {
        "url", "user", "password-file", "ca-file", "client-cert", "client-key", NULL,
};

void store_settings_init(StoreSettings *store) {
        *store = (StoreSettings) { .key_prefix = g_strdup(STORE_KEY_PREFIX) };
}

void store_settings_deinit(StoreSettings *store) {
        for (int i = 0; i < _STORE_TEXT_MAX; i++)
                g_free(store->texts[i]);
        g_free(store->host);
        g_free(store->key_prefix);
        g_free(store->file);
        *store = (StoreSettings) {};
}

void store_settings_copy(const StoreSettings *from, StoreSettings *ret) {
        *ret = *from;
        for (int i = 0; i < _STORE_TEXT_MAX; i++)
                ret->texts[i] = g_strdup(from->texts[i]);
        ret->host = g_strdup(from->host);
        ret->key_prefix = g_strdup(from->key_prefix);
        ret->file = g_strdup(from->file);
}

bool store_settings_equal(const StoreSettings *a, const StoreSettings *b) {
        if (a->redis != b->redis)
                return false;
        if (!a->redis)
                return true;
        for (int i = STORE_URL + 1; i < _STORE_TEXT_MAX; i++)
                if (g_strcmp0(a->texts[i], b->texts[i]) != 0)
                        return false;
        return g_strcmp0(a->host, b->host) == 0 && a->port == b->port && a->db == b->db && a->tls == b->tls &&
                strcmp(a->key_prefix, b->key_prefix) == 0;
}

bool store_settings_exposed(const StoreSettings *store) {
        return store->redis && !store->tls && !url_host_is_loopback(store->host);
}

/* Values */

static void keep(const ConfValue *value, StoreSettings *store, StoreText which) {
        g_free(store->texts[which]);
        store->texts[which] = g_strdup(value->text);
        store->lines[which] = value->line;
        g_free(store->file);
        store->file = g_strdup(value->file);
}

static bool set_word(ConfReader *reader, const ConfValue *value, const char *no, const char *yes, bool *ret) {
        const char *const words[] = { no, yes, NULL };
        g_autofree char *guess = conf_suggest(value->text, words), *remedy = NULL;

        if (!g_strv_contains(words, value->text)) {
                remedy = g_strdup_printf("write %s or %s", no, yes);
                return conf_mistake(reader, value, 0, guess ?: remedy, "\"%s\" must be %s or %s, not \"%s\"", value->key,
                                    no, yes, value->text);
        }
        *ret = strcmp(value->text, yes) == 0;
        return true;
}

bool store_settings_set_backend(ConfReader *reader, const ConfValue *value, StoreSettings *store) {
        store->backend_line = value->line;
        g_free(store->file);
        store->file = g_strdup(value->file);
        return set_word(reader, value, "sqlite", "redis", &store->redis);
}

bool store_settings_set_allow_plain_text(ConfReader *reader, const ConfValue *value, StoreSettings *store) {
        return set_word(reader, value, "no", "yes", &store->allow_plain_text);
}

static bool has_ipv6_literal(const char *authority, const char *host) {
        struct in6_addr address;

        return authority[0] != '[' || inet_pton(AF_INET6, host, &address) == 1;
}

/* What is wrong with @url, as the rest of a sentence about it; or NULL, and its parts in @ret. */
static const char *parse_url(const char *url, StoreSettings *ret) {
        bool tls = g_str_has_prefix(url, "rediss://");
        const char *authority = url + strlen(tls ? "rediss://" : "redis://"), *path;
        g_autofree char *host = NULL;
        uint16_t port = REDIS_PORT;
        guint64 db = 0;

        if (strlen(url) > STORE_URL_MAX)
                return "is longer than 512 bytes";
        if (!tls && !g_str_has_prefix(url, "redis://"))
                return "begins with neither rediss:// nor redis://";
        if (strchr(url, '@'))
                return "has a user or password, which stand in keys and a file of their own";
        if (strpbrk(url, "?#"))
                return "has a query or fragment";
        path = authority + strcspn(authority, "/");
        host = url_host_take(authority, (size_t) (path - authority), &port);
        if (!host || !has_ipv6_literal(authority, host))
                return "has no plain host in lower case, with or without a port";
        if (*path && path[1] && !g_ascii_string_to_unsigned(path + 1, 10, 0, STORE_DB_MAX, &db, NULL))
                return "has something else than a database's number behind the host";
        g_free(ret->host);
        ret->host = g_steal_pointer(&host);
        ret->port = port;
        ret->db = (unsigned) db;
        ret->tls = tls;
        return NULL;
}

bool store_settings_set_url(ConfReader *reader, const ConfValue *value, StoreSettings *store) {
        const char *mistake = parse_url(value->text, store);

        /* What has a password in it is not said again, nor what is too long for a message. */
        if (mistake && strlen(value->text) > STORE_URL_MAX)
                return conf_mistake(reader, value, 0, URL_REMEDY, "url %s", mistake);
        if (mistake && strchr(value->text, '@'))
                return conf_mistake(reader, value, 0, "write user= and password-file=", "url %s", mistake);
        if (mistake)
                return conf_mistake(reader, value, 0, URL_REMEDY, "url \"%s\" %s", value->text, mistake);
        keep(value, store, STORE_URL);
        return true;
}

bool store_settings_set_user(ConfReader *reader, const ConfValue *value, StoreSettings *store) {
        if (strlen(value->text) > NAME_MAX_SIZE || value->text[strspn(value->text, NAME_ALPHABET)] != '\0')
                return conf_mistake(reader, value, 0, "use up to 64 letters, digits, \".\", \"_\" and \"-\"",
                                    "\"%s\" cannot be a user of the server", value->text);
        keep(value, store, STORE_USER);
        return true;
}

bool store_settings_set_path(ConfReader *reader, const ConfValue *value, StoreSettings *store, StoreText which) {
        if (value->text[0] != '/' || strlen(value->text) > PATH_MAX_SIZE)
                return conf_mistake(reader, value, 0, "write the path from \"/\" on", "%s \"%s\" is not an absolute path",
                                    value->key, value->text);
        keep(value, store, which);
        return true;
}

/* The store puts a hash tag behind it, so no braces. */
bool store_settings_set_key_prefix(ConfReader *reader, const ConfValue *value, StoreSettings *store) {
        if (strlen(value->text) > NAME_MAX_SIZE || value->text[strspn(value->text, PREFIX_ALPHABET)] != '\0')
                return conf_mistake(reader, value, 0, "use up to 64 letters, digits, \":\", \".\", \"_\" and \"-\"",
                                    "\"%s\" cannot begin the store's keys", value->text);
        g_free(store->key_prefix);
        store->key_prefix = g_strdup(value->text);
        return true;
}

/* Together */

#define mistake_at(store, mistakes, at_line, remedy, ...) \
        g_ptr_array_add((mistakes), conf_mistake_new((store)->file, (at_line), 0, (remedy), __VA_ARGS__))

static void check_needs(const StoreSettings *store, StoreText key, StoreText needed, const char *remedy,
                        GPtrArray *mistakes) {
        if (store->texts[key] && !store->texts[needed])
                mistake_at(store, mistakes, store->lines[key], remedy, "\"%s\" without \"%s\"", store_text_keys[key],
                           store_text_keys[needed]);
}

/* Whoever names an authority believes that there is TLS. */
static void check_plain_text(const StoreSettings *store, GPtrArray *mistakes) {
        for (int i = STORE_CA_FILE; i <= STORE_CLIENT_KEY; i++)
                if (store->texts[i])
                        mistake_at(store, mistakes, store->lines[i], "write url=rediss://…, or remove it",
                                   "\"%s\" is for TLS, and the url begins with redis://", store_text_keys[i]);
        if (!url_host_is_loopback(store->host) && !store->allow_plain_text)
                mistake_at(store, mistakes, store->lines[STORE_URL],
                           "write rediss://, or allow-plain-text=yes where the network between is encrypted by "
                           "something else; a server on this host is 127.0.0.1",
                           "url \"%s\" is plain text: whoever is on the network between could read and change sessions",
                           store->texts[STORE_URL]);
}

void store_settings_check(const StoreSettings *store, GPtrArray *mistakes) {
        if (store->redis && !store->texts[STORE_URL])
                mistake_at(store, mistakes, store->backend_line, "add url=rediss://HOST:6379/0",
                           "backend=redis without \"url\"");
        check_needs(store, STORE_USER, STORE_PASSWORD_FILE, "add password-file=", mistakes);
        check_needs(store, STORE_CLIENT_CERT, STORE_CLIENT_KEY, "add client-key=", mistakes);
        check_needs(store, STORE_CLIENT_KEY, STORE_CLIENT_CERT, "add client-cert=", mistakes);
        if (store->texts[STORE_URL] && !store->tls)
                check_plain_text(store, mistakes);
}
