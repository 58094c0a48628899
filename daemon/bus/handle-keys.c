/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/core/key.h"

int handle_keys_list(Request *request) {
        GVariantBuilder list;
        const Key *key;

        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; (key = key_ring_at(request->keys, i)); i++) {
                g_variant_builder_open(&list, G_VARIANT_TYPE_VARDICT);
                pack_text(&list, "kid", key->kid);
                pack_text(&list, "alg", key->alg);
                pack_text(&list, "use", key_use_to_string(key->use));
                pack_text(&list, "state", key_state_to_string(key->state));
                pack_time(&list, "created", key->created);
                pack_time(&list, "until", key->until);
                g_variant_builder_close(&list);
        }
        request->reply = g_variant_ref_sink(g_variant_new("(aa{sv})", &list));
        return 0;
}
