/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/core/policy-admin.h"

static GVariant *pack_step(const PolicyStep *step) {
        GVariantBuilder dict;

        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_text(&dict, "text", step->text);
        pack_text(&dict, "file", step->file);
        pack_uint(&dict, "line", step->line);
        return g_variant_builder_end(&dict);
}

static void pack_explanation(Request *request, const PolicyAnswer *answer) {
        GVariantBuilder steps;

        g_variant_builder_init(&steps, G_VARIANT_TYPE("aa{sv}"));
        for (guint i = 0; i < answer->steps->len; i++)
                g_variant_builder_add_value(&steps, pack_step(answer->steps->pdata[i]));
        request->reply = g_variant_ref_sink(g_variant_new("(ssaa{sv})", policy_verdict_to_string(answer->verdict),
                                                          answer->reason, &steps));
}

int handle_policy_explain(Request *request) {
        static const UnpackKey keys[] = { { "session", UNPACK_TEXT, WIRE_SESSION_ID_LENGTH, 0 }, { NULL } };
        g_auto(PolicyAnswer) answer = { .verdict = POLICY_DENY };
        const char *user, *service, *session = NULL;
        int r;

        r = unpack_text(request, 0, "user", WIRE_NAME_MAX, &user);
        if (r == 0)
                r = unpack_text(request, 1, "service", WIRE_NAME_MAX, &service);
        if (r == 0)
                r = unpack_dict(request, 2, keys, &session);
        if (r != 0)
                return r;
        r = policy_admin_explain(request->core, &request->caller, user, service, session, &answer);
        if (r == CORE_E_INVALID)
                return request_refuse(request, r, "\"%s\" cannot be the name of a service", service);
        if (r == CORE_E_NOT_FOUND)
                return request_refuse(request, r, "%s has no session that begins with \"%s\"", user, session);
        if (r != 0)
                return r;
        pack_explanation(request, &answer);
        return 0;
}

int handle_policy_show(Request *request) {
        g_autoptr(Policy) policy = core_policy(request->core);
        g_autofree char *text = policy_format(policy);

        request->reply = g_variant_ref_sink(g_variant_new("(s)", text));
        return 0;
}
