/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * tessera doctor: a table of checks, each of which looks at one thing of the host and says what it
 * found. A finding that is not good comes with what mends it: a command that can be pasted into a
 * root shell, or the edit to make. A check changes nothing, asks nobody, and says so where it could
 * not look.
 */

#include <jansson.h>

#include "client/cli.h"

typedef enum FindingState {
        FINDING_OK,
        FINDING_SKIPPED, /* could not be looked at, or is not there to be looked at */
        FINDING_WARN,
        FINDING_FAIL,
        _FINDING_STATE_MAX,
} FindingState;

typedef struct Finding {
        const char *check;
        FindingState state;
        char *text;   /* one line; may hold names from files: not cleaned */
        char *remedy; /* NULL where there is nothing to mend */
} Finding;

typedef struct Doctor {
        GPtrArray *findings; /* Finding */
        const char *check;   /* the name of the one that looks now */
        const char *root;    /* before each path: "" but in tests */
        bool as_root;
        bool booted;         /* by systemd */
        int64_t now;         /* Unix seconds */
        json_t *users;       /* as "user list" has them; NULL where they are not known */
        struct ClientDict *said; /* by Daemon.Check; NULL until it was asked, or where it did not answer */
        char *unsaid;        /* why it did not */
} Doctor;

void doctor_init(Doctor *doctor);
void doctor_deinit(Doctor *doctor);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Doctor, doctor_deinit)

/* What a check says, any number of times. Format like printf. */
void doctor_ok(Doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);
void doctor_skip(Doctor *doctor, const char *format, ...) G_GNUC_PRINTF(2, 3);
void doctor_warn(Doctor *doctor, const char *remedy, const char *format, ...) G_GNUC_PRINTF(3, 4);
void doctor_fail(Doctor *doctor, const char *remedy, const char *format, ...) G_GNUC_PRINTF(3, 4);
void doctor_say(Doctor *doctor, FindingState state, const char *remedy, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* For a check that found nothing to say in between: good, in these words. */
void doctor_ok_unless(Doctor *doctor, guint said_before, const char *text);

/* Is root needed for what comes? Then says so and returns false. */
bool doctor_needs_root(Doctor *doctor, const char *what);

/* Names in a row for a text: "a, b and 3 more". Of (char *); g_free. */
char *doctor_names(const GPtrArray *names);

/* The file of the host as text; NULL where there is none that can be read. g_free. */
char *doctor_read(const Doctor *doctor, const char *path);

/* @path as a shell takes it for one word: as it is, where it can be. g_free. */
char *doctor_quote(const char *path);

/* "sed -i 'LINEs/FROM/TO/' PATH", quoted for a shell; g_free. */
char *doctor_sed(const char *path, unsigned line, const char *from, const char *to);

/*
 * The command that comments out the line which a program's complaint names, as "FILE: line 3: ..." and
 * "FILE:3:1: ..." do; NULL where it names none. g_free.
 */
char *doctor_comment_out(const char *complaint);

typedef struct DoctorCheck {
        const char *name; /* NULL ends a table */
        void (*look)(Doctor *doctor);
} DoctorCheck;

extern const DoctorCheck doctor_daemon_checks[], doctor_config_checks[], doctor_file_checks[], doctor_pam_checks[],
        doctor_sshd_checks[], doctor_sudo_checks[], doctor_account_checks[], doctor_mac_checks[], doctor_clock_checks[],
        doctor_provider_checks[];

/* Runs every check of a table. */
void doctor_run(Doctor *doctor, const DoctorCheck *checks);

/* [{"check","state","text","remedy"}]; the caller's. */
json_t *doctor_to_json(const Doctor *doctor);
