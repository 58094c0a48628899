/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/bus/whose.h"
#include "daemon/core/user-admin.h"

/* The user's uid, as it was enrolled: the Unix account may be gone. For who may administer. */
static int find_user(Request *request, const char *name, uid_t *ret) {
        UserView *view;
        int r;

        r = user_show(request->core, &request->caller, name, &view);
        if (r == CORE_E_NOT_FOUND)
                return request_refuse(request, r, "tessera does not know the user \"%s\"", name);
        if (r != 0)
                return r;
        *ret = view->user->uid;
        (void) user_view_free(view);
        return 0;
}

/* For everybody a name may be another way to say oneself. 0 or a negative errno. */
static int is_own_name(Request *request, const char *name, bool *ret) {
        g_autoptr(Identity) identity = NULL;
        int r;

        r = request->identities->look_up(request->identities, NULL, request->caller.uid, &identity);
        if (r < 0)
                return r;
        *ret = r == 0 && g_str_equal(identity->name, name);
        return 0;
}

int whose_uid(Request *request, const char *user, bool all_users, uid_t *ret) {
        bool own = !user;
        int r;

        if (user && all_users)
                return request_refuse(request, CORE_E_INVALID, "\"user\" and \"all-users\" exclude each other");
        if (all_users) {
                *ret = UID_UNSET; /* whether the caller may see them core says */
                return 0;
        }
        if (user && request->caller.uid != 0) {
                r = is_own_name(request, user, &own);
                if (r != 0)
                        return r;
        }
        if (!own)
                return find_user(request, user, ret);
        *ret = request->caller.uid;
        return 0;
}
