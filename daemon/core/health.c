/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "daemon/core/core-internal.h"
#include "daemon/core/health.h"

#define HALF_SECOND (G_USEC_PER_SEC / 2) /* our clock counts whole ones */

int health_check_database(Core *core, bool *ret_finished, char **ret_problem) {
        g_autofree char *problem = NULL;
        int r;

        if (!g_mutex_trylock(&core->checking))
                return CORE_E_BUSY;
        r = store_check(core->store, HEALTH_LIMIT, &problem);
        g_mutex_unlock(&core->checking);
        if (r != 0 && r != -EUCLEAN && r != -EINTR)
                return r;
        *ret_finished = r != -EINTR;
        *ret_problem = g_steal_pointer(&problem);
        return 0;
}

static char **with_line(char **lines, const char *line) {
        guint n = g_strv_length(lines);

        lines = g_renew(char *, lines, n + 2);
        lines[n] = g_strdup(line);
        lines[n + 1] = NULL;
        return lines;
}

int health_check_store(Core *core, char ***ret_faults, char ***ret_warnings) {
        g_autoptr(CoreConfig) config = core_config(core);
        int r;

        r = store_probe(core->store, clock_wall(core->clock) * G_USEC_PER_SEC + HALF_SECOND, ret_faults, ret_warnings);
        if (r == 0 && store_settings_exposed(&config->settings->store))
                *ret_warnings = with_line(*ret_warnings, STORE_EXPOSED_TEXT);
        return r;
}

bool health_store_is_shared(Core *core) {
        return store_is_shared(core->store);
}

static char *check_provider(Core *core, const char *name, int64_t deadline) {
        g_autofree char *problem = NULL;
        int r;

        if (g_get_monotonic_time() >= deadline)
                return g_strdup_printf("%s: not looked at: the others took too long", name);
        r = core->provider_source->check(core->provider_source, name, &problem);
        if (r == -ECONNREFUSED)
                return g_strdup_printf("%s: tessera-oidc does not answer; see \"systemctl status tessera-oidc.socket\"", name);
        if (r < 0)
                return g_strdup_printf("%s: tessera-oidc cannot say: %s", name, g_strerror(-r));
        return problem ? g_strdup_printf("%s: %s", name, problem) : g_strdup(name);
}

char **health_check_providers(Core *core) {
        int64_t deadline = g_get_monotonic_time() + HEALTH_PROVIDERS;
        g_autoptr(GPtrArray) providers = core_providers(core);
        char **lines = g_new0(char *, providers->len + 1);

        for (guint i = 0; i < providers->len; i++)
                lines[i] = check_provider(core, ((const Provider *) providers->pdata[i])->name, deadline);
        return lines;
}
