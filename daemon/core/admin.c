/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/core/admin.h"

int admin_check(Core *core, const Caller *caller) {
        return caller->uid == 0 ? 0 : CORE_E_DENIED;
}
