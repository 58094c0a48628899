/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/core/health.h"
#include "daemon/core/store-admin.h"

#define OWN_STORE "this host's store is its own (backend=sqlite), and there is no other one to adopt; see tessera.conf, [store]"

int handle_daemon_check(Request *request) {
        g_autofree char *problem = NULL;
        g_auto(GStrv) providers = NULL, faults = NULL, warnings = NULL;
        bool finished = false;
        GVariantBuilder dict;
        int r;

        r = health_check_store(request->core, &faults, &warnings);
        if (r < 0)
                return r;
        r = health_check_database(request->core, &finished, &problem);
        if (r > 0 || (r < 0 && !faults[0])) /* a fault says more than what comes of it */
                return r;
        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_bool(&dict, "finished", finished);
        pack_text(&dict, "database", problem);
        pack_bool(&dict, "shared", health_store_is_shared(request->core));
        pack_words(&dict, "store-faults", (const char *const *) faults);
        pack_words(&dict, "store-warnings", (const char *const *) warnings);
        providers = health_check_providers(request->core);
        pack_words(&dict, "providers", (const char *const *) providers);
        request->reply = g_variant_ref_sink(g_variant_new("(a{sv})", &dict));
        return 0;
}

static void pack_count(GVariantBuilder *dict, const char *key, uint64_t count) {
        pack_uint(dict, key, (uint32_t) MIN(count, UINT32_MAX));
}

int handle_daemon_look_at_store(Request *request) {
        StoreFound found = { .users = 0 };
        GVariantBuilder dict;
        int r;

        r = store_admin_look(request->core, &found);
        if (r == CORE_E_INVALID)
                return request_refuse(request, r, OWN_STORE);
        if (r != 0)
                return r;
        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_bool(&dict, "adopted", store_is_adopted(&found));
        pack_text(&dict, "id", found.id);
        pack_text(&dict, "known", found.known);
        pack_count(&dict, "users", found.users);
        pack_count(&dict, "active", found.active);
        pack_count(&dict, "ended", found.ended);
        pack_count(&dict, "devices", found.devices);
        pack_count(&dict, "lost", found.lost);
        request->reply = g_variant_ref_sink(g_variant_new("(a{sv})", &dict));
        return 0;
}

int handle_daemon_adopt_store(Request *request) {
        g_auto(GStrv) faults = NULL;
        bool changed = false;
        const char *id;
        int r;

        r = unpack_text(request, 0, "id", WIRE_NAME_MAX, &id);
        if (r != 0)
                return r;
        r = store_admin_adopt(request->core, &request->caller, id, &faults, &changed);
        if (faults) {
                g_autofree char *all = g_strjoinv("; ", faults);

                return request_refuse(request, r, "the server at this address is not fit for it: %s", all);
        }
        if (r == CORE_E_INVALID)
                return request_refuse(request, r, OWN_STORE);
        if (r == CORE_E_NOT_FOUND)
                return request_refuse(request, r, "another store has come to this address meanwhile; nothing was changed");
        if (r != 0)
                return r;
        request->reply = g_variant_ref_sink(g_variant_new("(b)", (gboolean) changed));
        return 0;
}
