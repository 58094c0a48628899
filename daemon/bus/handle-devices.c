/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include "common/wire.h"
#include "daemon/bus/handle.h"
#include "daemon/bus/pack.h"
#include "daemon/bus/unpack.h"
#include "daemon/bus/whose.h"
#include "daemon/core/device-admin.h"

#define REVOKE_REASON_MAX 200

static GVariant *pack_device(const DeviceView *view) {
        const Device *device = view->device;
        GVariantBuilder dict;

        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        pack_text(&dict, "id", device->id);
        pack_text(&dict, "name", device->name);
        pack_text(&dict, "user", device->user);
        pack_uint(&dict, "uid", device->uid);
        pack_text(&dict, "audience", device->audience);
        pack_text(&dict, "state", view->state);
        pack_time(&dict, "created", device->created);
        pack_time(&dict, "used", device->used);
        pack_text(&dict, "from", device->from);
        pack_time(&dict, "ends", device->ends);
        pack_time(&dict, "revoked", device->revoked);
        pack_text(&dict, "reason", device->revoke_reason);
        pack_time(&dict, "auth_time", device->auth_time);
        return g_variant_builder_end(&dict);
}

typedef struct ListFilter {
        const char *user;
        bool all_users;
} ListFilter;

static const UnpackKey filter_keys[] = {
        { "user",      UNPACK_TEXT, WIRE_NAME_MAX, offsetof(ListFilter, user)      },
        { "all-users", UNPACK_BOOL, 0,             offsetof(ListFilter, all_users) },
        { NULL },
};

int handle_devices_list(Request *request) {
        ListFilter filter = { .user = NULL };
        g_autoptr(GPtrArray) views = NULL;
        GVariantBuilder list;
        uid_t uid = UID_UNSET;
        int r;

        r = unpack_dict(request, 0, filter_keys, &filter);
        if (r != 0)
                return r;
        r = whose_uid(request, filter.user, filter.all_users, &uid);
        if (r != 0)
                return r;
        r = device_list(request->core, &request->caller, uid, &views);
        if (r != 0)
                return r;
        g_variant_builder_init(&list, G_VARIANT_TYPE("aa{sv}"));
        for (guint i = 0; i < views->len; i++)
                g_variant_builder_add_value(&list, pack_device(views->pdata[i]));
        request->reply = g_variant_ref_sink(g_variant_new("(aa{sv})", &list));
        return 0;
}

static const UnpackKey add_keys[] = {
        { "user", UNPACK_TEXT, WIRE_NAME_MAX, offsetof(DeviceAdd, user) },
        { NULL },
};

static int unpack_add(Request *request, DeviceAdd *ret) {
        int r;

        r = unpack_text(request, 0, "id", WIRE_NAME_MAX, &ret->id);
        if (r == 0)
                r = unpack_text(request, 1, "name", WIRE_NAME_MAX, &ret->name);
        if (r == 0)
                r = unpack_text(request, 2, "public_key", WIRE_NAME_MAX, &ret->public_key);
        return r == 0 ? unpack_dict(request, 3, add_keys, ret) : r;
}

/* Says what about it was not so. */
static int explain_add(Request *request, int r, const DeviceAdd *what, const char *why) {
        switch (r) {
        case CORE_E_DENIED:
        case CORE_E_STALE:
                return why ? request_refuse(request, r, "%s", why) : r;
        case CORE_E_INVALID:
                return request_refuse(request, r, "a device has an id of %d hex digits, a name of up to %d letters, "
                                      "digits, \"_\", \".\" and \"-\", a public key of %d characters of base64url, "
                                      "and a user", WIRE_DEVICE_ID_LENGTH, WIRE_DEVICE_NAME_MAX,
                                      REFRESH_PUBLIC_LENGTH);
        case CORE_E_NOT_FOUND:
                return request_refuse(request, r, "tessera does not know the user%s%s%s", what->user ? " \"" : "",
                                      what->user ? what->user : "", what->user ? "\"" : "");
        case CORE_E_EXISTS:
                return request_refuse(request, r, "there is a device \"%s\", or one of that id, already; revoke it, or "
                                      "take another name", what->name);
        case CORE_E_BUSY:
                return request_refuse(request, r, "no device was added: there are too many (%d), or the user changed "
                                      "meanwhile; revoke some, or try again", DEVICES_PER_USER_MAX);
        default:
                return r;
        }
}

int handle_devices_add(Request *request) {
        g_autoptr(DeviceView) view = NULL;
        g_autofree char *why = NULL;
        DeviceAdd what = { .id = NULL };
        int r;

        r = unpack_add(request, &what);
        if (r != 0)
                return r;
        r = device_add(request->core, &request->caller, &what, &view, &why);
        if (r != 0)
                return explain_add(request, r, &what, why);
        request->reply = g_variant_ref_sink(g_variant_new("(@a{sv})", pack_device(view)));
        return 0;
}

typedef struct RevokeOptions {
        const char *user;
        const char *reason;
} RevokeOptions;

static const UnpackKey revoke_keys[] = {
        { "user",   UNPACK_TEXT, WIRE_NAME_MAX,     offsetof(RevokeOptions, user)   },
        { "reason", UNPACK_TEXT, REVOKE_REASON_MAX, offsetof(RevokeOptions, reason) },
        { NULL },
};

int handle_devices_revoke(Request *request) {
        RevokeOptions options = { .user = NULL };
        g_autoptr(GPtrArray) ended = NULL;
        bool changed = false;
        const char *what;
        int r;

        r = unpack_text(request, 0, "device", WIRE_NAME_MAX, &what);
        if (r == 0)
                r = unpack_dict(request, 1, revoke_keys, &options);
        if (r != 0)
                return r;
        r = device_revoke(request->core, &request->caller, what, options.user, options.reason, &changed, &ended);
        if (r == CORE_E_NOT_FOUND)
                return request_refuse(request, r, "there is no device \"%s\"; list what there is", what);
        if (r == CORE_E_AMBIGUOUS)
                return request_refuse(request, r, "more than one device is \"%s\"; give more digits of its id", what);
        if (r != 0)
                return r;
        request->reply = g_variant_ref_sink(g_variant_new("(b@as)", (gboolean) changed, pack_session_ids(ended)));
        return 0;
}
