/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <errno.h>

#include "common/error.h"
#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/core/key-admin.h"

static void pack_key(GVariantBuilder *list, const Key *key) {
        g_variant_builder_open(list, G_VARIANT_TYPE_VARDICT);
        pack_text(list, "kid", key->kid);
        pack_text(list, "alg", key->alg);
        pack_text(list, "use", key_use_to_string(key->use));
        pack_text(list, "state", key_state_to_string(key->state));
        pack_time(list, "created", key->created);
        pack_time(list, "until", key->until);
        g_variant_builder_close(list);
}

int handle_keys_list(Request *request) {
        g_autoptr(KeyRing) ring = key_admin_ring(request->core);
        GVariantBuilder list;
        const Key *key;

        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; (key = key_ring_at(ring, i)); i++)
                pack_key(&list, key);
        request->reply = g_variant_ref_sink(g_variant_new("(aa{sv})", &list));
        return 0;
}

int handle_keys_export(Request *request) {
        g_autoptr(KeyRing) ring = key_admin_ring(request->core);
        g_autofree char *jwks = key_ring_export(ring);

        if (!jwks)
                return error_trace(-ENOMEM);
        request->reply = g_variant_ref_sink(g_variant_new("(s)", jwks));
        return 0;
}

int handle_keys_prepare(Request *request) {
        g_autoptr(KeyRing) ring = NULL;
        g_autofree char *jwks = NULL;
        bool changed = false;
        int r;

        r = key_admin_prepare(request->core, &request->caller, &changed);
        if (r != 0)
                return r;
        ring = key_admin_ring(request->core);
        jwks = key_ring_export(ring);
        if (!jwks)
                return error_trace(-ENOMEM);
        request->reply = g_variant_ref_sink(g_variant_new("(bs)", (gboolean) changed, jwks));
        return 0;
}

int handle_keys_rotate(Request *request) {
        g_autoptr(KeyRing) ring = NULL;
        GVariantBuilder signing;
        int r;

        r = key_admin_rotate(request->core, &request->caller);
        if (r != 0)
                return r;
        ring = key_admin_ring(request->core);
        g_variant_builder_init(&signing, G_VARIANT_TYPE_STRING_ARRAY);
        for (KeyUse use = 0; use < _KEY_USE_MAX; use++)
                g_variant_builder_add(&signing, "s", key_ring_signing(ring, use)->kid);
        request->reply = g_variant_ref_sink(g_variant_new("(as)", &signing));
        return 0;
}

int handle_keys_rename(Request *request) {
        bool changed = false;
        const char *name;
        int r;

        r = unpack_text(request, 0, "name", WIRE_NAME_MAX, &name);
        if (r != 0)
                return r;
        r = key_admin_rename(request->core, &request->caller, name, &changed);
        if (r == CORE_E_INVALID)
                return request_refuse(request, r, "\"%s\" cannot be the name of a host; use up to 64 lower-case "
                                      "letters, digits, \".\" and \"-\"", name);
        if (r == CORE_E_EXISTS)
                return request_refuse(request, r, "\"%s\" is the name of this host's fleet; no host may be called so",
                                      name);
        if (r == CORE_E_DENIED)
                return request_refuse(request, r, "tessera.conf says name= in [daemon]; remove that, reload tesserad, "
                                      "then rename");
        if (r != 0)
                return r;
        request->reply = g_variant_ref_sink(g_variant_new("(b)", (gboolean) changed));
        return 0;
}
