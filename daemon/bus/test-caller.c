/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "daemon/bus/caller.h"

static void test_a_program_may_call_itself_anything(void) {
        static const char tail[] = " S 77 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 123456789 1 1";
        g_autofree char *odd = g_strconcat("42 () S 1 1 1 (evil)) 9 9", ")", tail, NULL);
        g_autofree char *plain = g_strconcat("42 (sshd)", tail, NULL);
        uint64_t start = 0;
        pid_t parent = 0;

        assert(caller_parse_stat(plain, &parent, &start) && parent == 77 && start == 123456789);
        parent = 0, start = 0;
        assert(caller_parse_stat(odd, &parent, &start) && parent == 77 && start == 123456789);
        assert(!caller_parse_stat("", &parent, &start));
        assert(!caller_parse_stat("42 (sshd) S 77", &parent, &start));
        assert(!caller_parse_stat("42 (sshd) S -1 1 1 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 5 1 1", &parent, &start));
}

static void test_B4_only_roots_own_scope_is_a_login(void) {
        static const struct {
                const char *cgroup, *id; /* NULL: none */
                uid_t uid;
        } rows[] = {
                { "0::/user.slice/user-1000.slice/session-3.scope\n", "3", 1000 },
                { "0::/user.slice/user-1000.slice/session-c1.scope/below\n", "c1", 1000 },
                { "9:name=systemd:/user.slice/user-0.slice/session-12.scope\n0::/\n", "12", 0 },
                /* a user can make folders of any name below its own manager */
                { "0::/user.slice/user-1000.slice/user@1000.service/session-3.scope\n", NULL },
                { "0::/user.slice/user-1000.slice/user@1000.service/user.slice/user-0.slice/session-3.scope\n",
                  NULL },
                { "0::/system.slice/user.slice/user-0.slice/session-3.scope\n", NULL },
                { "5:memory:/user.slice/user-0.slice/session-3.scope\n", NULL },
                { "0::/user.slice/user-1000.slice/session-.scope\n", NULL },
                { "0::/user.slice/user-1000.slice/session-../x.scope\n", NULL },
                { "0::/user.slice/user-1000.slice/session-3.scopes\n", NULL },
                { "0::/user.slice/user-.slice/session-3.scope\n", NULL },
                { "0::/user.slice/user-1000.slice/session-"
                  "0123456789012345678901234567890123456789012345678901234567890123456789.scope\n", NULL },
                { "0::/user.slice/user-4294967295.slice/session-3.scope\n", NULL },
                { "0::/user.slice/user-99999999999999999999.slice/session-3.scope\n", NULL },
                { "0\n:\n::\n", NULL },
                { "", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                char id[64] = "";
                uid_t uid = UID_UNSET;

                assert(caller_logind_id(rows[i].cgroup, id, sizeof(id), &uid) == (rows[i].id != NULL));
                assert(uid == (rows[i].id ? rows[i].uid : UID_UNSET));
                assert(strcmp(id, rows[i].id ? rows[i].id : "") == 0);
        }
}

static void test_B4_this_process(int proc) {
        Caller caller = CALLER_INIT;

        caller.uid = geteuid();
        assert(caller_read_process(&caller, proc, getpid(), CALLER_DEPTH_LOGIN) == 0);
        assert(caller.process.pid == getpid() && caller.process.start > 0);
        assert(caller.parent.pid == getppid());
        assert(!process_equal(&caller.process, &caller.parent));
}

/* What was not asked for is unset, and equals nothing. */
static void test_its_audit_session_alone(int proc) {
        Caller all = CALLER_INIT, caller = CALLER_INIT;

        all.uid = caller.uid = geteuid();
        assert(caller_read_process(&all, proc, getpid(), CALLER_DEPTH_LOGIN) == 0);
        assert(caller_read_process(&caller, proc, getpid(), CALLER_DEPTH_AUDIT) == 0);
        assert(caller.audit_id == all.audit_id && caller.uid == all.uid);
        assert(caller.real_uid == getuid() && all.real_uid == getuid());
        assert(caller.process.pid == 0 && caller.parent.pid == 0);
        assert(caller.logind_id[0] == '\0' && caller.logind_uid == UID_UNSET);
        assert(!process_equal(&caller.process, &caller.process));
        caller.uid++;
        assert(caller_read_process(&caller, proc, getpid(), CALLER_DEPTH_AUDIT) == -EPERM);
}

static void test_B4_a_process_of_another_uid_is_not_believed(int proc) {
        Caller caller = CALLER_INIT;

        caller.uid = geteuid() + 1; /* what the bus said, before the pid was somebody else's */
        assert(caller_read_process(&caller, proc, getpid(), CALLER_DEPTH_LOGIN) == -EPERM);
        assert(caller.process.pid == 0 && caller.audit_id == AUDIT_ID_UNSET && caller.real_uid == UID_UNSET);
}

static void test_B4_a_process_that_is_gone(int proc) {
        Caller caller = CALLER_INIT;
        pid_t child;

        caller.uid = geteuid();
        child = fork();
        assert(child >= 0);
        if (child == 0)
                _exit(0);
        assert(waitpid(child, NULL, 0) == child);
        assert(caller_read_process(&caller, proc, child, CALLER_DEPTH_LOGIN) == -ESRCH);
        assert(caller_read_process(&caller, proc, 0, CALLER_DEPTH_LOGIN) == -ESRCH);
        assert(caller_read_process(&caller, proc, -1, CALLER_DEPTH_LOGIN) == -ESRCH);
        assert(caller.process.pid == 0);
}

static void test_who_started_it(int proc) {
        assert(caller_real_uid(proc, getpid()) == getuid());
        assert(caller_real_uid(proc, 0) == UID_UNSET);
        assert(caller_real_uid(proc, -1) == UID_UNSET);
}

int main(void) {
        _cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        assert(proc >= 0);
        test_a_program_may_call_itself_anything();
        test_B4_only_roots_own_scope_is_a_login();
        test_B4_this_process(proc);
        test_its_audit_session_alone(proc);
        test_B4_a_process_of_another_uid_is_not_believed(proc);
        test_B4_a_process_that_is_gone(proc);
        test_who_started_it(proc);
        return 0;
}
