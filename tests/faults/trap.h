/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Every system call of a process counted, and one of them made to fail. seccomp turns each call into
 * a SIGSYS, whose handler makes the call itself (from the one instruction that seccomp lets through)
 * or returns the error in its place: a microsecond each, where a debugger takes a hundred times
 * that, and calls that libc makes for itself count too, as no replaced function would see them.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FAULT_TRACE_MAX 4096

typedef enum FaultKind {
        FAULT_NONE,
        FAULT_MEMORY,
        FAULT_CALL,
} FaultKind;

/* What is to fail, and what came of it. It may be memory that another process has mapped and writes. */
typedef struct FaultControl {
        _Atomic uint32_t kind;   /* a FaultKind; FAULT_NONE: nothing is counted */
        _Atomic int32_t error;   /* the errno it fails with */
        _Atomic uint32_t nth;    /* which of that kind; 0: none, they are counted only */
        _Atomic uint32_t lasting; /* not 0: all of the same number fail after it, too */
        _Atomic int32_t only;    /* count this number alone; -1: all */
        _Atomic uint32_t count;  /* how many came since */
        _Atomic int32_t fired;   /* the number that failed; -1: none did */
        _Atomic uint16_t trace[FAULT_TRACE_MAX]; /* the numbers that came */
} FaultControl;

/* Counts one of @kind. Must it fail? @number tells calls apart. */
bool fault_comes(FaultControl *control, FaultKind kind, int number);

/* From now on the calls of this thread and of those that it starts go by @control. For good. 0 or -errno. */
int trap_install(FaultControl *control);
