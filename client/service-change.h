/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Brings services into another state on the running host: one change at a time, all of it or nothing,
 * checked before and after. Functions that return false say why in @ret_problem (g_free).
 */

#include "client/service-undo.h"

typedef struct ServiceChange {
        GPtrArray *specs;   /* const ServiceSpec * that are meant */
        GPtrArray *changed; /* those of them that need an edit */
        GPtrArray *edits;   /* FileEdit; none: nothing to change */
        Pending *pending;   /* what waits for a confirmation, as it was found */
        int lock;           /* on SERVICE_FOLDER; -1 where there is none yet */
} ServiceChange;

void service_change_init(ServiceChange *change);
void service_change_deinit(ServiceChange *change);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ServiceChange, service_change_deinit)

/*
 * Takes the lock and reads what is pending. Without @write neither the folder nor the lock is made:
 * for looking only.
 */
bool service_change_open(ServiceChange *change, bool write, char **ret_problem);

/* Fills edits for the state @wanted of all specs. */
bool service_change_plan(ServiceChange *change, const ServiceState *wanted, char **ret_problem);

/*
 * Enables: keeps what the files were, arms the undo after @undo_after seconds (0: none) and makes the
 * edits. On failure all is as it was.
 */
bool service_change_enable(ServiceChange *change, int64_t undo_after, char **ret_problem);

/*
 * Disables. Files that their service's checker already refused are restored as well; else one that
 * would be refused afterwards undoes the change.
 */
bool service_change_disable(ServiceChange *change, char **ret_problem);

/* Nothing is pending any more for the specs; the last one disarms the undo. */
bool service_change_settle(ServiceChange *change, char **ret_problem);

/*
 * Brings everything pending back to what it was, each service for itself and unchecked, since nobody
 * may be able to log in and mend it. What fails stays pending, and is in @ret_problem.
 */
bool service_change_undo(ServiceChange *change, char **ret_problem);

/* When @spec was enabled, in Unix seconds; 0 where that is not known. */
int64_t service_change_since(const ServiceSpec *spec);
