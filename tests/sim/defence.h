/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */
#pragma once

/* What stands between somebody who types a password and the check of it: tessera's ledger, and models of others. */

#include <stdbool.h>
#include <stdint.h>

typedef enum Way {
        WAY_STRANGER, /* by ssh, from a host where the user never was */
        WAY_KNOWN,    /* by ssh, from the user's own host */
        WAY_DEVICE,   /* the same, from a device of the user's: sudo in its session asks for the password */
        WAY_CONSOLE,
        _WAY_MAX,
} Way;

typedef struct Try {
        int64_t now; /* ms */
        Way way;
        const char *host; /* NULL: the console */
        bool right;
} Try;

typedef struct Defence {
        const char *name;
        void *(*begin)(void);
        /* Did the answer reach the check? */
        bool (*try)(void *state, const Try *try);
        void (*end)(void *state);
} Defence;

/* Models, from their manuals, with their defaults. Each is of one account. */
extern const Defence pam_faillock;          /* pam_faillock(8), faillock.conf(5): Linux-PAM 1.5 */
extern const Defence fail2ban;              /* jail.conf(5), jail sshd: 1.0 */
extern const Defence per_source_penalties;  /* sshd_config(5), PerSourcePenalties: OpenSSH 9.8 */
