/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/name.h"
#include "policy/settings.h"

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

/* Longer than anybody keeps a machine signed in; it keeps sums of times far from overflow. */
#define LONGEST (365 * DAY)

static bool set_unsigned(ConfReader *reader, const ConfValue *value, unsigned min, unsigned max, unsigned *ret) {
        uint64_t number;

        if (!conf_number(reader, value, min, max, &number))
                return false;
        *ret = (unsigned) number;
        return true;
}

/* What stands in tokens as audience; @of says whose name it is. */
static bool set_audience(ConfReader *reader, const ConfValue *value, const char *of, char **ret) {
        g_autofree char *lower = g_ascii_strdown(value->text, -1);
        g_autofree char *remedy = NULL;

        if (!name_is_host(value->text)) {
                remedy = name_is_host(lower) ? g_strdup_printf("did you mean \"%s\"?", lower) : NULL;
                return conf_mistake(reader, value, 0,
                                    remedy ?: "use up to 64 lower-case letters, digits, \".\" and \"-\"",
                                    "\"%s\" cannot be the name of a %s", value->text, of);
        }
        g_free(*ret);
        *ret = g_strdup(value->text);
        return true;
}

static bool set_name(ConfReader *reader, const ConfValue *value, void *target) {
        return set_audience(reader, value, "host", &((Settings *) target)->name);
}

static bool set_fleet(ConfReader *reader, const ConfValue *value, void *target) {
        return set_audience(reader, value, "fleet", &((Settings *) target)->fleet);
}

static bool set_idle(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_duration(reader, value, 5, LONGEST, &((Settings *) target)->session_idle);
}

static bool set_lifetime(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_duration(reader, value, 5, LONGEST, &((Settings *) target)->session_lifetime);
}

static bool set_max_per_user(ConfReader *reader, const ConfValue *value, void *target) {
        return set_unsigned(reader, value, 1, 10000, &((Settings *) target)->max_per_user);
}

/* Which ends of a session end its login: always "revoked". */
static bool set_end_login(ConfReader *reader, const ConfValue *value, void *target) {
        static const char *const words[] = { "revoked", "expired", NULL };
        g_auto(GStrv) items = NULL;
        g_autofree size_t *offsets = NULL;

        if (!conf_list(reader, value, &items, &offsets))
                return false;
        for (size_t i = 0; items[i]; i++) {
                g_autofree char *remedy = conf_suggest(items[i], words);
                if (!g_strv_contains(words, items[i]))
                        return conf_mistake(reader, value, offsets[i], remedy ?: "write revoked, or revoked;expired",
                                            "unknown word \"%s\" in \"end-login\"", items[i]);
        }
        if (!g_strv_contains((const char *const *) items, "revoked"))
                return conf_mistake(reader, value, 0, "write revoked;expired",
                                    "\"end-login\" without \"revoked\": a revoked session always ends its login");
        ((Settings *) target)->end_login_expired = g_strv_contains((const char *const *) items, "expired");
        return true;
}

static bool set_token_lifetime(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_duration(reader, value, 5, 15 * MINUTE, &((Settings *) target)->token_lifetime);
}

static bool set_ticket_lifetime(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_duration(reader, value, 5, MINUTE, &((Settings *) target)->ticket_lifetime);
}

static bool set_device_idle(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_duration(reader, value, 5, LONGEST, &((Settings *) target)->device_idle);
}

static bool set_device_lifetime(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_duration(reader, value, 5, LONGEST, &((Settings *) target)->device_lifetime);
}

/* From the least that is recommended for Argon2id (7 MiB, OWASP's Password Storage Cheat Sheet) upwards. */
static bool set_memory(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_size(reader, value, 7 * MIB, PASSWORD_MEMORY_MAX, &((Settings *) target)->password_memory);
}

static bool set_passes(ConfReader *reader, const ConfValue *value, void *target) {
        return set_unsigned(reader, value, 1, PASSWORD_PASSES_MAX, &((Settings *) target)->password_passes);
}

