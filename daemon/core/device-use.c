/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: the tessera authors */

#include <string.h>

#include "common/error.h"
#include "common/refresh-token.h"
#include "daemon/core/device-admin.h"
#include "daemon/core/device-use.h"

#define METHOD_TOKEN "tok"

/* 0 and the device whose signature it is, or DEVICE_E_FORGED. */
static int find_genuine(Core *core, const Secret *secret, RefreshToken *ret_token, Device **ret) {
        g_autoptr(Device) device = NULL;
        char id[SESSION_ID_SIZE];
        int r;

        if (!refresh_token_parse(secret->data, secret->size, ret_token))
                return DEVICE_E_FORGED;
        refresh_device_to_text(ret_token->device, id);
        r = store_device_get(core->store, id, &device);
        if (r < 0)
                return error_trace(r);
        if (r == STORE_E_NOT_FOUND || !refresh_token_verify(ret_token, device->audience, device->public_key))
                return DEVICE_E_FORGED;
        *ret = g_steal_pointer(&device);
        return 0;
}

int device_token_genuine(Core *core, const Secret *secret, bool *ret) {
        g_autoptr(Device) device = NULL;
        RefreshToken token;
        int r;

        r = find_genuine(core, secret, &token, &device);
        if (r < 0)
                return r;
        *ret = r == 0;
        return 0;
}

void device_after_end(Core *core, const Device *device, const GPtrArray *ended, const char *by) {
        pending_drop_device(core->pending, device->id);
        core_report_ended_by(core, ended, by);
        core_end_logins(core, ended, /* spare= */ NULL);
        core_end_left_logins(core, device->uid, device->id, /* spare= */ NULL);
        for (guint i = 0; i < ended->len; i++)
                pending_drop_children(core->pending, ((const Session *) ended->pdata[i])->id);
}

static void report_reuse(Core *core, const Device *device, const char *rhost) {
        g_autofree char *message = NULL;

        message = g_strdup_printf("reuse: a token of %s's device \"%s\" was used twice, so somebody may have copied "
                                  "it; it is revoked, and its sessions are", device->user, device->name);
        core_audit(core, &(AuditEvent) {
                .event = "reuse",
                .user = device->user,
                .device = device->id,
                .rhost = rhost,
                .reason = DEVICE_REASON_REUSE,
                .message = message,
        });
}

/*
 * A store that hosts share has other hosts' own devices too, whose tokens are none of ours. One that is
 * this host's alone has its own: those that it registered by an older name go on.
 */
static bool is_for_us(const Core *core, const CoreConfig *config, const Device *device) {
        return !store_is_shared(core->store) || core_is_audience(core, config, device->audience);
}

/* What is known before anything is spent. */
static const char *hindrance_of(const Core *core, const CoreConfig *config, const Device *device, int64_t now) {
        const char *state = device_state(device, config->settings->device_idle, now);

        if (!is_for_us(core, config, device))
                return "token-wrong-audience";
        if (g_str_equal(state, "active"))
                return NULL;
        return g_str_equal(state, "revoked") ? "device-revoked" : "device-expired";
}

static bool is_of(const Device *device, const User *user) {
        return !user || (device->uid == user->uid && g_str_equal(device->user, user->name));
}

static int refuse(const char *why, const char **ret_why) {
        *ret_why = why;
        return DEVICE_E_REFUSED;
}

static int spend(Core *core, const RefreshToken *token, const char *id, const char *rhost, int64_t now, Device **ret,
                 const char **ret_why) {
        g_autoptr(GPtrArray) ended = NULL;
        g_autoptr(Device) device = NULL;
        DeviceUse use = DEVICE_USE_AGAIN;
        int r;

        r = store_device_use(core->store, id, token->counter, rhost, now, core_steady(core), &use, &device,
                             &ended);
        if (r < 0)
                return error_trace(r);
        if (r != 0) /* revoked, or forgotten, since it was read */
                return refuse("device-revoked", ret_why);
        if (use == DEVICE_USE_AGAIN) {
                report_reuse(core, device, rhost);
                device_after_end(core, device, ended, /* by= */ NULL);
                return refuse("reuse", ret_why);
        }
        *ret = g_steal_pointer(&device);
        return 0;
}

int device_use(Core *core, const CoreConfig *config, const User *user, const char *rhost, int64_t now,
               const Secret *secret, Device **ret, const char **ret_why) {
        g_autoptr(Device) found = NULL, used = NULL;
        RefreshToken token;
        const char *why;
        int r;

        r = find_genuine(core, secret, &token, &found);
        if (r != 0)
                return r;
        why = hindrance_of(core, config, found, now);
        if (why)
                return refuse(why, ret_why);
        r = spend(core, &token, found->id, rhost, now, &used, ret_why);
        if (r != 0)
                return r;
        if (!is_of(used, user))
                return refuse("token-of-another-user", ret_why);
        *ret = g_steal_pointer(&used);
        return 0;
}

void device_set_proof(Session *session, const Device *device) {
        g_strfreev(session->methods);
        session->methods = g_strdupv((char **) (const char *const[]) { METHOD_TOKEN, NULL });
        session->auth_time = device->auth_time;
        session->auth_method = g_strdup(device->auth_method);
        session->role_cap = g_strdupv(device->role_cap);
        session->ends = MIN(session->ends, device->ends);
        (void) g_strlcpy(session->device, device->id, sizeof(session->device));
}
