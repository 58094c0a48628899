/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/faults/trap.h"

static FaultControl *control;

bool fault_comes(FaultControl *c, FaultKind kind, int number) {
        uint32_t count;

        if (c->kind != (uint32_t) kind || (c->only >= 0 && c->only != number))
                return false;
        count = atomic_fetch_add(&c->count, 1) + 1;
        if (count <= FAULT_TRACE_MAX)
                c->trace[count - 1] = (uint16_t) number;
        if (c->lasting && c->fired == number)
                return true;
        if (count != c->nth)
                return false;
        c->fired = number;
        return true;
}

/* The system call that seccomp knows by its address. */
long trap_gate(long number, long a, long b, long c, long d, long e, long f);
extern const char trap_gate_end[];
__asm__(".text\n"
        ".globl trap_gate\n.hidden trap_gate\n.type trap_gate, @function\n"
        "trap_gate:\n"
        "movq %rdi, %rax\n"
        "movq %rsi, %rdi\n"
        "movq %rdx, %rsi\n"
        "movq %rcx, %rdx\n"
        "movq %r8, %r10\n"
        "movq %r9, %r8\n"
        "movq 8(%rsp), %r9\n"
        "syscall\n"
        ".globl trap_gate_end\n.hidden trap_gate_end\n"
        "trap_gate_end:\n"
        "ret\n"
        ".size trap_gate, .-trap_gate\n");

/* A failure as the kernel has it. */
static long fail(const greg_t *reg, int number, int error) {
        switch (number) {
        case SYS_close: /* closes, whatever it says */
                (void) trap_gate(number, reg[REG_RDI], 0, 0, 0, 0, 0);
                return -error;
        case SYS_brk: /* says where the break is */
                return trap_gate(number, 0, 0, 0, 0, 0, 0);
        default:
                return -error;
        }
}

static void on_trap(int signal, siginfo_t *info, void *context) {
        greg_t *reg = ((ucontext_t *) context)->uc_mcontext.gregs;
        int number = info->si_syscall;

        if (fault_comes(control, FAULT_CALL, number))
                reg[REG_RAX] = fail(reg, number, control->error);
        else
                reg[REG_RAX] = trap_gate(number, reg[REG_RDI], reg[REG_RSI], reg[REG_RDX], reg[REG_R10], reg[REG_R8],
                                         reg[REG_R9]);
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LET_THROUGH BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LET_THROUGH_CALL(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), LET_THROUGH

int trap_install(FaultControl *c) {
        const uint64_t gate = (uint64_t) (uintptr_t) trap_gate_end;
        struct sock_filter filter[] = {
                /* x86-64 has the lower half of a word first. */
                LOAD(instruction_pointer),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) gate, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t) (gate >> 32), 0, 1),
                LET_THROUGH,
                LOAD(nr),
                /* What a handler cannot do in another's place. */
                LET_THROUGH_CALL(SYS_rt_sigreturn), LET_THROUGH_CALL(SYS_rt_sigprocmask),
                LET_THROUGH_CALL(SYS_rt_sigaction), LET_THROUGH_CALL(SYS_sigaltstack),
                LET_THROUGH_CALL(SYS_clone), LET_THROUGH_CALL(SYS_clone3), LET_THROUGH_CALL(SYS_fork),
                LET_THROUGH_CALL(SYS_vfork), LET_THROUGH_CALL(SYS_execve), LET_THROUGH_CALL(SYS_exit),
                LET_THROUGH_CALL(SYS_exit_group), LET_THROUGH_CALL(SYS_wait4),
                /* What threads begin and end with, while every signal is blocked. */
                LET_THROUGH_CALL(SYS_set_robust_list), LET_THROUGH_CALL(SYS_rseq), LET_THROUGH_CALL(SYS_madvise),
                LET_THROUGH_CALL(SYS_munmap), LET_THROUGH_CALL(SYS_futex), LET_THROUGH_CALL(SYS_sched_yield),
                LET_THROUGH_CALL(SYS_arch_prctl), LET_THROUGH_CALL(SYS_tgkill),
                /* What never fails. */
                LET_THROUGH_CALL(SYS_getuid), LET_THROUGH_CALL(SYS_geteuid), LET_THROUGH_CALL(SYS_getgid),
                LET_THROUGH_CALL(SYS_getegid), LET_THROUGH_CALL(SYS_getpid), LET_THROUGH_CALL(SYS_gettid),
                LET_THROUGH_CALL(SYS_getppid), LET_THROUGH_CALL(SYS_umask),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        };
        const struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };
        struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART };

        control = c;
        if (sigaction(SIGSYS, &action, NULL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
                return -errno;
        return 0;
}
