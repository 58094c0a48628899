/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* PAM's stacks: does everybody who comes through an enabled service come by tessera, and who else is a door? */

#include <string.h>
#include <unistd.h>

#include "client/doctor-service.h"
#include "client/doctor-stack.h"

#define MODULE "pam_tessera.so"
#define READENV "user_readenv=1"

/* What lets somebody in, and to a shell. Remote shells without PAM are not ours to see. */
static const char *const doors[] = {
        "sshd",           "login",  "su",      "su-l",  "sudo", "sudo-i", "remote", "gdm-password", "gdm-fingerprint",
        "gdm-autologin",  "lightdm", "lightdm-autologin", "sddm", "sddm-autologin", "xdm", "lxdm", "greetd",
        "xrdp-sesman",    "cockpit", NULL,
};

/* Root's own su needs nobody's leave. */
static bool is_for_root(const StackRule *rule) {
        return strcmp(rule->module, "pam_rootok.so") == 0;
}

/* "line 3 of /etc/pam.d/sudo", and what else one has to know before changing it. g_free. */
static char *rule_place(const StackRule *rule) {
        g_autofree char *lines = rule->last > rule->line ? g_strdup_printf("lines %u to %u", rule->line, rule->last)
                                                         : g_strdup_printf("line %u", rule->line);

        return g_strdup_printf("%s of %s%s", lines, rule->file,
                               rule->included ? ", which other services may include too" : "");
}

/*
 * No command: whoever is let in by such a line alone would be locked out by the same command that
 * mends the host for all others, and a jump before it would land elsewhere. g_free.
 */
static char *by_hand(const StackRule *rule, const char *what) {
        g_autofree char *place = rule_place(rule);

        return g_strdup_printf("by hand, in a root shell that stays open until a login in another one has worked: "
                               "%s (%s)", what, place);
}

/* Behind ours is where it does no harm. */
static void say_before(Doctor *doctor, const StackRule *rule, const char *what) {
        g_autofree char *remedy = by_hand(rule, "move this rule behind tessera's lines, or take it out");

        doctor_fail(doctor, remedy, "%s:%u: %s (%s) %s before tessera is asked; it belongs behind tessera's lines",
                    rule->file, rule->line, rule->module, rule->type, what);
}

static void judge_order(Doctor *doctor, const GPtrArray *rules, const char *type) {
        int ours = stack_find(rules, type, MODULE, 0);
        unsigned to_go = 0; /* rules of the type from here to ours */

        for (int i = ours - 1; i >= 0; i--) {
                const StackRule *rule = rules->pdata[i];

                if (strcmp(rule->type, type) != 0)
                        continue;
                if (!is_for_root(rule) && stack_rule_ends(rule))
                        say_before(doctor, rule, "can end the stack with a yes");
                else if (!is_for_root(rule) && stack_rule_jump(rule) > to_go)
                        say_before(doctor, rule, "jumps over tessera's line");
                to_go++;
        }
}

static void free_edit(void *edit) {
        file_edit_free(edit);
}

/* Are the lines what "enable" would write today, where it would write them? */
static void judge_lines(Doctor *doctor, const ServiceSpec *spec, ServiceState *state) {
        g_autoptr(GPtrArray) edits = g_ptr_array_new_with_free_func(free_edit);
        g_autofree char *remedy = doctor_enable(doctor, spec->name), *problem = NULL;

        state->enabled = true;
        if (!service_plan(spec, doctor->root, state, edits, &problem)) {
                doctor_fail(doctor, NULL, "%s cannot be enabled again as it is: %s", spec->name, problem);
                return;
        }
        for (guint i = 0; i < edits->len; i++) {
                const FileEdit *edit = edits->pdata[i];
                doctor_fail(doctor, remedy, "%s has not the lines of tessera that belong there: lost, changed, moved "
                            "or of another version", edit->path + strlen(doctor->root));
        }
}

static void judge_service(Doctor *doctor, const ServiceSpec *spec) {
        guint before = doctor->findings->len;
        g_autofree char *problem = NULL;
        g_auto(ServiceState) state = { 0 };

        if (!service_state_read(spec, doctor->root, &state, &problem)) {
                doctor_skip(doctor, "%s: %s", spec->name, problem);
                return;
        }
        if (!state.enabled && !state.partly)
                return;
        for (size_t i = 0; i < SERVICE_PAM_FILES_MAX && spec->pam[i].path; i++) {
                g_autofree char *name = g_path_get_basename(spec->pam[i].path);
                g_autoptr(GPtrArray) rules = stack_read(doctor->root, name);

                judge_order(doctor, rules, "auth");
                judge_order(doctor, rules, "account");
        }
        if (doctor->findings->len == before)
                judge_lines(doctor, spec, &state);
}

static void look_at_stacks(Doctor *doctor) {
        guint before = doctor->findings->len;

        for (const ServiceSpec *spec = service_specs; spec->name; spec++)
                judge_service(doctor, spec);
        doctor_ok_unless(doctor, before, "tessera's lines stand whole, and where they belong");
}

