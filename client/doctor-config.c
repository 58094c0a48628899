/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* The configuration: is it right, is it nobody else's, and is it what the daemon goes by? */

#include <sys/stat.h>

#include "client/doctor-ask.h"
#include "client/doctor-service.h"
#include "policy/conf.h"
#include "policy/policy.h"
#include "policy/settings.h"
#include "policy/providers.h"
#include "policy/trust-files.h"

#define SHOWN_MAX 5
#define MORE "tessera policy check"

typedef void (*Say)(Doctor *doctor, const char *remedy, const char *format, ...);

/* A mistake's remedy is the edit to make; the rest of them is another command's to show. */
static void say_mistakes(Doctor *doctor, Say say, const GPtrArray *mistakes) {
        for (guint i = 0; i < mistakes->len && i < SHOWN_MAX; i++) {
                const ConfMistake *mistake = mistakes->pdata[i];

                if (mistake->line > 0)
                        say(doctor, mistake->remedy, "%s:%u: %s", mistake->file, mistake->line, mistake->message);
                else
                        say(doctor, mistake->remedy, "%s: %s", mistake->file, mistake->message);
        }
        if (mistakes->len > SHOWN_MAX)
                say(doctor, MORE, "%u more in the configuration", mistakes->len - SHOWN_MAX);
}

static void say_others(Doctor *doctor, const GPtrArray *trust, const GPtrArray *providers, Policy *policy) {
        g_autoptr(GPtrArray) warnings = conf_mistakes_new();

        for (guint i = 0; trust && i < trust->len; i++)
                trust_file_warn(trust->pdata[i], policy, warnings);
        if (providers)
                providers_warn(providers, policy, warnings);
        say_mistakes(doctor, doctor_warn, warnings);
}

static void look_for_mistakes(Doctor *doctor) {
        g_autoptr(GPtrArray) mistakes = conf_mistakes_new();
        g_autoptr(Settings) settings = settings_read(SETTINGS_FILE, mistakes);
        g_autoptr(Policy) policy = policy_read(POLICY_FILE, POLICY_FOLDER, mistakes);
        g_autoptr(GPtrArray) trust = trust_files_read(TRUST_FOLDER, mistakes);
        g_autoptr(GPtrArray) providers = providers_read(PROVIDERS_FOLDER, mistakes);
        guint before = doctor->findings->len;

        if (policy && providers)
                providers_check(providers, policy, mistakes);
        if (mistakes->len > 0 && !doctor->as_root) {
                const ConfMistake *first = mistakes->pdata[0];
                doctor_skip(doctor, "the configuration: %s: %s", first->file, first->message);
                return;
        }
        say_mistakes(doctor, doctor_fail, mistakes);
        if (policy)
                say_mistakes(doctor, doctor_warn, policy_warnings(policy));
        if (policy)
                say_others(doctor, trust, providers, policy);
        doctor_ok_unless(doctor, before, "the configuration has no mistake");
}

/* When @path was changed in any way, also by being moved there; microseconds, 0: it is not there. */
static int64_t changed_at(const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                return 0;
        return (int64_t) st.st_ctim.tv_sec * G_USEC_PER_SEC + st.st_ctim.tv_nsec / 1000;
}

/* The folder itself, too: a file that is gone has left no other trace. */
static void add_changed(GPtrArray *names, const char *folder, int64_t since) {
        g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
        guint before = names->len;
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(folder, name, NULL);
                if (g_str_has_suffix(name, ".conf") && changed_at(path) > since)
                        g_ptr_array_add(names, g_steal_pointer(&path));
        }
        if (names->len == before && changed_at(folder) > since)
                g_ptr_array_add(names, g_strdup(folder));
}

static void look_whether_it_holds(Doctor *doctor) {
        static const char *const files[] = { SETTINGS_FILE, POLICY_FILE };
        static const char *const folders[] = { POLICY_FOLDER, TRUST_FOLDER, PROVIDERS_FOLDER };
        g_autoptr(GPtrArray) changed = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *problem = NULL, *names = NULL;
        g_auto(DoctorDaemon) daemon = { 0 };

        if (doctor_ask_daemon(DOCTOR_WAY_ANY, &daemon, &problem) != 0 || daemon.configuration_read == 0) {
                doctor_skip(doctor, "which configuration the daemon goes by: %s", problem ?: "it does not say");
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
                if (changed_at(files[i]) > daemon.configuration_read)
                        g_ptr_array_add(changed, g_strdup(files[i]));
        for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
                add_changed(changed, folders[i], daemon.configuration_read);
        if (changed->len == 0) {
                doctor_ok(doctor, "the daemon goes by the configuration as it stands there");
                return;
        }
        names = doctor_names(changed);
        doctor_warn(doctor, "systemctl reload tesserad.service", "changed after the daemon read it: %s", names);
}

const DoctorCheck doctor_config_checks[] = {
        { "configuration",        look_for_mistakes },
        { "configuration-reload", look_whether_it_holds },
        { NULL },
};
