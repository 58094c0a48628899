/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/bus/handle.h"
#include "daemon/core/admin.h"

static bool may_still(gpointer core, const Caller *caller) {
        return admin_check_still(core, caller) == 0;
}

static int subscribe_administrator(Request *request, const char *user) {
        const MonitorGuard guard = { .may = may_still, .data = request->core, .caller = request->caller };

        return monitor_subscribe_administrator(request->monitor, &request->peer, user, &guard);
}

/* Who might be told of everybody's has to sign in again, and is not told his own as if that were all. */
static int subscribe_user(Request *request) {
        g_autoptr(Identity) who = NULL;
        int r;

        r = request->identities->look_up(request->identities, NULL, request->caller.uid, &who);
        if (r == IDENTITY_E_NOT_FOUND)
                return request_refuse(request, CORE_E_DENIED, "there is no Unix account with your uid");
        if (r < 0)
                return r;
        r = admin_check(request->core, &request->caller);
        if (r == 0)
                return subscribe_administrator(request, who->name);
        if (r != CORE_E_DENIED)
                return r;
        return monitor_subscribe(request->monitor, &request->peer, request->caller.uid, who->name);
}

/* Events name users as NSS spells them. */
int handle_monitor_subscribe(Request *request) {
        int r;

        r = request->caller.uid == 0 ? monitor_subscribe(request->monitor, &request->peer, 0, /* user= */ NULL) :
                                       subscribe_user(request);
        if (r == CORE_E_BUSY)
                return request_refuse(request, r, "there are too many monitors already; end one of yours");
        return r;
}

int handle_monitor_unsubscribe(Request *request) {
        monitor_unsubscribe(request->monitor, &request->peer);
        return 0;
}
