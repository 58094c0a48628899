/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <glib.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "client/service-host.h"
#include "client/service-sudoers.h"

#define CVTSUDOERS "/usr/bin/cvtsudoers"
#define SUDOERS "/etc/sudoers"

/* A name without a folder is looked for beside sudo's own plugins; behind it may stand arguments. */
static bool is_ours(const char *plugin) {
        return strcmp(plugin, SUDO_PLUGIN) == 0 || strcmp(plugin, strrchr(SUDO_PLUGIN, '/') + 1) == 0;
}

/* Options of one line of "Defaults": those for a single user, host or command count like all others. */
static const char *other_plugin(const json_t *options) {
        const json_t *option;
        size_t i;

        json_array_foreach(options, i, option) {
                const char *plugin = json_string_value(json_object_get(option, "group_plugin"));
                if (plugin && !is_ours(plugin))
                        return plugin;
        }
        return NULL;
}

bool service_sudoers_leaves_place(const char *json, char **ret_problem) {
        json_error_t error;
        json_auto_t *sudoers = json_loads(json, 0, &error);
        const json_t *line;
        size_t i;

        if (!json_is_object(sudoers)) {
                *ret_problem = g_strdup_printf("what " CVTSUDOERS " says of " SUDOERS " cannot be read: %s",
                                               sudoers ? "it is no object" : error.text);
                return false;
        }
        json_array_foreach(json_object_get(sudoers, "Defaults"), i, line) {
                const char *plugin = other_plugin(json_object_get(line, "Options"));
                if (!plugin)
                        continue;
                *ret_problem = g_strdup_printf("sudoers sets another group plugin, \"%s\"", plugin);
                return false;
        }
        return true;
}

bool service_sudoers_read(char **ret_json, char **ret_problem) {
        /* sudo's own parser, which follows every include. Its settings file is not for us: it may leave things out. */
        static const char *const argv[] = { CVTSUDOERS, "-c", "/dev/null", "-i", "sudoers", "-f", "json",
                                            "-s", "aliases,privileges", SUDOERS, NULL };

        return service_host_run(argv, ret_json, ret_problem);
}

bool service_sudoers_has_place(char **ret_problem) {
        g_autofree char *output = NULL;

        if (access(SUDO_PLUGIN, R_OK) < 0) {
                *ret_problem = g_strdup(SUDO_PLUGIN " is not installed (package tesserad)");
                return false;
        }
        return service_sudoers_read(&output, ret_problem) && service_sudoers_leaves_place(output, ret_problem);
}