static bool set_min_length(ConfReader *reader, const ConfValue *value, void *target) {
        return set_unsigned(reader, value, 1, 256, &((Settings *) target)->password_min_length);
}

static bool set_undo_after(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_duration(reader, value, 5, DAY, &((Settings *) target)->undo_after);
}

static bool set_burst(ConfReader *reader, const ConfValue *value, void *target) {
        return set_unsigned(reader, value, 1, 1000, &((Settings *) target)->throttle.burst);
}

static bool set_pay_back(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_duration(reader, value, 1, DAY, &((Settings *) target)->throttle.pay_back);
}

/* One that is shorter than pay-back counts as that: it doubles nothing. */
static bool set_cap(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_duration(reader, value, 1, 7 * DAY, &((Settings *) target)->throttle.cap);
}

/* The most that NIST SP 800-63B, 5.2.2, lets anybody fail in a row is 100; a lower number is stricter. */
static bool set_stranger_limit(ConfReader *reader, const ConfValue *value, void *target) {
        return set_unsigned(reader, value, 1, 1000, &((Settings *) target)->throttle.stranger_limit);
}

static bool set_api_burst(ConfReader *reader, const ConfValue *value, void *target) {
        return set_unsigned(reader, value, 1, 100000, &((Settings *) target)->api_burst);
}

static bool set_api_pay_back(ConfReader *reader, const ConfValue *value, void *target) {
        return conf_duration(reader, value, 1, HOUR, &((Settings *) target)->api_pay_back);
}

static bool set_exempt_users(ConfReader *reader, const ConfValue *value, void *target) {
        Settings *settings = target;
        g_autofree size_t *offsets = NULL;
        g_auto(GStrv) items = NULL;

        if (!conf_list(reader, value, &items, &offsets))
                return false;
        for (size_t i = 0; items[i]; i++)
                if (!name_is_user(items[i]))
                        return conf_mistake(reader, value, offsets[i], "write names of Unix accounts",
                                            "\"%s\" is not a user's name", items[i]);
        g_strfreev(settings->exempt_users);
        settings->exempt_users = g_steal_pointer(&items);
        return true;
}

static bool set_backend(ConfReader *reader, const ConfValue *value, void *target) {
        return store_settings_set_backend(reader, value, &((Settings *) target)->store);
}

static bool set_url(ConfReader *reader, const ConfValue *value, void *target) {
        return store_settings_set_url(reader, value, &((Settings *) target)->store);
}

static bool set_user(ConfReader *reader, const ConfValue *value, void *target) {
        return store_settings_set_user(reader, value, &((Settings *) target)->store);
}

static bool set_password_file(ConfReader *reader, const ConfValue *value, void *target) {
        return store_settings_set_path(reader, value, &((Settings *) target)->store, STORE_PASSWORD_FILE);
}

static bool set_ca_file(ConfReader *reader, const ConfValue *value, void *target) {
        return store_settings_set_path(reader, value, &((Settings *) target)->store, STORE_CA_FILE);
}

static bool set_client_cert(ConfReader *reader, const ConfValue *value, void *target) {
        return store_settings_set_path(reader, value, &((Settings *) target)->store, STORE_CLIENT_CERT);
}

static bool set_client_key(ConfReader *reader, const ConfValue *value, void *target) {
        return store_settings_set_path(reader, value, &((Settings *) target)->store, STORE_CLIENT_KEY);
}

static bool set_key_prefix(ConfReader *reader, const ConfValue *value, void *target) {
        return store_settings_set_key_prefix(reader, value, &((Settings *) target)->store);
}

static bool set_allow_plain_text(ConfReader *reader, const ConfValue *value, void *target) {
        return store_settings_set_allow_plain_text(reader, value, &((Settings *) target)->store);
}

