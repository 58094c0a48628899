/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Who calls, as a value: made by the edge from what the bus and the kernel say, never from what
 * the caller says. Core never asks the bus.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/types.h"

typedef struct Process {
        pid_t pid;      /* 0: unknown */
        uint64_t start; /* in clock ticks since boot, field 22 of /proc/PID/stat: tells a pid used again */
} Process;

typedef struct Caller {
        uid_t uid;         /* UID_UNSET until the bus has said it; such a caller may do nothing */
        Process process;
        Process parent;
        uint32_t audit_id; /* /proc/PID/sessionid; AUDIT_ID_UNSET outside a login */
        char logind_id[64]; /* from /proc/PID/cgroup; "" without */
        uid_t logind_uid;   /* whose that is: after `su bob` bob's programs run in alice's */
        uid_t real_uid;     /* who started it, as a setuid program's getuid() says; UID_UNSET: nobody has looked */
} Caller;

#define CALLER_INIT                                                                                   \
        { .uid = UID_UNSET, .real_uid = UID_UNSET, .audit_id = AUDIT_ID_UNSET, .logind_uid = UID_UNSET }

static inline bool process_equal(const Process *a, const Process *b) {
        return a->pid > 0 && a->pid == b->pid && a->start == b->start;
}
