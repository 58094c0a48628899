/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/error.h"
#include "common/name.h"
#include "daemon/core/core-internal.h"
#include "daemon/core/device-admin.h"
#include "daemon/core/device-use.h"

#define SERVICE_TESSERA "tessera"
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

static void report(Core *core, const char *event, const Device *device, const char *reason) {
        g_autofree char *message = NULL;

        message = g_strdup_printf("%s: \"%s\" of %s%s%s", event, device->name, device->user, reason ? ": " : "",
                                  reason ? reason : "");
        core_audit(core, &(AuditEvent) {
                .event = event,
                .user = device->user,
                .device = device->id,
                .reason = reason,
                .message = message,
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

        if (caller->uid == UID_UNSET || (!is_root(caller) && caller->uid != uid))
                return CORE_E_DENIED;
        r = store_device_list(core->store, uid, &devices);
        if (r < 0)
                return error_trace(r);
        views = g_ptr_array_new_with_free_func(free_view);
        for (guint i = 0; i < devices->len; i++)
                g_ptr_array_add(views, view_new(config, devices->pdata[i], clock_wall(core->clock)));
        *ret = views;
        return 0;
}

/* Whose device it is to be, or is: 0 and an enrolled user, who is the caller unless that is root. */
static int find_owner(Core *core, const Caller *caller, const char *name, User **ret) {
        g_autoptr(Identity) identity = NULL;
        g_autoptr(User) user = NULL;
        int r;

        if (caller->uid == UID_UNSET)
                return CORE_E_DENIED;
        if (!is_root(caller)) {
                r = core->identities->look_up(core->identities, NULL, caller->uid, &identity);
                if (r < 0)
                        return error_trace(r);
                if (r != 0 || (name && !g_str_equal(name, identity->name)))
                        return CORE_E_DENIED;
                name = identity->name;
        }
        if (!name)
                return CORE_E_INVALID;
        r = store_user_get(core->store, name, &user);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND || (!is_root(caller) && user->uid != caller->uid))
                return CORE_E_NOT_FOUND;
        *ret = g_steal_pointer(&user);
        return 0;
}

/* Registering */

static int refuse(char **ret_why, const char *why) {
        *ret_why = g_strdup(why);
        return CORE_E_DENIED;
}

/* Was it proven in this very login, by a person? What it inherited from a token or device is not in its methods. */
static bool has_proven_itself(const Session *session) {
        return session->auth_time > 0 && session->auth_method && session->methods &&
               g_strv_contains((const char *const *) session->methods, session->auth_method);
}

/* The caller's own login, when it may register a device. */
static int find_origin(Core *core, const CoreConfig *config, const Caller *caller, const User *user, int64_t now,
                       Session **ret, char **ret_why) {
        int64_t max_age = policy_max_age(config->policy, SERVICE_TESSERA);
        g_autoptr(Session) session = NULL;
        int r;

        r = core_login_session(core, config, caller, user->uid, now, &session);
        if (r < 0)
                return r;
        if (r != 0)
                return refuse(ret_why, "this login has no live session; log in with your password, then try again");
        if (!has_proven_itself(session))
                return refuse(ret_why, "this login came by a token or key and proves no password; "
                                       "enter yours (tessera login --password), then try again");
        if (session->auth_time > now || now - session->auth_time > max_age)
                return refuse(ret_why, "the last sign-in of this login is too long ago; "
                                       "enter your password (tessera login --password), then try again");
        *ret = g_steal_pointer(&session);
        return 0;
}

static Device *new_device(const DeviceAdd *what, const CoreConfig *config, const User *user, int64_t now) {
        Device *device = device_new();

        (void) g_strlcpy(device->id, what->id, sizeof(device->id));
        device->name = g_strdup(what->name);
        device->user = g_strdup(user->name);
        device->uid = user->uid;
        device->audience = g_strdup(config->host);
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
                       uint64_t mark) {
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Session) session = NULL;
        bool changed;
        int r = 0;

        if (!is_root(caller))
                r = core_login_session(core, config, caller, device->uid, device->created, &session);
        if (r == 0 && pending_mark_holds(core->pending, device->uid, mark))
                return 0;
        r = store_device_revoke(core->store, device->id, "overtaken", device->created, &changed, &ended);
        return r < 0 ? error_trace(r) : CORE_E_BUSY;
}

static int add(Core *core, const CoreConfig *config, const Caller *caller, const Device *device, uint64_t mark) {
        int r;

        r = store_device_add(core->store, device, DEVICES_PER_USER_MAX);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_EXISTS)
                return CORE_E_EXISTS;
        if (r != 0)
                return CORE_E_BUSY;
        return check_still(core, config, caller, device, mark);
}

int device_add(Core *core, const Caller *caller, const DeviceAdd *what, DeviceView **ret, char **ret_why) {
        g_autoptr(CoreConfig) config = core_config(core);
        unsigned char key[REFRESH_PUBLIC_SIZE];
        int64_t now = clock_wall(core->clock);
        g_autoptr(Session) origin = NULL;
        g_autoptr(Device) device = NULL;
        g_autoptr(User) user = NULL;
        uint64_t mark;
        int r;

        if (!is_valid(what, key))
                return CORE_E_INVALID;
        r = find_owner(core, caller, what->user, &user);
        if (r != 0)
                return r;
        mark = pending_mark(core->pending, user->uid);
        device = new_device(what, config, user, now);
        memcpy(device->public_key, key, sizeof(device->public_key));
        if (!is_root(caller)) {
                r = find_origin(core, config, caller, user, now, &origin, ret_why);
                if (r != 0)
                        return r;
                set_origin(device, origin);
        }
        r = add(core, config, caller, device, mark);
        if (r != 0)
                return r;
        report(core, "device-added", device, NULL);
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

int device_revoke(Core *core, const Caller *caller, const char *what, const char *user, const char *reason,
                  bool *ret_changed, GPtrArray **ret_ended) {
        bool everybodys = is_root(caller) && !user;
        g_autofree char *words = core_clean(reason, REASON_MAX);
        g_autoptr(GPtrArray) devices = NULL, ended = NULL;
        g_autoptr(User) owner = NULL;
        const Device *device = NULL;
        bool changed = false;
        int r;

        r = everybodys ? 0 : find_owner(core, caller, user, &owner);
        if (r != 0)
                return r;
        r = store_device_list(core->store, everybodys ? UID_UNSET : owner->uid, &devices);
        if (r < 0)
                return error_trace(r);
        r = find(devices, what, /* by_name= */ !everybodys, &device);
        if (r != 0)
                return r;
        r = store_device_revoke(core->store, device->id, words ? words : "revoked", clock_wall(core->clock), &changed,
                                &ended);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND)
                return CORE_E_NOT_FOUND;
        if (changed)
                report(core, "device-revoked", device, words);
        device_after_end(core, device, ended);
        *ret_changed = changed;
        *ret_ended = g_steal_pointer(&ended);
        return 0;
}
