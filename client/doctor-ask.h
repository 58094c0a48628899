/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Calls to the daemon that tell nobody when they fail: that is the finding. */

#include <stdint.h>

#include "client/doctor.h"
#include "client/lib/call.h"

typedef enum DoctorWay {
        DOCTOR_WAY_ANY, /* as every other command */
        DOCTOR_WAY_PRIVATE,
        DOCTOR_WAY_BUS,
} DoctorWay;

/* What Daemon.* says of itself. */
typedef struct DoctorDaemon {
        char *version;
        int64_t configuration_read; /* microseconds since 1970; 0: not known */
} DoctorDaemon;

void doctor_daemon_deinit(DoctorDaemon *daemon);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DoctorDaemon, doctor_daemon_deinit)

/* 0 and the reply to a method without arguments, or why not in @ret_problem (g_free): as client_message_call(). */
int doctor_ask(DoctorWay way, const char *interface, const char *method, ClientMessage **ret, char **ret_problem);

/*
 * What the daemon finds when it looks at itself (Daemon.Check), which it is asked once: the doctor's. NULL, and why
 * not in doctor->unsaid.
 */
const ClientDict *doctor_ask_check(Doctor *doctor);

int doctor_ask_daemon(DoctorWay way, DoctorDaemon *ret, char **ret_problem);
