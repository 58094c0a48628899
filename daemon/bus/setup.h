/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* From files to a core: configuration, state, keys, database, name. Every refusal says what to do. */

#include "daemon/core/core.h"

typedef struct Options {
        char *config_dir;     /* /etc/tessera */
        char *state_dir;      /* /var/lib/tessera */
        char *run_dir;        /* /run/tessera */
        char *bus_address;    /* the system bus */
        char *private_socket; /* NULL: what systemd passes */
        char *provider_socket; /* tessera-oidc's */
} Options;

typedef struct Config {
        Settings *settings;
        Policy *policy;
        Trust *trust;
        GPtrArray *providers; /* Provider * */
        int64_t read; /* when that began, in microseconds since 1970 */
} Config;

void config_deinit(Config *config);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Config, config_deinit)

/*
 * Reads the configuration, all of it, and logs every mistake and warning. In a reload @host is the name that
 * this host has and @store where its store is, neither of which it changes; else NULL. Returns false when there
 * were mistakes; @ret_summary (g_free) is one line about them.
 */
bool setup_config(const Options *options, const char *host, const StoreSettings *store, Config *ret, char **ret_summary);

/* Logs what of the configuration that @core has now does not count. */
void setup_warn(Core *core);

/* In the state folder: a host's own store; the same while it is being moved to its fleet's, and afterwards. */
#define SETUP_DATABASE "tessera.db"
#define SETUP_DATABASE_MOVING SETUP_DATABASE ".migrating"
#define SETUP_DATABASE_MOVED SETUP_DATABASE ".migrated"

/* Is the state folder there, and only the daemon's? 0 or a negative errno, with a message as below. */
int setup_folder(const char *path, char **ret_message);

/* Is there anything in the folder of keys? A folder that cannot be read is an error, never "no". */
int setup_find_keys(const char *path, bool *ret);

/*
 * Opens the state, or makes it at the first start, and fills in everything of @ret but the clock
 * and what talks to others. Takes @config over in any case. 0 or a negative errno, with what is
 * wrong in @ret_message (g_free).
 */
int setup_state(const Options *options, Config *config, CoreParts *ret, char **ret_message);
