/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * The undo of what nobody has confirmed yet: in which state each service was, since when, in the file
 * "pending" of a folder of root's. While that file is there the undo runs when its time comes and at
 * each boot. Functions that return false say why in @ret_problem (g_free).
 */

#include <stdint.h>

#include "client/service-plan.h"

#define SERVICE_FOLDER "/var/lib/tessera-service"

typedef struct Pending {
        uint64_t since;      /* of the latest change; CLOCK_MONOTONIC, in microseconds: nobody sets it back */
        int64_t undo_at;     /* Unix seconds */
        char *boot;          /* the boot id of that time */
        GPtrArray *services; /* PendingService */
} Pending;

typedef struct PendingService {
        const ServiceSpec *spec;
        ServiceState before;
} PendingService;

Pending *pending_new(void);
/* Everything is to become disabled: for one who has lost the file. */
Pending *pending_new_all_disabled(void);
Pending *pending_free(Pending *pending);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pending, pending_free)

const PendingService *pending_find(const Pending *pending, const ServiceSpec *spec);

/* Remembers how @spec was, unless that is known already; takes @before over. */
void pending_add(Pending *pending, const ServiceSpec *spec, ServiceState *before);
void pending_remove(Pending *pending, const ServiceSpec *spec);

/* Sets since and boot to now. */
bool pending_stamp(Pending *pending, char **ret_problem);

/* Was @pending stamped before @began, in this boot? */
bool pending_is_older(const Pending *pending, uint64_t began);

/* One without services where no file is. */
Pending *pending_read(const char *folder, char **ret_problem);

/* Writes the file, or removes it when no service is left. */
bool pending_write(const Pending *pending, const char *folder, char **ret_problem);

/* systemd's part: the timer and the unit that runs at boot. */

bool undo_arm(int64_t seconds, char **ret_problem);
void undo_disarm(void);
