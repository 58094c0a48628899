/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/error.h"
#include "common/name.h"
#include "daemon/core/admin.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/device-admin.h"
#include "daemon/core/device-use.h"

#define REASON_MAX 200
#define ID_SHOWN 8 /* digits of an id that people see */

static bool is_root(const Caller *caller) {
        return caller->uid == 0;
}

/* A clock that was set back gives nobody more time: it counts from the latest that is known of the device. */
const char *device_state(const Device *device, int64_t idle, int64_t now) {
        int64_t last = MAX(device->used, device->created);

        if (device->revoked > 0)
                return "revoked";
        if (device->ends <= MAX(now, last) || last < now - idle)
                return "expired";
        return "active";
}

static void report(Core *core, const Caller *caller, const char *event, const Device *device, const char *reason) {
        g_autofree char *message = NULL, *by = admin_name(core, caller);

        message = g_strdup_printf("%s: \"%s\" of %s%s%s", event, device->name, device->user, reason ? ": " : "",
                                  reason ? reason : "");
        core_audit(core, &(AuditEvent) {
                .event = event,
                .user = device->user,
                .device = device->id,
                .reason = reason,
                .message = message,
                .by = by,
        });
}

/* Looking */

DeviceView *device_view_free(DeviceView *view) {
        if (!view)
                return NULL;
        device_free(view->device);
        g_free(view);
        return NULL;
}

static void free_view(void *view) {
        device_view_free(view);
}

static DeviceView *view_new(const CoreConfig *config, const Device *device, int64_t now) {
        DeviceView *view = g_new0(DeviceView, 1);

        view->device = device_copy(device);
        view->state = device_state(device, config->settings->device_idle, now);
        return view;
}

int device_list(Core *core, const Caller *caller, uid_t uid, GPtrArray **ret) {
        g_autoptr(CoreConfig) config = core_config(core);
        g_autoptr(GPtrArray) devices = NULL;
        GPtrArray *views;
        int r;

        r = caller->uid == uid && uid != UID_UNSET ? 0 : admin_check(core, caller);
        if (r != 0)
                return r;
        r = store_device_list(core->store, uid, &devices);
        if (r < 0)
                return error_trace(r);
        views = g_ptr_array_new_with_free_func(free_view);
        for (guint i = 0; i < devices->len; i++)
                g_ptr_array_add(views, view_new(config, devices->pdata[i], clock_wall(core->clock)));
        *ret = views;
        return 0;
}

/* The caller's own name, unless it is another's that was named: NULL. 0, CORE_E_DENIED or a negative errno. */
static int find_own_name(Core *core, const Caller *caller, const char *name, char **ret) {
        g_autoptr(Identity) identity = NULL;
        int r;

        *ret = NULL;
        if (caller->uid == UID_UNSET)
                return CORE_E_DENIED;
        if (is_root(caller))
                return 0;
        r = core->identities->look_up(core->identities, NULL, caller->uid, &identity);
        if (r < 0)
                return error_trace(r);
        if (r != 0)
                return CORE_E_DENIED;
        if (!name || g_str_equal(name, identity->name))
                *ret = g_steal_pointer(&identity->name);
        return 0;
}

/* Whose device it is to be, or is: 0 and an enrolled user, and whether that is the caller; else who may administer. */
static int find_owner(Core *core, const Caller *caller, const char *name, User **ret, bool *ret_own) {
        g_autofree char *own = NULL;
        g_autoptr(User) user = NULL;
        int r;

        r = find_own_name(core, caller, name, &own);
        if (r == 0 && !own)
                r = admin_check(core, caller);
        if (r != 0)
                return r;
        if (!own && !name)
                return CORE_E_INVALID;
        r = store_user_get(core->store, own ? own : name, &user);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND || (own && user->uid != caller->uid))
                return CORE_E_NOT_FOUND;
        *ret = g_steal_pointer(&user);
        *ret_own = own != NULL;
        return 0;
}

/* Registering */

static Device *new_device(const Core *core, const DeviceAdd *what, const CoreConfig *config, const User *user,
                          int64_t now) {
        Device *device = device_new();

        (void) g_strlcpy(device->id, what->id, sizeof(device->id));
        device->name = g_strdup(what->name);
        device->user = g_strdup(user->name);
        device->uid = user->uid;
        device->audience = g_strdup(core_fleet_of(core, config) ?: config->host);
        device->created = now;
        device->ends = now + config->settings->device_lifetime;
        return device;
}

static void set_origin(Device *device, const Session *origin) {
        device->auth_time = origin->auth_time;
        device->auth_method = g_strdup(origin->auth_method);
        device->role_cap = g_strdupv(origin->role_cap);
}

static bool is_valid(const DeviceAdd *what, unsigned char ret_key[REFRESH_PUBLIC_SIZE]) {
        unsigned char id[REFRESH_DEVICE_SIZE];

        return refresh_device_from_text(what->id, id) && strlen(what->name) <= DEVICE_NAME_MAX &&
               name_is_word(what->name) && refresh_key_from_text(what->public_key, ret_key);
}

/*
 * Whatever ends the origin's rights while the device is being added must end the device as well:
 * nobody will look for one that was not there yet. So it is looked at once more when it is.
 */
static int check_still(Core *core, const CoreConfig *config, const Caller *caller, const Device *device,
                       bool own, uint64_t mark) {
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Session) session = NULL;
        bool changed;
        int r;

        r = own ? core_login_session(core, config, caller, device->uid, device->created, &session)
                : admin_check_still(core, caller);
        if (r == 0 && pending_mark_holds(core->pending, device->uid, mark))
                return 0;
        r = store_device_revoke(core->store, device->id, "overtaken", device->created, &changed, &ended);
        return r < 0 ? error_trace(r) : CORE_E_BUSY;
}

