/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Which services ask tessera on this host, for the checks that are about them. */

#include "client/doctor.h"
#include "client/service-plan.h"

/* Has @spec, or any, tessera's part in some of its files? False also where that cannot be seen. */
bool doctor_has_service(const Doctor *doctor, const ServiceSpec *spec);
bool doctor_any_service(const Doctor *doctor);

/* The break-glass group of @spec's lines; NULL without. g_free. */
char *doctor_breakglass(const Doctor *doctor, const ServiceSpec *spec);

/* "tessera service enable NAME --yes", as it was enabled: the state that somebody has confirmed. g_free. */
char *doctor_enable(const Doctor *doctor, const char *name);

/* What follows are the judgements of a check on text, for its test. */

void doctor_units_judge(Doctor *doctor, const char *shown);  /* of systemctl show */
void doctor_sshd_judge(Doctor *doctor, const char *shown);   /* of sshd -T */
void doctor_sudo_judge(Doctor *doctor, const json_t *sudoers, const GPtrArray *files); /* of cvtsudoers, visudo -c */
void doctor_sudo_judge_plugin(Doctor *doctor, const json_t *sudoers, bool roles, bool place);