/* It lets nobody in or out, so a command will do where it does that line alone. */
static char *readenv_remedy(const StackRule *rule) {
        g_autofree char *place = rule_place(rule);

        if (rule->included || rule->last > rule->line)
                return g_strdup_printf("take " READENV " out of %s", place);
        return doctor_sed(rule->file, rule->line, "[[:space:]]" READENV, "");
}

/* Behind our session line it is the user's own harm alone: what we opened is kept in the PAM handle. */
static void judge_readenv(Doctor *doctor, const GPtrArray *rules) {
        int ours = stack_find(rules, "session", MODULE, 0), i = -1;

        while ((i = stack_find(rules, "session", "pam_env.so", i + 1)) >= 0) {
                const StackRule *rule = rules->pdata[i];
                g_autofree char *remedy = readenv_remedy(rule);

                if (!stack_rule_has(rule, READENV))
                        continue;
                if (i < ours)
                        doctor_warn(doctor, remedy, "%s:%u: pam_env reads files of the user's before tessera opens a "
                                    "session, so users can set its PAM environment", rule->file, rule->line);
                else
                        doctor_ok(doctor, "%s:%u: pam_env reads files of the user's, behind tessera's line",
                                  rule->file, rule->line);
        }
}

static void look_for_readenv(Doctor *doctor) {
        for (const ServiceSpec *spec = service_specs; spec->name; spec++) {
                if (!doctor_has_service(doctor, spec))
                        continue;
                for (size_t i = 0; i < SERVICE_PAM_FILES_MAX && spec->pam[i].path; i++) {
                        g_autofree char *name = g_path_get_basename(spec->pam[i].path);
                        g_autoptr(GPtrArray) rules = stack_read(doctor->root, name);
                        judge_readenv(doctor, rules);
                }
        }
}

/* Lines that somebody wrote by hand: "enable" writes none like it. */
static void judge_second_factor(Doctor *doctor, const GPtrArray *rules) {
        int i = -1;

        while ((i = stack_find(rules, "auth", MODULE, i + 1)) >= 0) {
                const StackRule *rule = rules->pdata[i];
                int behind = stack_find(rules, "auth", NULL, i + 1);
                g_autofree char *remedy = by_hand(rule, "where what stands behind it is to be asked as well, put the "
                                                        "lines of man pam_tessera in its place");

                if (stack_rule_ends(rule) && behind >= 0)
                        doctor_warn(doctor, remedy, "%s:%u: %s skips %s behind it, and any second factor there",
                                    rule->file, rule->line, rule->control,
                                    ((const StackRule *) rules->pdata[behind])->module);
        }
}

static void look_for_second_factors(Doctor *doctor) {
        guint before = doctor->findings->len;

        for (const char *const *door = doors; *door; door++) {
                g_autoptr(GPtrArray) rules = stack_read(doctor->root, *door);
                judge_second_factor(doctor, rules);
        }
        doctor_ok_unless(doctor, before, "no line of tessera's skips what is asked behind it");
}

static bool is_guarded(const Doctor *doctor, const char *door) {
        g_autoptr(GPtrArray) rules = stack_read(doctor->root, door);

        return rules->len == 0 || stack_find(rules, "account", MODULE, 0) >= 0;
}

/* Which command closes the door: "sudo" that of sudo-i too. NULL: none. */
static const char *door_service(const char *door) {
        for (const ServiceSpec *spec = service_specs; spec->name; spec++)
                for (size_t i = 0; i < SERVICE_PAM_FILES_MAX && spec->pam[i].path; i++)
                        if (strcmp(strrchr(spec->pam[i].path, '/') + 1, door) == 0)
                                return spec->name;
        return NULL;
}

static void say_open(Doctor *doctor, const GPtrArray *names, const char *remedy) {
        g_autofree char *text = doctor_names(names);

        if (names->len > 0)
                doctor_warn(doctor, remedy, "%s let%s people in to a shell without asking tessera", text,
                            names->len == 1 ? "s" : "");
}

static void look_for_doors(Doctor *doctor) {
        g_autoptr(GPtrArray) ours = g_ptr_array_new(), others = g_ptr_array_new();
        g_autoptr(GPtrArray) services = g_ptr_array_new();
        g_autofree char *names = NULL, *enable = NULL;

        for (const char *const *door = doors; *door; door++) {
                const char *service = door_service(*door);

                if (is_guarded(doctor, *door))
                        continue;
                g_ptr_array_add(service ? ours : others, (void *) *door);
                if (service && !g_ptr_array_find_with_equal_func(services, service, g_str_equal, NULL))
                        g_ptr_array_add(services, (void *) service);
        }
        g_ptr_array_add(services, NULL);
        names = g_strjoinv(" ", (char **) services->pdata);
        enable = doctor_enable(doctor, names);
        say_open(doctor, ours, enable);
        say_open(doctor, others, "man pam_tessera has the lines for their files in /etc/pam.d");
        if (ours->len + others->len == 0)
                doctor_ok(doctor, "every service that is known to open a shell asks tessera");
}

const DoctorCheck doctor_pam_checks[] = {
        { "pam-lines",         look_at_stacks },
        { "pam-environment",   look_for_readenv },
        { "pam-second-factor", look_for_second_factors },
        { "pam-doors",         look_for_doors },
        { NULL },
};
