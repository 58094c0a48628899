/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"

static const char *const everything[] = { "*", NULL };

static void pack_kids(GVariantBuilder *dict, const GPtrArray *keys) {
        g_autoptr(GPtrArray) kids = g_ptr_array_new();

        for (guint i = 0; i < keys->len; i++)
                g_ptr_array_add(kids, ((const TrustKey *) keys->pdata[i])->kid);
        g_ptr_array_add(kids, NULL);
        pack_words(dict, "keys", (const char *const *) kids->pdata);
}

static void pack_host(GVariantBuilder *list, const TrustHost *host) {
        const TrustFile *file = host->file;

        g_variant_builder_open(list, G_VARIANT_TYPE_VARDICT);
        pack_text(list, "host", file->name);
        pack_words(list, "users", file->all_users ? everything : (const char *const *) file->users);
        pack_words(list, "roles", file->all_roles ? everything : (const char *const *) file->roles);
        pack_kids(list, host->keys);
        pack_text(list, "file", file->file);
        pack_uint(list, "line", file->line);
        g_variant_builder_close(list);
}

int handle_trust_list(Request *request) {
        g_autoptr(Trust) trust = core_trust(request->core);
        const TrustHost *host;
        GVariantBuilder list;

        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; (host = trust_at(trust, i)); i++)
                pack_host(&list, host);
        request->reply = g_variant_ref_sink(g_variant_new("(aa{sv})", &list));
        return 0;
}
