/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/name.h"
#include "common/wire.h"
#include "daemon/bus/pack.h"

GVariant *pack_string(const char *text) {
        g_autofree char *clean = NULL;
        size_t size;

        if (!text)
                return g_variant_new_string("");
        size = strlen(text) + 1;
        clean = g_malloc(size);
        name_clean(text, clean, size);
        return g_variant_new_take_string(g_steal_pointer(&clean));
}

void pack_text(GVariantBuilder *dict, const char *key, const char *text) {
        g_variant_builder_add(dict, "{sv}", key, pack_string(text));
}

void pack_words(GVariantBuilder *dict, const char *key, const char *const *words) {
        GVariantBuilder list;

        g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
        for (size_t i = 0; words && words[i]; i++)
                g_variant_builder_add_value(&list, pack_string(words[i]));
        g_variant_builder_add(dict, "{sv}", key, g_variant_builder_end(&list));
}

void pack_bool(GVariantBuilder *dict, const char *key, bool value) {
        g_variant_builder_add(dict, "{sv}", key, g_variant_new_boolean(value));
}

void pack_time(GVariantBuilder *dict, const char *key, int64_t value) {
        g_variant_builder_add(dict, "{sv}", key, g_variant_new_int64(value));
}

void pack_uint(GVariantBuilder *dict, const char *key, uint32_t value) {
        g_variant_builder_add(dict, "{sv}", key, g_variant_new_uint32(value));
}

void pack_sign_in(GVariantBuilder *dict, const LoginAnswer *answer) {
        pack_text(dict, WIRE_KEY_PROVIDER, answer->provider);
        pack_text(dict, WIRE_KEY_HOST, answer->host);
        pack_text(dict, WIRE_KEY_URI, answer->where.uri);
        if (answer->where.uri_complete)
                pack_text(dict, WIRE_KEY_URI_COMPLETE, answer->where.uri_complete);
        if (answer->where.user_code)
                pack_text(dict, WIRE_KEY_USER_CODE, answer->where.user_code);
        pack_uint(dict, WIRE_KEY_EXPIRES_IN, answer->where.expires_in);
}

void pack_answer(Request *request, LoginAnswer *answer) {
        GVariantBuilder result;

        g_variant_builder_init(&result, G_VARIANT_TYPE_VARDICT);
        if (answer->flow[0])
                pack_text(&result, WIRE_KEY_FLOW, answer->flow);
        if (answer->provider)
                pack_sign_in(&result, answer);
        else if (answer->verdict == LOGIN_PENDING) /* asked, and nothing is new */
                request->looked = true;
        if (answer->reason)
                pack_text(&result, WIRE_KEY_REASON, answer->reason);
        if (answer->message)
                pack_text(&result, WIRE_KEY_MESSAGE, answer->message);
        if (answer->session[0])
                pack_text(&result, WIRE_KEY_SESSION, answer->session);
        request->reply = g_variant_ref_sink(
                g_variant_new("(sa{sv})", login_verdict_to_string(answer->verdict), &result));
        request->delay = answer->delay;
        login_answer_deinit(answer);
}

/* Sessions of another boot are over, so an active one's audit id is of this boot. */
static bool is_current(const Session *session, const Caller *caller) {
        return session->state == SESSION_ACTIVE && session->uid == caller->uid &&
               session->audit_id != AUDIT_ID_UNSET && session->audit_id == caller->audit_id;
}

GVariant *pack_session(const Session *session, const Caller *caller) {
        GVariantBuilder dict;

        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_text(&dict, "id", session->id);
        pack_text(&dict, "user", session->user);
        pack_uint(&dict, "uid", session->uid);
        pack_text(&dict, "host", session->host);
        pack_text(&dict, "service", session->service);
        pack_text(&dict, "from", session->rhost);
        pack_text(&dict, "tty", session->tty);
        pack_words(&dict, "methods", (const char *const *) session->methods);
        pack_words(&dict, "roles", (const char *const *) session->roles);
        pack_words(&dict, "granted", (const char *const *) session->granted.pairs);
        pack_time(&dict, "auth_time", session->auth_time);
        pack_time(&dict, "opened", session->opened);
        pack_time(&dict, "seen", session->seen);
        pack_time(&dict, "ends", session->ends);
        pack_text(&dict, "state", session_state_to_string(session->state));
        pack_text(&dict, "end_reason", session->end_reason);
        pack_time(&dict, "ended", session->ended);
        pack_text(&dict, "parent", session->parent);
        pack_text(&dict, "device", session->device);
        pack_bool(&dict, "current", is_current(session, caller));
        return g_variant_builder_end(&dict);
}

GVariant *pack_session_ids(const GPtrArray *sessions) {
        GVariantBuilder list;

        g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
        for (guint i = 0; sessions && i < sessions->len; i++)
                g_variant_builder_add(&list, "s", ((const Session *) sessions->pdata[i])->id);
        return g_variant_builder_end(&list);
}