static int add(Core *core, const CoreConfig *config, const Caller *caller, const Device *device, bool own,
               uint64_t mark) {
        int r;

        r = store_device_add(core->store, device, DEVICES_PER_USER_MAX);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_EXISTS)
                return CORE_E_EXISTS;
        if (r != 0)
                return CORE_E_BUSY;
        return check_still(core, config, caller, device, own, mark);
}

int device_add(Core *core, const Caller *caller, const DeviceAdd *what, DeviceView **ret, char **ret_why) {
        g_autoptr(CoreConfig) config = core_config(core);
        unsigned char key[REFRESH_PUBLIC_SIZE];
        int64_t now = clock_wall(core->clock);
        g_autoptr(Session) origin = NULL;
        g_autoptr(Device) device = NULL;
        g_autoptr(User) user = NULL;
        uint64_t mark;
        bool own;
        int r;

        if (!is_valid(what, key))
                return CORE_E_INVALID;
        r = find_owner(core, caller, what->user, &user, &own);
        if (r != 0)
                return r;
        mark = pending_mark(core->pending, user->uid);
        device = new_device(core, what, config, user, now);
        memcpy(device->public_key, key, sizeof(device->public_key));
        if (own) {
                r = admin_check_own_login(core, caller, user->uid, &origin, ret_why);
                if (r != 0)
                        return r;
                set_origin(device, origin);
        }
        r = add(core, config, caller, device, own, mark);
        if (r != 0)
                return r;
        report(core, caller, "device-added", device, NULL);
        *ret = view_new(config, device, now);
        return 0;
}

/* Revoking */

/* Of the devices that @matches, the one that is not revoked; else the latest. */
static int pick(const GPtrArray *devices, bool (*matches)(const Device *device, const char *what), const char *what,
                const Device **ret) {
        const Device *live = NULL, *revoked = NULL;
        unsigned n_live = 0, n_revoked = 0;

        for (guint i = 0; i < devices->len; i++) {
                const Device *device = devices->pdata[i];

                if (!matches(device, what))
                        continue;
                if (device->revoked > 0) {
                        revoked = device;
                        n_revoked++;
                } else {
                        live = device;
                        n_live++;
                }
        }
        if (n_live + n_revoked == 0)
                return CORE_E_NOT_FOUND;
        *ret = live ? live : revoked;
        return n_live > 1 ? CORE_E_AMBIGUOUS : 0;
}

static bool has_name(const Device *device, const char *name) {
        return g_str_equal(device->name, name);
}

static bool has_prefix(const Device *device, const char *prefix) {
        return g_str_has_prefix(device->id, prefix);
}

/*
 * A whole id is one. What is both a name and the beginning of an id is the name; but a name as long
 * as what people are shown of ids must not shield the device whose id it is. Everybody's are told
 * apart by id alone.
 */
static int find(const GPtrArray *devices, const char *what, bool by_name, const Device **ret) {
        const Device *named = NULL, *other = NULL;
        int r = CORE_E_NOT_FOUND, by_id;

        if (what[0] == '\0')
                return CORE_E_NOT_FOUND;
        by_id = pick(devices, has_prefix, what, &other);
        if (by_name && !(other && strlen(what) == SESSION_ID_SIZE - 1))
                r = pick(devices, has_name, what, &named);
        if (named && other && named != other && other->revoked == 0 && strlen(what) >= ID_SHOWN)
                return CORE_E_AMBIGUOUS;
        *ret = r == CORE_E_NOT_FOUND ? other : named;
        return r == CORE_E_NOT_FOUND ? by_id : r;
}

/* Among @uid's, or everybody's (UID_UNSET), whose are told apart by id alone. */
static int find_of(Core *core, uid_t uid, const char *what, Device **ret) {
        g_autoptr(GPtrArray) devices = NULL;
        const Device *device = NULL;
        int r;

        r = store_device_list(core->store, uid, &devices);
        if (r < 0)
                return error_trace(r);
        r = find(devices, what, /* by_name= */ uid != UID_UNSET, &device);
        if (r == 0)
                *ret = device_copy(device);
        return r;
}

/* One's own first: what they are called must not hang on how fresh a login is. */
static int find_revocable(Core *core, const Caller *caller, const char *what, const char *user, Device **ret) {
        g_autoptr(User) owner = NULL;
        bool own;
        int r;

        if (user || !is_root(caller)) {
                r = find_owner(core, caller, user, &owner, &own);
                if (r == 0)
                        r = find_of(core, owner->uid, what, ret);
                if (r != CORE_E_NOT_FOUND || user)
                        return r;
        }
        r = admin_check(core, caller);
        if (r == CORE_E_DENIED) /* whether there is one is not everybody's business */
                return CORE_E_NOT_FOUND;
        return r == 0 ? find_of(core, UID_UNSET, what, ret) : r;
}

int device_revoke(Core *core, const Caller *caller, const char *what, const char *user, const char *reason,
                  bool *ret_changed, GPtrArray **ret_ended) {
        g_autofree char *words = core_clean(reason, REASON_MAX), *by = NULL;
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) device = NULL;
        bool changed = false;
        int r;

        r = find_revocable(core, caller, what, user, &device);
        if (r != 0)
                return r;
        r = store_device_revoke(core->store, device->id, words ? words : "revoked", clock_wall(core->clock), &changed,
                                &ended);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND)
                return CORE_E_NOT_FOUND;
        if (changed)
                report(core, caller, "device-revoked", device, words);
        by = admin_name(core, caller);
        device_after_end(core, device, ended, by);
        *ret_changed = changed;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}
