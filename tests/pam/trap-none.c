/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/* Where tests/faults/trap.c does not know the machine: its tests skip. */

#include <errno.h>

#include "tests/faults/trap.h"

int trap_install(FaultControl *control) {
        return -ENOSYS;
}
