/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/core/limit-admin.h"

static void pack_limit(GVariantBuilder *list, const LimitView *view) {
        bool closed = view->retry_at == INT64_MAX;

        g_variant_builder_open(list, G_VARIANT_TYPE_VARDICT);
        pack_text(list, "limit", view->limit);
        pack_text(list, "key", view->key);
        pack_uint(list, "failures", view->failures);
        pack_time(list, "retry_at", closed ? 0 : view->retry_at);
        pack_bool(list, "closed", closed);
        g_variant_builder_close(list);
}

int handle_throttle_list(Request *request) {
        g_autoptr(GPtrArray) views = NULL;
        GVariantBuilder list;
        int r;

        r = limit_list(request->core, &request->caller, &views);
        if (r != 0)
                return r;
        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (guint i = 0; i < views->len; i++)
                pack_limit(&list, views->pdata[i]);
        request->reply = g_variant_ref_sink(g_variant_new("(aa{sv})", &list));
        return 0;
}

typedef struct ResetWhat {
        const char *user, *host;
} ResetWhat;

static const UnpackKey what_keys[] = {
        { "user", UNPACK_TEXT, WIRE_NAME_MAX, offsetof(ResetWhat, user)  },
        { "host", UNPACK_TEXT, WIRE_RHOST_MAX, offsetof(ResetWhat, host) },
        { NULL },
};

int handle_throttle_reset(Request *request) {
        ResetWhat what = { .user = NULL };
        bool changed = false;
        int r;

        r = unpack_dict(request, 0, what_keys, &what);
        if (r != 0)
                return r;
        if (!what.user == !what.host)
                return request_refuse(request, CORE_E_INVALID, "name exactly one of \"user\" and \"host\"");
        r = limit_reset(request->core, &request->caller, what.user, what.host, &changed);
        if (r == CORE_E_INVALID)
                return request_refuse(request, r, "\"%s\" is no address, and not \"other\"", what.host);
        if (r == CORE_E_NOT_FOUND)
                return request_refuse(request, r, "tessera does not know the user \"%s\"", what.user);
        if (r != 0)
                return r;
        request->reply = g_variant_ref_sink(g_variant_new("(b)", (gboolean) changed));
        return 0;
}
