/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* Running the daemon's program for what is done while no daemon runs: daemon/bus/offline.h. For root. */

#include "client/cli.h"

/* What it told, in lines KEY=VALUE. */
typedef struct DaemonAnswer {
        char **lines;
        bool good; /* it ended with success */
} DaemonAnswer;

void daemon_answer_deinit(DaemonAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DaemonAnswer, daemon_answer_deinit)

/*
 * Runs it as the daemon's user, with @option and @second (or NULL). 0 where it told a "state=", also one in which it
 * did nothing, or the exit code of what was told: also where it failed and said why.
 */
int daemon_run(Cli *cli, const char *option, const char *second, DaemonAnswer *ret);

/* The first value of a key, "" without. */
const char *daemon_answer_get(const DaemonAnswer *answer, const char *key);
/* All of them, with @between; NULL where there is none. g_free. */
char *daemon_answer_join(const DaemonAnswer *answer, const char *key, const char *between);
