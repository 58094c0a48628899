/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* sudo: are its files right, does it ask PAM whenever it should, and whose group plugin is there? */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/doctor-place.h"
#include "client/doctor-service.h"
#include "client/service-host.h"
#include "client/service-sudoers.h"
#include "common/cleanup.h"

#define SUDO "/usr/bin/sudo"
#define PLUGIN "tessera_group.so"
#define PLUGIN_FOLDER "/usr/libexec/sudo/" /* where sudo looks for one that is named without a folder */

static const ServiceSpec *sudo_spec(void) {
        return service_spec_by_name("sudo");
}

/* Rust's sudo has another shape: no plugins, and nothing that prints its settings. */
static bool is_sudo_rs(void) {
        _cleanup_free_ char *real = realpath(SUDO, NULL);

        return real && strstr(real, "sudo-rs");
}

static bool is_to_be_looked_at(const Doctor *doctor) {
        return doctor->as_root && doctor_has_service(doctor, sudo_spec());
}

/* sudoers */

/* visudo says what is wrong with a file's text by its line, with its mode or owner by its name. */
static char *remedy_for_file(const char *problem) {
        g_autofree char *path = NULL;
        const char *colon;
        char *sed = doctor_comment_out(problem);
        const char *start = strstr(problem, ": /");

        if (sed)
                return sed;
        start = start ? start + 2 : problem;
        colon = strchrnul(start, ':');
        path = g_strndup(start, (gsize) (colon - start));
        if (strstr(problem, "bad permissions"))
                return g_strdup_printf("chmod 0440 %s", path);
        if (strstr(problem, "wrong owner"))
                return g_strdup_printf("chown root:root %s", path);
        return NULL;
}

static void look_at_files(Doctor *doctor) {
        g_autofree char *shown = NULL, *problem = NULL, *remedy = NULL;

        if (!doctor_needs_root(doctor, "sudo's settings"))
                return;
        if (!is_to_be_looked_at(doctor)) {
                doctor_skip(doctor, "sudo: it does not ask tessera");
                return;
        }
        if (service_host_show(sudo_spec(), &shown, &problem)) {
                doctor_ok(doctor, "visudo finds no mistake");
                return;
        }
        remedy = remedy_for_file(problem);
        doctor_fail(doctor, remedy, "sudoers has a mistake: %s", problem);
}

/* Settings */

typedef struct Wish {
        const char *option;
        bool on;         /* what it should be; timestamp_timeout: 0 */
        bool by_enable;  /* "enable" sets it, so that it is lost where no line has it */
        const char *why;
} Wish;

static const Wish wishes[] = {
        { "timestamp_timeout", false, true, "sudo then asks nobody for so many minutes, whatever max-age says" },
        { "noninteractive_auth", true, true, "\"sudo -n\" then fails, also where tessera would ask for nothing" },
        { "targetpw", false, false, "sudo then asks users that tessera does not know for another's password" },
        { "rootpw", false, false, "sudo then asks users that tessera does not know for root's password" },
        { "runaspw", false, false, "sudo then asks users that tessera does not know for another's password" },
};

static bool is_on(const json_t *value) {
        const char *text = json_string_value(value);

        return text ? g_ascii_strtod(text, NULL) < 0.0 || g_ascii_strtod(text, NULL) > 0.0 : json_is_true(value);
}

/*
 * Does the option, as cvtsudoers shows sudoers, have another value than wished for anybody? The last
 * line counts; those for some users, hosts or commands come after all that are for everybody.
 */
static bool is_amiss(const json_t *sudoers, const Wish *wish) {
        bool everybody = false, somebody = false;
        const json_t *line, *option;
        size_t i, j;

        json_array_foreach(json_object_get(sudoers, "Defaults"), i, line) {
                bool scoped = json_object_get(line, "Binding");

                json_array_foreach(json_object_get(line, "Options"), j, option) {
                        const json_t *value = json_object_get(option, wish->option);

                        if (value && scoped)
                                somebody = somebody || is_on(value) != wish->on;
                        else if (value)
                                everybody = is_on(value) != wish->on;
                        /* Without a word sudo's own: 15 minutes, and no. */
                }
        }
        return everybody || somebody;
}

static bool is_said(const json_t *sudoers, const char *name) {
        const json_t *line, *option;
        size_t i, j;

        json_array_foreach(json_object_get(sudoers, "Defaults"), i, line)
                json_array_foreach(json_object_get(line, "Options"), j, option)
                        if (json_object_get(option, name) && !json_object_get(line, "Binding"))
                                return true;
        return false;
}

static char *remedy_for_wish(const Doctor *doctor, const GPtrArray *files, const Wish *wish) {
        g_autofree char *good = NULL;
        g_auto(Place) place = { 0 };

        if (!place_find_sudoers(doctor, files, wish->option, &place))
                return doctor_enable(doctor, "sudo");
        if (strcmp(wish->option, "timestamp_timeout") == 0)
                good = g_strdup("timestamp_timeout=0");
        else
                good = g_strdup_printf("%s%s", wish->on ? "" : "!", wish->option);
        return doctor_sed(place.path, place.line, place.value, good);
}

