/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* sshd: what holds when all of its files are read, as sshd itself says it. */

#include <string.h>

#include "client/doctor-place.h"
#include "client/doctor-service.h"
#include "client/doctor-stack.h"
#include "client/service-host.h"

#define RELOAD "systemctl reload ssh.service"
#define MODULE "pam_tessera.so"
#define MODULE_TIMEOUT 10 /* s, of a call; see pam_tessera(8) */
#define HUMAN 20          /* s, that somebody takes to look up and type a password */

typedef struct Setting {
        const char *name; /* as in sshd_config */
        const char *good;
        FindingState state; /* of another value */
        const char *why;
} Setting;

static const Setting settings[] = {
        { "UsePAM", "yes", FINDING_FAIL, "without it sshd asks nobody whether a session may begin" },
        { "KbdInteractiveAuthentication", "yes", FINDING_FAIL,
          "without it the prompt \"Password or token\" does not come" },
        { "UseDNS", "no", FINDING_WARN,
          "a login's origin is then a name, which whoever runs that network's DNS chooses, and not an address" },
        { "PermitUserEnvironment", "no", FINDING_WARN,
          "users can then set LD_PRELOAD for their own login, and so leave a forced command" },
};

/* "name value", in lower case, one a line. g_free. */
static char *effective(const char *shown, const char *name) {
        g_auto(GStrv) lines = g_strsplit(shown, "\n", -1);
        size_t size = strlen(name);

        for (char **line = lines; *line; line++)
                if (g_ascii_strncasecmp(*line, name, size) == 0 && (*line)[size] == ' ')
                        return g_strdup(*line + size + 1);
        return NULL;
}

/* Does tessera's own drop-in say it? */
static bool is_ours(const char *name) {
        const ServiceSpec *sshd = service_spec_by_name("sshd");

        return strstr(sshd->drop_in_text, name);
}

/* The line that says so, said otherwise; where it stands in none, one that sshd comes to first. */
static char *remedy_for(const Doctor *doctor, const char *name, const char *good) {
        g_autofree char *line = g_strdup_printf("%s %s", name, good), *sed = NULL;
        g_auto(Place) place = { 0 };

        if (place_find_sshd(doctor, name, &place)) {
                sed = doctor_sed(place.path, place.line, ".*", line);
                return g_strdup_printf("%s && " RELOAD, sed);
        }
        if (is_ours(name))
                return doctor_enable(doctor, "sshd");
        return g_strdup_printf("echo '%s' >> /etc/ssh/sshd_config.d/01-local.conf && " RELOAD, line);
}

static void judge_setting(Doctor *doctor, const char *shown, const Setting *setting) {
        g_autofree char *value = effective(shown, setting->name), *remedy = NULL;

        if (!value) {
                doctor_skip(doctor, "sshd does not say %s", setting->name);
                return;
        }
        if (g_ascii_strcasecmp(value, setting->good) == 0) {
                doctor_ok(doctor, "sshd has %s %s", setting->name, value);
                return;
        }
        remedy = remedy_for(doctor, setting->name, setting->good);
        doctor_say(doctor, setting->state, remedy, "sshd has %s %s: %s", setting->name, value, setting->why);
}

static int64_t module_timeout(const Doctor *doctor) {
        g_autoptr(GPtrArray) rules = stack_read(doctor->root, "sshd");
        int ours = stack_find(rules, "auth", MODULE, 0);
        int64_t timeout = MODULE_TIMEOUT;

        for (char **word = ours >= 0 ? ((StackRule *) rules->pdata[ours])->arguments : NULL; word && *word; word++)
                if (g_str_has_prefix(*word, "timeout="))
                        timeout = g_ascii_strtoll(*word + strlen("timeout="), NULL, 10);
        return timeout;
}

/* Seconds, as sshd -T prints them; 0 is for ever. */
static void judge_grace(Doctor *doctor, const char *shown) {
        g_autofree char *value = effective(shown, "LoginGraceTime"), *good = NULL, *remedy = NULL;
        int64_t seconds = value ? g_ascii_strtoll(value, NULL, 10) : 0;
        int64_t needed = module_timeout(doctor) + HUMAN;

        if (seconds == 0 || seconds >= needed) {
                doctor_ok(doctor, "sshd gives a login time enough");
                return;
        }
        good = g_strdup_printf("%" G_GINT64_FORMAT, MAX(needed, 120));
        remedy = remedy_for(doctor, "LoginGraceTime", good);
        doctor_warn(doctor, remedy, "sshd has LoginGraceTime %s: a login that types a password needs up to "
                    "%" G_GINT64_FORMAT " s", value, needed);
}

/* Neither is a mistake; but an admin may take one for the other. */
static void tell_passwords(Doctor *doctor, const char *shown) {
        g_autofree char *value = effective(shown, "PasswordAuthentication");

        if (g_strcmp0(value, "yes") == 0)
                doctor_ok(doctor, "sshd has PasswordAuthentication yes: what a client sends without a prompt goes to "
                          "tessera too");
        else
                doctor_ok(doctor, "sshd has PasswordAuthentication no: tessera still takes passwords, at its own "
                          "prompt");
}

void doctor_sshd_judge(Doctor *doctor, const char *shown) {
        for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
                judge_setting(doctor, shown, &settings[i]);
        judge_grace(doctor, shown);
        tell_passwords(doctor, shown);
}

static void look_at_settings(Doctor *doctor) {
        const ServiceSpec *sshd = service_spec_by_name("sshd");
        g_autofree char *shown = NULL, *problem = NULL, *remedy = NULL, *sed = NULL;

        if (!doctor_has_service(doctor, sshd)) {
                doctor_skip(doctor, "sshd: it does not ask tessera");
                return;
        }
        if (!doctor_needs_root(doctor, "sshd's settings"))
                return;
        if (service_host_show(sshd, &shown, &problem)) {
                doctor_sshd_judge(doctor, shown);
                return;
        }
        sed = doctor_comment_out(problem);
        remedy = sed ? g_strdup_printf("%s && " RELOAD, sed) : NULL;
        doctor_fail(doctor, remedy, "sshd would not start: %s", problem);
}

const DoctorCheck doctor_sshd_checks[] = {
        { "sshd", look_at_settings },
        { NULL },
};
