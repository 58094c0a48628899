/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/*
 * Who calls, from what the bus and the kernel say.
 *
 * The uid is the bus's word (or the socket's), never /proc's: a pid can be used again before we
 * look. What /proc says about the pid is believed only while the process has that very uid, so that
 * a race can at best name another process of the same user, and processes of one uid are one
 * security domain. Nothing is granted across uids on it.
 */

#include "daemon/core/caller.h"

/* How much of the calling process a method has to know: every file that is read costs its caller time. */
typedef enum CallerDepth {
        CALLER_DEPTH_NONE = 0,
        CALLER_DEPTH_AUDIT, /* its audit session: which login it is of */
        CALLER_DEPTH_LOGIN, /* all: when it and its parent began, too, and the logind session */
} CallerDepth;

/*
 * Fills in the audit session and the real uid of @caller, whose uid is known, and with
 * CALLER_DEPTH_LOGIN process, parent and logind session, from @proc (a descriptor of /proc) and
 * @pid. 0, -ESRCH when there is no such process any more, -EPERM when it has another uid, or another
 * negative errno; @caller is then as it was.
 */
int caller_read_process(Caller *caller, int proc, pid_t pid, CallerDepth depth);

/* Is it still there, and no other one under its number? Where nobody can say, it is. */
bool caller_is_alive(int proc, const Process *process);

/*
 * Who started the process @pid: its real uid, which in sudo and su is the invoker's. That user may
 * stop or kill it at any moment. UID_UNSET when nobody can say.
 */
uid_t caller_real_uid(int proc, pid_t pid);

/*
 * The logind session in the text of /proc/PID/cgroup. Only root can place a process in
 * /user.slice/user-UID.slice/session-ID.scope; below user@UID.service a user can make a folder of
 * any name, so the path must begin with exactly that. Returns false, with both untouched, where
 * there is none.
 */
bool caller_logind_id(const char *cgroup, char *ret_id, size_t size, uid_t *ret_uid);

/* Parent and start time in the text of /proc/PID/stat, whose second field may hold anything. */
bool caller_parse_stat(const char *stat, pid_t *ret_parent, uint64_t *ret_start);