void doctor_sudo_judge(Doctor *doctor, const json_t *sudoers, const GPtrArray *files) {
        guint before = doctor->findings->len;

        for (size_t i = 0; i < G_N_ELEMENTS(wishes); i++) {
                const Wish *wish = &wishes[i];
                g_autofree char *remedy = NULL;

                if (!is_amiss(sudoers, wish) && (!wish->by_enable || is_said(sudoers, wish->option)))
                        continue;
                remedy = remedy_for_wish(doctor, files, wish);
                doctor_warn(doctor, remedy, "sudoers has %s%s%s: %s", wish->on ? "not " : "", wish->option,
                            strcmp(wish->option, "timestamp_timeout") == 0 ? " other than 0" : "", wish->why);
        }
        doctor_ok_unless(doctor, before, "sudo asks PAM at every call, and for the invoking user");
}

/* The files that visudo -c names, "FILE: parsed OK", in the order in which sudo reads them. */
static GPtrArray *files_of(const char *shown) {
        GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) lines = g_strsplit(shown, "\n", -1);

        for (char **line = lines; *line; line++) {
                const char *colon = strstr(*line, ": parsed OK");
                if (colon)
                        g_ptr_array_add(files, g_strndup(*line, (gsize) (colon - *line)));
        }
        return files;
}

/* sudoers as cvtsudoers shows them; NULL, and said, where that cannot be had. */
static json_t *read_sudoers(Doctor *doctor, GPtrArray **ret_files) {
        g_autofree char *shown = NULL, *text = NULL, *problem = NULL;
        json_t *sudoers;

        if (is_sudo_rs()) {
                doctor_skip(doctor, "sudo is sudo-rs, which has no plugins and shows no settings; tessera's lines hold "
                            "there too");
                return NULL;
        }
        if (!service_host_show(sudo_spec(), &shown, &problem) || !service_sudoers_read(&text, &problem)) {
                doctor_skip(doctor, "sudo's settings: %s", problem);
                return NULL;
        }
        sudoers = json_loads(text, 0, NULL);
        if (!sudoers)
                doctor_skip(doctor, "sudo's settings: what cvtsudoers prints is no JSON");
        else
                *ret_files = files_of(shown);
        return sudoers;
}

static void look_at_settings(Doctor *doctor) {
        g_autoptr(GPtrArray) files = NULL;
        json_auto_t *sudoers = is_to_be_looked_at(doctor) ? read_sudoers(doctor, &files) : NULL;

        if (sudoers)
                doctor_sudo_judge(doctor, sudoers, files);
}

/* The group plugin */

/* The last one counts; "FILE ARGUMENTS". */
static const char *group_plugin(const json_t *sudoers) {
        const char *plugin = NULL;
        const json_t *line, *option;
        size_t i, j;

        json_array_foreach(json_object_get(sudoers, "Defaults"), i, line)
                json_array_foreach(json_object_get(line, "Options"), j, option) {
                        const char *value = json_string_value(json_object_get(option, "group_plugin"));
                        plugin = value ? value : plugin;
                }
        return plugin;
}

/* @roles: tessera's drop-in has rules for %:ROLE. @place: tessera's plugin is installed, and could be set. */
void doctor_sudo_judge_plugin(Doctor *doctor, const json_t *sudoers, bool roles, bool place) {
        const char *plugin = group_plugin(sudoers);
        g_autofree char *enable = doctor_enable(doctor, "sudo"), *file = NULL, *path = NULL, *name = NULL;

        if (!plugin && place) {
                doctor_warn(doctor, enable, "sudo has no group plugin, so rules for %%:ROLE let nobody do anything");
                return;
        }
        if (!plugin) {
                doctor_ok(doctor, "sudo has no group plugin");
                return;
        }
        file = g_strndup(plugin, strcspn(plugin, " \t"));
        name = g_path_get_basename(file);
        path = g_strconcat(doctor->root, *file == '/' ? "" : PLUGIN_FOLDER, file, NULL);
        /* Whoever it calls "admin" would be root. */
        if (strcmp(name, PLUGIN) != 0 && roles)
                doctor_fail(doctor, enable, "sudo has another group plugin, %s, which answers for tessera's rules for "
                            "%%:ROLE", file);
        else if (strcmp(name, PLUGIN) != 0)
                doctor_ok(doctor, "sudo has another group plugin, %s: rules for %%:ROLE are not tessera's", file);
        else if (access(path, R_OK) < 0)
                doctor_fail(doctor, "apt install --reinstall tesserad", "sudo's group plugin %s is not there: rules "
                            "for %%:ROLE let nobody do anything", file);
        else
                doctor_ok(doctor, "sudo has tessera's group plugin");
}

static void look_at_plugin(Doctor *doctor) {
        g_autoptr(GPtrArray) files = NULL;
        json_auto_t *sudoers = is_to_be_looked_at(doctor) ? read_sudoers(doctor, &files) : NULL;
        g_autofree char *ignored = NULL, *taken = NULL;
        g_auto(ServiceState) state = { 0 };

        if (sudoers && service_state_read(sudo_spec(), doctor->root, &state, &ignored))
                doctor_sudo_judge_plugin(doctor, sudoers, state.roles, service_sudoers_has_place(&taken));
}

const DoctorCheck doctor_sudo_checks[] = {
        { "sudoers",       look_at_files },
        { "sudo-settings", look_at_settings },
        { "sudo-plugin",   look_at_plugin },
        { NULL },
};
