/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/bus/handle.h"

static int subscribe(Request *request, const char *user) {
        int r;

        r = monitor_subscribe(request->monitor, &request->peer, request->caller.uid, user);
        if (r == CORE_E_BUSY)
                return request_refuse(request, r, "there are too many monitors already; end one of yours");
        return r;
}

/* Events name users as NSS spells them. */
int handle_monitor_subscribe(Request *request) {
        uid_t uid = request->caller.uid;
        g_autoptr(Identity) who = NULL;
        int r;

        if (uid == 0)
                return subscribe(request, /* user= */ NULL);
        r = request->identities->look_up(request->identities, NULL, uid, &who);
        if (r == IDENTITY_E_NOT_FOUND)
                return request_refuse(request, CORE_E_DENIED, "there is no Unix account with your uid");
        if (r < 0)
                return r;
        return subscribe(request, who->name);
}

int handle_monitor_unsubscribe(Request *request) {
        monitor_unsubscribe(request->monitor, &request->peer);
        return 0;
}
