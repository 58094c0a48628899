/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

/*
 * Account: the role gate. It holds where authentication was skipped (keys, sudo's timestamp,
 * NOPASSWD) and asks live, so it needs nothing that authenticate left behind. What it has left, the
 * pending session's handle, goes along: a provider's groups may have brought that session roles.
 */

#include <security/pam_modules.h>

#include "pam/pam-call.h"

__attribute__((visibility("default")))
int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv) {
        Call call = CALL_INIT(pamh, flags, PHASE_ACCOUNT);

        if (call_begin(&call, argc, argv))
                call_ask(&call, "Authorize", NULL);
        return call_finish(&call);
}
