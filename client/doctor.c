/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* tessera doctor: the table of tables, and how it is told. */

#include <stdio.h>
#include <string.h>

#include "client/doctor.h"
#include "client/output.h"
#include "client/verbs.h"

/* The daemon first: who is enrolled is known from it. */
static const DoctorCheck *const tables[] = {
        doctor_daemon_checks, doctor_config_checks,  doctor_file_checks, doctor_pam_checks,   doctor_sshd_checks,
        doctor_sudo_checks,   doctor_account_checks, doctor_mac_checks,  doctor_clock_checks,  doctor_provider_checks,
};

static guint count(const Doctor *doctor, FindingState state) {
        guint n = 0;

        for (guint i = 0; i < doctor->findings->len; i++)
                n += ((const Finding *) doctor->findings->pdata[i])->state == state;
        return n;
}

/* What is good is only counted. */
static void print_findings(const Cli *cli, const json_t *findings) {
        g_autoptr(Table) table = table_new();
        const json_t *finding;
        size_t i;

        json_array_foreach(findings, i, finding) {
                const char *state = output_text(finding, "state");

                if (g_str_equal(state, "ok"))
                        continue;
                table_pair(table, state, output_text(finding, "text"));
                if (json_is_string(json_object_get(finding, "remedy")))
                        table_pair(table, "", output_text(finding, "remedy"));
        }
        table_print(table, cli);
}

int verb_doctor(Cli *cli, const Arguments *arguments) {
        json_auto_t *findings = NULL;
        g_auto(Doctor) doctor;
        guint n_fail, n_warn;
        int r;

        doctor_init(&doctor);
        for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
                doctor_run(&doctor, tables[i]);
        n_fail = count(&doctor, FINDING_FAIL);
        n_warn = count(&doctor, FINDING_WARN);
        findings = doctor_to_json(&doctor);
        if (cli->json) {
                r = output_json(cli, json_incref(findings));
                return r != CLI_DONE || n_fail == 0 ? r : CLI_FAILED;
        }
        print_findings(cli, findings);
        output_say(cli, "%u good, %u to look at, %u to mend; %u could not be looked at", count(&doctor, FINDING_OK),
                   n_warn, n_fail, count(&doctor, FINDING_SKIPPED));
        return n_fail == 0 ? CLI_DONE : CLI_FAILED;
}
