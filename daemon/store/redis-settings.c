/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <glib.h>

#include "common/error.h"
#include "daemon/store/redis-settings.h"

static void free_text(const char **text) {
        g_free((char *) *text);
        *text = NULL;
}

void redis_settings_deinit(RedisLinkSettings *settings) {
        free_text(&settings->host);
        free_text(&settings->user);
        free_text(&settings->ca_file);
        free_text(&settings->client_cert);
        free_text(&settings->client_key);
        settings->password = secret_free((Secret *) settings->password);
}

int redis_settings_copy(const RedisLinkSettings *settings, RedisLinkSettings *ret) {
        Secret *password = NULL;

        if (settings->password) {
                password = secret_new(settings->password->size);
                if (!password)
                        return error_trace(-ENOMEM);
                memcpy(password->data, settings->password->data, settings->password->size);
                password->size = settings->password->size;
        }
        *ret = *settings;
        ret->password = password;
        ret->host = g_strdup(settings->host);
        ret->user = g_strdup(settings->user);
        ret->ca_file = g_strdup(settings->ca_file);
        ret->client_cert = g_strdup(settings->client_cert);
        ret->client_key = g_strdup(settings->client_key);
        return 0;
}
