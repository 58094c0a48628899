/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/core/core.h"

static GVariant *pack_role(Policy *policy, const PolicyRole *role) {
        g_auto(GStrv) services = policy_services_of(policy, role->name);
        GVariantBuilder dict;

        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_text(&dict, "role", role->name);
        pack_words(&dict, "users", role->users);
        pack_words(&dict, "groups", role->groups);
        pack_words(&dict, "includes", role->includes);
        pack_words(&dict, "services", (const char *const *) services);
        pack_text(&dict, "file", role->file);
        pack_uint(&dict, "line", role->line);
        return g_variant_builder_end(&dict);
}

int handle_roles_list(Request *request) {
        g_autoptr(Policy) policy = core_policy(request->core);
        const PolicyRole *role;
        GVariantBuilder list;

        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (size_t i = 0; (role = policy_role_at(policy, i)); i++)
                g_variant_builder_add_value(&list, pack_role(policy, role));
        request->reply = g_variant_ref_sink(g_variant_new("(aa{sv})", &list));
        return 0;
}

int handle_roles_show(Request *request) {
        g_autoptr(Policy) policy = core_policy(request->core);
        const PolicyRole *role;
        const char *name;
        int r;

        r = unpack_text(request, 0, "role", WIRE_NAME_MAX, &name);
        if (r != 0)
                return r;
        role = policy_role_find(policy, name);
        if (!role)
                return request_refuse(request, CORE_E_NOT_FOUND, "there is no role \"%s\" in policy.conf", name);
        request->reply = g_variant_ref_sink(g_variant_new("(@a{sv})", pack_role(policy, role)));
        return 0;
}