const ConfSection settings_sections[] = {
        { "daemon", .keys = (const ConfKey[]) {
                { "name", set_name },
                {},
        } },
        { "fleet", .keys = (const ConfKey[]) {
                { "name", set_fleet },
                {},
        } },
        { "session", .keys = (const ConfKey[]) {
                { "idle", set_idle },
                { "lifetime", set_lifetime },
                { "max-per-user", set_max_per_user },
                { "end-login", set_end_login },
                {},
        } },
        { "token", .keys = (const ConfKey[]) {
                { "lifetime", set_token_lifetime },
                { "ticket-lifetime", set_ticket_lifetime },
                {},
        } },
        { "device", .keys = (const ConfKey[]) {
                { "idle", set_device_idle },
                { "lifetime", set_device_lifetime },
                {},
        } },
        { "password", .keys = (const ConfKey[]) {
                { "memory", set_memory },
                { "passes", set_passes },
                { "min-length", set_min_length },
                {},
        } },
        { "service", .keys = (const ConfKey[]) {
                { "undo-after", set_undo_after },
                {},
        } },
        { "throttle", .keys = (const ConfKey[]) {
                { "burst", set_burst },
                { "pay-back", set_pay_back },
                { "cap", set_cap },
                { "stranger-limit", set_stranger_limit },
                { "api-burst", set_api_burst },
                { "api-pay-back", set_api_pay_back },
                { "exempt-users", set_exempt_users },
                {},
        } },
        { "store", .keys = (const ConfKey[]) {
                { "backend", set_backend },
                { "url", set_url },
                { "user", set_user },
                { "password-file", set_password_file },
                { "ca-file", set_ca_file },
                { "client-cert", set_client_cert },
                { "client-key", set_client_key },
                { "key-prefix", set_key_prefix },
                { "allow-plain-text", set_allow_plain_text },
                {},
        } },
        {},
};

Settings *settings_new(void) {
        Settings *settings = g_new(Settings, 1);

        *settings = (Settings) {
                .session_idle = 24 * HOUR,
                .session_lifetime = 7 * DAY,
                .max_per_user = 32,
                .token_lifetime = 15 * MINUTE,
                .ticket_lifetime = MINUTE,
                .device_idle = 7 * DAY,
                .device_lifetime = 90 * DAY,
                .password_memory = 19 * MIB,
                .password_passes = 2,
                .password_min_length = 8,
                .undo_after = 5 * MINUTE,
                .throttle = THROTTLE_SETTINGS_DEFAULT,
                .api_burst = 100,
                .api_pay_back = 9,
        };
        store_settings_init(&settings->store);
        return settings;
}

Settings *settings_copy(const Settings *settings) {
        Settings *copy = g_memdup2(settings, sizeof(Settings));

        copy->name = g_strdup(settings->name);
        copy->fleet = g_strdup(settings->fleet);
        copy->exempt_users = g_strdupv(settings->exempt_users);
        store_settings_copy(&settings->store, &copy->store);
        return copy;
}

Settings *settings_free(Settings *settings) {
        if (!settings)
                return NULL;
        g_free(settings->name);
        g_free(settings->fleet);
        g_strfreev(settings->exempt_users);
        store_settings_deinit(&settings->store);
        g_free(settings);
        return NULL;
}

/* What stands in the file is good by itself; is it together? */
static Settings *finish(Settings *settings, bool good, GPtrArray *mistakes) {
        guint before = mistakes->len;

        if (good)
                store_settings_check(&settings->store, mistakes);
        return good && mistakes->len == before ? settings : settings_free(settings);
}

Settings *settings_read(const char *path, GPtrArray *mistakes) {
        Settings *settings = settings_new();
        bool good = conf_read_file(path, /* may_be_absent= */ true, settings_sections, settings, mistakes);

        return finish(settings, good, mistakes);
}

Settings *settings_read_text(const char *file, const char *text, size_t size, GPtrArray *mistakes) {
        Settings *settings = settings_new();
        bool good = conf_read_text(file, text, size, settings_sections, settings, mistakes);

        return finish(settings, good, mistakes);
}
