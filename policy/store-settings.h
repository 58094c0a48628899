/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * [store] of tessera.conf: where users, sessions and devices are kept. What is there is for the Redis
 * backend, and may stand in the file before backend=redis does; mistakes are told all the same.
 */

#include "policy/conf.h"

#define STORE_KEY_PREFIX "tessera:"
#define STORE_URL_MAX 512
#define STORE_DB_MAX 9999

typedef enum StoreText {
        STORE_URL,
        STORE_USER,
        STORE_PASSWORD_FILE, /* paths: not opened here */
        STORE_CA_FILE,
        STORE_CLIENT_CERT,
        STORE_CLIENT_KEY,
        _STORE_TEXT_MAX,
} StoreText;

typedef struct StoreSettings {
        bool redis;                 /* backend=redis; false: sqlite */
        char *texts[_STORE_TEXT_MAX]; /* as they stand there; NULL: not there */
        char *host;                 /* of url; without brackets */
        uint16_t port;
        unsigned db;
        bool tls;
        char *key_prefix;
        bool allow_plain_text;

        /* Where it stands, for what is found out later. */
        char *file;
        unsigned lines[_STORE_TEXT_MAX];
        unsigned backend_line;
} StoreSettings;

extern const char *const store_text_keys[]; /* "url", … by StoreText */

void store_settings_init(StoreSettings *store);
void store_settings_deinit(StoreSettings *store);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StoreSettings, store_settings_deinit)
void store_settings_copy(const StoreSettings *from, StoreSettings *ret);

/* Would the daemon be another one with @b? Where it stands in the file does not count. */
bool store_settings_equal(const StoreSettings *a, const StoreSettings *b);

/* Does what is asked and answered pass a network that others can read? */
bool store_settings_exposed(const StoreSettings *store);
/* What to tell of it then. */
#define STORE_EXPOSED_TEXT "sessions pass the network in plain text (allow-plain-text=yes)"

/* What the keys mean together, once all are read. */
void store_settings_check(const StoreSettings *store, GPtrArray *mistakes);

/* The keys of the section, for settings.c, which says which StoreSettings is meant. */

bool store_settings_set_backend(ConfReader *reader, const ConfValue *value, StoreSettings *store);
bool store_settings_set_url(ConfReader *reader, const ConfValue *value, StoreSettings *store);
bool store_settings_set_user(ConfReader *reader, const ConfValue *value, StoreSettings *store);
bool store_settings_set_path(ConfReader *reader, const ConfValue *value, StoreSettings *store, StoreText which);
bool store_settings_set_key_prefix(ConfReader *reader, const ConfValue *value, StoreSettings *store);
bool store_settings_set_allow_plain_text(ConfReader *reader, const ConfValue *value, StoreSettings *store);
