/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/trusted-file.h"
#include "daemon/bus/setup-store.h"
#include "daemon/store/local-facts.h"
#include "daemon/store/store-redis.h"

/* Of a call with all that it needs. The PAM module waits longer, so that it hears of an outage from us. */
#define DEADLINE (2 * G_USEC_PER_SEC)

#define HALF_SECOND (G_USEC_PER_SEC / 2) /* our clock counts whole ones */

_Static_assert(sizeof(SETUP_STORE_REDIS_FILE) == sizeof(LOCAL_FACTS_FILE), "one file");

static int G_GNUC_PRINTF(4, 5) complain(const StoreSettings *settings, StoreText key, char **ret_message,
                                        const char *format, ...) {
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        *ret_message = g_strdup_printf("%s:%u: %s", settings->file, settings->lines[key], text);
        return -EINVAL;
}

static int check_files(const StoreSettings *settings, char **ret_message) {
        for (StoreText key = STORE_CA_FILE; key <= STORE_CLIENT_CERT; key++) {
                const char *path = settings->texts[key];

                if (path && (!trusted_file_is(path) || access(path, R_OK) < 0))
                        return complain(settings, key, ret_message,
                                        "%s \"%s\" must be a file of root's that nobody else can write, and that the "
                                        "daemon can read; chown root and chmod 0644", store_text_keys[key], path);
        }
        if (settings->texts[STORE_CLIENT_KEY] && !trusted_file_is_private(settings->texts[STORE_CLIENT_KEY]))
                return complain(settings, STORE_CLIENT_KEY, ret_message,
                                "client-key \"%s\" must be a file of root's that only group tessera can read besides; "
                                "chown root:tessera and chmod 0640", settings->texts[STORE_CLIENT_KEY]);
        return 0;
}

static int read_password(const StoreSettings *settings, Secret **ret, char **ret_message) {
        const char *path = settings->texts[STORE_PASSWORD_FILE];

        if (!path)
                return 0;
        *ret = trusted_file_secret(path);
        if (*ret)
                return 0;
        return complain(settings, STORE_PASSWORD_FILE, ret_message,
                        "password-file \"%s\" must hold one line, be root's and readable by group tessera alone; "
                        "chown root:tessera and chmod 0640", path);
}

static int probe(const StoreSettings *settings, Store *store, int64_t now, char **ret_message) {
        g_auto(GStrv) faults = NULL, warnings = NULL;
        g_autofree char *all = NULL;
        int r;

        r = store_probe(store, now * G_USEC_PER_SEC + HALF_SECOND, &faults, &warnings);
        if (r < 0)
                return complain(settings, STORE_URL, ret_message, "the store cannot be asked: %s", g_strerror(-r));
        for (char **warning = warnings; *warning; warning++)
                g_warning("%s:%u: %s", settings->file, settings->lines[STORE_URL], *warning);
        if (store_settings_exposed(settings))
                g_warning("%s:%u: " STORE_EXPOSED_TEXT, settings->file, settings->lines[STORE_URL]);
        if (!faults[0])
                return 0;
        all = g_strjoinv("; ", faults);
        return complain(settings, STORE_URL, ret_message, "%s", all);
}

int setup_store_redis(const StoreSettings *settings, const char *state_dir, bool only_look, int64_t now, Store **ret,
                      char **ret_message) {
        _cleanup_secret_ Secret *password = NULL;
        g_autoptr(Store) store = NULL;
        int r;

        r = check_files(settings, ret_message);
        if (r == 0)
                r = read_password(settings, &password, ret_message);
        if (r < 0)
                return r;
        r = store_redis_open(&(StoreRedisSettings) {
                                     .link = {
                                             .host = settings->host,
                                             .port = settings->port,
                                             .db = settings->db,
                                             .tls = settings->tls,
                                             .user = settings->texts[STORE_USER],
                                             .password = password,
                                             .ca_file = settings->texts[STORE_CA_FILE],
                                             .client_cert = settings->texts[STORE_CLIENT_CERT],
                                             .client_key = settings->texts[STORE_CLIENT_KEY],
                                             .deadline = DEADLINE,
                                     },
                                     .prefix = settings->key_prefix,
                                     .state_folder = state_dir,
                                     .only_looks = only_look,
                             },
                             &store, ret_message);
        if (r == 0)
                r = probe(settings, store, now, ret_message);
        if (r == 0)
                *ret = g_steal_pointer(&store);
        return r;
}
