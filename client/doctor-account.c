/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Unix accounts of enrolled users: what would keep them out, or let somebody in. And who is break-glass. */

#include <errno.h>
#include <grp.h>
#include <string.h>

#include "client/doctor-account.h"
#include "client/doctor-service.h"
#include "client/output.h"

#define DAY (24 * 60 * 60)

static bool is_no_shell(const char *shell) {
        return g_str_has_suffix(shell, "/nologin") || g_str_has_suffix(shell, "/false");
}

/* As pam_unix has it: -1 is unset. */
static bool is_aged(const struct spwd *shadow, int64_t day) {
        return shadow->sp_lstchg > 0 && shadow->sp_max >= 0 && day > (int64_t) shadow->sp_lstchg + shadow->sp_max;
}

AccountFault account_judge(uid_t uid, const struct passwd *entry, const struct spwd *shadow, int64_t day) {
        if (!entry)
                return ACCOUNT_GONE;
        if (entry->pw_uid != uid)
                return ACCOUNT_OTHER_UID;
        if (!entry->pw_passwd[0] || (shadow && !shadow->sp_pwdp[0]))
                return ACCOUNT_NO_PASSWORD;
        if (shadow && shadow->sp_expire >= 0 && day >= shadow->sp_expire)
                return ACCOUNT_EXPIRED;
        if (shadow && shadow->sp_lstchg == 0)
                return ACCOUNT_MUST_CHANGE;
        if (shadow && is_aged(shadow, day))
                return ACCOUNT_AGED;
        return is_no_shell(entry->pw_shell) ? ACCOUNT_NO_SHELL : ACCOUNT_GOOD;
}

static const struct {
        FindingState state;
        const char *text;
        const char *remedy; /* a command that ends in the user's name */
        bool perhaps;       /* it may be meant: then nothing is to be mended */
} faults[_ACCOUNT_FAULT_MAX] = {
        [ACCOUNT_GONE] = { FINDING_FAIL, "no Unix account any more, but enrolled", "tessera user remove" },
        [ACCOUNT_OTHER_UID] = { FINDING_FAIL, "not the Unix account (uid) that was enrolled", "tessera user remove" },
        [ACCOUNT_NO_PASSWORD] = { FINDING_FAIL, "an empty Unix password, by which services that do not ask tessera "
                                  "let anybody in", "passwd -l" },
        [ACCOUNT_EXPIRED] = { FINDING_WARN, "the Unix account has expired, so no login is let in", "chage -E -1",
                              .perhaps = true },
        [ACCOUNT_AGED] = { FINDING_WARN, "the Unix password has expired, so sshd would ask for it", "chage -M -1" },
        [ACCOUNT_MUST_CHANGE] = { FINDING_WARN, "the Unix password must be changed, so sshd would ask for it",
                                  "chage -d \"$(date +%F)\"", .perhaps = true },
        [ACCOUNT_NO_SHELL] = { FINDING_WARN, "a shell that lets nobody work", "usermod -s /bin/bash", .perhaps = true },
};

#define SHOWN_MAX 5 /* names in a remedy: the others are in the next run's */

/* "COMMAND alice; COMMAND bob". What is enrolled is a name without meaning to a shell. */
static char *remedy_for(const char *command, const GPtrArray *names, bool perhaps) {
        GString *text = g_string_new(NULL);

        for (guint i = 0; i < names->len && i < SHOWN_MAX; i++)
                g_string_append_printf(text, "%s%s %s", i > 0 ? "; " : "", command, (const char *) names->pdata[i]);
        if (perhaps)
                g_string_append(text, " # unless it is closed on purpose");
        return g_string_free(text, FALSE);
}

static void say_fault(Doctor *doctor, AccountFault fault, const GPtrArray *names) {
        g_autofree char *list = doctor_names(names);
        g_autofree char *remedy = remedy_for(faults[fault].remedy, names, faults[fault].perhaps);

        doctor_say(doctor, faults[fault].state, remedy, "%s: %s", faults[fault].text, list);
}

static AccountFault judge(const json_t *user, int64_t now) {
        const char *name = output_text(user, "user");
        const struct passwd *entry;

        errno = 0;
        entry = getpwnam(name);
        if (!entry && errno != 0 && errno != ENOENT && errno != ESRCH)
                return ACCOUNT_GOOD; /* a directory that does not answer is not one without the account */
        return account_judge((uid_t) output_number(user, "uid"), entry, getspnam(name), now / DAY);
}

static void look_at_accounts(Doctor *doctor) {
        GPtrArray *names[_ACCOUNT_FAULT_MAX];
        guint before = doctor->findings->len;
        const json_t *user;
        size_t i;

        if (!doctor_needs_root(doctor, "how enrolled users' Unix accounts are"))
                return;
        if (!doctor->users) {
                doctor_skip(doctor, "Unix accounts: who is enrolled is not known");
                return;
        }
        for (AccountFault fault = 0; fault < _ACCOUNT_FAULT_MAX; fault++)
                names[fault] = g_ptr_array_new();
        json_array_foreach(doctor->users, i, user)
                g_ptr_array_add(names[judge(user, doctor->now)], (void *) output_text(user, "user"));
        for (AccountFault fault = ACCOUNT_GOOD + 1; fault < _ACCOUNT_FAULT_MAX; fault++)
                if (names[fault]->len > 0)
                        say_fault(doctor, fault, names[fault]);
        for (AccountFault fault = 0; fault < _ACCOUNT_FAULT_MAX; fault++)
                g_ptr_array_unref(names[fault]);
        doctor_ok_unless(doctor, before, "enrolled users' Unix accounts are in order");
}

/* Break-glass */

static void judge_group(Doctor *doctor, const char *name) {
        g_autofree char *create = g_strdup_printf("groupadd %s", name);
        g_autofree char *fill = g_strdup_printf("usermod -aG %s USER", name);
        const struct group *group = getgrnam(name);

        if (!group)
                doctor_fail(doctor, create, "there is no group \"%s\", whose members are to get in while the daemon is "
                            "down", name);
        else if (!group->gr_mem[0])
                doctor_warn(doctor, fill, "the break-glass group \"%s\" has no member, so nobody but root gets in while "
                            "the daemon is down", name);
        else
                doctor_ok(doctor, "the break-glass group \"%s\" has members", name);
}

/* One group for many services is said once. */
static void look_at_breakglass(Doctor *doctor) {
        g_autoptr(GHashTable) groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (const ServiceSpec *spec = service_specs; spec->name; spec++) {
                g_autofree char *name = doctor_breakglass(doctor, spec), *enable = doctor_enable(doctor, spec->name);
                g_autofree char *remedy = g_strdup_printf("%s --breakglass GROUP", enable);

                /* passwd lets nobody in. */
                if (!doctor_has_service(doctor, spec) || !service_spec_is_gate(spec))
                        continue;
                if (!name)
                        doctor_warn(doctor, remedy, "%s has no break-glass group: while the daemon is down no user of "
                                    "tessera's gets in by it", spec->name);
                else if (!g_hash_table_contains(groups, name))
                        judge_group(doctor, name);
                if (name)
                        (void) g_hash_table_add(groups, g_steal_pointer(&name));
        }
}

const DoctorCheck doctor_account_checks[] = {
        { "accounts",   look_at_accounts },
        { "breakglass", look_at_breakglass },
        { NULL },
};
