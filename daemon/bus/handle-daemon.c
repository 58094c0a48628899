/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/core/health.h"

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
        pack_words(&dict, "store-faults", (const char *const *) faults);
        pack_words(&dict, "store-warnings", (const char *const *) warnings);
        providers = health_check_providers(request->core);
        pack_words(&dict, "providers", (const char *const *) providers);
        request->reply = g_variant_ref_sink(g_variant_new("(a{sv})", &dict));
        return 0;
}
