/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/core/user-admin.h"

static GVariant *pack_user(const UserView *view) {
        GVariantBuilder dict;

        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_text(&dict, "user", view->user->name);
        pack_uint(&dict, "uid", view->user->uid);
        pack_bool(&dict, "enabled", view->user->enabled);
        pack_bool(&dict, "password", view->user->password_hash != NULL);
        pack_words(&dict, "identities", (const char *const *) view->identities);
        pack_text(&dict, "awaits", view->user->awaits);
        pack_words(&dict, "roles", (const char *const *) view->roles);
        pack_time(&dict, "created", view->user->created);
        pack_text(&dict, "error", view->error);
        return g_variant_builder_end(&dict);
}

int handle_users_list(Request *request) {
        g_autoptr(GPtrArray) users = NULL;
        GVariantBuilder list;
        int r;

        r = user_list(request->core, &request->caller, &users);
        if (r != 0)
                return r;
        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (guint i = 0; i < users->len; i++)
                g_variant_builder_add_value(&list, pack_user(users->pdata[i]));
        request->reply = g_variant_ref_sink(g_variant_new("(aa{sv})", &list));
        return 0;
}

/* Says of whom it was that something is not so. */
static int name_culprit(Request *request, int r, const char *user) {
        if (r == CORE_E_NOT_FOUND)
                return request_refuse(request, r, "tessera does not know the user \"%s\"", user);
        if (r == CORE_E_EXISTS)
                return request_refuse(request, r, "the user \"%s\", or another of that uid, is there already", user);
        if (r == CORE_E_ACCOUNT)
                return request_refuse(request, r, "there is no Unix account \"%s\" with a uid of 1000 or more", user);
        return r;
}

int handle_users_show(Request *request) {
        UserView *view;
        const char *user;
        int r;

        r = unpack_text(request, 0, "user", WIRE_NAME_MAX, &user);
        if (r != 0)
                return r;
        r = user_show(request->core, &request->caller, user, &view);
        if (r != 0)
                return name_culprit(request, r, user);
        request->reply = g_variant_ref_sink(g_variant_new("(@a{sv})", pack_user(view)));
        (void) user_view_free(view);
        return 0;
}

typedef struct AddOptions {
        const char *role, *provider;
} AddOptions;

static const UnpackKey add_keys[] = {
        { "role",     UNPACK_TEXT, WIRE_NAME_MAX, offsetof(AddOptions, role)     },
        { "provider", UNPACK_TEXT, WIRE_NAME_MAX, offsetof(AddOptions, provider) },
        { NULL },
};

static int refuse_provider(Request *request, const char *provider) {
        return request_refuse(request, CORE_E_NOT_FOUND, "there is no identity provider \"%s\" in providers.d", provider);
}

int handle_users_add(Request *request) {
        _cleanup_secret_ Secret *password = NULL;
        g_autofree char *warning = NULL;
        AddOptions options = { .role = NULL };
        const char *user;
        int r;

        r = unpack_text(request, 0, "user", WIRE_NAME_MAX, &user);
        if (r != 0)
                return r;
        r = unpack_dict(request, 2, add_keys, &options);
        if (r != 0)
                return r;
        r = unpack_secret(request, 1, "password", WIRE_PASSWORD_MAX, &password);
        if (r != 0)
                return r;
        if (options.provider && !user_provider_is_known(request->core, options.provider))
                return refuse_provider(request, options.provider);
        r = user_add(request->core, &request->caller, user, password, options.role, options.provider, &warning);
        if (r == CORE_E_NOT_FOUND)
                return request_refuse(request, r, "the policy has no role \"%s\"; \"tessera role\" lists them",
                                      options.role);
        if (r != 0)
                return name_culprit(request, r, user);
        request->reply = g_variant_ref_sink(g_variant_new("(@s)", pack_string(warning)));
        return 0;
}

static void reply_changed(Request *request, bool changed) {
        request->reply = g_variant_ref_sink(g_variant_new("(b)", (gboolean) changed));
}

int handle_users_set_enabled(Request *request) {
        bool changed = false;
        gboolean enabled;
        const char *user;
        int r;

        r = unpack_text(request, 0, "user", WIRE_NAME_MAX, &user);
        if (r != 0)
                return r;
        g_variant_get_child(request->arguments, 1, "b", &enabled);
        r = user_set_enabled(request->core, &request->caller, user, enabled, &changed);
        if (r != 0)
                return name_culprit(request, r, user);
        reply_changed(request, changed);
        return 0;
}

int handle_users_remove(Request *request) {
        bool changed = false;
        const char *user;
        int r;

        r = unpack_text(request, 0, "user", WIRE_NAME_MAX, &user);
        if (r != 0)
                return r;
        r = user_remove(request->core, &request->caller, user, &changed);
        if (r != 0)
                return name_culprit(request, r, user);
        reply_changed(request, changed);
        return 0;
}

int handle_users_set_password(Request *request) {
        _cleanup_secret_ Secret *current = NULL, *password = NULL;
        const char *user;
        int r;

        r = unpack_text(request, 0, "user", WIRE_NAME_MAX, &user);
        if (r != 0)
                return r;
        r = unpack_secret(request, 1, "current password", WIRE_PASSWORD_MAX, &current);
        if (r != 0)
                return r;
        r = unpack_secret(request, 2, "new password", WIRE_PASSWORD_MAX, &password);
        if (r != 0)
                return r;
        r = user_change_password(request->core, &request->caller, user, current, password, &request->delay);
        return r == 0 ? 0 : name_culprit(request, r, user);
}

int handle_users_link(Request *request) {
        const char *user, *provider, *subject;
        bool changed = false;
        int r;

        r = unpack_text(request, 0, "user", WIRE_NAME_MAX, &user);
        if (r == 0)
                r = unpack_text(request, 1, "provider", WIRE_NAME_MAX, &provider);
        if (r == 0)
                r = unpack_text(request, 2, "subject", WIRE_NAME_MAX, &subject);
        if (r != 0)
                return r;
        if (!user_provider_is_known(request->core, provider))
                return refuse_provider(request, provider);
        r = user_link(request->core, &request->caller, user, provider, subject, &changed);
        if (r == CORE_E_EXISTS)
                return request_refuse(request, r, "that subject of %s is another user's, or \"%s\" is linked to another "
                                      "one there; unlink it first", provider, user);
        if (r == CORE_E_INVALID)
                return request_refuse(request, r, "a subject is 1 to 255 bytes without control characters: the provider's "
                                      "sub, not a name or an address");
        if (r != 0)
                return name_culprit(request, r, user);
        reply_changed(request, changed);
        return 0;
}

int handle_users_unlink(Request *request) {
        const char *user, *provider;
        bool changed = false;
        int r;

        r = unpack_text(request, 0, "user", WIRE_NAME_MAX, &user);
        if (r == 0)
                r = unpack_text(request, 1, "provider", WIRE_NAME_MAX, &provider);
        if (r != 0)
                return r;
        r = user_unlink(request->core, &request->caller, user, provider, &changed);
        if (r != 0)
                return name_culprit(request, r, user);
        reply_changed(request, changed);
        return 0;
}
