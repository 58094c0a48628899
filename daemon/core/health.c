/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "daemon/core/core-internal.h"
#include "daemon/core/health.h"

int health_check_database(Core *core, bool *ret_finished, char **ret_problem) {
        g_autofree char *problem = NULL;
        int r;

        if (!g_mutex_trylock(&core->checking))
                return CORE_E_BUSY;
        r = store_check(core->store, HEALTH_LIMIT, &problem);
        g_mutex_unlock(&core->checking);
        if (r != 0 && r != -EUCLEAN && r != -EINTR)
                return r;
        *ret_finished = r != -EINTR;
        *ret_problem = g_steal_pointer(&problem);
        return 0;
}
