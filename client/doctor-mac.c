/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* What the kernel allows beyond files' modes: SELinux and AppArmor, where the host has them. */

#include <glob.h>
#include <string.h>

#include "client/doctor.h"

#define SELINUX "/sys/fs/selinux/enforce"
#define SELINUX_MODULE "/var/lib/selinux/*/active/modules/*/tessera"
#define INSTALL                                                                                               \
        "semodule -i /usr/share/selinux/packages/tessera.pp && restorecon -R /usr/libexec/tesserad /etc/tessera " \
        "/var/lib/tessera /run/tessera && systemctl restart tesserad.socket tesserad.service"
#define APPARMOR "/sys/module/apparmor/parameters/enabled"
#define APPARMOR_LOADED "/sys/kernel/security/apparmor/profiles"
#define APPARMOR_PROFILE "/etc/apparmor.d/usr.libexec.tesserad"
#define APPARMOR_NAME "tesserad ("

static bool is_there(const Doctor *doctor, const char *pattern) {
        g_autofree char *whole = g_strconcat(doctor->root, pattern, NULL);
        glob_t found;
        bool there = glob(whole, 0, NULL, &found) == 0;

        if (there)
                globfree(&found);
        return there;
}

static void look_at_selinux(Doctor *doctor) {
        g_autofree char *enforce = doctor_read(doctor, SELINUX);

        if (!enforce)
                doctor_ok(doctor, "this kernel runs no SELinux");
        else if (!doctor_needs_root(doctor, "SELinux's modules"))
                return;
        else if (is_there(doctor, SELINUX_MODULE))
                doctor_ok(doctor, "SELinux has tessera's module");
        else if (enforce[0] == '1')
                doctor_fail(doctor, INSTALL, "SELinux enforces its policy and has not tessera's module: sshd and sudo "
                            "may not reach the daemon");
        else
                doctor_warn(doctor, INSTALL, "SELinux has not tessera's module, and would need it once it enforces");
}

/* The profile's name stands at the beginning of a line: "tesserad (enforce)". */
static bool is_loaded(const char *profiles) {
        return g_str_has_prefix(profiles, APPARMOR_NAME) || strstr(profiles, "\n" APPARMOR_NAME);
}

static void look_at_apparmor(Doctor *doctor) {
        g_autofree char *enabled = doctor_read(doctor, APPARMOR), *profiles = NULL;

        if (!enabled || enabled[0] != 'Y') {
                doctor_ok(doctor, "this kernel runs no AppArmor");
                return;
        }
        if (!doctor_needs_root(doctor, "AppArmor's profiles"))
                return;
        profiles = doctor_read(doctor, APPARMOR_LOADED);
        if (!profiles)
                doctor_skip(doctor, "AppArmor: the kernel does not show its profiles");
        else if (is_loaded(profiles))
                doctor_ok(doctor, "AppArmor has tesserad's profile");
        else if (is_there(doctor, APPARMOR_PROFILE))
                doctor_warn(doctor, "apparmor_parser -r " APPARMOR_PROFILE " && systemctl restart tesserad.service",
                            "AppArmor has not loaded tesserad's profile");
        else
                doctor_warn(doctor, "apt install --reinstall -o Dpkg::Options::=--force-confmiss tesserad",
                            "AppArmor has no profile of tesserad: " APPARMOR_PROFILE " is missing");
}

const DoctorCheck doctor_mac_checks[] = {
        { "selinux",  look_at_selinux },
        { "apparmor", look_at_apparmor },
        { NULL },
};
